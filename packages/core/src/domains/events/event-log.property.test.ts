import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { TempFolder } from '@car-runtime/testkit';
import { testKey, testSigner } from '../../../test/written-journal.ts';
import { OpenHandles } from '../../infra/append-file.ts';
import { verifyJournal } from '../../journal/verify-journal.ts';
import { EventLog } from './event-log.ts';
import { MemoryBudget } from './memory-budget.ts';

const numRuns = process.env['CAR_TEST_LONG'] ? 1_500 : 40;
const signal = new AbortController().signal;

type Step =
  | { do: 'append'; count: number }
  | { do: 'retain'; maxEvents: number | undefined; isAwaited: boolean }
  | { do: 'truncate'; maxEvents: number }
  | { do: 'enable' | 'turn' | 'verify' | 'reopen' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 900 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('retain' as const),
      maxEvents: fc.option(fc.nat({ max: 600 }), { nil: undefined }),
      isAwaited: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('truncate' as const), maxEvents: fc.nat({ max: 100 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('enable' as const, 'turn' as const, 'verify' as const, 'reopen' as const),
    }),
  },
);

function openLog(path: string): EventLog {
  const fail = (error: unknown): void => {
    throw error;
  };
  return new EventLog({
    path,
    handles: new OpenHandles(),
    budget: new MemoryBudget(Number.POSITIVE_INFINITY),
    signer: () => testSigner,
    bounds: { maxEvents: 1_000, maxBytes: 100_000 },
    onProblem: fail,
    onRecovered: () => undefined,
    onCompactionFailed: fail,
  });
}

function numbersIn(path: string): number[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => (JSON.parse(line) as { data: { n: number } }).data.n);
}

// req: events.compaction, events.checkpoints, events.resume
test('whatever is appended, retained, forgotten, chained and reopened: memory and journal end with the newest events, and verify', async () => {
  using folder = new TempFolder();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const path = folder.join(`r${run++}.jsonl`);
      let log = openLog(path);
      let appended = 0;
      /** Events that retention let the journal forget. */
      let expendable = 0;
      let maxEvents = Number.POSITIVE_INFINITY;
      for (const each of steps) {
        if (each.do === 'append') {
          for (let n = 0; n < each.count; n++) log.append('turn_completed', { data: { n: appended++ } });
        } else if (each.do === 'retain') {
          const { maxEvents: limit } = each;
          expendable = Math.max(expendable, appended - maxEvents);
          maxEvents = limit ?? Number.POSITIVE_INFINITY;
          const retained = log.retain(limit === undefined ? {} : { maxEvents: limit });
          if (each.isAwaited) await retained;
        } else if (each.do === 'truncate') log.truncate(each.maxEvents);
        else if (each.do === 'enable') log.enableChain();
        else if (each.do === 'verify') assert.ok('verified' in ((await log.verifyChain()) ?? {}));
        else if (each.do === 'turn') await nextTurn();
        else {
          expendable = Math.max(expendable, appended - maxEvents);
          maxEvents = Number.POSITIVE_INFINITY;
          await log[Symbol.asyncDispose]();
          log = openLog(path);
        }
      }
      expendable = Math.max(expendable, appended - maxEvents);
      const kept = (await log.query({}, signal)).map(({ data }) => data['n']);
      assert.deepEqual(
        kept,
        kept.map((_, index) => appended - 1 - index),
      );
      assert.ok(kept.length <= Math.min(1_000, maxEvents));
      await log[Symbol.asyncDispose]();
      const numbers = numbersIn(path);
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => appended - numbers.length + index),
      );
      assert.ok(numbers.length >= appended - expendable, `${numbers.length} of ${appended}, ${expendable} expendable`);
      if (!existsSync(path)) return;
      const report = await verifyJournal(path, { publicKey: testKey });
      assert.deepEqual(report.problems, []);
      assert.ok(report.chain.state === 'off' || report.checkpoints.isClosed);
    }),
    { numRuns },
  );
});
