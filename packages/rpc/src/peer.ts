// A JSON-RPC 2.0 peer: both caller and callee on one channel. Knows no method name.
import type { Channel, CloseInfo } from './channel.ts';
import { ChannelClosedError, RpcError, rpcCode } from './errors.ts';
import { defaultMaxDepth, exactIdTexts, hasForbiddenKey, idTextOf, isInexact, parseFrameText } from './frame-text.ts';
import type { SharedFrame } from './frame.ts';
import { errorText, IncomingCall, type ReplySink } from './incoming-call.ts';
import { PendingRequests, type OutgoingRequest, type RequestOptions } from './pending-requests.ts';
import { TransientMap } from './transient-map.ts';
import { atEndOfTurn } from './turn.ts';

export interface PeerHandler {
  /** Called synchronously for each request in arrival order. Answer through `call`, now or later; the read loop
   *  never waits. */
  onRequest(call: IncomingCall): void;
  onNotification?(method: string, params: unknown): void;
  onBinary?(bytes: Uint8Array): void;
  onClose?(info: CloseInfo): void;
}

export interface PeerOptions {
  /** Ids of own requests are `<prefix><n>` from 1; without a prefix they are numbers. */
  idPrefix?: string;
  /** Deepest JSON accepted. Default 128. */
  maxDepth?: number;
  /** Most entries of one batch. Default 100. */
  maxBatch?: number;
  /** Most requests of the other side unanswered at a time; more are answered -32008. Default 1 024. */
  maxInFlight?: number;
  /** Queue length above which best-effort notifications are dropped. Default 1 MiB. */
  softQueueBytes?: number;
  /** Queue length above which the connection is cut. Default 64 MiB. */
  hardQueueBytes?: number;
}

const retryAfterMs = 100;
const forbiddenKey = 'a key named "__proto__" is not allowed';

export class Peer implements ReplySink {
  readonly channel: Channel;
  /** Best-effort notifications dropped because the reader was slow. */
  droppedNotifications = 0;
  readonly #handler: PeerHandler;
  readonly #pending: PendingRequests;
  readonly #inFlight = new TransientMap<string, IncomingCall>();
  readonly #maxDepth: number;
  readonly #maxBatch: number;
  readonly #maxInFlight: number;
  readonly #softQueueBytes: number;
  readonly #hardQueueBytes: number;
  #closeInfo: CloseInfo | undefined;
  /** Set when this side has decided to close: nothing more is taken from the other, which may go on sending. */
  #isEnded = false;

  constructor(channel: Channel, handler: PeerHandler, options: PeerOptions = {}) {
    this.channel = channel;
    this.#handler = handler;
    this.#pending = new PendingRequests(options.idPrefix);
    this.#maxDepth = options.maxDepth ?? defaultMaxDepth;
    this.#maxBatch = options.maxBatch ?? 100;
    this.#maxInFlight = options.maxInFlight ?? 1_024;
    this.#softQueueBytes = options.softQueueBytes ?? 1024 * 1024;
    this.#hardQueueBytes = options.hardQueueBytes ?? 64 * 1024 * 1024;
  }

  /** Begins reading. */
  start(): void {
    this.channel.start({
      onText: (text) => this.#onText(text),
      onBinary: (bytes) => this.#handler.onBinary?.(bytes),
      onClose: (info) => this.#onClose(info),
    });
  }

  get isClosed(): boolean {
    return this.#closeInfo !== undefined;
  }

  /** Whether more than the soft limit is queued: best-effort notifications would be dropped. */
  get isReaderSlow(): boolean {
    return this.channel.queuedBytes > this.#softQueueBytes;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get pendingRequests(): number {
    return this.#pending.size;
  }

  /** Reserves the id of a request to be made with `request(…, { id })`. */
  nextRequestId(): string | number {
    return this.#pending.nextId();
  }

  /** Calls the other side. Rejects with `RpcError` (its answer), `RequestTimeoutError`, `ChannelClosedError`, or the
   *  reason of `signal`; after any of these a late answer is dropped. */
  request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    if (!this.channel.isOpen) return Promise.reject(this.#closedError(method));
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    const id = options.id ?? this.#pending.nextId();
    let text: string;
    try {
      // One call: a string at a time costs half as much again.
      text = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    } catch (error) {
      return Promise.reject(error);
    }
    const answer = this.#pending.promise(id, method, options);
    this.#send(text);
    return answer;
  }

  /** The same for calls by the thousand: `request` is told how it ended, and no promise is made. Throws what keeps the call
   *  from being sent. */
  call(request: OutgoingRequest, id: string | number, method: string, params: unknown, timeoutMs: number): void {
    if (!this.channel.isOpen) throw this.#closedError(method);
    const text = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    this.#pending.add(id, request, timeoutMs);
    this.#send(text);
  }

  /** Sends a notification. With `isBestEffort` it is dropped for a reader with more than the soft limit queued.
   *  Returns whether it was queued. */
  notify(method: string, params: unknown, options: { isBestEffort?: boolean } = {}): boolean {
    if (!this.#admits(options.isBestEffort)) return false;
    this.#send(JSON.stringify({ jsonrpc: '2.0', method, params }));
    return true;
  }

  /** Sends a frame encoded once for many peers, with the same slow-reader rule as `notify`. */
  sendShared(frame: SharedFrame, options: { isBestEffort?: boolean } = {}): boolean {
    if (!this.#admits(options.isBestEffort)) return false;
    this.channel.sendFrame(frame);
    this.#cutSlowReader();
    return true;
  }

  /** Closes politely after what is queued. Calls waiting on either side end with `ChannelClosedError` at once, however
   *  long the other side takes to let go; what still arrives is dropped. */
  close(code = 1000, reason = ''): void {
    this.channel.close(code, reason);
    this.#end({ code, reason });
  }

  /** Cuts the connection; what is queued is dropped. */
  terminate(reason = ''): void {
    this.channel.terminate(reason);
    this.#end({ code: 1006, reason });
  }

  settle(call: IncomingCall, reply: string | undefined): void {
    this.#inFlight.delete(call.idText);
    if (reply !== undefined) this.#send(reply);
  }

  closeAfterAnswers(code: number, reason: string): void {
    this.close(code, reason);
  }

  #admits(isBestEffort = false): boolean {
    if (!this.channel.isOpen) return false;
    if (isBestEffort && this.isReaderSlow) {
      this.droppedNotifications++;
      return false;
    }
    return true;
  }

  #send(text: string): void {
    this.channel.send(text);
    this.#cutSlowReader();
  }

  #cutSlowReader(): void {
    if (this.channel.queuedBytes > this.#hardQueueBytes) {
      this.terminate(`reader too slow: more than ${this.#hardQueueBytes} bytes queued`);
    }
  }

  #onText(text: string): void {
    if (this.#isEnded) return;
    const frame = parseFrameText(text, this.#maxDepth);
    if (frame.kind === 'unparseable') {
      const reason = `Cannot parse frame: ${frame.reason}`;
      this.#send(errorText('null', new RpcError(rpcCode.parseError, reason, { data: { reason: 'parse_error' } })));
      // An answer to one of ours that nests too deep: nothing better will come, so the call need not wait for it.
      if (isAnswer(frame.value)) this.#pending.refuse(frame.value.id, frame.reason);
      return;
    }
    const isForbidden = frame.kind === 'forbidden-key';
    if (Array.isArray(frame.value)) this.#onBatch(frame.value, text, isForbidden);
    else this.#onEntry(frame.value, text, 0, this, isForbidden);
  }

  #onBatch(entries: unknown[], text: string, isForbidden: boolean): void {
    if (entries.length === 0 || entries.length > this.#maxBatch) {
      const problem =
        entries.length === 0 ? 'an empty batch' : `a batch of ${entries.length} entries, limit ${this.#maxBatch}`;
      this.#send(errorText('null', invalidRequest(problem)));
      return;
    }
    const batch = new Batch(this, this.#inFlight, (reply) => this.#send(reply));
    entries.forEach((entry, index) => {
      this.#onEntry(entry, text, index, batch, isForbidden && hasForbiddenKey(entry));
    });
    batch.seal();
  }

  /** One object of a frame: a request, a notification or an answer to one of ours. */
  #onEntry(entry: unknown, frame: string, index: number, sink: Batch | this, isForbidden: boolean): void {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
      this.#refuse(sink, 'null', invalidRequest(`${kindOf(entry)} where a request object belongs`));
      return;
    }
    const message = entry as { jsonrpc?: unknown; id?: unknown; method?: unknown; params?: unknown };
    const hasId = Object.hasOwn(message, 'id');
    if (hasId && message.method === undefined) {
      if (isForbidden) this.#pending.refuse(message.id, forbiddenKey);
      else this.#pending.settle(message);
      return;
    }
    const idText = hasId ? this.#idTextOf(message.id, frame, index, sink) : undefined;
    const problem = problemOf(message, hasId, idText);
    if (problem) {
      this.#refuse(sink, idText ?? 'null', problem);
      return;
    }
    if (isForbidden) {
      if (hasId) this.#refuse(sink, idText as string, invalidParams(forbiddenKey));
      return;
    }
    if (!hasId) {
      this.#handler.onNotification?.(message.method as string, message.params ?? undefined);
      return;
    }
    this.#onRequest(message.method as string, message.params ?? undefined, idText as string, sink);
  }

  #idTextOf(id: unknown, frame: string, index: number, sink: Batch | this): string | undefined {
    if (!isInexact(id)) return idTextOf(id);
    return (sink === this ? exactIdTexts(frame)[0] : (sink as Batch).exactIdText(frame, index)) ?? JSON.stringify(id);
  }

  #onRequest(method: string, params: unknown, idText: string, sink: Batch | this): void {
    if (this.#inFlight.size > 0) {
      if (this.#inFlight.has(idText)) {
        this.#refuse(sink, idText, invalidRequest(`id ${idText} is already in flight`));
        return;
      }
      if (this.#inFlight.size >= this.#maxInFlight) {
        const message = `Overloaded: ${this.#inFlight.size} requests in flight on this connection, limit ${this.#maxInFlight}`;
        this.#refuse(
          sink,
          idText,
          new RpcError(rpcCode.overloaded, message, { data: { reason: 'overloaded', retry_after_ms: retryAfterMs } }),
        );
        return;
      }
    }
    const call = new IncomingCall(method, params, idText, sink);
    if (sink !== this) (sink as Batch).expect();
    this.#handler.onRequest(call);
    if (!call.isAnswered) this.#inFlight.set(idText, call);
  }

  #refuse(sink: Batch | this, idText: string, error: RpcError): void {
    const reply = errorText(idText, error);
    if (sink === this) this.#send(reply);
    else (sink as Batch).add(reply);
  }

  #onClose(info: CloseInfo): void {
    this.#closeInfo = info;
    this.#end(info);
    this.#handler.onClose?.(info);
  }

  #end(info: CloseInfo): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const error = new ChannelClosedError(
      `Connection closed (${info.code}${info.reason ? `: ${info.reason}` : ''})`,
      info.code,
    );
    const calls = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#pending.rejectAll(error);
    if (calls.length === 0) return;
    // A turn later: work that waited for one of our requests ends for that reason, not as given up by its own caller.
    atEndOfTurn('network', { endTurn: () => calls.forEach((call) => call.abort(error)) });
  }

  #closedError(method: string): ChannelClosedError {
    return new ChannelClosedError(`Cannot call ${method}: connection closed`, this.#closeInfo?.code);
  }
}

/** Gathers the answers of one batch and sends them as one array when the last is in (JSON-RPC 2.0, Batch). */
class Batch implements ReplySink {
  readonly #replies: string[] = [];
  readonly #inFlight: TransientMap<string, IncomingCall>;
  readonly #send: (reply: string) => void;
  readonly #peer: Peer;
  #expected = 0;
  #isSealed = false;
  #closing: { code: number; reason: string } | undefined;
  #exactIds: (string | undefined)[] | undefined;

  constructor(peer: Peer, inFlight: TransientMap<string, IncomingCall>, send: (reply: string) => void) {
    this.#peer = peer;
    this.#inFlight = inFlight;
    this.#send = send;
  }

  /** The frame is read once more for all ids that need it. */
  exactIdText(frame: string, index: number): string | undefined {
    return (this.#exactIds ??= exactIdTexts(frame))[index];
  }

  expect(): void {
    this.#expected++;
  }

  add(reply: string): void {
    this.#replies.push(reply);
  }

  settle(call: IncomingCall, reply: string | undefined): void {
    this.#inFlight.delete(call.idText);
    this.#expected--;
    if (reply !== undefined) this.add(reply);
    this.#finish();
  }

  seal(): void {
    this.#isSealed = true;
    this.#finish();
  }

  closeAfterAnswers(code: number, reason: string): void {
    this.#closing ??= { code, reason };
  }

  #finish(): void {
    if (!this.#isSealed || this.#expected > 0) return;
    if (this.#replies.length > 0) this.#send(`[${this.#replies.join(',')}]`);
    if (this.#closing) this.#peer.close(this.#closing.code, this.#closing.reason);
  }
}

/** A frame with an id and no method is an answer to a request of ours (Framing and dispatch). */
function isAnswer(value: unknown): value is { id: unknown; result?: unknown; error?: unknown } {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'id') && !Object.hasOwn(value, 'method');
}

function problemOf(
  message: { jsonrpc?: unknown; method?: unknown; params?: unknown },
  hasId: boolean,
  idText: string | undefined,
): RpcError | undefined {
  if (message.jsonrpc !== '2.0') return invalidRequest(`"jsonrpc" must be "2.0", not ${kindOf(message.jsonrpc)}`);
  if (typeof message.method !== 'string')
    return invalidRequest(`"method" must be a string, not ${kindOf(message.method)}`);
  if (hasId && idText === undefined) return invalidRequest('"id" must be a string, a number or null');
  if (hasId && message.params !== undefined && typeof message.params !== 'object') {
    return invalidParams(`"params" must be an object or an array, not ${kindOf(message.params)}`);
  }
  return undefined;
}

function kindOf(value: unknown): string {
  if (typeof value === 'string') return value.length <= 40 ? JSON.stringify(value) : 'a long string';
  if (value === undefined) return 'missing';
  return value === null
    ? 'null'
    : Array.isArray(value)
      ? 'an array'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;
}

function invalidRequest(problem: string): RpcError {
  return new RpcError(rpcCode.invalidRequest, `Invalid request: ${problem}`, { data: { reason: 'invalid_request' } });
}

function invalidParams(problem: string): RpcError {
  return new RpcError(rpcCode.invalidParams, `Invalid params: ${problem}`, { data: { reason: 'invalid_params' } });
}
