import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { serve, TempFolder } from '@car-runtime/testkit';
import { testKey, testSigner } from '../../../test/written-journal.ts';
import { OpenHandles } from '../../infra/append-file.ts';
import { checkpointsPathOf, replacementPathOf } from '../../journal/paths.ts';
import { verifyJournal } from '../../journal/verify-journal.ts';
import { EventLog, type EventLogOptions } from './event-log.ts';
import { MemoryBudget } from './memory-budget.ts';

const signal = new AbortController().signal;

/** A log of its own, and what it had to say. */
function openLog(path: string, options: Partial<EventLogOptions> = {}) {
  const said: string[] = [];
  const log = new EventLog({
    path,
    handles: new OpenHandles(),
    budget: new MemoryBudget(Number.POSITIVE_INFINITY),
    signer: () => testSigner,
    onProblem: (error) => said.push(`problem: ${(error as NodeJS.ErrnoException).code}`),
    onRecovered: (droppedLines) => said.push(`recovered, dropped ${droppedLines}`),
    onCompactionFailed: (error) => said.push(`not compacted: ${String(error)}`),
    ...options,
  });
  return { log, said };
}

function appendMany(log: EventLog, count: number, from = 0): void {
  for (let n = from; n < from + count; n++) log.append('turn_completed', { data: { n } });
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
}

function numbersIn(path: string): number[] {
  return linesOf(path).map((line) => (JSON.parse(line) as { data: { n: number } }).data.n);
}

async function numbersKept(log: EventLog): Promise<unknown[]> {
  return (await log.query({}, signal)).map(({ data }) => data['n']).toReversed();
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

// req: events.journal
test('events about one thing are written as if each stood alone, chained or not', async () => {
  using folder = new TempFolder();
  const path = folder.join('journals', 'about.jsonl');
  const { log } = openLog(path);
  const action = { action_id: 'a"', proposal_id: 'p\n', data: { tool: 'l{' }, encoded: undefined };
  const plan = { action_id: null, proposal_id: 'p', data: {}, encoded: undefined };
  const append = (): void => {
    log.appendAbout('action_validated', action);
    log.appendAbout('action_succeeded', action, { duration_ms: 1.5 });
    log.appendAbout('action_failed', action, {});
    log.appendAbout('state_snapshot', plan);
    log.appendAbout('state_rollback', plan, { restored: ['k'] });
  };
  append();
  log.enableChain();
  append();
  const about = { action_id: 'a"', proposal_id: 'p\n' };
  const expected = [
    { kind: 'action_validated', ...about, data: { tool: 'l{' } },
    { kind: 'action_succeeded', ...about, data: { tool: 'l{', duration_ms: 1.5 } },
    { kind: 'action_failed', ...about, data: { tool: 'l{' } },
    { kind: 'state_snapshot', proposal_id: 'p', data: {} },
    { kind: 'state_rollback', proposal_id: 'p', data: { restored: ['k'] } },
  ];
  assert.deepEqual(await log.verifyChain(), { verified: expected.length });
  const events = linesOf(path).map((line) => {
    const { kind, action_id, proposal_id, data } = JSON.parse(line) as Record<string, unknown>;
    return { kind, ...(action_id !== undefined && { action_id }), proposal_id, data };
  });
  assert.deepEqual(events, [...expected, ...expected]);
});

// req: events.journal
test('events are in the file, in order, at the end of the turn that appended them', async () => {
  using folder = new TempFolder();
  const path = folder.join('journals', 'a.jsonl');
  const { log } = openLog(path);
  assert.equal(existsSync(path), false, 'no file before the first event');
  appendMany(log, 3);
  log.append('action_failed', { action_id: 'a"\n', proposal_id: '', data: { text: '\u2028\ud800' } });
  await nextTurn();
  assert.deepEqual(numbersIn(path).slice(0, 3), [0, 1, 2]);
  const { timestamp, ...event } = JSON.parse(linesOf(path)[3] as string) as Record<string, unknown>;
  assert.deepEqual(event, {
    kind: 'action_failed',
    action_id: 'a"\n',
    proposal_id: '',
    data: { text: '\u2028\ud800' },
  });
  assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await log[Symbol.asyncDispose]();
});

// req: events.bounds
test('memory keeps the newest events up to either bound, the journal keeps them all', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log } = openLog(path, { bounds: { maxEvents: 50, maxBytes: 1_000_000 } });
  appendMany(log, 60);
  assert.equal(log.count, 50);
  appendMany(log, 7, 60);
  assert.deepEqual(await numbersKept(log), range(17, 67));
  assert.deepEqual(numbersIn(path), range(0, 67));
  await log[Symbol.asyncDispose]();

  const narrow = openLog(folder.join('b.jsonl'), { bounds: { maxEvents: 1_000, maxBytes: 1_000 } }).log;
  appendMany(narrow, 100);
  const kept = await numbersKept(narrow);
  assert.ok(narrow.eventBytes <= 1_000 && kept.length > 5 && kept.at(-1) === 99, `${kept.length}`);
  narrow.append('turn_completed', { data: { text: 'x'.repeat(2_000) } });
  assert.equal(narrow.count, 0, 'an event above the bound stays in the journal only');
  assert.equal(linesOf(narrow.path).length, 101);
  await narrow[Symbol.asyncDispose]();
});

// req: events.bounds
test('a log gives memory back to others when all hold too much, and all of it when it closes', async () => {
  using folder = new TempFolder();
  const budget = new MemoryBudget(512 * 1024);
  const large = openLog(folder.join('a.jsonl'), { budget }).log;
  const small = openLog(folder.join('b.jsonl'), { budget }).log;
  appendMany(small, 10);
  for (let n = 0; n < 100; n++) {
    appendMany(large, 100, n * 100);
    await nextTurn();
    assert.ok(budget.bytes <= 512 * 1024);
  }
  assert.equal(small.count, 10);
  assert.ok(large.count > 1_000 && large.count < 10_000, `${large.count}`);
  assert.equal((await numbersKept(large)).at(-1), 9_999);
  await large[Symbol.asyncDispose]();
  await small[Symbol.asyncDispose]();
  assert.equal(budget.bytes, 0);
});

// req: events.retention
test('events older than the retention go when they are looked for or when others come', async (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
  using folder = new TempFolder();
  const { log } = openLog(folder.join('a.jsonl'));
  appendMany(log, 5);
  context.mock.timers.tick(4_000);
  appendMany(log, 5, 5);
  context.mock.timers.tick(4_000);
  assert.equal(await log.retain({ maxAgeSecs: 8 }), 0);
  context.mock.timers.tick(1);
  assert.equal(log.count, 5);
  assert.deepEqual(await numbersKept(log), range(5, 10));
  context.mock.timers.tick(10_000);
  appendMany(log, 1, 10);
  await nextTurn();
  assert.deepEqual(await numbersKept(log), [10]);
  assert.equal(await log.retain({ maxAgeSecs: 3_600, maxEvents: 0 }), 1);
  await log[Symbol.asyncDispose]();
});

// req: events.compaction
test('the journal is rewritten when it has 1024 lines too many and a quarter to save, and not before', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log, said } = openLog(path);
  appendMany(log, 1_123);
  assert.equal(await log.retain({ maxEvents: 100 }), 1_023);
  assert.equal(linesOf(path).length, 1_123, '1023 lines too many');
  appendMany(log, 1, 1_123);
  assert.equal(await log.retain({ maxEvents: 100 }), 1);
  assert.deepEqual(numbersIn(path), range(1_024, 1_124));
  appendMany(log, 1, 1_124);
  await nextTurn();
  assert.deepEqual(numbersIn(path), range(1_024, 1_125), 'what follows goes to the new file');

  const wide = folder.join('b.jsonl');
  const other = openLog(wide).log;
  appendMany(other, 6_000);
  assert.equal(await other.retain({ maxEvents: 4_600 }), 1_400);
  assert.equal(linesOf(wide).length, 6_000, 'more than 1024 lines, less than a quarter');
  assert.equal(await other.retain({ maxEvents: 4_400 }), 200);
  assert.equal(linesOf(wide).length, 4_400);
  assert.equal(statSync(wide).mode & 0o777, 0o600);
  assert.equal(existsSync(replacementPathOf(wide)), false);
  assert.deepEqual(said, []);
  await log[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

// req: events.compaction
test('a retention that holds keeps the journal short while events are appended, and none is lost', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log, said } = openLog(path);
  log.enableChain();
  await log.retain({ maxEvents: 10 });
  let shortest = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 300; n++) {
    appendMany(log, 20, n * 20);
    await nextTurn();
    if (n > 200) shortest = Math.min(shortest, linesOf(path).length);
  }
  assert.ok(shortest < 1_100, `${shortest}`);
  await log.retain({ maxEvents: 10 }); // waits for the rewriting under way
  const numbers = numbersIn(path);
  assert.deepEqual(numbers, range(6_000 - numbers.length, 6_000));
  assert.deepEqual(await log.verifyChain(), { verified: numbers.length });
  await log[Symbol.asyncDispose]();
  const report = await verifyJournal(path, { publicKey: testKey });
  assert.deepEqual([report.problems, report.chain.removed], [[], 6_000 - numbers.length]);
  assert.deepEqual(said, []);
});

// req: events.compaction
test('a rewriting that takes events from before the chain is signed, too', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log } = openLog(path);
  appendMany(log, 2_000);
  log.enableChain();
  appendMany(log, 5, 2_000);
  await log.retain({ maxEvents: 100 });
  assert.equal(linesOf(path).length, 100);
  assert.deepEqual(await log.verifyChain(), { verified: 5 });
  await log[Symbol.asyncDispose]();
  const { problems, chain } = await verifyJournal(path, { publicKey: testKey });
  assert.deepEqual([problems, chain.removed, chain.firstLine], [[], 0, 96]);
});

// req: events.compaction, events.checkpoints
test('a cut that is signed and not made yet is no tampering, also before the chain has its first event', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log } = openLog(path);
  appendMany(log, 1_100);
  log.enableChain();
  const retained = log.retain({ maxEvents: 0 });
  assert.deepEqual(await log.verifyChain(), { verified: 0 });
  assert.deepEqual((await verifyJournal(path, { publicKey: testKey })).problems, []);
  await retained;
  assert.deepEqual(linesOf(path), []);
  assert.deepEqual(await log.verifyChain(), { verified: 0 });
  await log[Symbol.asyncDispose]();
  assert.deepEqual((await verifyJournal(path, { publicKey: testKey })).problems, []);
});

// req: events.compaction
test('a chain that begins while the journal is rewritten ends the rewriting', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log } = openLog(path);
  appendMany(log, 2_000);
  const retained = log.retain({ maxEvents: 100 });
  log.enableChain();
  appendMany(log, 5, 2_000);
  await retained;
  assert.equal(linesOf(path).length, 2_005);
  await log[Symbol.asyncDispose]();
  assert.deepEqual((await verifyJournal(path, { publicKey: testKey })).problems, []);
});

// req: events.compaction
test('what memory lost by itself is no reason to shorten the journal', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log } = openLog(path, { bounds: { maxEvents: 100, maxBytes: 1_000_000 } });
  appendMany(log, 3_000);
  await log.retain({ maxEvents: 2_000 });
  appendMany(log, 100, 3_000);
  assert.equal(log.truncate(50), 50);
  await log.retain({ maxEvents: 60, maxAgeSecs: 3_600 });
  assert.equal(linesOf(path).length, 3_100);
  await log[Symbol.asyncDispose]();
});

// req: events.compaction
test('a journal that cannot be rewritten stays as it is', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log, said } = openLog(path);
  appendMany(log, 2_000);
  mkdirSync(replacementPathOf(path));
  assert.equal(await log.retain({ maxEvents: 10 }), 1_990);
  assert.match(said.join(), /^not compacted: /);
  appendMany(log, 1, 2_000);
  await log[Symbol.asyncDispose]();
  assert.deepEqual(numbersIn(path), range(0, 2_001));
});

// req: events.compaction
test('a chain without a key is not shortened: the cut could not be told from tampering', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log } = openLog(path, { signer: () => undefined });
  log.enableChain();
  appendMany(log, 3_000);
  assert.equal(await log.retain({ maxEvents: 10 }), 2_990);
  assert.equal(linesOf(path).length, 3_000);
  assert.deepEqual(await log.verifyChain(), { verified: 3_000 });
  await log[Symbol.asyncDispose]();
});

// req: events.resume
test('a session of an earlier name goes on with its journal and its chain, behind the last whole line', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const first = openLog(path).log;
  appendMany(first, 2);
  first.enableChain();
  appendMany(first, 3, 2);
  await first[Symbol.asyncDispose]();
  appendFileSync(path, '{"kind":"turn_com');
  appendFileSync(checkpointsPathOf(path), '{"journal"');
  const second = openLog(path).log;
  appendMany(second, 2, 5);
  assert.equal(second.count, 2, 'memory begins anew');
  assert.deepEqual(await second.verifyChain(), { verified: 5 });
  await second[Symbol.asyncDispose]();
  assert.deepEqual(numbersIn(path), range(0, 7));
  const report = await verifyJournal(path, { publicKey: testKey });
  assert.deepEqual([report.problems, report.chain.events, report.checkpoints.isClosed], [[], 5, true]);
});

// req: events.resume
test('a session of an earlier name can shorten its journal again, and damage done in between stays visible', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const first = openLog(path).log;
  first.enableChain();
  appendMany(first, 2_000);
  await first.retain({ maxEvents: 10 });
  await first[Symbol.asyncDispose]();
  const second = openLog(path).log;
  second.enableChain();
  appendMany(second, 2_000, 2_000);
  await second.retain({ maxEvents: 10 });
  await second[Symbol.asyncDispose]();
  const report = await verifyJournal(path, { publicKey: testKey });
  assert.deepEqual([report.problems, report.lines, report.chain.removed], [[], 10, 3_990]);

  writeFileSync(path, linesOf(path).toSpliced(3, 1).join('\n') + '\n');
  const third = openLog(path).log;
  appendMany(third, 1, 4_000);
  assert.deepEqual(await third.verifyChain(), { tamperedAt: 3 });
  await third[Symbol.asyncDispose]();
  assert.equal((await verifyJournal(path, { publicKey: testKey })).firstBadLine, 4);
});

// req: events.close
test('what a disconnect ends is still in the journal', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const started = Promise.withResolvers<void>();
  await client.registerTool({ name: 'slow' }, () => {
    started.resolve();
    return new Promise(() => undefined);
  });
  const { connection } = await client.server.status();
  await client.events.chain.enable();
  const submitted = client.proposal.submit({
    proposal: {
      actions: [
        { id: 'a', type: 'tool_call', tool: 'slow' },
        { id: 'b', type: 'tool_call', tool: 'slow' },
      ],
    },
  });
  submitted.catch(() => undefined); // its connection goes
  await started.promise;
  await daemon.state.removeSession(connection.client_id);
  const journal = daemon.journal(connection.client_id).map(({ kind, action_id }) => `${kind} ${action_id ?? ''}`);
  assert.deepEqual(journal.slice(-5), [
    'action_executing a',
    'action_failed a',
    'state_snapshot ',
    'state_rollback ',
    'action_skipped b',
  ]);
  const path = `${daemon.state.journalDir}/${connection.client_id}.jsonl`;
  const { problems, checkpoints } = await verifyJournal(path);
  assert.deepEqual([problems, checkpoints.isClosed], [[], true]);
});

// req: events.disk-refuses
test('while the disk refuses, events stay readable, and are written in order when it recovers', async () => {
  using folder = new TempFolder();
  const path = folder.join('journals', 'a.jsonl');
  const { log, said } = openLog(path);
  mkdirSync(dirname(path));
  symlinkSync(folder.join('elsewhere'), path); // journals are not written through links
  appendMany(log, 5);
  await nextTurn();
  assert.deepEqual(said, ['problem: ELOOP']);
  assert.deepEqual(await numbersKept(log), range(0, 5));
  assert.equal(await log.verifyChain(), undefined);
  log.enableChain();
  appendMany(log, 2_000, 5);
  await log.retain({ maxEvents: 10 });
  rmSync(path);
  appendMany(log, 1, 2_005);
  await nextTurn();
  assert.equal(said.at(-1), 'recovered, dropped 0');
  assert.deepEqual(await log.verifyChain(), { verified: 2_001 });
  await log[Symbol.asyncDispose]();
  assert.deepEqual((await verifyJournal(path, { publicKey: testKey })).problems, []);
});

// req: events.disk-refuses
test('events that even the queue for the disk has no room for are dropped, counted, and leave the chain whole', async () => {
  using folder = new TempFolder();
  const path = folder.join('journals', 'a.jsonl');
  const { log, said } = openLog(path);
  mkdirSync(dirname(path));
  symlinkSync(folder.join('elsewhere'), path);
  log.enableChain();
  const text = 'x'.repeat(100_000);
  for (let n = 0; n < 60; n++) {
    log.append('turn_completed', { data: { n, text } });
    await nextTurn();
  }
  rmSync(path);
  assert.ok(log.count < 60);
  appendMany(log, 1, 60);
  await nextTurn();
  assert.match(said.at(-1) ?? '', /^recovered, dropped \d+$/);
  appendMany(log, 1, 61);
  await log[Symbol.asyncDispose]();
  const { problems, chain } = await verifyJournal(path, { publicKey: testKey });
  assert.deepEqual(problems, []);
  assert.ok(chain.events > 40 && chain.events < 61, `${chain.events}`);
  assert.equal(numbersIn(path).at(-1), 61);
});

test('a log that was closed takes nothing more, and closes again without effect', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { log } = openLog(path);
  log.enableChain();
  appendMany(log, 1);
  await log[Symbol.asyncDispose]();
  const checkpoints = readFileSync(checkpointsPathOf(path), 'utf8');
  appendMany(log, 1, 1);
  await nextTurn();
  await log[Symbol.asyncDispose]();
  assert.deepEqual(numbersIn(path), [0]);
  assert.equal(readFileSync(checkpointsPathOf(path), 'utf8'), checkpoints);
});

test('a long read lets others have their turn, and ends when its caller is gone', async () => {
  using folder = new TempFolder();
  const { log } = openLog(folder.join('a.jsonl'));
  appendMany(log, 40_000);
  let turns = 0;
  let isReading = true;
  const count = (): void => {
    turns++;
    if (isReading) setImmediate(count);
  };
  setImmediate(count);
  assert.equal((await log.query({}, signal)).length, 40_000);
  isReading = false;
  assert.ok(turns > 2, `${turns}`);
  const gone = new AbortController();
  gone.abort(new Error('gone'));
  await assert.rejects(log.query({}, gone.signal), /gone/);
  await log[Symbol.asyncDispose]();
});
