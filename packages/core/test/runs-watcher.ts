// Clients of runs for tests that care about every frame: a party that calls, and a watcher that holds what it is told against
// the promises of a subscription.
import assert from 'node:assert/strict';
import type { RunEnded, RunLiveStatus, RunTurn } from '@car-runtime/protocol';
import { createMemoryPair, type MemoryChannel } from '@car-runtime/rpc';
import type { As, TestDaemon } from '@car-runtime/testkit';

type Result = Record<string, unknown>;

/** Speaks JSON-RPC itself: an answer is taken where it stands among the events, not when a promise comes round to it. */
export class Party {
  readonly channel: MemoryChannel;
  readonly #waiting = new Map<unknown, (answer: Result | undefined) => void>();
  #ready: Promise<unknown> = Promise.resolve();
  #lastId = 0;

  private constructor(channel: MemoryChannel, onEvent: (event: TraceEvent) => void) {
    this.channel = channel;
    channel.start({
      onText: (text) => {
        const { id, method, params, result } = JSON.parse(text) as Record<string, unknown>;
        if (method === 'runs.trace.event') onEvent(params as TraceEvent);
        else if (method === 'tools.execute') channel.send(JSON.stringify({ jsonrpc: '2.0', id, result: 'done' }));
        else this.#settle(id, result as Result | undefined);
      },
      onBinary: () => undefined,
      onClose: () => {
        for (const id of [...this.#waiting.keys()]) this.#settle(id, undefined);
      },
    });
  }

  /** What is called next waits until it has authenticated. */
  static connect(daemon: TestDaemon, as: As, onEvent: (event: TraceEvent) => void = () => undefined): Party {
    const [near, far] = createMemoryPair();
    daemon.state.createSession(far);
    const party = new Party(near, onEvent);
    party.#ready = party.#request('session.auth', daemon.credential(as));
    return party;
  }

  /** The result; `undefined` for an error, and when the connection ends before the answer. `onAnswer` sees it first. */
  async call(method: string, params: unknown, onAnswer?: (result: Result) => void): Promise<Result | undefined> {
    await this.#ready;
    return await this.#request(method, params, onAnswer);
  }

  #request(method: string, params: unknown, onAnswer?: (result: Result) => void): Promise<Result | undefined> {
    if (!this.channel.isOpen) return Promise.resolve(undefined);
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, (answer) => {
        if (answer) onAnswer?.(answer);
        resolve(answer);
      });
      this.channel.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  #settle(id: unknown, answer: Result | undefined): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(answer);
  }

  cut(): void {
    this.channel.terminate();
  }
}

interface Gap {
  record: 'gap';
  from: number;
  to: number;
}

export interface TraceEvent {
  run_id: string;
  record: { record: 'started' } | RunTurn | RunEnded | Gap;
  cursor: number;
  status: RunLiveStatus;
}

interface Answer {
  turns_so_far: RunTurn[];
  cursor: number;
  status: RunLiveStatus;
  delivery?: string;
  ended?: RunEnded;
}

/** Follows one run over any number of connections, and fails on a gap, a duplicate, disorder or a second end. */
export class Watcher {
  readonly turns: RunTurn[] = [];
  /** Times it learned that the run has ended, by an event or by an answer when it did not know. */
  ends = 0;
  readonly #daemon: TestDaemon;
  readonly #runId: string;
  /** It says how far it came, and is told of gaps. */
  readonly resumes: boolean;
  #party: Party;
  #state: 'idle' | 'asking' | 'subscribed' | 'leaving' = 'idle';
  #hasSubscribed = false;
  #asking: Promise<unknown> = Promise.resolve();
  /** The first thing that was wrong: in a handler of the channel there is nobody to tell. */
  #problem: Error | undefined;
  /** It missed something, and without a cursor nobody tells it. */
  #isBehind = false;
  /** It stood still, so events may have been dropped. */
  #hasPaused = false;

  constructor(daemon: TestDaemon, runId: string, resumes: boolean) {
    this.#daemon = daemon;
    this.#runId = runId;
    this.resumes = resumes;
    this.#party = this.#connect();
  }

  get hasPaused(): boolean {
    return this.#hasPaused;
  }

  /** Whether it was told all there is without asking again. */
  get isUpToDate(): boolean {
    return this.#state === 'subscribed' && !this.#isBehind && (this.resumes || !this.#hasPaused);
  }

  #connect(): Party {
    const party = Party.connect(this.#daemon, 'host', (event) => {
      if (party === this.#party) this.#attempt(() => this.#take(event));
    });
    return party;
  }

  check(): void {
    if (this.#problem) throw this.#problem;
  }

  reconnect(): void {
    this.#party.cut();
    this.#state = 'idle';
    this.#hasSubscribed = false;
    this.#party = this.#connect();
  }

  setPaused(isPaused: boolean): void {
    this.#hasPaused ||= isPaused;
    if (isPaused) this.#party.channel.pause();
    else this.#party.channel.resume();
  }

  /** Nothing while another call is under way. */
  async subscribe(): Promise<void> {
    const party = this.#party;
    if (this.#isBusy) return;
    const after = this.turns.length;
    const params = { run_id: this.#runId, ...(this.resumes && { after }) };
    this.#state = 'asking';
    this.#asking = party.call('runs.subscribe', params, (answer) => {
      if (party !== this.#party) return;
      this.#hasSubscribed = true;
      this.#attempt(() => this.#takeAnswer(answer as unknown as Answer, after));
    });
    await this.#asking;
  }

  /** Resolves when no answer is awaited. */
  async settled(): Promise<void> {
    await this.#asking;
  }

  async unsubscribe(): Promise<void> {
    const party = this.#party;
    if (this.#state !== 'subscribed') return;
    this.#state = 'leaving';
    await party.call('runs.unsubscribe', { run_id: this.#runId }, (answer) => {
      if (party !== this.#party) return;
      this.#attempt(() => assert.equal(answer['removed'], true));
      this.#state = 'idle';
    });
  }

  get #isBusy(): boolean {
    return this.#state === 'asking' || this.#state === 'leaving';
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#problem ??= error as Error;
    }
  }

  #takeAnswer({ turns_so_far, cursor, status, delivery, ended }: Answer, after: number): void {
    if (this.resumes) {
      assert.equal(delivery, after === 0 ? 'snapshot' : 'replayed');
      assert.equal(turns_so_far.length, cursor - after);
      assert.equal(ended !== undefined, status !== 'in_progress');
      this.turns.length = after;
      this.turns.push(...turns_so_far);
    } else {
      assert.equal(turns_so_far.length, cursor);
      assert.deepEqual(turns_so_far.slice(0, this.turns.length), this.turns, 'what was seen before is still there');
      this.turns.splice(0, this.turns.length, ...turns_so_far);
    }
    assert.deepEqual(
      this.turns.map(({ index }) => index),
      this.turns.map((_, index) => index),
    );
    this.#isBehind = false;
    this.#state = 'subscribed';
    if (status !== 'in_progress' && this.ends === 0) this.ends = 1;
  }

  #take({ record, cursor, status, run_id }: TraceEvent): void {
    assert.equal(run_id, this.#runId);
    // Of the subscription that is being replaced: the answer holds it again.
    if (this.#state === 'asking') {
      assert.ok(this.#hasSubscribed, 'no event before the first answer');
      return;
    }
    assert.notEqual(this.#state, 'idle', 'an event without a subscription');
    if (this.#isBehind) return;
    if (record.record === 'gap') {
      assert.ok(this.resumes && cursor === this.turns.length && record.to >= record.from);
      this.#isBehind = true;
      void this.subscribe();
      return;
    }
    assert.equal(this.ends, 0, 'nothing follows the end');
    if (record.record === 'ended') {
      if (!this.resumes && cursor !== this.turns.length) {
        this.#isBehind = true;
        return;
      }
      assert.deepEqual([cursor, status === 'in_progress'], [this.turns.length, false]);
      this.ends++;
      return;
    }
    assert.equal(record.record, 'turn');
    if (!this.resumes && cursor > this.turns.length + 1) {
      // I-3: the jump of the cursor is all that says so.
      this.#isBehind = true;
      return;
    }
    assert.deepEqual([cursor, record.index, status], [this.turns.length + 1, this.turns.length, 'in_progress']);
    this.turns.push(record);
  }

  close(): void {
    this.#party.cut();
  }
}
