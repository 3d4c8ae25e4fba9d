// Puts the daemon together: role, credentials, ServerState, listeners. All listeners come up or none does.
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  BudgetFileError,
  LedgerError,
  mintToken,
  ServerState,
  type ServerStateConfig,
  silentLogger,
  type AcpAgentConfig,
  type ApprovalGateConfig,
  type ConsoleTicket,
  type AgentLogLimits,
  type JournalRetention,
  type Logger,
  type RunRetention,
  type SupervisionLimits,
} from '@car-runtime/core';
import { WebSocketAcceptor } from '@car-runtime/rpc/node';
import { commandName } from './command-name.ts';
import { ConsoleDoor } from './console/console-door.ts';
import { claimDaemonRole } from './daemon-role.ts';
import { ConfigError, StartError } from './errors.ts';
import { HttpListener } from './http-listener.ts';
import { isLoopback } from './loopback.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { listen } from './listen.ts';
import { startLoopDelay, type LoopDelay } from './loop-delay.ts';
import { folderProblem, isOpenToOthers } from './private-files.ts';
import { RefusalCounts } from './refusal-counts.ts';
import { bracketed, tcpRules, unixSocketRules } from './request-guard.ts';
import { TokenFiles, type Tokens } from './token-files.ts';
import type { SpanExporter } from './telemetry/span-exporter.ts';
import { checkSocketPath, listenOnSocket } from './unix-socket.ts';
import { WebSocketListener } from './websocket-listener.ts';

export interface ServerOptions {
  /** Absolute path of the folder of everything this daemon keeps. */
  stateRoot: string;
  /** WebSocket port; HTTP is on the next one. 0 takes free ones. Default 9100. */
  port?: number;
  /** IP address to bind. HTTP stays on loopback. Default 127.0.0.1. */
  host?: string;
  /** The socket all clients of this state root know; `null` for none. Default `<stateRoot>/run/car-server.sock`. */
  socketPath?: string | null;
  /** Folder of the token files. Default `<stateRoot>/ai.parslee.car`. */
  tokenFolder?: string;
  /** Default `<stateRoot>/journals`. */
  journalDir?: string;
  /** Specs of supervised agents. Default `<stateRoot>/agents.json`. */
  agentsManifest?: string;
  /** What is kept of the output of agents. */
  agentLogLimits?: Partial<AgentLogLimits>;
  /** Time an agent has between SIGTERM and SIGKILL, in ms. Default 5 000. */
  agentStopGraceMs?: number;
  /** External agents that speak the Agent Client Protocol, by the id they are called. */
  acpAgents?: Readonly<Record<string, AcpAgentConfig>>;
  /** Folder that the built-in file tools work in, for sessions that name none. Default: none. */
  toolRoot?: string;
  /** Files and folders that those tools never touch, besides the state root and the token folder. */
  privatePaths?: readonly string[];
  /** Folder of the built web console. Default: the one of the package `console`. */
  consoleFolder?: string;
  /** Lets only hosts name folders of this machine. Default false. */
  hasStrictRoles?: boolean;
  /** Methods that a person is asked about before they run. Default: those declared so, for 60 s. */
  approvalGate?: ApprovalGateConfig;
  /** Refuses `host.subscribe` before `server.handshake`. Default false. */
  requiresHandshake?: boolean;
  /** `false` lets every client in; only on loopback. Default true. */
  isAuthRequired?: boolean;
  /** The daemon token; minted when left out. */
  authToken?: string;
  /** Serves a minted daemon token at `GET /auth-token`. */
  servesAuthToken?: boolean;
  allowHosts?: readonly string[];
  allowOrigins?: readonly string[];
  handlerTimeoutMs?: number;
  toolTimeoutMs?: number;
  journalRetention?: JournalRetention;
  /** Ended runs kept at start. */
  runRetention?: RunRetention;
  /** Whether the records of a run count as stored once the operating system has them, or once the medium has them. Default
   *  `buffered`. */
  runDurability?: 'buffered' | 'fsync';
  limits?: Partial<Limits>;
  /** Of `supervision.*`: the time to decide, and how many plans may wait. */
  supervisionLimits?: Partial<SupervisionLimits>;
  logger?: Logger;
  /** Takes the spans of runs; ended with the daemon, behind everything that could have one more. */
  spanExporter?: SpanExporter | undefined;
}

export interface RunningServer extends AsyncDisposable {
  /** `ws://host:port` */
  readonly ws: string;
  /** `http://host:port` */
  readonly http: string;
  readonly port: number;
  /** Path of the Unix socket, `null` when there is none. */
  readonly socket: string | null;
  readonly stateRoot: string;
  /** Whether the token files and the shared socket are this daemon's. */
  readonly isPrimary: boolean;
  readonly state: ServerState;
  /** What this process installed; nothing when authentication is off. Never to be logged or sent. */
  readonly tokens: Tokens | undefined;
  /** Stops accepting, lets running calls finish until the deadline, closes every connection with 1001, and removes what
   *  this daemon put into the state root. Repeated calls share the first one's outcome. */
  stop(deadlineMs?: number): Promise<void>;
  /** Removes the token files at once, for a program about to end without `stop`. */
  removeFiles(): void;
}

const defaultConsoleFolder = fileURLToPath(new URL('../../console/dist', import.meta.url));
const defaultStopDeadlineMs = 5_000;

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const settings = withDefaults(options);
  await using opened = new AsyncDisposableStack();
  opened.use(settings.spanExporter);
  ensureStateRoot(settings.stateRoot, settings.logger);
  const role = await claimDaemonRole(settings.stateRoot, settings.socketPath);
  if (role.isPrimary) opened.use(role.lock);

  const tokens = settings.isAuthRequired
    ? { authToken: settings.authToken ?? mintToken(), hostToken: mintToken() }
    : undefined;
  const loopDelay = opened.use(startLoopDelay());
  const state = opened.use(
    createState(settings, {
      tokens,
      loopDelay,
      isPrimary: role.isPrimary,
      consoleTicket: () => listeners.console.mintTicket(),
    }),
  );
  const refusals = new RefusalCounts(settings.logger);
  const listeners = createListeners(settings, state, { tokens, loopDelay, refusals });
  opened.defer(() => stopListeners(listeners));
  const addresses = await bind(listeners, settings, role.isPrimary);
  surviveAcceptErrors(listeners, refusals);
  // From the last listener's start to here nothing waits, so no client is let in that could find an old token.
  const files = role.isPrimary && tokens ? opened.use(TokenFiles.write(settings.tokenFolder, tokens)) : undefined;
  if (!role.isPrimary) {
    settings.logger.warn(
      { reason: role.reason, socket: addresses.socket, token_files: false },
      'secondary daemon of this state root: it writes no token files and has a socket of its own',
    );
  }
  sweep(state, settings.logger, role.isPrimary);
  openAgents(state, settings.logger, addresses.ws);
  return new Daemon(opened.move(), {
    ...addresses,
    settings,
    state,
    tokens,
    files,
    listeners,
    isPrimary: role.isPrimary,
  });
}

type Settings = ReturnType<typeof withDefaults>;

function withDefaults(options: ServerOptions) {
  const stateRoot = resolve(options.stateRoot);
  const settings = {
    port: 9_100,
    host: '127.0.0.1',
    socketPath: process.platform === 'win32' ? null : join(stateRoot, 'run', 'car-server.sock'),
    tokenFolder: join(stateRoot, 'ai.parslee.car'),
    journalDir: join(stateRoot, 'journals'),
    privatePaths: [],
    hasStrictRoles: false,
    requiresHandshake: false,
    consoleFolder: defaultConsoleFolder,
    isAuthRequired: true,
    authToken: undefined,
    servesAuthToken: false,
    allowHosts: [],
    allowOrigins: [],
    logger: silentLogger,
    spanExporter: undefined,
    ...options,
    stateRoot,
    limits: { ...defaultLimits, ...options.limits },
  };
  if (settings.authToken?.trim() === '') throw new ConfigError('The daemon token must not be blank');
  refuseOpenHost(settings);
  if (settings.socketPath !== null) checkSocketPath(settings.socketPath);
  return settings;
}

/** Throws `ConfigError`. */
export function refuseOpenHost({ host, isAuthRequired }: { host: string; isAuthRequired: boolean }): void {
  if (isAuthRequired || isLoopback(host)) return;
  throw new ConfigError(`Cannot listen on ${host} without authentication: only loopback addresses may go without`);
}

/** Made with mode 0700. One that is there already is the user's: it must be safe to keep secrets in, and its mode is
 *  changed only while it is empty. */
function ensureStateRoot(path: string, logger: Logger): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const info = statSync(path);
    const problem = folderProblem(info);
    if (problem) throw new Error(problem);
    if (!isOpenToOthers(info)) return;
    if (readdirSync(path).length === 0) chmodSync(path, 0o700);
    else logger.warn({ state_root: path }, 'others can look into the state root; "chmod 700" keeps them out');
  } catch (error) {
    throw StartError.of(`use state root ${path}`, error);
  }
}

interface StateParts {
  tokens: Tokens | undefined;
  loopDelay: LoopDelay;
  isPrimary: boolean;
  consoleTicket: () => ConsoleTicket;
}

function createState(settings: Settings, { tokens, loopDelay, isPrimary, consoleTicket }: StateParts): ServerState {
  const { limits } = settings;
  const state = makeState({
    journalDir: settings.journalDir,
    stateRoot: settings.stateRoot,
    ...(settings.agentsManifest !== undefined && { agentsManifest: settings.agentsManifest }),
    ...(settings.agentLogLimits && { agentLogLimits: settings.agentLogLimits }),
    ...(settings.agentStopGraceMs !== undefined && { agentStopGraceMs: settings.agentStopGraceMs }),
    keyDir: settings.stateRoot,
    // The operator's rules stay with the state root, wherever the journals go.
    policyDir: join(settings.stateRoot, 'policies'),
    budgetFile: join(settings.stateRoot, 'budgets.toml'),
    // Two daemons that book on their own would allow twice as much.
    budgetLedger: join(settings.stateRoot, 'budget-ledger.jsonl'),
    isBudgetLedgerForeign: !isPrimary,
    privatePaths: [settings.stateRoot, settings.tokenFolder, ...settings.privatePaths],
    strictRoles: settings.hasStrictRoles,
    requireHandshake: settings.requiresHandshake,
    ...(settings.approvalGate && { approvalGate: settings.approvalGate }),
    // Two daemons cannot keep one file: a second one of the same state root has its approvals in memory.
    goalsFile: isPrimary ? join(settings.stateRoot, 'chat-goals.json') : null,
    approvalsFile: isPrimary ? join(settings.stateRoot, 'host-approvals.jsonl') : null,
    keepsSharedMemory: true,
    ...(settings.acpAgents && { externalAgents: { acp: settings.acpAgents } }),
    ...(settings.toolRoot !== undefined && { toolRoot: settings.toolRoot }),
    logger: settings.logger,
    authTimeoutMs: limits.authTimeoutMs,
    peer: {
      maxDepth: limits.maxJsonDepth,
      maxBatch: limits.maxBatch,
      maxInFlight: limits.maxInFlight,
      softQueueBytes: limits.softQueueBytes,
      hardQueueBytes: limits.hardQueueBytes,
    },
    loopDelayP99Ms: () => loopDelay.p99Ms(),
    consoleTicket,
    ...(settings.handlerTimeoutMs !== undefined && { handlerTimeoutMs: settings.handlerTimeoutMs }),
    ...(settings.toolTimeoutMs !== undefined && { toolTimeoutMs: settings.toolTimeoutMs }),
    ...(settings.journalRetention && { journalRetention: settings.journalRetention }),
    ...(settings.runRetention && { runRetention: settings.runRetention }),
    ...(settings.supervisionLimits && { supervisionLimits: settings.supervisionLimits }),
    ...(settings.runDurability && { runDurability: settings.runDurability }),
    ...(settings.spanExporter && { spanSink: settings.spanExporter }),
  });
  if (tokens) {
    state.installAuthToken(tokens.authToken);
    state.installHostToken(tokens.hostToken);
  }
  return state;
}

/** What the operator wrote and cannot be used is a matter of settings. */
function makeState(config: ServerStateConfig): ServerState {
  try {
    return ServerState.withConfig(config);
  } catch (error) {
    if (error instanceof BudgetFileError || error instanceof LedgerError)
      throw new ConfigError(`Cannot use the budgets: ${error.message}`, { cause: error });
    throw error;
  }
}

interface Listeners {
  tcp: WebSocketListener;
  unix: WebSocketListener | undefined;
  http: HttpListener;
  console: ConsoleDoor;
}

interface ListenerParts {
  tokens: Tokens | undefined;
  loopDelay: LoopDelay;
  refusals: RefusalCounts;
}

function createListeners(settings: Settings, state: ServerState, parts: ListenerParts): Listeners {
  const { tokens, loopDelay, refusals } = parts;
  const { limits } = settings;
  const shared = {
    state,
    acceptor: new WebSocketAcceptor({ maxFrameBytes: limits.maxFrameBytes }),
    limits: {
      maxSockets: limits.maxUnauthenticated,
      maxSocketsPerAddress: limits.maxUnauthenticatedPerAddress,
      maxBytes: limits.maxUnauthenticatedBytes,
      upgradeTimeoutMs: limits.upgradeTimeoutMs,
      maxConnections: limits.maxConnections,
    },
    refusals,
  };
  const tcp = new WebSocketListener({ ...shared, transport: 'tcp', proofToken: tokens?.authToken });
  const unix = settings.socketPath === null ? undefined : new WebSocketListener({ ...shared, transport: 'unix' });
  const httpUrl = (): string => urlOf('http', http.server.address() as AddressInfo);
  const console = new ConsoleDoor({
    assetFolder: settings.consoleFolder,
    stateRoot: settings.stateRoot,
    state,
    acceptor: shared.acceptor,
    refusals,
    origin: httpUrl,
  });
  const http: HttpListener = new HttpListener({
    state,
    refusals,
    console,
    metrics: {
      startedAt: state.startedAt,
      sessions: () => state.sessions.size,
      acceptedTotal: () => state.acceptedTotal,
      methodCounts: () => state.methodCounts(),
      budgets: () => state.budgetCounts(),
      supervision: () => state.supervisionCounts(),
      refusals: () => refusals.totals(),
      unauthenticated: () => [['tcp', tcp.unauthenticated], ...(unix ? [['unix', unix.unauthenticated] as const] : [])],
      problems: () => state.health.problems,
      spans: settings.spanExporter?.counts,
      loopDelayP99Ms: () => loopDelay.p99Ms(),
    },
    metricsTokens: tokens ? [tokens.authToken, tokens.hostToken] : [],
    servedToken: settings.servesAuthToken && settings.authToken === undefined ? tokens?.authToken : undefined,
    webSocketUrl: () => urlOf('ws', tcp.server.address() as AddressInfo),
  });
  return { tcp, unix, http, console };
}

interface Addresses {
  ws: string;
  http: string;
  port: number;
  socket: string | null;
}

async function bind({ tcp, unix, http }: Listeners, settings: Settings, isPrimary: boolean): Promise<Addresses> {
  const { host, allowHosts, allowOrigins } = settings;
  const httpHost = isLoopback(host) ? host : '127.0.0.1';
  const ifTaken = isPrimary ? portTaken : primaryRuns(settings.stateRoot);
  const { port } = await listenOnTcp(tcp, host, { port: settings.port, ifTaken });
  const { port: httpPort } = await listenOnTcp(http, httpHost, { port: settings.port === 0 ? 0 : port + 1, ifTaken });
  const shown = { httpHost, httpPort, allowHosts, allowOrigins };
  tcp.rules = tcpRules({ host, port, ...shown });
  http.rules = tcpRules({ host: httpHost, port: httpPort, ...shown });
  const shared = settings.socketPath;
  const socket = shared === null || isPrimary ? shared : join(dirname(shared), `car-server-${port}.sock`);
  if (unix && socket !== null) {
    unix.rules = unixSocketRules;
    await listenOnSocket(unix.server, socket, { backlog: WebSocketListener.backlog });
  }
  return {
    ws: urlOf('ws', { address: host, port }),
    http: urlOf('http', { address: httpHost, port: httpPort }),
    port,
    socket,
  };
}

const portTaken = 'the port is in use (another car-server? choose one with --port)';

/** Another port alone would make a daemon that no program of this state root finds. */
function primaryRuns(stateRoot: string): string {
  const car = commandName('car');
  return `a car-server already runs for ${stateRoot}: use it (${car} status) or stop it (${car} stop); a separate one needs its own CAR_HOME and --port`;
}

async function listenOnTcp(
  listener: WebSocketListener | HttpListener,
  host: string,
  { port, ifTaken }: { port: number; ifTaken: string },
): Promise<AddressInfo> {
  try {
    await listen(listener.server, { host, port, backlog: WebSocketListener.backlog, exclusive: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(`Cannot listen on ${bracketed(host)}:${port}: ${code === 'EADDRINUSE' ? ifTaken : message}`);
  }
  return listener.server.address() as AddressInfo;
}

function urlOf(scheme: string, { address, port }: { address: string; port: number }): string {
  return `${scheme}://${bracketed(address)}:${port}`;
}

/** A connection that could not be accepted (no descriptors left, say) must not end the daemon. */
function surviveAcceptErrors({ tcp, unix, http }: Listeners, refusals: RefusalCounts): void {
  for (const listener of [tcp, unix, http]) listener?.server.on('error', () => refusals.count('accept-failed'));
}

function stopListeners({ tcp, unix, http }: Listeners): void {
  tcp.stop();
  unix?.stop();
  http.stop();
}

/** A manifest that cannot be used stops no daemon: whoever calls for its agents is told why. */
function openAgents(state: ServerState, logger: Logger, ws: string): void {
  // Agents run on this machine, so an address that stands for all of them is reached on the loopback.
  const daemonUrl = ws.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
  try {
    const role = state.openAgents({ daemonUrl });
    logger.debug({ role, manifest: state.agentsManifest.path }, 'agents manifest');
  } catch (error) {
    logger.error({ err: error }, 'agents are not supervised');
  }
}

/** House-keeping that may take as long as it needs and fail as it likes. */
function sweep(state: ServerState, logger: Logger, isPrimary: boolean): void {
  state.sweepStorage({ isAlone: isPrimary }).then(
    (swept) => logger.debug(swept, 'storage swept'),
    (error: unknown) => logger.warn({ err: error }, 'storage not swept'),
  );
}

interface DaemonParts extends Addresses {
  settings: Settings;
  state: ServerState;
  tokens: Tokens | undefined;
  files: TokenFiles | undefined;
  listeners: Listeners;
  isPrimary: boolean;
}

class Daemon implements RunningServer {
  readonly ws: string;
  readonly http: string;
  readonly port: number;
  readonly socket: string | null;
  readonly stateRoot: string;
  readonly isPrimary: boolean;
  readonly state: ServerState;
  readonly tokens: Tokens | undefined;
  readonly #opened: AsyncDisposableStack;
  readonly #listeners: Listeners;
  readonly #files: TokenFiles | undefined;
  #stopped: Promise<void> | undefined;

  constructor(opened: AsyncDisposableStack, parts: DaemonParts) {
    this.#opened = opened;
    this.#listeners = parts.listeners;
    this.#files = parts.files;
    this.ws = parts.ws;
    this.http = parts.http;
    this.port = parts.port;
    this.socket = parts.socket;
    this.stateRoot = parts.settings.stateRoot;
    this.isPrimary = parts.isPrimary;
    this.state = parts.state;
    this.tokens = parts.tokens;
  }

  stop(deadlineMs = defaultStopDeadlineMs): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    // The HTTP listener answers until the end, so that /readyz can say "draining".
    this.#listeners.tcp.stop();
    this.#listeners.unix?.stop();
    await this.state.drain(deadlineMs);
    await this.#opened.disposeAsync();
  }

  removeFiles(): void {
    this.#files?.[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(0);
  }
}
