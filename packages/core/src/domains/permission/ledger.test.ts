import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ApprovalRecord } from '@car-runtime/protocol';
import { RecordingLogger, TempFolder } from '@car-runtime/testkit';
import { Health } from '../../kernel/health.ts';
import { Ledger, type LedgerLimits } from './ledger.ts';

const print = (index: number): string => index.toString(16).padStart(64, '0');

const record = (index: number, more: Partial<ApprovalRecord> = {}): ApprovalRecord => ({
  fingerprint: print(index),
  required_tier: 'full_access',
  decision: 'approved',
  reviewer: 'conn:x',
  reason: '',
  decided_at: '2026-01-02T03:04:05Z',
  ...more,
});

function openLedger(folder: TempFolder, limits?: Partial<LedgerLimits>) {
  const health = new Health();
  const logger = new RecordingLogger();
  const path = folder.join('root', 'approvals.jsonl');
  return { path, health, logger, ledger: new Ledger({ path, health, logger, limits }) };
}

// req: ledger.durable
test('a record is in the file when it counts, private, one to a line; the last of each fingerprint wins, also next time', () => {
  using folder = new TempFolder();
  const { ledger, path } = openLedger(folder);
  ledger.record([record(1), record(2, { decision: 'rejected' })]);
  ledger.record([record(1, { decision: 'rejected', reason: 'no' })]);
  assert.equal(readFileSync(path, 'utf8').trimEnd().split('\n').length, 3);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  ledger.record([record(2)]);
  for (const each of [ledger, openLedger(folder).ledger]) {
    assert.deepEqual([each.find(print(1))?.isApproved, each.find(print(2))?.isApproved], [false, true]);
    assert.deepEqual([each.mayReject('any'), each.size], [true, 2], 'nobody said of which tool');
  }
});

test('rejections of one tool cost nobody else a look', () => {
  using folder = new TempFolder();
  const { ledger } = openLedger(folder);
  assert.equal(ledger.mayReject('deploy'), false);
  ledger.record([
    record(1, { decision: 'rejected', tool: 'deploy' }),
    record(2, { decision: 'rejected', tool: 'deploy' }),
  ]);
  ledger.record([record(1, { tool: 'deploy' })]);
  assert.deepEqual(
    [ledger.mayReject('deploy'), ledger.mayReject('read'), ledger.mayReject(undefined)],
    [true, false, false],
  );
  ledger.record([record(2, { tool: 'deploy' })]);
  assert.equal(ledger.mayReject('deploy'), false);
});

// req: ledger.torn-tail
test('a torn last line counts for nothing and is never extended; lines that are none are left out', () => {
  using folder = new TempFolder();
  const first = openLedger(folder);
  first.ledger.record([record(1)]);
  appendFileSync(first.path, `not json\n{"fingerprint":7}\n${JSON.stringify(record(2)).slice(0, 50)}`);
  const second = openLedger(folder);
  assert.equal(second.ledger.size, 1);
  second.ledger.record([record(3)]);
  const third = openLedger(folder);
  assert.deepEqual(
    [1, 2, 3].map((index) => third.ledger.find(print(index))?.isApproved),
    [true, undefined, true],
  );
  assert.deepEqual(third.logger.records[0]?.fields['lines'], 3);
});

// req: ledger.shared
test('what another daemon on the same state root adds is seen, and so is a file that was made anew', () => {
  using folder = new TempFolder();
  const one = openLedger(folder).ledger;
  const { ledger: two, path } = openLedger(folder);
  one.record([record(1)]);
  two.refresh();
  assert.equal(two.find(print(1))?.isApproved, true);
  two.record([record(1, { decision: 'rejected' })]);
  one.refresh();
  assert.equal(one.find(print(1))?.isApproved, false);
  writeFileSync(path, `${JSON.stringify(record(5))}\n`);
  one.refresh();
  assert.deepEqual([one.find(print(1)), one.find(print(5))?.isApproved], [undefined, true]);
});

// req: ledger.not-stored
test('a decision that cannot be stored is refused and counts for nothing, and the daemon says that it is degraded', () => {
  using folder = new TempFolder();
  mkdirSync(folder.join('root'));
  const { ledger, path, health } = openLedger(folder);
  // Nothing is written through a link.
  symlinkSync(folder.join('elsewhere'), path);
  assert.throws(() => ledger.record([record(2)]), /Cannot record the decision/);
  assert.equal(ledger.find(print(2)), undefined);
  assert.match(health.problems.join(), /permission ledger/);
  unlinkSync(path);
  ledger.record([record(3)]);
  assert.deepEqual(health.problems, []);
});

// req: ledger.bounds
test('the oldest approvals are forgotten at the limit, rejections never: at theirs there is no room for another', () => {
  using folder = new TempFolder();
  const { ledger } = openLedger(folder, { maxApproved: 10, maxRejected: 3 });
  for (let index = 1; index <= 25; index++) ledger.record([record(index)]);
  assert.deepEqual([ledger.size, ledger.find(print(15)), ledger.find(print(16))?.isApproved], [10, undefined, true]);
  for (let index = 101; index <= 103; index++) ledger.record([record(index, { decision: 'rejected' })]);
  assert.throws(() => ledger.record([record(104, { decision: 'rejected' })]), /3 operations are rejected, the limit/);
  ledger.record([record(101, { decision: 'rejected' })]);
  ledger.record([record(102)]);
  ledger.record([record(104, { decision: 'rejected' })]);
  assert.deepEqual(
    [101, 102, 103, 104].map((index) => ledger.find(print(index))?.isApproved),
    [false, true, false, false],
  );
  const content = { programs: [{ name: 'x'.repeat(1_000), path: null, digest: null }], folder: null };
  const small = openLedger(folder, { maxBytes: 20_000 }).ledger;
  for (let index = 200; index < 300; index++) small.record([record(index, { content })]);
  assert.ok(small.size < 20 && small.find(print(299)) !== undefined);
});

// req: ledger.compaction
test('compacting keeps the last record of each fingerprint, with its words, and nothing else', () => {
  using folder = new TempFolder();
  const { ledger, path } = openLedger(folder);
  for (let round = 0; round < 400; round++)
    ledger.record([1, 2, 3].map((index) => record(index, { reason: `round ${round}` })));
  ledger.record([record(2, { decision: 'rejected', evidence: 'seen' })]);
  ledger.compact();
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as ApprovalRecord).reason),
    ['round 399', 'round 399', ''],
  );
  ledger.record([record(4)]);
  const again = openLedger(folder).ledger;
  assert.deepEqual(
    [1, 2, 3, 4].map((index) => again.find(print(index))?.isApproved),
    [true, false, true, true],
  );
});
