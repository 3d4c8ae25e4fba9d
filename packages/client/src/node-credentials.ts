// Which credential a Node client presents, and the token by which it knows the daemon (Authentication, Tokens and files).
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Credential } from './link.ts';
import { authTokenPath, hostTokenPath } from './node-paths.ts';

/** A secret, or where to get it from; asked again for every connection. */
export type TokenSource = string | (() => string | Promise<string>);

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Which credential to present. */
export interface NodeCredentialOptions {
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
  /** The environment to read. Default: this process's. */
  env?: Environment;
}

/** Longer than any token; a file that is longer is some other file. */
const maxTokenChars = 4_096;

type Choice =
  | { kind: 'none' }
  | { kind: 'daemon'; token: TokenSource | undefined }
  | { kind: 'agent'; agentId: string; token: TokenSource }
  | { kind: 'host'; token: TokenSource | undefined };

/** Every source is read anew for each connection, since a daemon mints its tokens at each start. */
export class NodeCredentials {
  readonly #options: NodeCredentialOptions;
  readonly #env: Environment;
  readonly #choice: Choice;

  constructor(options: NodeCredentialOptions) {
    this.#options = options;
    this.#env = options.env ?? process.env;
    this.#choice = this.#choose();
  }

  /** Whether a refused credential may be another one at the next attempt: a file's, or a function's. */
  get isRenewable(): boolean {
    const { kind } = this.#choice;
    if (kind === 'none') return false;
    const { token } = this.#choice;
    return token === undefined || typeof token === 'function';
  }

  /** What to give to `session.auth`; `undefined` when there is nothing to give. */
  async find(): Promise<Credential | undefined> {
    const secret = await this.#secret();
    const namespace = this.#options.memoryNamespace ?? trimmed(this.#env['CAR_MEMORY_NAMESPACE']);
    if (!secret && namespace === undefined) return undefined;
    return { ...secret, ...(namespace !== undefined && { memory_namespace: namespace }) };
  }

  /** The token the daemon proves itself with, whichever credential is presented. */
  async daemonToken(): Promise<string | undefined> {
    const explicit = this.#choice.kind === 'daemon' ? this.#choice.token : undefined;
    if (explicit !== undefined) return nonBlank(await readSource(explicit), 'The daemon token');
    return (
      trimmed(this.#env['CAR_AUTH_TOKEN']) ??
      readTokenFile(this.#options.tokenFile ?? authTokenPath({ env: this.#env }))
    );
  }

  async #secret(): Promise<Credential | undefined> {
    const choice = this.#choice;
    switch (choice.kind) {
      case 'none':
        return undefined;
      case 'host':
        return {
          host_token:
            choice.token === undefined
              ? this.#hostTokenFromFile()
              : nonBlank(await readSource(choice.token), 'The host token'),
        };
      case 'agent':
        return { agent_id: choice.agentId, token: nonBlank(await readSource(choice.token), 'The agent token') };
      case 'daemon': {
        const token = await this.daemonToken();
        return token === undefined ? undefined : { token };
      }
    }
  }

  #choose(): Choice {
    const { role = 'auto', token, agentId, hostToken } = this.#options;
    if (role === 'none') return { kind: 'none' };
    if (hostToken !== undefined || role === 'host') return { kind: 'host', token: hostToken };
    const agentToken = trimmed(this.#env['CAR_AGENT_TOKEN']);
    if (agentId !== undefined) {
      if (token === undefined && agentToken === undefined) {
        throw new TypeError(
          `Cannot connect as agent "${agentId}": there is no token; give token or set CAR_AGENT_TOKEN`,
        );
      }
      return { kind: 'agent', agentId, token: token ?? agentToken ?? '' };
    }
    const ownId = trimmed(this.#env['CAR_AGENT_ID']);
    if (role === 'auto' && token === undefined && ownId !== undefined && agentToken !== undefined) {
      return { kind: 'agent', agentId: ownId, token: agentToken };
    }
    return { kind: 'daemon', token: token ?? trimmed(this.#env['CAR_AUTH_TOKEN']) };
  }

  #hostTokenFromFile(): string {
    const { tokenFile } = this.#options;
    const path = tokenFile === undefined ? hostTokenPath({ env: this.#env }) : resolve(tokenFile, '..', 'host-token');
    const token = readTokenFile(path);
    if (token === undefined) throw new Error(`Cannot connect as host: there is no host token at ${path}`);
    return token;
  }
}

/** The trimmed text of a token file; `undefined` when there is none or it is blank. A symbolic link is refused: whoever
 *  can place one could have any other file sent. */
function readTokenFile(path: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const { size } = fstatSync(descriptor);
    if (size > maxTokenChars) throw new Error(`it has ${size} bytes, which is too long for a token`);
    return trimmed(readFileSync(descriptor, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const why = code === 'ELOOP' ? 'it is a symbolic link' : message;
    throw new Error(`Cannot read the token file ${path}: ${why}`, { cause: error });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

async function readSource(source: TokenSource): Promise<string> {
  return typeof source === 'string' ? source : await source();
}

/** An explicit secret that is blank is a mistake somewhere, never "none". */
function nonBlank(value: string, what: string): string {
  const text = value.trim();
  if (text === '') throw new TypeError(`${what} is blank`);
  return text;
}

/** The text without surrounding space; `undefined` when nothing is left. */
export function trimmed(value: string | undefined): string | undefined {
  return value?.trim() || undefined;
}
