// The HTTP sibling of the WebSocket port, on loopback only: health, metrics, and the web console.
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { version, type ServerState } from '@car-runtime/core';
import type { ConsoleDoor } from './console/console-door.ts';
import { jsonAnswer, refuseUpgrade, sendAnswer, textAnswer, type Answer } from './http-answers.ts';
import { metricsText, type MetricSources } from './metrics.ts';
import { createServer } from './node-http.ts';
import type { RefusalCounts } from './refusal-counts.ts';
import { refusalOf, refusalTexts, type GuardRules } from './request-guard.ts';
import { isFromOtherSite, isThroughProxy } from './request-origin.ts';
import { isSameSecret } from './secrets.ts';

const maxHeaderBytes = 8 * 1024;
const maxConnections = 256;
const headersTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
const checkIntervalMs = 2_000;

export interface HttpListenerOptions {
  state: ServerState;
  refusals: RefusalCounts;
  metrics: MetricSources;
  /** Credentials that open `/metrics`; none when authentication is off, and then it is open. */
  metricsTokens: readonly string[];
  /** Served at `/auth-token` when given: only for who asked for it in so many words. */
  servedToken?: string | undefined;
  /** Where the WebSocket is, for the page; known once the ports are. */
  webSocketUrl: () => string;
  console: ConsoleDoor;
}

type Route = (request: IncomingMessage) => Answer;

export class HttpListener {
  readonly server: Server;
  readonly #options: HttpListenerOptions;
  readonly #routes: ReadonlyMap<string, Route>;
  /** Known once the ports are. Until then every request is refused. */
  rules: GuardRules = { hosts: new Set(), origins: new Set() };

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    this.#routes = new Map<string, Route>([
      ['/', () => this.#home()],
      ['/livez', () => textAnswer(200, 'ok')],
      ['/readyz', () => this.#readiness()],
      ['/metrics', (request) => this.#metrics(request)],
      ['/auth-token', (request) => this.#authToken(request)],
    ]);
    this.server = createServer({
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: checkIntervalMs,
      // The guard's answer to a missing Host is the same as to a wrong one.
      requireHostHeader: false,
    });
    this.server.maxConnections = maxConnections;
    this.server.on('drop', () => options.refusals.count('too-many-connections'));
    this.server.on('request', (request, response) => {
      const answer = this.#answer(request);
      if (answer instanceof Promise) void answer.then((settled) => sendAnswer(request, response, settled));
      else sendAnswer(request, response, answer);
    });
    this.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#onUpgrade(request, socket, head),
    );
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  #answer(request: IncomingMessage): Answer | Promise<Answer> {
    const refusal = this.#refusalOf(request);
    if (refusal) return refusal;
    const path = pathOf(request.url ?? '/');
    if (path === '/session') return this.#options.console.session(request);
    const asset = this.#options.console.asset(path);
    const route = asset ? () => asset : this.#routes.get(path);
    if (!route) return textAnswer(404, 'There is nothing here');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return textAnswer(405, 'Only GET', { allow: 'GET, HEAD' });
    return route(request);
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const refusal = this.#refusalOf(request);
    if (refusal) refuseUpgrade(socket, refusal);
    else if (pathOf(request.url ?? '/') === '/ws') this.#options.console.upgrade(request, socket, head);
    else refuseUpgrade(socket, textAnswer(404, 'There is nothing here'));
  }

  #refusalOf(request: IncomingMessage): Answer | undefined {
    const refusal = refusalOf(request, this.rules);
    if (refusal === undefined) return undefined;
    this.#options.refusals.count(refusal);
    return textAnswer(403, refusalTexts[refusal]);
  }

  #home(): Answer {
    const lines = [
      `car-server ${version}: the daemon of the Common Agent Runtime`,
      '',
      `Agents and tools connect by WebSocket to ${this.#options.webSocketUrl()} (JSON-RPC 2.0).`,
      'Here are /livez, /readyz and, with a token, /metrics.',
      'The web console is not built: run npm run build:console.',
    ];
    return textAnswer(200, lines.join('\n'));
  }

  /** Names what is wrong but not its details: anybody on this machine may ask. */
  #readiness(): Answer {
    const { state, metrics } = this.#options;
    const problems = state.health.problems.map((problem) => problem.split(':', 1)[0]);
    const status = state.isDraining ? 'draining' : problems.length > 0 ? 'degraded' : 'ready';
    return jsonAnswer(status === 'ready' ? 200 : 503, {
      status,
      loop_delay_p99_ms: metrics.loopDelayP99Ms(),
      problems,
    });
  }

  #metrics(request: IncomingMessage): Answer {
    const { metricsTokens, metrics, refusals } = this.#options;
    const [, given = ''] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    // Every token is compared, so the time says nothing about which one it was.
    const matches = metricsTokens.filter((token) => isSameSecret(given, token));
    const isOpen = metricsTokens.length === 0 || matches.length > 0 || this.#options.console.isSession(request);
    if (!isOpen) {
      refusals.count('credential');
      return textAnswer(401, 'Metrics need "Authorization: Bearer <daemon or host token>"', {
        'www-authenticate': 'Bearer',
      });
    }
    return { status: 200, body: metricsText(metrics), type: 'text/plain; version=0.0.4; charset=utf-8' };
  }

  /** Beyond the guard: no other page and no proxy may be in between. */
  #authToken(request: IncomingMessage): Answer {
    const { servedToken, refusals } = this.#options;
    if (servedToken === undefined) return textAnswer(404, 'There is nothing here');
    if (isThroughProxy(request) || isFromOtherSite(request)) {
      refusals.count('origin');
      return textAnswer(403, 'Refused: the token is served to programs on this machine only');
    }
    return jsonAnswer(200, { token: servedToken });
  }
}

/** Of an origin-form or an absolute-form request line; the guard has checked the authority. */
function pathOf(url: string): string {
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  const end = path.search(/[?#]/);
  return (end === -1 ? path : path.slice(0, end)) || '/';
}
