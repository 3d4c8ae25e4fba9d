// Watching a run of the real core: every record once and in order, whatever happens in between.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { CarError, ClientClosedError, connect, type Client, type RunWatch } from '@car-runtime/client';
import type { RunRecord } from '@car-runtime/protocol';
import { RpcError } from '@car-runtime/rpc';
import { RestartableDaemon } from '@car-runtime/testkit';
import fc from 'fast-check';
import { ScriptedDaemon } from './scripted-daemon.ts';

const agentId = 'worker';
const success = { status: 'success' } as const;
const turns = (count: number): { tool: string; output: string }[] =>
  Array.from({ length: count }, (_none, index) => ({ tool: `t${index}`, output: 'x'.repeat(100) }));

/** An application that reads a run, now and then starts over from its last cursor, and may stop reading for a while. */
class Application {
  readonly records: RunRecord[] = [];
  readonly cursors: number[] = [];
  readonly #client: Client;
  readonly #runId: string;
  /** What an application that has stopped reading waits for. */
  #gate: PromiseWithResolvers<void> | undefined;
  #watch: RunWatch | undefined;
  #cursor: number | undefined;

  constructor(client: Client, runId: string) {
    this.#client = client;
    this.#runId = runId;
  }

  /** Resolves after the end of the run. */
  async read(): Promise<void> {
    for (;;) {
      this.#watch = this.#client.runs.watch(this.#runId, { after: this.#cursor });
      for await (const { kind, cursor, record } of this.#watch) {
        assert.ok(kind !== 'reset', 'nothing was lost');
        this.records.push(record);
        this.cursors.push(cursor);
        this.#cursor = cursor;
        if (kind === 'ended') return;
        await this.#gate?.promise;
      }
    }
  }

  startOver(): void {
    void this.#watch?.return();
  }

  stopReading(): void {
    this.#gate ??= Promise.withResolvers();
  }

  goOn(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }
}

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('record' as const), count: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ do: fc.constantFrom('burst', 'cut', 'pause', 'resume', 'slow', 'go-on', 'start-over') }),
    fc.record({ do: fc.constant('wait' as const), count: fc.integer({ min: 1, max: 5 }) }),
  ),
  { minLength: 1, maxLength: 25 },
);
const endings = fc.constantFrom('complete', 'complete', 'complete', 'complete', 'restart', 'disconnect');
const maxTurns = 2_000;
const burst = 256;

// req: client.runs-watch-reset
test('turns that a crash lost are said to be void, and the run follows from its start', async () => {
  await using daemon = await RestartableDaemon.start('memory');
  const agent = await daemon.connectAgent(agentId);
  await using host = await daemon.connectHost();
  const { run_id: runId } = await agent.runs.start({ intent: 'a crash' });
  await agent.runs.record_turns({ run_id: runId, turns: turns(3) });
  await using watch = host.runs.watch(runId);
  assert.deepEqual(await take(watch, 4), ['started 0', 'turn 1', 'turn 2', 'turn 3']);
  await agent.close();
  await daemon.stop();
  const lines = readFileSync(daemon.runFile(agentId, runId), 'utf8').split('\n');
  writeFileSync(daemon.runFile(agentId, runId), `${lines.slice(0, 2).join('\n')}\n`);
  await daemon.start();
  assert.deepEqual(await take(watch, 9), ['reset 0', 'started 0', 'turn 1', 'ended 1']);
  assert.deepEqual(await Array.fromAsync(host.runs.watch(runId, { after: 1 }), ({ kind }) => kind), ['ended']);
});

// req: client.runs-watch-errors
test('a run that is unknown or of another agent is refused as the daemon says it', async () => {
  await using daemon = await RestartableDaemon.start('memory');
  const agent = await daemon.connectAgent(agentId);
  const other = await daemon.connectAgent('other');
  const { run_id: runId } = await agent.runs.start({ intent: 'private' });
  await assert.rejects(other.runs.watch(runId).next(), (error) => error instanceof CarError && error.code === -32603);
  await assert.rejects(agent.runs.watch('no such run').next(), /unknown run_id `no such run`/);
  await using own = agent.runs.watch(runId);
  assert.deepEqual(await take(own, 1), ['started 0']);
  await agent.close();
  await other.close();
});

/** A daemon with one run of which nothing is stored, and whose events the test sends. */
class ScriptedRun {
  readonly daemon = new ScriptedDaemon();
  /** Turns of the run when it is subscribed to. */
  turns = 0;

  constructor() {
    this.daemon.handlers['runs.get_trace'] = () => ({ run_id: 'r', not_found: true });
    this.daemon.handlers['runs.unsubscribe'] = () => ({ run_id: 'r', removed: true });
    this.daemon.handlers['runs.subscribe'] = (params) => {
      const { after } = params as { after: number };
      const turns_so_far = Array.from({ length: this.turns }, (_none, index) => toTurn(index)).slice(after);
      return {
        run_id: 'r',
        agent_id: 'a',
        turns_so_far,
        cursor: this.turns,
        status: 'in_progress',
        delivery: 'replayed',
      };
    };
  }

  turn(cursor: number): void {
    this.#send(toTurn(cursor - 1), cursor);
  }

  gap(from: number, to: number, cursor: number): void {
    this.#send({ record: 'gap', from, to }, cursor);
  }

  #send(record: object, cursor: number): void {
    this.daemon.last.peer.notify('runs.trace.event', {
      run_id: 'r',
      agent_id: 'a',
      record,
      cursor,
      status: 'in_progress',
    });
  }

  /** What was asked of the run, in order. */
  get asked(): unknown[] {
    return this.daemon.calls
      .filter(({ method }) => method.startsWith('runs.'))
      .map(({ method, params }) => {
        const { after, cursor } = params as { after?: number; cursor?: number };
        return `${method.slice('runs.'.length)} ${after ?? cursor ?? ''}`.trimEnd();
      });
  }
}

function toTurn(index: number): object {
  return { record: 'turn', index, verifier_verdict: 'not_run' };
}

/** The next records, by kind and cursor; fewer at the end. */
async function take(watch: RunWatch, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const { value } = await watch.next();
    if (!value) break;
    seen.push(`${value.kind} ${value.cursor}`);
  }
  return seen;
}

// req: client.runs-watch-gap
test('after a gap, said or seen, a watch subscribes again behind its own cursor; what comes twice is given once', async () => {
  const run = new ScriptedRun();
  run.turns = 1;
  await using client = await connect({ channel: run.daemon.open });
  await using watch = client.runs.watch('r');
  assert.deepEqual(await take(watch, 1), ['turn 1']);
  run.turns = 4;
  run.turn(1);
  run.turn(4); // 2 and 3 are missing, and nobody says so
  assert.deepEqual(await take(watch, 3), ['turn 2', 'turn 3', 'turn 4']);
  run.turns = 6;
  run.gap(5, 5, 4);
  run.turn(6);
  assert.deepEqual(await take(watch, 2), ['turn 5', 'turn 6']);
  const asked = ['get_trace 0', 'subscribe 0', 'unsubscribe', 'get_trace 2', 'subscribe 1', 'unsubscribe'];
  assert.deepEqual(run.asked, [...asked, 'get_trace 5', 'subscribe 4']);
});

// req: client.runs-watch-backpressure
test('an application that does not read gives up its subscription, keeps what fits, and reads the rest later', async () => {
  const run = new ScriptedRun();
  run.turns = 1;
  await using client = await connect({ channel: run.daemon.open });
  await using watch = client.runs.watch('r');
  assert.deepEqual(await take(watch, 1), ['turn 1']);
  for (run.turns = 2; run.turns <= 1_000; run.turns++) run.turn(run.turns);
  run.turns = 1_000;
  while (!run.asked.includes('unsubscribe')) await turn();
  assert.deepEqual(run.asked, ['get_trace 0', 'subscribe 0', 'unsubscribe']);
  const seen = await take(watch, 999);
  assert.deepEqual(
    seen,
    Array.from({ length: 999 }, (_none, index) => `turn ${index + 2}`),
  );
  // The first, and the 256 that were kept for the application.
  assert.deepEqual(run.asked.slice(3), ['get_trace 258', 'subscribe 257']);
});

// req: client.runs-watch-shared
test('watches of one run share its subscription, and the last one gives it back', async () => {
  const run = new ScriptedRun();
  run.turns = 2;
  await using client = await connect({ channel: run.daemon.open });
  const first = client.runs.watch('r');
  assert.deepEqual(await take(first, 2), ['turn 1', 'turn 2']);
  run.turns = 3; // the event of the third is lost when the subscription is replaced
  const second = client.runs.watch('r', { after: 2 });
  assert.deepEqual(await take(second, 1), ['turn 3']);
  assert.deepEqual(await take(first, 1), ['turn 3']);
  await first.return();
  run.turn(4);
  assert.deepEqual(await take(second, 1), ['turn 4']);
  assert.equal(run.asked.includes('unsubscribe'), false);
  await second[Symbol.asyncDispose]();
  await client.request('test.echo');
  assert.equal(run.asked.at(-1), 'unsubscribe');
  assert.deepEqual([first.cursor, second.cursor], [3, 4]);
});

// req: client.runs-watch-ends
test('a watch ends when disposed, aborted or closed with its client, also while it waits, and throws what ended the client', async () => {
  const run = new ScriptedRun();
  const end = { value: undefined, done: true };
  const client = await connect({ channel: run.daemon.open });
  const disposed = client.runs.watch('r');
  const waiting = disposed.next();
  while (!run.asked.includes('subscribe 0')) await turn();
  assert.deepEqual(await Promise.all([disposed.return(), waiting, disposed.next()]), [end, end, end]);

  const controller = new AbortController();
  const aborted = client.runs.watch('r', { signal: controller.signal }).next();
  controller.abort(new Error('enough'));
  assert.deepEqual(await aborted, end);
  assert.deepEqual(await client.runs.watch('r', { signal: controller.signal }).next(), end);

  const closed = client.runs.watch('r').next();
  await turn();
  await client.close();
  assert.deepEqual(await closed, end);
  assert.deepEqual(await client.runs.watch('r').next(), end);

  const fragile = await connect({ channel: run.daemon.open, reconnect: false });
  const cut = assert.rejects(fragile.runs.watch('r').next(), ClientClosedError);
  await turn();
  run.daemon.last.channel.terminate('pulled');
  await cut;
});

// req: client.runs-watch-errors
test('a daemon that is busy or shutting down is asked again', async () => {
  const run = new ScriptedRun();
  run.turns = 1;
  const refusals = [
    new RpcError(-32603, 'Cannot call: the daemon is shutting down', { data: { reason: 'shutting_down' } }),
    new RpcError(-32008, 'too much at once', { data: { reason: 'overloaded', retry_after_ms: 1 } }),
  ];
  const answer = run.daemon.handlers['runs.subscribe'];
  run.daemon.handlers['runs.subscribe'] = (...given) => {
    const refusal = refusals.shift();
    if (refusal) throw refusal;
    return answer?.(...given);
  };
  await using client = await connect({ channel: run.daemon.open, timeoutMs: 5 });
  await using watch = client.runs.watch('r');
  assert.deepEqual(await take(watch, 1), ['turn 1']);
});

// req: client.runs-watch-errors
test('an end that the daemon cannot read is an error, not a watch without end', async () => {
  const run = new ScriptedRun();
  run.daemon.handlers['runs.subscribe'] = () => ({
    run_id: 'r',
    agent_id: 'a',
    turns_so_far: [],
    cursor: 0,
    status: 'completed',
  });
  await using client = await connect({ channel: run.daemon.open });
  await assert.rejects(client.runs.watch('r').next(), /^Error: Cannot watch run "r" to its end: it has ended, and/);
});

for (const transport of ['memory', 'tcp'] as const) {
  // req: client.runs-watch, client.runs-watch-backpressure
  test(`${transport}: whatever is cut, dropped, read late and restarted, watches give the journal's records, each once`, async () => {
    await using daemon = await RestartableDaemon.start(transport);
    const long = process.env['CAR_TEST_LONG'] === '1';
    const numRuns = (transport === 'memory' ? 60 : 15) * (long ? 20 : 1);
    await fc.assert(
      fc.asyncProperty(steps, endings, async (schedule, ending) => {
        const agent = await daemon.connectAgent(agentId);
        await using host = await daemon.connectHost();
        const { run_id: runId } = await agent.runs.start({ intent: 'a schedule' });
        const applications = [new Application(host, runId), new Application(host, runId)] as const;
        const reading = Promise.all(applications.map((application) => application.read()));
        reading.catch(() => {}); // awaited below
        let count = 0;
        for (const step of schedule) {
          const [first] = applications;
          if (step.do === 'record' && count + step.count <= maxTurns) {
            count += step.count;
            await agent.runs.record_turns({ run_id: runId, turns: turns(step.count) });
          } else if (step.do === 'burst' && count + 2 * burst <= maxTurns) {
            count += 2 * burst;
            const batch = { run_id: runId, turns: turns(burst) };
            await Promise.all([agent.runs.record_turns(batch), agent.runs.record_turns(batch)]);
          } else if (step.do === 'wait') for (let n = 0; n < step.count; n++) await turn();
          else if (step.do === 'cut') daemon.cutHosts();
          else if (step.do === 'pause') daemon.pauseHosts();
          else if (step.do === 'resume') daemon.resumeHosts();
          else if (step.do === 'slow') first.stopReading();
          else if (step.do === 'go-on') first.goOn();
          else if (step.do === 'start-over') first.startOver();
        }
        if (ending === 'complete') await agent.runs.complete({ run_id: runId, outcome: success });
        await agent.close();
        if (ending === 'restart') {
          await daemon.stop();
          await turn();
          await daemon.start();
        }
        daemon.resumeHosts();
        for (const application of applications) application.goOn();
        await reading;
        const stored = daemon.recordsOf(agentId, runId);
        assert.equal(stored.length, count + 2);
        for (const { records, cursors } of applications) {
          assert.deepEqual(records, stored);
          assert.deepEqual(cursors, [...Array(count + 1).keys(), count]);
        }
      }),
      { numRuns },
    );
  });
}
