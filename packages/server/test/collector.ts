// A collector on loopback: takes requests as OTLP/HTTP has them, and answers as a test wants.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Span } from '@car-runtime/core';
import type { TraceRequest } from '@car-runtime/core/daemon';
import { Inbox } from '@car-runtime/testkit';

export interface Posted {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

type Answer = (response: ServerResponse, posted: Posted) => void;

export const taken: Answer = (response) => void response.writeHead(200).end('{}');

export class Collector implements AsyncDisposable {
  readonly posted = new Inbox<Posted>('request');
  readonly #server = createServer((request, response) => void this.#take(request, response));
  /** What the next requests are answered, the last for all that follow. */
  readonly #answers: Answer[];

  private constructor(answers: Answer[]) {
    this.#answers = answers;
  }

  static async open(...answers: Answer[]): Promise<Collector> {
    const collector = new Collector(answers.length === 0 ? [taken] : answers);
    collector.#server.listen(0, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks);
    const { method = '', url: path = '', headers } = request;
    const body = headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const posted = { method, path, headers, body };
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    this.posted.push(posted);
    answer?.(response, posted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

/** The spans of a request in JSON. */
export function spansOf({ body }: Posted): readonly Span[] {
  const { resourceSpans } = JSON.parse(body.toString()) as TraceRequest;
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}
