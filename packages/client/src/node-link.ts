// How a Node client finds a daemon, which credential it presents, and how it makes sure of whom it talks to
// (Authentication, Tokens and files).
import { createHmac, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { resolve } from 'node:path';
import type { Channel } from '@car-runtime/rpc';
import { openWebSocket } from '@car-runtime/rpc/node';
import { checkEndpoint } from './endpoint.ts';
import { CannotConnectError, UnprovenServerError } from './errors.ts';
import type { Credential, Link, LinkSource } from './link.ts';
import { authTokenPath, hostTokenPath, socketPath as defaultSocketPath } from './node-paths.ts';

/** A secret, or where to get it from; asked again for every connection. */
export type TokenSource = string | (() => string | Promise<string>);

export interface NodeLinkOptions {
  /** `ws://…`, `wss://…`, or `ws+unix:/path`. Default: `CAR_DAEMON_URL`, else the Unix socket, else `ws://127.0.0.1:9100`. */
  url?: string;
  /** Connects to this Unix socket. */
  socketPath?: string;
  /** The daemon token, or with `agentId` that agent's token. Default: `CAR_AUTH_TOKEN`, else the token file. */
  token?: TokenSource;
  /** Connects as a supervised agent. Default: `CAR_AGENT_ID` with `CAR_AGENT_TOKEN`. */
  agentId?: string;
  /** Connects with the host role. */
  hostToken?: TokenSource;
  /** Which credential to look for. `auto`: the agent's where the environment has one, else the daemon token; `client`:
   *  the daemon token; `host`: the host token, from its file; `none`: connect without. */
  role?: 'auto' | 'client' | 'host' | 'none';
  /** File of the daemon token. The host token's file is `host-token` beside it. */
  tokenFile?: string;
  /** Selects a private memory graph. Default: `CAR_MEMORY_NAMESPACE`. */
  memoryNamespace?: string;
  /** Sends the credential to a server that did not prove that it knows the daemon token. Needed by agents and hosts that
   *  cannot read the token file, by clients of the original daemon on TCP, and behind a proxy that makes its own
   *  WebSocket key. */
  allowUnproven?: boolean;
  /** Sends the credential over plain `ws://` to another machine. */
  allowInsecureRemote?: boolean;
  /** The environment to read. Default: this process's. */
  env?: Readonly<Record<string, string | undefined>>;
}

const defaultUrl = 'ws://127.0.0.1:9100';
const unixScheme = /^(?:ws\+)?unix:/;
const proofHeader = 'car-proof';
/** Longer than any token; what is longer is some other file. */
const maxTokenChars = 4096;

/** Looks for a daemon and a credential as the options and the environment say. */
export function createNodeLinkSource(options: NodeLinkOptions): LinkSource {
  const credentials = new CredentialFinder(options);
  return {
    isCredentialRenewable: credentials.isRenewable,
    open: (signal) => openNodeLink(options, credentials, signal),
  };
}

async function openNodeLink(
  options: NodeLinkOptions,
  credentials: CredentialFinder,
  signal: AbortSignal,
): Promise<Link> {
  const credential = await credentials.find();
  const targets = targetsOf(options, credential !== undefined);
  const failures: Error[] = [];
  for (const target of targets) {
    const { endpoint } = target;
    try {
      const channel = await openTarget(target, credential, options, credentials, signal);
      return { channel, endpoint, credential };
    } catch (error) {
      if (error instanceof UnprovenServerError || signal.aborted) throw error;
      failures.push(error as Error);
    }
  }
  const endpoints = targets.map(({ endpoint }) => endpoint);
  const why = failures.map(({ message }) => message).join('; ');
  throw new CannotConnectError(why, endpoints, { cause: failures.at(-1) });
}

interface Target {
  endpoint: string;
  url: string;
  socketPath?: string;
}

/** Where to try, in order. Something named explicitly is the only place. */
function targetsOf(options: NodeLinkOptions, hasCredential: boolean): Target[] {
  const { env = process.env, allowInsecureRemote } = options;
  if (options.socketPath !== undefined) return [unixTarget(options.socketPath)];
  const url = options.url ?? trimmed(env['CAR_DAEMON_URL']);
  if (url !== undefined && unixScheme.test(url))
    return [unixTarget(decodeURI(url.replace(unixScheme, '').replace(/^\/\/(?=\/)/, '')))];
  if (url !== undefined) {
    const checked = checkEndpoint(url, { hasCredential, allowInsecureRemote });
    return [{ endpoint: checked, url: checked }];
  }
  const found = defaultSocketPath({ env });
  const tcp = { endpoint: defaultUrl, url: defaultUrl };
  return existsSync(found) ? [unixTarget(found), tcp] : [tcp];
}

function unixTarget(path: string): Target {
  const absolute = resolve(path);
  // Node wants a URL for the request's Host and path; neither is looked at on a Unix socket.
  return { endpoint: absolute, url: 'ws://localhost/', socketPath: absolute };
}

async function openTarget(
  target: Target,
  credential: Credential | undefined,
  options: NodeLinkOptions,
  credentials: CredentialFinder,
  signal: AbortSignal,
): Promise<Channel> {
  const { endpoint, url, socketPath } = target;
  const needsProof =
    credential !== undefined && !options.allowUnproven && (socketPath === undefined || !isOwnSocket(socketPath));
  const daemonToken = needsProof ? await credentials.daemonToken() : undefined;
  if (needsProof && daemonToken === undefined) {
    throw new UnprovenServerError(
      endpoint,
      'there is no daemon token here to check its proof with; use the Unix socket, or set allowUnproven',
    );
  }
  return openWebSocket({
    url,
    signal,
    ...(socketPath !== undefined && { socketPath }),
    ...(daemonToken !== undefined && {
      verifyUpgrade: (response, key) => verifyProof(endpoint, daemonToken, response, key),
    }),
  });
}

/** Only the owner of a socket can have bound it, and root may do everything anyway. */
function isOwnSocket(path: string): boolean {
  const ownUid = process.getuid?.();
  const uid = statSync(path, { throwIfNoEntry: false })?.uid;
  // Without an entry the connection fails by itself; without uids (Windows) the folder's own rights have to do.
  return uid === undefined || ownUid === undefined || uid === ownUid || uid === 0;
}

/** `car-proof: base64url(HMAC-SHA256(daemon token, Sec-WebSocket-Key))`: whoever can make it knows the token already. */
function verifyProof(endpoint: string, daemonToken: string, { headers }: IncomingMessage, key: string): void {
  const given = headers[proofHeader];
  if (typeof given !== 'string') {
    throw new UnprovenServerError(
      endpoint,
      `it sent no ${proofHeader} header, so it may be a stranger on the port; if it is known to be the daemon, set allowUnproven`,
    );
  }
  const expected = createHmac('sha256', daemonToken).update(key).digest('base64url');
  const isSame =
    given.length === expected.length && timingSafeEqual(Buffer.from(given, 'latin1'), Buffer.from(expected, 'latin1'));
  if (!isSame)
    throw new UnprovenServerError(
      endpoint,
      `its ${proofHeader} header does not fit the daemon token known here, so it is another daemon or a stranger`,
    );
}

/** Which credential to present. Every source is read anew for each connection, since daemons mint at each start. */
class CredentialFinder {
  readonly isRenewable: boolean;
  readonly #options: NodeLinkOptions;
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(options: NodeLinkOptions) {
    this.#options = options;
    this.#env = options.env ?? process.env;
    const explicit = options.hostToken ?? options.token ?? this.#agentFromEnvironment()?.token;
    const isFixedText =
      explicit === undefined && options.role !== 'host' && trimmed(this.#env['CAR_AUTH_TOKEN']) !== undefined;
    this.isRenewable = typeof explicit === 'function' || (explicit === undefined && !isFixedText);
  }

  async find(): Promise<Credential | undefined> {
    const namespace = this.#options.memoryNamespace ?? trimmed(this.#env['CAR_MEMORY_NAMESPACE']);
    const secret = await this.#secret();
    if (!secret && namespace === undefined) return undefined;
    return { ...secret, ...(namespace !== undefined && { memory_namespace: namespace }) };
  }

  /** The token a daemon proves itself with, whatever credential is presented. */
  async daemonToken(): Promise<string | undefined> {
    const { token, agentId, hostToken } = this.#options;
    if (token !== undefined && agentId === undefined && hostToken === undefined) return readSource(token);
    return trimmed(this.#env['CAR_AUTH_TOKEN']) ?? readTokenFile(this.#tokenFile());
  }

  async #secret(): Promise<Credential | undefined> {
    const { role = 'auto', token, agentId, hostToken } = this.#options;
    if (role === 'none') return undefined;
    if (hostToken !== undefined) return { host_token: await readSource(hostToken) };
    if (role === 'host') return { host_token: this.#hostTokenFromFile() };
    const fromEnvironment = this.#agentFromEnvironment();
    if (agentId !== undefined) {
      const agentToken = token ?? trimmed(this.#env['CAR_AGENT_TOKEN']);
      if (agentToken === undefined)
        throw new Error(`Cannot connect as agent "${agentId}": there is no token; give token or set CAR_AGENT_TOKEN`);
      return { agent_id: agentId, token: await readSource(agentToken) };
    }
    if (fromEnvironment) return { agent_id: fromEnvironment.agentId, token: fromEnvironment.token };
    const daemonToken = await this.daemonToken();
    return daemonToken === undefined ? undefined : { token: daemonToken };
  }

  #agentFromEnvironment(): { agentId: string; token: string } | undefined {
    const { role = 'auto', token, hostToken, agentId } = this.#options;
    if (role !== 'auto' || token !== undefined || hostToken !== undefined || agentId !== undefined) return undefined;
    const fromId = trimmed(this.#env['CAR_AGENT_ID']);
    const fromToken = trimmed(this.#env['CAR_AGENT_TOKEN']);
    return fromId === undefined || fromToken === undefined ? undefined : { agentId: fromId, token: fromToken };
  }

  #hostTokenFromFile(): string {
    const { tokenFile } = this.#options;
    const path = tokenFile === undefined ? hostTokenPath({ env: this.#env }) : resolve(tokenFile, '..', 'host-token');
    const token = readTokenFile(path);
    if (token === undefined) throw new Error(`Cannot connect as host: there is no host token at ${path}`);
    return token;
  }

  #tokenFile(): string {
    return this.#options.tokenFile ?? authTokenPath({ env: this.#env });
  }
}

async function readSource(source: TokenSource): Promise<string> {
  return (typeof source === 'string' ? source : await source()).trim();
}

/** The trimmed text of a token file; `undefined` when there is none or it is blank. */
function readTokenFile(path: string): string | undefined {
  try {
    const text = trimmed(readFileSync(path, 'utf8'));
    if (text !== undefined && text.length > maxTokenChars) throw new Error('it is too long to be a token');
    return text;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Error(`Cannot read the token file ${path}: ${message}`, { cause: error });
  }
}

function trimmed(value: string | undefined): string | undefined {
  return value?.trim() || undefined;
}
