// The web console's own door: the page, the exchange of a ticket for a session, and its WebSocket on the same origin
// (GET /auth-token). Requests reach it behind the guard of Host and Origin.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ConsoleTicket, ServerState } from '@car-runtime/core';
import type { WebSocketAcceptor } from '@car-runtime/rpc/node';
import { jsonAnswer, refuseUpgrade, textAnswer, type Answer } from '../http-answers.ts';
import type { RefusalCounts } from '../refusal-counts.ts';
import { isFromOtherSite, isThroughProxy } from '../request-origin.ts';
import { ConsoleAssets } from './console-assets.ts';
import { ConsoleSessions } from './console-sessions.ts';

const maxBodyBytes = 1_024;
/** The one the upgrade answers with; the value of the session is never sent back. */
const subprotocol = 'car.console';
const valuePrefix = 'car.session.';

export interface ConsoleDoorOptions {
  /** Folder of the build, served at `/`. */
  assetFolder: string;
  /** Where sessions are kept. */
  stateRoot: string;
  state: ServerState;
  acceptor: WebSocketAcceptor;
  refusals: RefusalCounts;
  /** Origin of the page, once the port is known. */
  origin: () => string;
}

export class ConsoleDoor {
  readonly #options: ConsoleDoorOptions;
  readonly #sessions: ConsoleSessions;
  /** `null` when there is no build to serve. */
  #assets: ConsoleAssets | null | undefined;

  constructor(options: ConsoleDoorOptions) {
    this.#options = options;
    this.#sessions = new ConsoleSessions(options.stateRoot);
  }

  mintTicket(): ConsoleTicket {
    const { ticket, expiresAt } = this.#sessions.mintTicket();
    return { url: `${this.#options.origin()}/#ticket=${ticket}`, expiresAt };
  }

  /** A file of the page, if that is what the path names. */
  asset(path: string): Answer | undefined {
    this.#assets ??= ConsoleAssets.read(this.#options.assetFolder) ?? null;
    return this.#assets?.at(path);
  }

  /** `/session`: `POST { ticket }` answers a cookie and the second value, `GET` says whether they still hold, which an
   *  upgrade that fails cannot tell a page, and `DELETE` signs out. */
  session(request: IncomingMessage): Answer | Promise<Answer> {
    const refusal = this.#refusalOf(request);
    if (refusal) return refusal;
    if (request.method === 'POST') return this.#open(request);
    if (request.method === 'GET')
      return jsonAnswer(200, { open: this.#isOpen(request, headerOf(request, 'car-session')) });
    if (request.method === 'DELETE') return this.#close(request);
    return textAnswer(405, 'Only GET, POST and DELETE', { allow: 'GET, POST, DELETE' });
  }

  async #open(request: IncomingMessage): Promise<Answer> {
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
      return textAnswer(415, 'The body must be application/json: { "ticket": "…" }');
    }
    const ticket = await ticketOf(request);
    if (ticket === undefined) return textAnswer(400, 'The body must be JSON: { "ticket": "…" }');
    const credentials = this.#sessions.exchange(ticket);
    if (!credentials) {
      this.#options.refusals.count('credential');
      return jsonAnswer(403, { reason: 'ticket', message: 'The link was used already, or is older than a minute' });
    }
    const { cookie, value, expiresAt } = credentials;
    const answer = jsonAnswer(200, { value, expires_at: expiresAt.toISOString() });
    return {
      ...answer,
      headers: {
        'set-cookie': `${this.#cookieName(request)}=${cookie}; Path=/; HttpOnly; SameSite=Strict; Expires=${expiresAt.toUTCString()}`,
      },
    };
  }

  /** Whether the page itself asks, with cookie and value. */
  isSession(request: IncomingMessage): boolean {
    const value = headerOf(request, 'car-session');
    return value !== '' && this.#refusalOf(request) === undefined && this.#isOpen(request, value);
  }

  /** `/ws`: the wire protocol, for a page that shows cookie and value. It counts as a host. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { state, acceptor } = this.#options;
    const refusal = this.#refusalOf(request) ?? this.#sessionRefusal(request);
    if (refusal ?? state.isDraining) {
      refuseUpgrade(socket, refusal ?? textAnswer(503, 'The daemon is shutting down'));
      return;
    }
    acceptor.accept(request, socket, head, { transport: 'tcp' }, (channel) =>
      state.createSession(channel, {
        info: {
          transport: 'tcp',
          ...(socket.remoteAddress !== undefined && { remoteAddress: socket.remoteAddress }),
        },
        isHost: true,
      }),
    );
  }

  #close(request: IncomingMessage): Answer {
    this.#sessions.end(this.#cookieOf(request));
    return { ...textAnswer(200, 'Signed out'), headers: { 'clear-site-data': '"cookies", "storage"' } };
  }

  #refusalOf(request: IncomingMessage): Answer | undefined {
    // The page's own origin, and no other that may use the WebSocket port: this door hands out the host role. Browsers
    // send no Origin with a GET of their own origin, but then they say so in Sec-Fetch-Site.
    const { origin, host } = request.headers;
    const isOwn =
      origin === undefined
        ? headerOf(request, 'sec-fetch-site') === 'same-origin' &&
          request.method === 'GET' &&
          request.headers.upgrade === undefined
        : origin === `http://${host?.toLowerCase()}`;
    if (isOwn && !isThroughProxy(request) && !isFromOtherSite(request)) return undefined;
    this.#options.refusals.count('origin');
    return textAnswer(403, 'Refused: only the console itself may use this');
  }

  #sessionRefusal(request: IncomingMessage): Answer | undefined {
    const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
    const value = protocols.find((each) => each.startsWith(valuePrefix))?.slice(valuePrefix.length) ?? '';
    if (protocols[0] === subprotocol && this.#isOpen(request, value)) return undefined;
    this.#options.refusals.count('credential');
    return textAnswer(401, 'The session of the console is over: run "car console" for a new link');
  }

  #isOpen(request: IncomingMessage, value: string): boolean {
    return this.#sessions.isOpen(this.#cookieOf(request), value);
  }

  /** Cookies know no port, so two daemons on one machine need names of their own. */
  #cookieName({ headers }: IncomingMessage): string {
    return `car_console_${headers.host?.split(':').at(-1) ?? ''}`;
  }

  #cookieOf(request: IncomingMessage): string {
    const name = `${this.#cookieName(request)}=`;
    const cookies = (request.headers.cookie ?? '').split(';').map((each) => each.trim());
    return cookies.find((each) => each.startsWith(name))?.slice(name.length) ?? '';
  }
}

function headerOf({ headers }: IncomingMessage, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

/** The ticket in a small JSON body; `undefined` when it is anything else. */
async function ticketOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) return undefined;
      chunks.push(chunk);
    }
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    const ticket = typeof body === 'object' && body !== null && 'ticket' in body ? body.ticket : undefined;
    return typeof ticket === 'string' ? ticket : undefined;
  } catch {
    return undefined;
  }
}
