import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { test, type TestContext } from 'node:test';
import { RecordingLogger, TempFolder } from '@car-runtime/testkit';
import { OpenHandles } from '../../../infra/append-file.ts';
import { Health } from '../../../kernel/health.ts';
import { encodeEnded, encodeStarted, encodeTurn } from '../records.ts';
import { JsonlRunStore, type JsonlRunStoreOptions } from './jsonl-run-store.ts';
import { createFileAccess, type FileAccess } from './run-file.ts';
import type { IsStored } from './run-store.ts';

const at = '2026-01-02T03:04:05.678Z';
const live = (): boolean => false;

function started(runId: string, agentId = 'a', started_at = at): string {
  return encodeStarted({ run_id: runId, agent_id: agentId, intent: `intent of ${runId}`, started_at });
}

function turn(index: number, tool = 't'): string {
  return encodeTurn(index, JSON.stringify({ tool, verifier_verdict: 'not_run' }));
}

function ended(runId: string, agentId = 'a', ended_at = at): string {
  return encodeEnded({ run_id: runId, agent_id: agentId, termination: { kind: 'incomplete' }, ended_at });
}

/** A disk that can refuse, with an error or in the middle of a write. */
class FaultyDisk implements FileAccess {
  readonly handles = new OpenHandles();
  readonly #real = createFileAccess(this.handles);
  /** Bytes it still takes; then it is full. */
  room = Number.POSITIVE_INFINITY;
  writes = 0;

  write(descriptor: number, bytes: Uint8Array, offset: number): number {
    if (this.room <= 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    this.writes++;
    const taken = Math.min(this.room, bytes.length - offset);
    this.room -= taken;
    this.#real.write(descriptor, bytes.subarray(0, offset + taken), offset);
    return taken;
  }
}

function openStore(folder: TempFolder, options: Partial<JsonlRunStoreOptions> = {}) {
  const health = new Health();
  const logger = new RecordingLogger();
  const root = folder.join('runs');
  const store = new JsonlRunStore({ root, health, logger, ...options });
  /** Everything that was appended, by run. */
  const all = new Map<string, string[]>();
  const send = (runId: string, lines: string[], agentId: string): IsStored | Promise<IsStored> => {
    const before = all.get(runId) ?? [];
    all.set(runId, [...before, ...lines]);
    return store.append(
      { runId, agentId },
      {
        lines,
        turns: lines.filter((line) => line.startsWith('{"record":"turn"')).length,
        isEnd: lines.some((line) => line.startsWith('{"record":"ended"')),
        history: () => before,
      },
    );
  };
  const append = (runId: string, lines: string[], agentId = 'a'): IsStored => {
    const answer = send(runId, lines, agentId);
    assert.equal(typeof answer, 'boolean', 'nothing to wait for');
    return answer as IsStored;
  };
  const appendSynced = async (runId: string, lines: string[]): Promise<IsStored> => await send(runId, lines, 'a');
  const file = (runId: string, agentId = 'a'): string => `${root}/${agentId}/${runId}.jsonl`;
  const linesOf = (runId: string, agentId = 'a'): string[] => {
    const text = readFileSync(file(runId, agentId), 'utf8');
    assert.ok(text.endsWith('\n'), 'the last line is whole');
    return text.slice(0, -1).split('\n');
  };
  return { store, health, logger, root, append, appendSynced, all, file, linesOf };
}

// req: runs.one-write
test('the records of a call are one write behind those of the calls before', async () => {
  using folder = new TempFolder();
  const disk = new FaultyDisk();
  const { store, append, all, linesOf } = openStore(folder, { access: disk });
  assert.equal(append('r', [started('r')]), true);
  assert.equal(append('r', [turn(0), turn(1), turn(2)]), true);
  assert.equal(append('s', [started('s')]), true);
  assert.equal(append('r', [turn(3), ended('r')]), true);
  assert.equal(disk.writes, 4);
  assert.deepEqual(linesOf('r'), all.get('r'));
  assert.equal(disk.handles.size, 1, 'a file that has ended is closed');
  await store[Symbol.asyncDispose]();
});

// req: runs.disk-refuses, runs.refused-records-kept
test('what a full disk refuses waits and is written in order before anything later; a partial line is cut back', async () => {
  using folder = new TempFolder();
  const disk = new FaultyDisk();
  const { store, health, append, all, file, linesOf, logger } = openStore(folder, { access: disk });
  append('r', [started('r')]);
  disk.room = 20;
  assert.equal(append('r', [turn(0), turn(1)]), false);
  assert.deepEqual(linesOf('r'), [started('r')], 'nothing of the refused batch is left');
  assert.equal(append('r', [turn(2)]), false);
  assert.deepEqual(health.problems, ['runs: ENOSPC: no space left on device']);
  assert.ok(logger.records.every(({ level }) => level === 'warn'));
  const trace = await store.read('r');
  assert.equal(trace?.records.length, 4, 'a trace has them all the same');
  disk.room = Number.POSITIVE_INFINITY;
  assert.equal(append('r', [turn(3)]), true);
  assert.deepEqual(linesOf('r'), all.get('r'));
  assert.deepEqual(health.problems, []);
  await store[Symbol.asyncDispose]();
  assert.equal(readFileSync(file('r'), 'utf8').split('\n').length, 6);
});

// req: runs.refused-records-kept
test('a run that ended while the disk refused is written by itself once the disk takes it', async (context: TestContext) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  using folder = new TempFolder();
  const disk = new FaultyDisk();
  disk.room = 0;
  const { store, health, append, all, linesOf } = openStore(folder, { access: disk });
  for (const runId of ['r', 's']) {
    append(runId, [started(runId)]);
    append(runId, [turn(0)]);
    assert.equal(append(runId, [ended(runId)]), false);
  }
  context.mock.timers.tick(1_000);
  assert.equal(health.problems.length, 1);
  disk.room = Number.POSITIVE_INFINITY;
  context.mock.timers.tick(1_000);
  assert.deepEqual(health.problems, []);
  for (const runId of ['r', 's']) assert.deepEqual(linesOf(runId), all.get(runId));
  await store[Symbol.asyncDispose]();
});

// req: runs.refused-records-bounded
test('past the bound the rest of a run stays off disk, and its end says how much', async () => {
  using folder = new TempFolder();
  const disk = new FaultyDisk();
  const { store, append, linesOf } = openStore(folder, { access: disk, maxPendingBytes: 10_000 });
  append('r', [started('r')]);
  disk.room = 0;
  let kept = 0;
  for (let index = 0; index < 400; index++) {
    append('r', [turn(index)]);
    const records = (await store.read('r'))?.records.length ?? 0;
    kept = records - 1;
  }
  assert.ok(kept > 100 && kept < 200, `${kept}`);
  assert.equal((await store.read('r'))?.lostTurns, 400 - kept);
  disk.room = Number.POSITIVE_INFINITY;
  assert.equal(append('r', [turn(400)]), false, 'nothing goes behind what is missing');
  assert.equal(linesOf('r').length, 1 + kept);
  append('r', [ended('r')]);
  const lines = linesOf('r');
  assert.equal(lines.length, 2 + kept);
  assert.equal((JSON.parse(lines.at(-1) ?? '') as { lost_turns: number }).lost_turns, 401 - kept);
  assert.equal((await store.read('r'))?.lostTurns, 401 - kept);
  await store[Symbol.asyncDispose]();
});

// req: runs.disk-refuses
test('a folder that is removed, or replaced by a file, is made again with all of every run in progress', async () => {
  using folder = new TempFolder();
  const { store, root, append, all, linesOf, health } = openStore(folder);
  append('r', [started('r'), turn(0)]);
  rmSync(root, { recursive: true });
  assert.equal(append('r', [turn(1)]), true);
  assert.deepEqual(linesOf('r'), all.get('r'));

  renameSync(root, `${root}-away`);
  writeFileSync(root, 'a file');
  assert.equal(append('r', [turn(2)]), true, 'the handle still leads to the file that was moved away');
  append('s', [started('s')]);
  assert.match(health.problems.join(), /ENOTDIR|EEXIST/);
  rmSync(root);
  assert.equal(append('s', [turn(0)]), true);
  assert.deepEqual(linesOf('s'), all.get('s'));
  assert.deepEqual(health.problems, []);
  await store[Symbol.asyncDispose]();
});

test(
  'a device that is always full refuses every write and breaks nothing',
  { skip: !existsSync('/dev/full') },
  async () => {
    using folder = new TempFolder();
    const handles = new OpenHandles();
    handles.open = () => new OpenHandles().open('/dev/full');
    const { store, append, health } = openStore(folder, { access: createFileAccess(handles) });
    assert.equal(append('r', [started('r')]), false);
    assert.equal(append('r', [turn(0), ended('r')]), false);
    assert.match(health.problems.join(), /ENOSPC/);
    await store[Symbol.asyncDispose]();
  },
);

// req: runs.adoption, runs.torn-tail
test('runs an earlier start left open are ended as incomplete, behind their last whole line', async () => {
  using folder = new TempFolder();
  const { store, root, file, linesOf, append } = openStore(folder);
  mkdirSync(`${root}/a`, { recursive: true });
  mkdirSync(`${root}/%42`, { recursive: true });
  writeFileSync(file('whole'), `${started('whole')}\n${turn(0)}\n`);
  writeFileSync(file('torn'), `${started('torn')}\n\n${turn(0)}\n${turn(1).slice(0, -3)}`);
  writeFileSync(file('unended'), `${started('unended')}\n${turn(0)}`);
  writeFileSync(file('done'), `${started('done')}\n${ended('done')}\n`);
  writeFileSync(file('empty'), '');
  writeFileSync(file('noise'), 'no json at all');
  writeFileSync(file('x', '%42'), `${started('x', 'B')}\n`);
  append('mine', [started('mine')]);
  assert.equal(await store.adoptOrphans((runId) => runId === 'unended'), 3);
  for (const [runId, turns] of [
    ['whole', 1],
    ['torn', 1],
  ] as const) {
    const lines = linesOf(runId).filter((line) => line !== '');
    assert.equal(lines.length, 2 + turns, runId);
    const end = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
    assert.deepEqual({ ...end, ended_at: at }, JSON.parse(ended(runId)));
    assert.ok(Date.parse(String(end['ended_at'])) > Date.parse(at));
  }
  assert.equal(await store.adoptOrphans(live), 1, 'the one that was live');
  assert.deepEqual(linesOf('unended').slice(0, 2), [started('unended'), turn(0)]);
  assert.equal(await store.adoptOrphans(live), 0);
  assert.equal(readFileSync(file('noise'), 'utf8'), 'no json at all');
  assert.deepEqual(
    new Set((await store.list('a')).map(({ run_id, status }) => `${run_id} ${status}`)),
    new Set(['done incomplete', 'mine in_progress', 'torn incomplete', 'unended incomplete', 'whole incomplete']),
  );
  await store[Symbol.asyncDispose]();
});

// req: runs.torn-tail
test('what a crash left of the first line of a run is no run, and goes when the run is started again', async () => {
  using folder = new TempFolder();
  const { store, root, file, append, linesOf } = openStore(folder);
  mkdirSync(`${root}/a`, { recursive: true });
  for (const [runId, left] of [
    ['empty', ''],
    ['torn', started('torn').slice(0, 30)],
  ] as const) {
    writeFileSync(file(runId), left);
    assert.equal(await store.ownerOf(runId), undefined);
    append(runId, [started(runId)]);
    append(runId, [turn(0)]);
    assert.deepEqual(linesOf(runId), [started(runId), turn(0)]);
  }
  await store[Symbol.asyncDispose]();
});

// req: runs.reading
test('files of other writers are read: spellings of the end, nulls, blank lines, and what is no record', async () => {
  using folder = new TempFolder();
  const { store, root, file } = openStore(folder);
  mkdirSync(`${root}/a`, { recursive: true });
  const outcome = { status: 'success', summary: 's', evidence: [], metrics: {}, timestamp: at };
  const spellings: [unknown, string][] = [
    ['incomplete', 'incomplete'],
    ['Incomplete', 'incomplete'],
    [{ kind: 'incomplete' }, 'incomplete'],
    [{ outcome }, 'completed'],
    [{ Outcome: outcome }, 'completed'],
    [{ kind: 'outcome', outcome }, 'completed'],
  ];
  for (const [index, [termination]] of spellings.entries()) {
    const end = JSON.stringify({ record: 'ended', run_id: `r${index}`, agent_id: 'a', termination, ended_at: at });
    const odd = '{"tool":null,"record":"turn","index":0,"verifier_verdict":"v"}';
    writeFileSync(file(`r${index}`), `\n${started(`r${index}`)}\nnonsense\n[1]\n${odd}\n{"record":"other"}\n${end}\n`);
  }
  for (const [index, [, status]] of spellings.entries()) {
    const run = await store.read(`r${index}`);
    assert.equal(run?.status, status);
    assert.deepEqual(run?.records[1], { record: 'turn', index: 0, verifier_verdict: 'v' });
    const [end] = run?.records.slice(-1) ?? [];
    assert.ok(end?.record === 'ended' && end.termination.kind === (status === 'completed' ? 'outcome' : 'incomplete'));
  }
  assert.deepEqual(
    (await store.list('a')).map(({ status, turn_count }) => `${status} ${turn_count}`),
    spellings.map(([, status]) => `${status} 1`),
  );
  writeFileSync(file('other'), `${started('r0')}\n`);
  assert.equal(await store.read('other'), undefined, 'a file under the name of another run is nobody');
  assert.equal((await store.list('a')).length, spellings.length);
  await store[Symbol.asyncDispose]();
});

// req: runs.list-order, runs.index-rebuilt
test('a list is newest first, sees what came and went, and needs no index that was there before', async () => {
  using folder = new TempFolder();
  const times = [
    '2026-01-01T00:00:00Z',
    '2026-01-03T00:00:00.5Z',
    '2026-01-03T00:00:00Z',
    '2026-01-02T00:00:00.123456789Z',
  ];
  const first = openStore(folder);
  for (const [index, time] of times.entries())
    first.append(`r${index}`, [started(`r${index}`, 'a', time), ended(`r${index}`)]);
  const idsOf = async ({ store }: { store: JsonlRunStore }): Promise<string[]> =>
    (await store.list('a')).map(({ run_id }) => run_id);
  const newestFirst = ['r1', 'r2', 'r3', 'r0'];
  assert.deepEqual(await idsOf(first), newestFirst);
  writeFileSync(first.file('r4'), `${started('r4', 'a', '2026-01-04T00:00:00Z')}\n`);
  rmSync(first.file('r2'));
  assert.deepEqual(await idsOf(first), ['r4', 'r1', 'r3', 'r0']);
  appendFileSync(first.file('r4'), `${turn(0)}\n`);
  assert.equal((await first.store.list('a'))[0]?.turn_count, 1);
  assert.equal(await first.store.ownerOf('r4'), 'a');
  assert.equal(await first.store.ownerOf('r2'), undefined);
  assert.deepEqual(await first.store.list('nobody'), []);
  await first.store[Symbol.asyncDispose]();
  assert.equal(statSync(`${first.root}/.index.sqlite`).mode & 0o777, 0o600);

  const expected = ['r4', 'r1', 'r3', 'r0'];
  const damages: (() => void)[] = [
    () => undefined,
    () => rmSync(`${first.root}/.index.sqlite`),
    () => writeFileSync(`${first.root}/.index.sqlite`, 'no database'),
    () => {
      rmSync(`${first.root}/.index.sqlite`);
      mkdirSync(`${first.root}/.index.sqlite`);
    },
  ];
  for (const damage of damages) {
    damage();
    const again = openStore(folder);
    assert.deepEqual(await idsOf(again), expected);
    await again.store[Symbol.asyncDispose]();
  }
});

// req: runs.retention
test('ended runs past the number or the age go, with their folder when it is empty; open ones stay and take no place', async () => {
  using folder = new TempFolder();
  const { store, root, append } = openStore(folder);
  const day = (ago: number): string => new Date(Date.now() - ago * 86_400_000).toISOString();
  for (let n = 0; n < 6; n++) append(`r${n}`, [started(`r${n}`, 'a', day(n)), ended(`r${n}`, 'a', day(n))]);
  append('open', [started('open', 'a', day(400))]);
  append('old', [started('old', 'b', day(31)), ended('old', 'b', day(31))], 'b');
  append('late', [started('late', 'c', day(100)), ended('late', 'c', day(29))], 'c');
  assert.equal(await store.collectGarbage({ maxPerAgent: 0, maxAgeDays: -1 }), 0, 'no limit');
  assert.equal(await store.collectGarbage({ maxPerAgent: 4, maxAgeDays: 30 }), 3);
  assert.deepEqual(readdirSync(`${root}/a`).toSorted(), ['open.jsonl', 'r0.jsonl', 'r1.jsonl', 'r2.jsonl', 'r3.jsonl']);
  assert.deepEqual([existsSync(`${root}/b`), existsSync(`${root}/c`)], [false, true]);
  assert.deepEqual(
    (await store.list('a')).map(({ run_id }) => run_id),
    ['r0', 'r1', 'r2', 'r3', 'open'],
  );
  await store[Symbol.asyncDispose]();
});

// req: runs.fsync
test('with fsync an answer waits for the medium, and those that wait together share a flush', async () => {
  using folder = new TempFolder();
  const { store, appendSynced, linesOf } = openStore(folder, { isSynced: true });
  const answers = [appendSynced('r', [started('r')])];
  for (let index = 0; index < 50; index++) answers.push(appendSynced('r', [turn(index)]));
  assert.equal(linesOf('r').length, 51, 'with the operating system at once');
  assert.deepEqual(new Set(await Promise.all(answers)), new Set([true]));
  rmSync(folder.join('runs', 'a'), { recursive: true });
  assert.equal(await appendSynced('r', [turn(50)]), true);
  await store[Symbol.asyncDispose]();
});

// req: runs.search
test('a search finds text, status and time, newest first, whatever the text has in it', async () => {
  using folder = new TempFolder();
  const { store, append } = openStore(folder);
  const intents = ['Fix 100% of it', 'fix_this', "'; DROP TABLE runs; --", 'other'];
  for (const [index, intent] of intents.entries()) {
    const [run_id, agent_id] = [`r${index}`, index % 2 ? 'b' : 'a'];
    append(
      run_id,
      [
        encodeStarted({ run_id, agent_id, intent, started_at: `2026-01-0${index + 1}T00:00:00Z` }),
        ...(index === 3 ? [] : [ended(run_id, agent_id)]),
      ],
      agent_id,
    );
  }
  const found = async (query: object): Promise<string[]> =>
    (await store.search({ limit: 10, ...query })).map(({ run_id }) => run_id);
  assert.deepEqual(await found({}), ['r3', 'r2', 'r1', 'r0']);
  assert.deepEqual(await found({ text: 'FIX' }), ['r1', 'r0']);
  assert.deepEqual(await found({ text: '100%' }), ['r0']);
  assert.deepEqual(await found({ text: 'x_t' }), ['r1']);
  assert.deepEqual(await found({ text: "'; DROP" }), ['r2']);
  assert.deepEqual(await found({ agentId: 'b' }), ['r3', 'r1']);
  assert.deepEqual(await found({ status: 'in_progress' }), ['r3']);
  assert.deepEqual(await found({ since: '2026-01-03T00:00:00+00:00', limit: 1 }), ['r3']);
  const place = { startedMs: Date.parse('2026-01-03T00:00:00Z'), runId: 'r2' };
  assert.deepEqual(await found({ after: place }), ['r1', 'r0']);
  assert.deepEqual(await found({ after: { ...place, runId: 'r1' }, limit: 2 }), ['r2', 'r1']);
  await store[Symbol.asyncDispose]();
});
