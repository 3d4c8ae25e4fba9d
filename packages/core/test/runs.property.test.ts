import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RunRecord, RunTurn } from '@car-runtime/protocol';
import { FakeTime, serve, turnOver, type TestDaemon } from '@car-runtime/testkit';
import { Party, Watcher } from './runs-watcher.ts';

const numRuns = process.env['CAR_TEST_LONG'] ? 2_000 : 300;
const watchers = 4;

type Step =
  | { do: 'batch'; size: number; text: number }
  | { do: 'plan'; size: number }
  | { do: 'otherPlan'; size: number }
  | { do: 'subscribe' | 'unsubscribe' | 'reconnect' | 'pause' | 'resume'; watcher: number }
  | { do: 'complete' | 'otherComplete' | 'agentGoes' | 'agentReturns' }
  | { do: 'turn'; count: number };

function step(weight: number, arbitrary: fc.Arbitrary<Step>): fc.WeightedArbitrary<Step> {
  return { weight, arbitrary };
}

const watcher = fc.nat({ max: watchers - 1 });
const size = fc.integer({ min: 1, max: 8 });
const schedule = fc.array(
  fc.oneof(
    step(
      6,
      fc.record({ do: fc.constant('batch'), size: fc.oneof(size, fc.constantFrom(100, 256)), text: fc.nat(200) }),
    ),
    step(2, fc.record({ do: fc.constant('plan'), size })),
    step(2, fc.record({ do: fc.constant('otherPlan'), size })),
    step(5, fc.record({ do: fc.constant('subscribe'), watcher })),
    step(4, fc.record({ do: fc.constantFrom('unsubscribe', 'reconnect', 'pause', 'resume'), watcher })),
    step(1, fc.record({ do: fc.constantFrom('complete', 'otherComplete', 'agentGoes', 'agentReturns') })),
    step(5, fc.record({ do: fc.constant('turn'), count: fc.integer({ min: 1, max: 3 }) })),
  ),
  { minLength: 5, maxLength: 40 },
);

/** A batch and what was answered to it. */
interface Batch {
  tag: string;
  size: number;
  answer: Record<string, unknown> | undefined;
}

class Scene {
  readonly batches: Batch[] = [];
  readonly watchers: Watcher[];
  readonly #daemon: TestDaemon;
  readonly #runId: string;
  #agent: Party | undefined;
  readonly #other: Party;
  readonly #pending: Promise<unknown>[] = [];

  constructor(daemon: TestDaemon, runId: string) {
    this.#daemon = daemon;
    this.#runId = runId;
    this.#agent = this.#connectAgent();
    this.#other = Party.connect(daemon, 'client');
    this.#send(this.#other, 'tools.register', [{ name: 't' }]);
    this.#send(this.#other, 'runs.start', { intent: 'i', agent_id: this.#agentId, idempotency_key: runId });
    this.watchers = Array.from({ length: watchers }, (_, n) => new Watcher(daemon, runId, n % 2 === 0));
  }

  get #agentId(): string {
    return `agent-of-${this.#runId}`;
  }

  #connectAgent(): Party {
    const agent = Party.connect(this.#daemon, { agent: this.#agentId });
    this.#send(agent, 'tools.register', [{ name: 't' }]);
    this.#send(agent, 'runs.start', { intent: 'i', idempotency_key: this.#runId });
    return agent;
  }

  #send(party: Party, method: string, params: unknown): void {
    this.#pending.push(party.call(method, params));
  }

  async run(each: Step): Promise<void> {
    const outcome = { status: 'success' };
    switch (each.do) {
      case 'batch':
        this.#sendBatch(each.size, 'x'.repeat(each.text));
        break;
      case 'plan':
      case 'otherPlan': {
        const actions = Array.from({ length: each.size }, (_, n) => ({
          type: 'tool_call',
          tool: 't',
          parameters: { n },
        }));
        const party = each.do === 'plan' ? this.#agent : this.#other;
        if (party) this.#send(party, 'proposal.submit', { proposal: { actions } });
        break;
      }
      case 'complete':
      case 'otherComplete': {
        const party = each.do === 'complete' ? this.#agent : this.#other;
        if (party) this.#send(party, 'runs.complete', { run_id: this.#runId, outcome });
        break;
      }
      case 'agentGoes':
        this.#agent?.cut();
        this.#agent = undefined;
        break;
      case 'agentReturns':
        this.#agent ??= this.#connectAgent();
        break;
      case 'turn':
        for (let n = 0; n < each.count; n++) await new Promise((resolve) => setImmediate(resolve));
        break;
      case 'subscribe':
      case 'unsubscribe':
      case 'reconnect':
      case 'pause':
      case 'resume':
        this.#watch(each.do, this.watchers[each.watcher] as Watcher);
    }
  }

  #watch(what: 'subscribe' | 'unsubscribe' | 'reconnect' | 'pause' | 'resume', each: Watcher): void {
    if (what === 'subscribe') this.#pending.push(each.subscribe());
    else if (what === 'unsubscribe') this.#pending.push(each.unsubscribe());
    else if (what === 'reconnect') each.reconnect();
    else each.setPaused(what === 'pause');
  }

  #sendBatch(count: number, output: string): void {
    if (!this.#agent) return;
    const batch: Batch = { tag: `b${this.batches.length}`, size: count, answer: undefined };
    this.batches.push(batch);
    const turns = Array.from({ length: count }, (_, n) => ({ tool: `${batch.tag}/${n}`, output }));
    const sent = this.#agent.call('runs.record_turns', { run_id: this.#runId, turns });
    this.#pending.push(sent.then((answer) => (batch.answer = answer)));
  }

  async opened(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Everybody reads, the run ends, and what is under way arrives. */
  async finish(time: FakeTime): Promise<void> {
    for (const each of this.watchers) each.setPaused(false);
    await this.#quieten(time);
    // What the agent left open has its moment.
    await time.advance(250);
    await this.#other.call('runs.complete', { run_id: this.#runId, outcome: { status: 'done' } });
    await this.#quieten(time);
    await Promise.all(this.#pending);
    await turnOver();
  }

  /** Slow readers are fed a little at a time. */
  async #quieten(time: FakeTime): Promise<void> {
    const progress = (): number => this.watchers.reduce((sum, { turns, ends }) => sum + turns.length + ends, 0);
    let before = -1;
    while (progress() > before) {
      before = progress();
      await time.advance(25);
      await time.advance(25);
    }
  }

  close(): void {
    this.#agent?.cut();
    this.#other.cut();
    for (const each of this.watchers) each.close();
  }

  records(): RunRecord[] {
    const root = join(dirname(this.#daemon.state.journalDir), 'runs');
    const text = readFileSync(join(root, this.#agentId, `${this.#runId}.jsonl`), 'utf8');
    return text
      .slice(0, -1)
      .split('\n')
      .map((line) => JSON.parse(line) as RunRecord);
  }
}

// req: runs.any-schedule, runs.snapshot-atomic, runs.index, runs.terminal-once, runs.append-order
test('whatever happens in whatever order, every subscriber has exactly the records on disk, in order, and the end once', async (context) => {
  const time = new FakeTime(context);
  const roomy = serve();
  // So little that whoever gets much at once is a slow reader.
  const narrow = serve({ peer: { softQueueBytes: 8 * 1024 } });
  let schedules = 0;
  try {
    await fc.assert(
      fc.asyncProperty(schedule, fc.boolean(), async (steps, isNarrow) => {
        const scene = new Scene(isNarrow ? narrow : roomy, `run-${schedules++}`);
        await scene.opened();
        for (const each of steps) await scene.run(each);
        await scene.finish(time);

        const [first, ...rest] = scene.records();
        const last = rest.pop();
        assert.deepEqual([first?.record, last?.record], ['started', 'ended']);
        const turns = rest as RunTurn[];
        assert.deepEqual(
          turns.map(({ record, index }) => [record, index]),
          turns.map((_, index) => ['turn', index]),
        );
        for (const { tag, size: count, answer } of scene.batches) {
          const places = turns.flatMap(({ tool, index }) => (tool?.startsWith(`${tag}/`) ? index : []));
          if (answer === undefined) continue;
          const base = answer['ok'] ? (answer['base_index'] as number) : 0;
          assert.deepEqual(places, answer['ok'] ? Array.from({ length: count }, (_, n) => base + n) : []);
        }
        for (const each of scene.watchers) {
          each.check();
          if (each.isUpToDate && (each.resumes || !isNarrow)) {
            assert.deepEqual(each.turns, turns, 'without asking again');
            assert.equal(each.ends, 1);
          }
          await each.settled();
          await each.subscribe();
          each.check();
          assert.deepEqual(each.turns, turns);
          assert.equal(each.ends, 1);
        }
        scene.close();
        await time.advance(300);
      }),
      { numRuns, endOnFailure: true },
    );
  } finally {
    // The daemon takes its time to stop.
    const stopping = Promise.all([roomy, narrow].map((daemon) => daemon[Symbol.asyncDispose]()));
    const stopped = new AbortController();
    stopping.finally(() => stopped.abort()).catch(() => undefined);
    while (!stopped.signal.aborted) await time.advance(50);
    await stopping;
  }
});
