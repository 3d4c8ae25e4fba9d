// Answers of the daemon's own HTTP: small, never cached, never rendered as anything else, never with a credential.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { STATUS_CODES } from './node-http.ts';

const text = 'text/plain; charset=utf-8';

/** On every answer: nothing may be cached, sniffed, framed or run. */
const safeHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export interface Answer {
  status: number;
  body: string | Buffer;
  type?: string;
  headers?: Readonly<Record<string, string>>;
}

export function textAnswer(status: number, body: string, headers?: Readonly<Record<string, string>>): Answer {
  return { status, body: `${body}\n`, type: text, ...(headers && { headers }) };
}

export function jsonAnswer(status: number, value: unknown): Answer {
  return { status, body: `${JSON.stringify(value)}\n`, type: 'application/json' };
}

export function sendAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  // A body nobody asked for is not read: the connection ends with the answer.
  const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  const isFinal = hasBody || answer.status >= 400;
  response.writeHead(answer.status, { ...headersOf(answer), ...(isFinal && { connection: 'close' }) });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

/** Answers an upgrade with a plain response and ends the connection. */
export function refuseUpgrade(socket: Duplex & { destroySoon?(): void }, answer: Answer): void {
  const headers = Object.entries({ ...headersOf(answer), connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write([`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}`, ...headers, '', ''].join('\r\n'));
  socket.write(answer.body);
  if (socket.destroySoon) socket.destroySoon();
  else socket.end();
}

function headersOf({ body, type = text, headers }: Answer): Record<string, string> {
  return { ...safeHeaders, 'content-type': type, 'content-length': String(Buffer.byteLength(body)), ...headers };
}
