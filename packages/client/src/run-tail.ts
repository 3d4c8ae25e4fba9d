// The live end of a run as one watch sees it: checks that nothing is missing and nothing comes twice, and keeps what the
// application has not read yet, in bounds.
import type { RunEnded, RunStarted, RunTurn } from '@car-runtime/protocol';
import type { EventParams, MethodResult } from './typed-calls.ts';

/** One record of a run. `cursor` is what `watch` takes as `after` to go on behind it. */
export type WatchedRecord =
  | { readonly kind: 'started'; readonly cursor: 0; readonly record: RunStarted }
  | { readonly kind: 'turn'; readonly cursor: number; readonly record: RunTurn }
  | { readonly kind: 'ended'; readonly cursor: number; readonly record: RunEnded }
  /** The run has fewer turns than were seen, as a crash of the daemon lost some it had not stored: what was seen is void,
   *  and the run follows from its start. */
  | { readonly kind: 'reset'; readonly cursor: 0; readonly record?: undefined };

export type TraceEvent = EventParams<'runs.trace.event'>;
export type SubscribeAnswer = MethodResult<'runs.subscribe'>;

/** Records that wait for the application; one more, and the tail is lost: the rest is read later from the trace. */
const maxWaiting = 256;

export class RunTail implements Disposable {
  readonly #onDone: () => void;
  #waiting: WatchedRecord[] = [];
  #reader: PromiseWithResolvers<WatchedRecord | undefined> | undefined;
  /** What arrived before the answer to the subscription. */
  #early: TraceEvent[] | undefined = [];
  #cursor: number;
  #isDone = false;
  #isReset = false;
  #isEndMissing = false;

  /** `onDone` is called once, when nothing more is taken: after the end, when something was missed, when disposed. */
  constructor(cursor: number, onDone: () => void) {
    this.#cursor = cursor;
    this.#onDone = onDone;
  }

  /** Turns known so far: the next event has one more. */
  get cursor(): number {
    return this.#cursor;
  }

  get isLive(): boolean {
    return this.#early === undefined && !this.#isDone;
  }

  /** The run has fewer turns than this tail began behind. */
  get isReset(): boolean {
    return this.#isReset;
  }

  /** The daemon says that the run has ended, and not how. */
  get isEndMissing(): boolean {
    return this.#isEndMissing;
  }

  /** The next record; nothing once the tail has ended and what waited was read. */
  next(): Promise<WatchedRecord | undefined> {
    if (this.#waiting.length > 0 || this.#isDone) return Promise.resolve(this.#waiting.shift());
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  /** The answer to this tail's own subscription: from here on events count, those that overtook it first. */
  open(answer: SubscribeAnswer): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    if (answer.cursor < this.#cursor) {
      this.#isReset = true;
      this.#finish();
    }
    this.takeAnswer(answer);
    for (const event of early) this.take(event);
  }

  /** The answer to a subscription: another watch's has replaced the one before, with what that had not sent yet. Events
   *  behind it may have been taken already, when they came in the same read. */
  takeAnswer({ turns_so_far: turns, cursor, ended, status }: SubscribeAnswer): void {
    if (this.#isDone) return;
    for (const turn of turns) if (turn.index === this.#cursor) this.#add(turn);
    if (this.#cursor < cursor) this.#finish();
    else if (ended) this.#put({ kind: 'ended', cursor, record: ended });
    else if (status !== 'in_progress') {
      this.#isEndMissing = true;
      this.#finish();
    }
  }

  take(event: TraceEvent): void {
    if (this.#isDone) return;
    if (this.#early) {
      // More than a subscription's queue holds cannot come between a question and its answer without something missing.
      if (this.#early.push(event) > 2 * maxWaiting) this.#finish();
      return;
    }
    const { record, cursor } = event;
    if (record.record === 'gap' || (cursor > this.#cursor && record.record === 'ended')) this.#finish();
    else if (record.record === 'ended') this.#put({ kind: 'ended', cursor, record });
    else if (record.record === 'turn' && cursor > this.#cursor) {
      if (cursor > this.#cursor + 1 || this.#waiting.length >= maxWaiting) this.#finish();
      else this.#add(record);
    }
  }

  #add(record: RunTurn): void {
    this.#cursor++;
    this.#put({ kind: 'turn', cursor: this.#cursor, record });
  }

  #put(record: WatchedRecord): void {
    if (this.#reader) {
      this.#reader.resolve(record);
      this.#reader = undefined;
    } else this.#waiting.push(record);
    if (record.kind === 'ended') this.#finish();
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#early = undefined;
    this.#reader?.resolve(undefined);
    this.#onDone();
  }

  /** Nothing more is taken. What waits can still be read. */
  [Symbol.dispose](): void {
    this.#finish();
  }
}
