// Load for runs: an agent that records turns in batches, several under way, and those who follow its run.
import { agentIds } from './agent-ids.ts';
import { byte, idOffset, maskedFrame, PatchedFrame } from './client-frames.ts';
import { LoadConnection } from './load-connection.ts';
import type { ServerProcess } from './server-process.ts';

export const turnsPerBatch = 16;
/** A run takes 2 000 turns. */
export const batchesPerRun = 125;
export const turnsPerRun = turnsPerBatch * batchesPerRun;
const runIdPlaceholder = '########-####-####-####-############';

/** As records they are 290 bytes each. */
const turns = Array.from({ length: turnsPerBatch }, (_, index) => ({
  prompt: 'what is the answer to the question',
  tool: 'lookup',
  parameters: { question: 'what is the answer', limit: 10 + index },
  output: 'forty-two, as the guide says; see the chapter on the restaurant',
  verifier_verdict: 'not_run',
}));

export class RunProducer {
  readonly #connection: LoadConnection;
  /** One for each batch under way, told apart by their ids of one digit. */
  readonly #frames: readonly PatchedFrame[];
  #sentAt: number[] = [];
  #acknowledged = 0;
  #sent = 0;
  #finished: PromiseWithResolvers<void> | undefined;
  /** Time from each batch to its acknowledgement, in ms. */
  latencies: number[] = [];
  runId = '';

  private constructor(connection: LoadConnection, depth: number) {
    this.#connection = connection;
    const params = { run_id: runIdPlaceholder, turns };
    this.#frames = Array.from({ length: depth }, (_, id) => {
      const text = JSON.stringify({ jsonrpc: '2.0', id, method: 'runs.record_turns', params });
      return new PatchedFrame(text, runIdPlaceholder);
    });
  }

  /** `number` says which of the daemon's agents it is; `depth` how many batches are under way at a time. */
  static async open(server: ServerProcess, number: number, depth: number): Promise<RunProducer> {
    const agent_id = agentIds[number] as string;
    const token = server.agentTokens?.[agent_id];
    return new RunProducer(await LoadConnection.open(server, { credentials: { agent_id, token } }), depth);
  }

  async startRun(): Promise<void> {
    const { run_id } = (await this.#connection.request('runs.start', { intent: 'answer the question' })) as {
      run_id: string;
    };
    this.runId = run_id;
    for (const frame of this.#frames) frame.patch(run_id);
  }

  /** Fills the run; resolves with the last acknowledgement. */
  fillRun(): Promise<void> {
    const finished = Promise.withResolvers<void>();
    this.#finished = finished;
    this.#acknowledged = this.#sent = 0;
    this.#sentAt = [];
    this.#connection.drive((bytes, start, end) => this.#onAnswer(bytes, start, end), finished.reject);
    for (let count = 0; count < this.#frames.length; count++) this.#send();
    return finished.promise;
  }

  async completeRun(): Promise<void> {
    await this.#connection.request('runs.complete', { run_id: this.runId, outcome: { status: 'success' } });
  }

  #send(): void {
    if (this.#sent === batchesPerRun) return;
    const frame = this.#frames[this.#sent % this.#frames.length] as PatchedFrame;
    this.#sent++;
    this.#sentAt.push(performance.now());
    this.#connection.send(frame.bytes);
  }

  /** The first and the last are read whole. */
  #onAnswer(bytes: Buffer, start: number, end: number): void {
    this.latencies.push(performance.now() - (this.#sentAt[this.#acknowledged] as number));
    if (this.#acknowledged % (batchesPerRun - 1) === 0) this.#check(bytes.toString('utf8', start, end));
    if (bytes[start + idOffset + '7,"'.length] !== byte.result)
      throw new Error(`Unexpected answer: ${bytes.toString('utf8', start, end)}`);
    this.#acknowledged++;
    if (this.#acknowledged === batchesPerRun) this.#finished?.resolve();
    else this.#send();
  }

  #check(text: string): void {
    const { result = {} } = JSON.parse(text) as { result?: Record<string, unknown> };
    const { base_index, count, ok, persisted } = result;
    const isRight = ok === true && count === turnsPerBatch && base_index === this.#acknowledged * turnsPerBatch;
    if (!isRight || persisted === false) throw new Error(`Wrong answer: ${text}`);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

/** Somebody who follows one run after another and counts what arrives. */
export class RunFollower {
  readonly #connection: LoadConnection;

  private constructor(connection: LoadConnection) {
    this.#connection = connection;
  }

  static async open(server: ServerProcess): Promise<RunFollower> {
    const credentials = server.hostToken === undefined ? undefined : { host_token: server.hostToken };
    return new RunFollower(await LoadConnection.open(server, { credentials }));
  }

  async subscribe(run_id: string): Promise<void> {
    await this.#connection.request('runs.subscribe', { run_id });
  }

  /** Resolves when so many events have come, and the end of the run will be the next. */
  receive(events: number): { turns: Promise<void>; end: Promise<void> } {
    const all = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const fail = (error: Error): void => {
      all.reject(error);
      end.reject(error);
    };
    this.#connection.count((count) => {
      if (count >= events) all.resolve();
      if (count < events + 1) return;
      this.#connection.stopCounting();
      if (count > events + 1) fail(new Error(`${count} events where ${events + 1} were due`));
      else end.resolve();
    }, fail);
    return { turns: all.promise, end: end.promise };
  }

  /** Subscribes without waiting, and reads nothing from now on. */
  wedge(): void {
    this.#connection.wedge();
  }

  subscribeUnread(run_id: string): void {
    const params = { run_id };
    this.#connection.send(maskedFrame(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'runs.subscribe', params })));
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
