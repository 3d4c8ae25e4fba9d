import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { TempFolder } from '@car-runtime/testkit';
import {
  chainLines,
  eventLine,
  makeJournal,
  testKey,
  testSigner,
  toText,
  writeJournal,
} from '../../test/written-journal.ts';
import { chainStart, hashOfLine, linkLine, readLink } from './chain.ts';
import { signCheckpoint } from './checkpoint.ts';
import { checkpointsPathOf } from './paths.ts';
import { formatJournalLine, formatJournalReport, readJournal } from './show-journal.ts';
import { verifyJournal, type JournalReport } from './verify-journal.ts';

const numRuns = process.env['CAR_TEST_LONG'] ? 5_000 : 100;

/** Damage to a file as bytes, as somebody with an editor or a bad disk does it. */
type Damage =
  | { kind: 'flip'; at: number; mask: number }
  | { kind: 'drop bytes'; at: number; count: number }
  | { kind: 'insert bytes'; at: number; bytes: Uint8Array }
  | { kind: 'drop line'; line: number }
  | { kind: 'repeat line'; line: number }
  | { kind: 'swap lines'; line: number; other: number }
  | { kind: 'keep first'; line: number }
  | { kind: 'keep last'; line: number };

const place = fc.nat({ max: 1_000_000 });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: place, mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('drop bytes' as const), at: place, count: fc.integer({ min: 1, max: 2_000 }) }),
  fc.record({
    kind: fc.constant('insert bytes' as const),
    at: place,
    bytes: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.constant(Buffer.from(`${eventLine(1)}\n`))),
  }),
  fc.record({ kind: fc.constant('drop line' as const), line: place }),
  fc.record({ kind: fc.constant('repeat line' as const), line: place }),
  fc.record({ kind: fc.constant('swap lines' as const), line: place, other: place }),
  fc.record({ kind: fc.constant('keep first' as const), line: place }),
  fc.record({ kind: fc.constant('keep last' as const), line: place }),
);

function damaged(file: Buffer, what: Damage): Buffer {
  if ('at' in what) {
    const at = what.at % file.length;
    if (what.kind === 'flip') {
      const copy = Buffer.from(file);
      copy[at] = (copy[at] as number) ^ what.mask;
      return copy;
    }
    const [rest, middle] = what.kind === 'drop bytes' ? [what.count, ''] : [0, what.bytes];
    return Buffer.concat([file.subarray(0, at), Buffer.from(middle), file.subarray(at + rest)]);
  }
  const lines = file.toString().split('\n').slice(0, -1);
  const at = what.line % lines.length;
  const line = lines[at] as string;
  if (what.kind === 'drop line') lines.splice(at, 1);
  else if (what.kind === 'repeat line') lines.splice(at, 0, line);
  else if (what.kind === 'keep first') lines.splice(at);
  else if (what.kind === 'keep last') lines.splice(0, at);
  else if (what.kind === 'swap lines') {
    const other = what.other % lines.length;
    lines[at] = lines[other] as string;
    lines[other] = line;
  }
  return Buffer.from(toText(lines));
}

function isSuspicious({ problemCount, isTorn }: JournalReport): boolean {
  return problemCount > 0 || isTorn;
}

// req: events.chain-format
test('a line is hashed without its hash member, so a verifier needs nothing but its bytes', () => {
  const { line, hash: linked } = linkLine('{"kind":"turn_completed","data":{"é":1},"timestamp":"t"}', chainStart);
  const bytes = Buffer.from(line);
  const hashed = `{"kind":"turn_completed","data":{"é":1},"timestamp":"t","prev_hash":"${chainStart}"}`;
  assert.equal(linked, hash('sha256', hashed));
  assert.equal(line, `${hashed.slice(0, -1)},"hash":"${linked}"}`);
  assert.deepEqual(readLink(bytes), { previous: chainStart, hash: linked });
  assert.equal(hashOfLine(bytes), linked);
  assert.equal(readLink(Buffer.from(eventLine(1))), undefined);
});

// req: events.verify-offline
test('an untouched journal verifies, with and without the key', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { lines, hashes, checkpoints } = makeJournal('a', { plain: 2, chained: 10 });
  writeJournal(path, toText(lines), toText(checkpoints));
  const chain = { state: 'intact', events: 10, removed: 0, firstLine: 3, head: hashes[9] };
  const report = {
    path,
    lines: 12,
    isTorn: false,
    chain,
    checkpoints: { state: 'trusted', records: 4, uncoveredEvents: 0, isClosed: true, keyIds: [testSigner.keyId] },
    isTruncated: { start: false, end: false },
    problems: [],
    problemCount: 0,
  };
  assert.deepEqual(await verifyJournal(path, { publicKey: testKey }), report);
  const pem = testKey.export({ type: 'spki', format: 'pem' }) as string;
  assert.deepEqual(await verifyJournal(path, { publicKey: pem }), report);
  const withoutKey = await verifyJournal(path);
  assert.equal(withoutKey.checkpoints.state, 'unverified');
  rmSync(checkpointsPathOf(path));
  const alone = await verifyJournal(path);
  assert.deepEqual([alone.checkpoints.state, alone.checkpoints.uncoveredEvents], ['none', 10]);
  assert.equal(alone.problemCount, 0);
});

// req: events.tamper-evident
test('whatever is flipped, dropped, inserted, repeated, reordered or cut off in a signed journal shows', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const shape = fc.record({ chained: fc.integer({ min: 1, max: 30 }), every: fc.integer({ min: 3, max: 12 }) });
  await fc.assert(
    fc.asyncProperty(shape, damage, async (size, what) => {
      const { lines, checkpoints } = makeJournal('a', size);
      const file = Buffer.from(toText(lines));
      const bad = damaged(file, what);
      fc.pre(!bad.equals(file));
      writeJournal(path, bad, toText(checkpoints));
      const report = await verifyJournal(path, { publicKey: testKey });
      assert.ok(isSuspicious(report), JSON.stringify(what));
      // And up to the line it names the file is no longer what it was.
      if (report.firstBadLine === undefined) return;
      const before = bad.toString('latin1').split('\n').slice(0, report.firstBadLine);
      assert.ok(!file.toString('latin1').startsWith(`${before.join('\n')}\n`) || report.isTruncated.end);
    }),
    { numRuns },
  );
});

// req: events.tamper-evident
test('whatever is done to the checkpoints shows, but for cutting off the last: then the session looks open', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  await fc.assert(
    fc.asyncProperty(damage, async (what) => {
      const { lines, checkpoints } = makeJournal('a', { chained: 10, every: 3 });
      const file = Buffer.from(toText(checkpoints));
      const bad = damaged(file, what);
      fc.pre(!bad.equals(file));
      writeJournal(path, toText(lines), bad);
      const report = await verifyJournal(path, { publicKey: testKey });
      assert.ok(isSuspicious(report) || !report.checkpoints.isClosed, JSON.stringify(what));
    }),
    { numRuns },
  );
});

// req: events.truncation-shows
test('an end made anew with a true chain is not the one that was signed', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { lines, hashes, checkpoints } = makeJournal('a', { chained: 10, every: 4 });
  const forged = chainLines([eventLine(100), eventLine(101), ...[6, 7, 8, 9].map(eventLine)], hashes[3]);
  writeJournal(path, toText([...lines.slice(0, 4), ...forged.lines]), toText(checkpoints));
  const report = await verifyJournal(path, { publicKey: testKey });
  assert.equal(report.chain.state, 'broken');
  assert.deepEqual(report.problems, [
    { kind: 'not_as_signed', message: 'event 8 of the chain is not the one that was signed', line: 8 },
    { kind: 'missing_end', message: 'the last signed event is missing', line: 10 },
  ]);
});

// req: events.truncation-shows
test('a cut at either end is told apart, and a journal that is gone altogether shows', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { lines, checkpoints } = makeJournal('a', { chained: 10, every: 4 });
  const check = async (kept: string[]): Promise<JournalReport> => {
    writeJournal(path, toText(kept), toText(checkpoints));
    return await verifyJournal(path, { publicKey: testKey });
  };
  const end = await check(lines.slice(0, 7));
  assert.deepEqual(end.isTruncated, { start: false, end: true });
  assert.deepEqual(end.problems, [{ kind: 'missing_end', message: 'events missing after this one: 3', line: 7 }]);
  const start = await check(lines.slice(2));
  assert.deepEqual(start.isTruncated, { start: true, end: false });
  assert.equal(start.firstBadLine, 1);
  const all = await check([]);
  assert.deepEqual(all.isTruncated, { start: false, end: true });
  rmSync(path);
  assert.deepEqual((await verifyJournal(path, { publicKey: testKey })).problems, all.problems);
  rmSync(checkpointsPathOf(path));
  await assert.rejects(verifyJournal(path), { code: 'ENOENT' });
});

// req: events.truncation-shows
test('events before the chain may be changed, but neither added nor taken away', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { lines, checkpoints } = makeJournal('a', { plain: 2, chained: 3 });
  const problemsOf = async (kept: string[], records = checkpoints): Promise<(string | undefined)[]> => {
    writeJournal(path, toText(kept), toText(records));
    return (await verifyJournal(path, { publicKey: testKey })).problems.map(({ message }) => message);
  };
  assert.deepEqual(await problemsOf([eventLine(77), ...lines.slice(1)]), []);
  assert.deepEqual(await problemsOf([eventLine(77), ...lines]), ['events before the chain: 3, signed: 2']);
  assert.deepEqual(await problemsOf(lines.slice(1)), ['events before the chain: 1, signed: 2']);
  const { checkpoints: empty } = makeJournal('a', { plain: 2, chained: 0 });
  assert.deepEqual(await problemsOf(lines.slice(0, 2), empty), []);
  assert.deepEqual(await problemsOf([], empty), ['events before the chain: 0, signed: 2']);
});

// req: events.truncation-shows
test('a beginning that retention took is known by its signature only', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { lines, hashes, checkpoints } = makeJournal('a', { chained: 10, every: 20 });
  const base = hashes[5] as string;
  const cut = { count: 10, head: hashes[9] as string, removed: 6, base, plain: 0 };
  const record = {
    journal: 'a',
    seq: 2,
    reason: 'compacted',
    ...cut,
    timestamp: 't',
    key_id: testSigner.keyId,
  } as const;
  writeJournal(path, toText(lines.slice(6)), toText([...checkpoints, signCheckpoint(record, testSigner.sign)]));
  const { problemCount, chain } = await verifyJournal(path, { publicKey: testKey });
  assert.deepEqual([problemCount, chain.events, chain.removed], [0, 4, 6]);
  writeJournal(path, toText(lines.slice(7)));
  assert.equal((await verifyJournal(path, { publicKey: testKey })).isTruncated.start, true);
});

// req: events.verify-offline
test('checkpoints of another key, of another journal, or with one missing are not believed', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { lines, checkpoints } = makeJournal('a', { chained: 10, every: 4 });
  const { checkpoints: others } = makeJournal('b', { chained: 10, every: 4 });
  const problemsWith = async (records: readonly string[]): Promise<string[]> => {
    writeJournal(path, toText(lines), toText(records));
    return (await verifyJournal(path, { publicKey: testKey })).problems.map(({ message }) => message);
  };
  assert.deepEqual(await problemsWith([...checkpoints.slice(0, 1), ...checkpoints.slice(2)]), [
    'checkpoint 1 is missing before number 2',
  ]);
  assert.deepEqual(await problemsWith(others.slice(0, 1)), ['checkpoint 0: belongs to journal "b", not to "a.jsonl"']);
  const foreign = (checkpoints[0] as string).replace(testSigner.keyId, '0123456789abcdef');
  assert.deepEqual(await problemsWith([foreign]), [
    `checkpoint 0: signed with key 0123456789abcdef, not with ${testSigner.keyId}`,
  ]);
});

// req: events.hostile-journal
test('no file makes the verifier or the printer fail, and nothing printed moves a terminal', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const good = makeJournal('a', { chained: 3, every: 2 });
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom(...good.lines, ...good.checkpoints).map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record({
        kind: fc.string({ unit: 'binary' }),
        action_id: fc.string({ unit: 'binary' }),
        data: fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        timestamp: fc.string({ unit: 'binary' }),
      })
      .map((event) => Buffer.from(JSON.stringify(event))),
  );
  const file = fc.array(line, { maxLength: 8 }).map((lines) => Buffer.from(lines.flatMap((each) => [...each, 10])));
  await fc.assert(
    fc.asyncProperty(file, fc.option(file, { nil: undefined }), async (journal, checkpoints) => {
      rmSync(checkpointsPathOf(path), { force: true });
      writeJournal(path, journal, checkpoints);
      const printed = formatJournalReport(await verifyJournal(path, { publicKey: testKey }));
      for await (const each of readJournal(path)) printed.push(formatJournalLine(each));
      // oxlint-disable-next-line no-control-regex
      for (const text of printed) assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
    }),
    { numRuns },
  );
});

// req: events.hostile-journal
test('an endless line, deep nesting and a wrong shape are bad lines', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const wrong = ['{}', 'null', '[]', '"text"', '{"kind":1,"data":{},"timestamp":"t"}', deep, ''];
  const tooLong = Buffer.concat([Buffer.alloc(33 * 1024 * 1024, 'x'), Buffer.from('\n')]);
  writeJournal(path, Buffer.concat([Buffer.from(toText([eventLine(1), ...wrong])), tooLong]));
  const report = await verifyJournal(path);
  assert.equal(report.lines, 9);
  assert.deepEqual(
    report.problems.map(({ kind, line }) => [kind, line]),
    [2, 3, 4, 5, 6, 7, 8, 9].map((number) => ['malformed_line', number]),
  );
});

// req: events.torn-tail
test('an unfinished last line is reported and is no tampering', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { lines, checkpoints } = makeJournal('a', { chained: 6, every: 3 });
  writeJournal(path, `${toText(lines.slice(0, 5))}${lines[5]?.slice(0, 40)}`, toText(checkpoints.slice(0, 2)));
  const report = await verifyJournal(path, { publicKey: testKey });
  assert.deepEqual([report.lines, report.isTorn, report.problemCount], [5, true, 0]);
  assert.deepEqual([report.checkpoints.isClosed, report.checkpoints.uncoveredEvents], [false, 2]);
});
