// A daemon for one test, over any transport, with the same surface on each.
import { mkdirSync, readFileSync } from 'node:fs';
import { connect, type Client, type ConnectOptions } from '@car-runtime/client';
import {
  InMemoryAgentCredentials,
  mintToken,
  ServerState,
  type MemoryEngine,
  type ServerStateConfig,
  type SupervisionLimits,
} from '@car-runtime/core';
import { createMemoryPair, type Channel, type PeerOptions } from '@car-runtime/rpc';
import { openWebSocket } from '@car-runtime/rpc/node';
import { startServer, type Limits } from 'car-server';
import { RecordingLogger } from './recording-logger.ts';
import { withCheckedResults } from './results-checked.ts';
import { TempFolder } from './temp-folder.ts';
import { Wire } from './wire.ts';

export type Transport = 'memory' | 'tcp' | 'unix';
export const transports: readonly Transport[] = ['memory', 'tcp', 'unix'];

/** Which credential a connection presents; `none` presents nothing. */
export type As = 'client' | 'host' | 'none' | { agent: string };

export interface DaemonOptions {
  /** Installs a daemon token and a host token. Default true. */
  auth?: boolean;
  handlerTimeoutMs?: number;
  toolTimeoutMs?: number;
  authTimeoutMs?: number;
  /** Limits of each connection. */
  peer?: PeerOptions;
  supervisionLimits?: Partial<SupervisionLimits>;
  /** In memory only. */
  sharedMemory?: MemoryEngine;
  /** More of what a daemon can be told; in memory only. */
  config?: Partial<ServerStateConfig>;
}

export type ClientConnectOptions = Omit<ConnectOptions, 'channel' | 'token' | 'agentId' | 'hostToken'> & { as?: As };

interface Backing {
  readonly state: ServerState;
  readonly authToken: string;
  readonly hostToken: string;
  open(): Promise<Channel>;
}

export class TestDaemon implements AsyncDisposable {
  readonly transport: Transport;
  readonly state: ServerState;
  readonly authToken: string;
  readonly hostToken: string;
  readonly agents: InMemoryAgentCredentials;
  readonly log: RecordingLogger;
  readonly #isAuthOn: boolean;
  readonly #open: () => Promise<Channel>;
  readonly #opened: AsyncDisposableStack;
  readonly #agentTokens = new Map<string, string>();
  readonly #differences: string[] = [];

  /** Only for `serve` and `openDaemon`. */
  constructor(
    transport: Transport,
    backing: Backing,
    options: { isAuthOn: boolean; log: RecordingLogger; opened: AsyncDisposableStack },
  ) {
    this.transport = transport;
    this.state = backing.state;
    this.authToken = backing.authToken;
    this.hostToken = backing.hostToken;
    this.log = options.log;
    this.#isAuthOn = options.isAuthOn;
    this.#open = backing.open;
    this.#opened = options.opened;
    this.agents = new InMemoryAgentCredentials();
    this.state.installAgentCredentials(this.agents);
  }

  /** A new connection, nothing said on it yet. */
  async channel(): Promise<Channel> {
    return await this.#open();
  }

  /** A client as users have it, greeted and authenticated. It does not reconnect unless it is told to. */
  async connect({ as = 'client', ...options }: ClientConnectOptions = {}): Promise<Client> {
    const channel = async (): Promise<Channel> =>
      withCheckedResults(await this.#open(), (what) => this.#differences.push(what));
    const client = await connect({ reconnect: false, ...options, ...this.#credentialOptions(as), channel });
    this.#opened.use(client);
    return client;
  }

  /** The raw wire. Says nothing by itself unless `as` names a credential to authenticate with. */
  async peer({ as = 'none' }: { as?: As } = {}): Promise<Wire> {
    const wire = new Wire(await this.#open());
    this.#opened.use(wire);
    const credential = this.credential(as);
    if (credential) await wire.result('session.auth', credential);
    return wire;
  }

  /** Params of `session.auth`. */
  credential(as: As): Record<string, string> | undefined {
    if (as === 'none' || !this.#isAuthOn) return undefined;
    if (as === 'client') return { token: this.authToken };
    return as === 'host' ? { host_token: this.hostToken } : { token: this.agentToken(as.agent), agent_id: as.agent };
  }

  /** The token of an agent, issued when it is first asked for. */
  agentToken(agentId: string): string {
    let token = this.#agentTokens.get(agentId);
    if (token === undefined) this.#agentTokens.set(agentId, (token = this.agents.issue(agentId)));
    return token;
  }

  /** Issues a new token to an agent and answers it; the old one stops being valid. */
  rotateAgentToken(agentId: string): string {
    const token = this.agents.issue(agentId);
    this.#agentTokens.set(agentId, token);
    return token;
  }

  /** Events of a session's journal; none when there is no file yet. */
  journal(
    clientId: string,
  ): { kind: string; action_id?: string; proposal_id?: string; data: Record<string, unknown> }[] {
    return readLines(`${this.state.journalDir}/${clientId}.jsonl`).map((line) => JSON.parse(line));
  }

  #credentialOptions(as: As): Pick<ConnectOptions, 'token' | 'agentId' | 'hostToken'> {
    const credential = this.credential(as);
    if (!credential) return {};
    if (as === 'host') return { hostToken: this.hostToken };
    const { token = '', agent_id: agentId } = credential;
    return { token, ...(agentId !== undefined && { agentId }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
    const errors = this.log.takeErrors().map(({ message, fields }) => `${message}: ${String(fields['err'])}`);
    const problems = [...this.#differences, ...errors];
    if (problems.length > 0) throw new Error(`The daemon met what its test did not expect: ${problems.join('; ')}`);
  }
}

/** A daemon in this process, reached through memory. Compares every result with its declaration. */
export function serve(options: DaemonOptions = {}): TestDaemon {
  const opened = new AsyncDisposableStack();
  const folder = opened.use(new TempFolder());
  const log = new RecordingLogger();
  const { auth = true, config, ...limits } = options;
  const state = ServerState.withConfig({
    ...limits,
    ...config,
    journalDir: folder.join('journals'),
    logger: log,
    checksResults: true,
  });
  opened.use(state);
  const authToken = mintToken();
  const hostToken = mintToken();
  if (auth) {
    state.installAuthToken(authToken);
    state.installHostToken(hostToken);
  }
  const open = (): Promise<Channel> => {
    const [near, far] = createMemoryPair();
    state.createSession(far);
    return Promise.resolve(near);
  };
  return new TestDaemon('memory', { state, authToken, hostToken, open }, { isAuthOn: auth, log, opened });
}

/** A daemon reached over a transport: in memory, or the program's own listeners on a free port or a temporary socket. */
export async function openDaemon(transport: Transport, options: DaemonOptions = {}): Promise<TestDaemon> {
  if (transport === 'memory') return serve(options);
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(new TempFolder());
  const log = new RecordingLogger();
  const { auth = true, handlerTimeoutMs, toolTimeoutMs, supervisionLimits } = options;
  mkdirSync(folder.join('root'), { mode: 0o700 });
  const server = opened.use(
    await startServer({
      stateRoot: folder.join('root'),
      socketPath: transport === 'unix' ? folder.join('root', 's') : null,
      port: 0,
      logger: log,
      isAuthRequired: auth,
      limits: toLimits(options),
      ...(handlerTimeoutMs !== undefined && { handlerTimeoutMs }),
      ...(toolTimeoutMs !== undefined && { toolTimeoutMs }),
      ...(supervisionLimits && { supervisionLimits }),
    }),
  );
  const address = server.socket === null ? { url: server.ws } : { url: 'ws://localhost/', socketPath: server.socket };
  const backing = {
    state: server.state,
    authToken: server.tokens?.authToken ?? '',
    hostToken: server.tokens?.hostToken ?? '',
    open: () => openWebSocket(address),
  };
  return new TestDaemon(transport, backing, { isAuthOn: auth, log, opened: opened.move() });
}

function toLimits({ authTimeoutMs, peer = {} }: DaemonOptions): Partial<Limits> {
  const { maxDepth, maxBatch, maxInFlight, softQueueBytes, hardQueueBytes } = peer;
  return {
    ...(authTimeoutMs !== undefined && { authTimeoutMs }),
    ...(maxDepth !== undefined && { maxJsonDepth: maxDepth }),
    ...(maxBatch !== undefined && { maxBatch }),
    ...(maxInFlight !== undefined && { maxInFlight }),
    ...(softQueueBytes !== undefined && { softQueueBytes }),
    ...(hardQueueBytes !== undefined && { hardQueueBytes }),
  };
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}
