// How a Node client finds a daemon, and makes sure of whom it talks to before it presents a credential.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { resolve } from 'node:path';
import type { Channel } from '@car-runtime/rpc';
import { openWebSocket } from '@car-runtime/rpc/node';
import { checkEndpoint } from './endpoint.ts';
import { CannotConnectError, UnprovenServerError } from './errors.ts';
import type { Link, LinkSource } from './link.ts';
import { NodeCredentials, trimmed, type NodeCredentialOptions } from './node-credentials.ts';
import { socketPath as defaultSocketPath } from './node-paths.ts';

/** Where the daemon is, and whom to trust there. */
export interface NodeLinkOptions extends NodeCredentialOptions {
  /** `ws://…`, `wss://…`, or `ws+unix:/path`. Default: `CAR_DAEMON_URL`, else the Unix socket, else `ws://127.0.0.1:9100`. */
  url?: string;
  /** Connects to this Unix socket. */
  socketPath?: string;
  /** Sends the credential to a server that did not prove that it knows the daemon token. Over TCP the daemon proves it
   *  with a header of its upgrade answer; on a Unix socket of this user there is nothing to prove. Needed by agents and
   *  hosts that cannot read the token file, with daemons that send no such header, and behind a proxy that makes a
   *  WebSocket key of its own. */
  allowUnproven?: boolean;
  /** Sends the credential over plain `ws://` to another machine. */
  allowInsecureRemote?: boolean;
}

const standardUrl = 'ws://127.0.0.1:9100';
const unixScheme = /^(?:ws\+)?unix:(?:\/\/(?=\/))?/;
const proofHeader = 'car-proof';

/** Looks for a daemon and a credential as the options and the environment say. `defaultUrl` is where a daemon without a
 *  Unix socket is expected. */
export function createNodeLinkSource(options: NodeLinkOptions, defaultUrl = standardUrl): LinkSource {
  const credentials = new NodeCredentials(options);
  return {
    isCredentialRenewable: credentials.isRenewable,
    open: (signal) => new NodeConnector(options, credentials, signal).open(defaultUrl),
  };
}

interface Target {
  /** For people: the URL or the socket's path. */
  endpoint: string;
  url: string;
  socketPath?: string;
  /** What else to say when nobody is there. */
  note?: string;
}

class NodeConnector {
  readonly #options: NodeLinkOptions;
  readonly #credentials: NodeCredentials;
  readonly #signal: AbortSignal;

  constructor(options: NodeLinkOptions, credentials: NodeCredentials, signal: AbortSignal) {
    this.#options = options;
    this.#credentials = credentials;
    this.#signal = signal;
  }

  async open(defaultUrl: string): Promise<Link> {
    const credential = await this.#credentials.find();
    const targets = this.#targets(defaultUrl, credential !== undefined);
    const failures: Error[] = [];
    const notes: string[] = [];
    for (const target of targets) {
      try {
        const channel = await this.#connect(target, credential !== undefined);
        return { channel, endpoint: target.endpoint, credential };
      } catch (error) {
        if (error instanceof UnprovenServerError || this.#signal.aborted) throw error;
        failures.push(error as Error);
        if (target.note !== undefined) notes.push(target.note);
      }
    }
    const endpoints = targets.map(({ endpoint }) => endpoint);
    throw new CannotConnectError([...failures.map(({ message }) => message), ...notes].join('; '), endpoints, {
      cause: failures.at(-1),
    });
  }

  /** Where to try, in order. A place that was named is the only one. */
  #targets(defaultUrl: string, hasCredential: boolean): Target[] {
    const { env = process.env, allowInsecureRemote, socketPath } = this.#options;
    if (socketPath !== undefined) return [unixTarget(socketPath)];
    const url = this.#options.url ?? trimmed(env['CAR_DAEMON_URL']);
    if (url !== undefined && unixScheme.test(url)) return [unixTarget(decodeURI(url.replace(unixScheme, '')))];
    const checked = checkEndpoint(url ?? defaultUrl, { hasCredential, allowInsecureRemote });
    const tcp: Target = { endpoint: checked, url: checked };
    if (url !== undefined) return [tcp];
    const found = unixTarget(defaultSocketPath({ env }));
    return existsSync(found.endpoint) ? [found, tcp] : [{ ...tcp, note: `there is no socket at ${found.endpoint}` }];
  }

  async #connect({ endpoint, url, socketPath }: Target, hasCredential: boolean): Promise<Channel> {
    const isTrusted =
      !hasCredential || this.#options.allowUnproven || (socketPath !== undefined && isOwnSocket(socketPath));
    const daemonToken = isTrusted ? undefined : await this.#credentials.daemonToken();
    if (!isTrusted && daemonToken === undefined) {
      throw new UnprovenServerError(
        endpoint,
        'there is no daemon token here to check its proof with; use the Unix socket, or set allowUnproven',
      );
    }
    return openWebSocket({
      url,
      signal: this.#signal,
      ...(socketPath !== undefined && { socketPath }),
      ...(daemonToken !== undefined && {
        verifyUpgrade: (response, key) => verifyProof(endpoint, daemonToken, response, key),
      }),
    });
  }
}

function unixTarget(path: string): Target {
  const absolute = resolve(path);
  // The request needs a host and a path; neither is looked at on a Unix socket.
  return { endpoint: absolute, url: 'ws://localhost/', socketPath: absolute };
}

/** Whether only this user, or root, can have bound the socket. */
export function isOwnSocket(path: string, ownUid = process.getuid?.()): boolean {
  const uid = statSync(path, { throwIfNoEntry: false })?.uid;
  // Without an entry the connection fails by itself; without user ids (Windows) the folder's own rights decide.
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
  const expected = Buffer.from(createHmac('sha256', daemonToken).update(key).digest('base64url'));
  const shown = Buffer.from(given);
  if (shown.length === expected.length && timingSafeEqual(shown, expected)) return;
  throw new UnprovenServerError(
    endpoint,
    `its ${proofHeader} header does not fit the daemon token known here; it is another daemon, or a stranger on the port`,
  );
}
