// The raw wire: any text out, frame after frame in. For what a client would never send, and to see exactly what it got.
import assert from 'node:assert/strict';
import { SharedFrame, type Channel, type CloseInfo } from '@car-runtime/rpc';
import { Inbox } from './inbox.ts';

/** A frame of the daemon, parsed. */
export interface WireMessage {
  jsonrpc: string;
  id?: unknown;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

/** A callback the daemon made. */
export interface WireRequest extends WireMessage {
  id: string;
  method: string;
  params: Record<string, unknown>;
}

export class Wire implements AsyncDisposable {
  readonly channel: Channel;
  /** Resolves once the connection is closed, whoever closed it. */
  readonly closed: Promise<CloseInfo>;
  readonly #frames = new Inbox<string>('frame');
  readonly #binaries = new Inbox<Uint8Array>('binary frame');
  #lastId = 0;

  constructor(channel: Channel) {
    this.channel = channel;
    const closed = Promise.withResolvers<CloseInfo>();
    this.closed = closed.promise;
    channel.start({
      onText: (text) => this.#frames.push(text),
      onBinary: (bytes) => this.#binaries.push(bytes),
      onClose: (info) => {
        const error = new Error(`Connection closed (${info.code}: ${info.reason})`);
        this.#frames.end(error);
        this.#binaries.end(error);
        closed.resolve(info);
      },
    });
  }

  /** Frames that came and were not read. */
  get unread(): number {
    return this.#frames.size;
  }

  /** Sends a frame as it is. */
  send(text: string): void {
    this.channel.send(text);
  }

  sendJson(message: unknown): void {
    this.send(JSON.stringify(message));
  }

  sendBinary(bytes: Uint8Array<ArrayBuffer>): void {
    this.channel.sendFrame(SharedFrame.binary(bytes));
  }

  /** The text of the next frame. */
  nextText(): Promise<string> {
    return this.#frames.next();
  }

  nextBinary(): Promise<Uint8Array> {
    return this.#binaries.next();
  }

  async next(): Promise<WireMessage> {
    return JSON.parse(await this.nextText()) as WireMessage;
  }

  /** The next frame, which must be a request of the daemon. */
  async nextRequest(): Promise<WireRequest> {
    const message = await this.next();
    assert.ok(message.method !== undefined && message.id !== undefined, `a request, not ${JSON.stringify(message)}`);
    return message as WireRequest;
  }

  /** Sends one frame and answers the next. */
  async exchange(text: string): Promise<WireMessage> {
    this.send(text);
    return await this.next();
  }

  /** Makes a call with an id of its own and answers its reply, which must be the next frame. */
  async call(method: string, params?: unknown): Promise<WireMessage> {
    const id = `wire-${++this.#lastId}`;
    const reply = await this.exchange(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    assert.equal(reply.id, id, `the answer to ${method}, not ${JSON.stringify(reply)}`);
    return reply;
  }

  /** `call` that must succeed; answers the result. */
  async result(method: string, params?: unknown): Promise<unknown> {
    const reply = await this.call(method, params);
    assert.ok(Object.hasOwn(reply, 'result'), `${method} failed: ${JSON.stringify(reply.error)}`);
    return reply.result;
  }

  /** `call` that must fail; answers the error. */
  async error(method: string, params?: unknown): Promise<NonNullable<WireMessage['error']>> {
    const reply = await this.call(method, params);
    assert.ok(reply.error, `${method} succeeded: ${JSON.stringify(reply.result)}`);
    return reply.error;
  }

  /** Proves that the daemon sent nothing else before: it answers in order, so the next frame is this answer. */
  async expectQuiet(method = 'server.status'): Promise<void> {
    await this.result(method, {});
    assert.equal(this.unread, 0, 'nothing more was sent');
  }

  close(code?: number): Promise<CloseInfo> {
    this.channel.close(code);
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.channel.terminate();
    await this.closed;
  }
}
