import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunSummary } from '@car-runtime/protocol';
import fc from 'fast-check';
import { maxListed, pageSize, RunPages, type SearchRuns } from './run-pages.ts';

function run(number: number, more: Partial<RunSummary> = {}): RunSummary {
  return {
    run_id: `r${number}`,
    agent_id: 'a',
    intent: `run ${number}`,
    // Several start within one ms.
    started_at: new Date(Date.UTC(2026, 0, 1) + Math.floor(number / 3) * 1_000).toISOString(),
    status: 'in_progress',
    turn_count: 0,
    ...more,
  };
}

/** As the daemon does it: newest first, then by id, behind a cursor. */
class FakeDaemon {
  readonly runs: RunSummary[] = [];
  asked = 0;
  readonly search: SearchRuns = ({ limit, after }) => {
    this.asked++;
    const sorted = this.sorted();
    const [ms = '', id = ''] = after?.split('/') ?? [];
    const behind = (each: RunSummary): boolean => {
      const started = Date.parse(each.started_at);
      return started < Number(ms) || (started === Number(ms) && each.run_id > decodeURIComponent(id));
    };
    const found = after === undefined ? sorted : sorted.filter(behind);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return Promise.resolve({
      runs: page,
      next:
        found.length > limit && last ? `${Date.parse(last.started_at)}/${encodeURIComponent(last.run_id)}` : undefined,
    });
  };
  sorted(): RunSummary[] {
    return this.runs.toSorted(
      (a, b) => Date.parse(b.started_at) - Date.parse(a.started_at) || (a.run_id < b.run_id ? -1 : 1),
    );
  }
}

// req: console.runs-list
test('the list is the newest runs without a gap or a duplicate, whatever is started, scrolled and refreshed', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('start' as const), count: fc.integer({ min: 1, max: 120 }) }),
    fc.record({ kind: fc.constant('more' as const), count: fc.constant(0) }),
    fc.record({ kind: fc.constant('refresh' as const), count: fc.integer({ min: 0, max: 400 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 500 }), fc.array(step, { maxLength: 12 }), async (before, steps) => {
      const daemon = new FakeDaemon();
      for (let n = 0; n < before; n++) daemon.runs.push(run(n));
      const pages = new RunPages(daemon.search);
      await pages.reload();
      for (const { kind, count } of steps) {
        if (kind === 'start') for (let n = 0; n < count; n++) daemon.runs.push(run(daemon.runs.length));
        else if (kind === 'more') await pages.more();
        else await pages.refresh(count, count + 20);
      }
      await pages.refresh(0, 20);
      const expected = daemon.sorted().slice(0, pages.runs.length);
      assert.deepEqual(pages.runs, expected);
      assert.equal(pages.hasMore, pages.runs.length < daemon.runs.length);
    }),
    { numRuns: 60, seed: 20_262 },
  );
});

// req: console.runs-list
test('a refresh brings up to date what is new and what is on screen, wherever that is', async () => {
  const daemon = new FakeDaemon();
  for (let n = 0; n < 350; n++) daemon.runs.push(run(n));
  const pages = new RunPages(daemon.search);
  await pages.reload();
  await pages.more();
  daemon.runs[20] = run(20, { status: 'completed', outcome: 'success' });
  assert.equal(await pages.refresh(320, 340), 0);
  assert.equal(pages.runs.find(({ run_id }) => run_id === 'r20')?.outcome, 'success');
  daemon.runs.push(run(350), run(351));
  assert.equal(await pages.refresh(0, 20), 2);
  assert.deepEqual(pages.runs, daemon.sorted());
});

// req: console.runs-list
test('a list holds so many runs and no more, and what was asked before a reload counts no more', async () => {
  const daemon = new FakeDaemon();
  for (let n = 0; n <= maxListed; n++) daemon.runs.push(run(n));
  const sorted = daemon.sorted();
  // Sorted once: a page of so many runs is read a hundred times.
  daemon.sorted = () => sorted;
  const pages = new RunPages(daemon.search);
  await pages.reload();
  const late = pages.more();
  await pages.reload();
  assert.equal(await late, false);
  assert.equal(pages.runs.length, pageSize);
  while (await pages.more());
  assert.deepEqual([pages.runs.length, pages.isFull], [maxListed, true]);
  const { asked } = daemon;
  await pages.more();
  assert.equal(daemon.asked, asked, 'no more is asked for');
});
