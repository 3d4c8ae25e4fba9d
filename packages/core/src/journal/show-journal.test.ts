import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit';
import { eventLine, makeJournal, testKey, toText, writeJournal } from '../../test/written-journal.ts';
import { formatJournalLine, formatJournalReport, readJournal } from './show-journal.ts';
import { verifyJournal } from './verify-journal.ts';

test('a journal is shown an event a line, bad and unfinished lines by number', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  writeJournal(
    path,
    `${eventLine(1)}\nnonsense\n{"kind":"x","proposal_id":"p","data":{"a b":[1]},"timestamp":"t"}\n{"ki`,
  );
  const shown: string[] = [];
  for await (const line of readJournal(path)) shown.push(formatJournalLine(line));
  assert.deepEqual(shown, [
    '2026-01-31T10:00:00.000Z  action_succeeded  step-1  -  tool="lookup" text="éx"',
    'line 2: not an event',
    't  x                 -  p  "a b"=[1]',
    'line 4: unfinished, its writer was stopped',
  ]);
});

test('what would move a terminal or turn text around is shown as an escape', () => {
  const event = { kind: 'x\u001b[2J', data: { text: '\u009b2J\u202e', 'na\u0007me': 1 }, timestamp: 't\r\n' };
  assert.equal(
    formatJournalLine({ number: 1, event, isTorn: false }),
    String.raw`t\u000d\u000a  x\u001b[2J             -  -  text="\u009b2J\u202e" "na\u0007me"=1`,
  );
});

test('a report says in sentences what was found', async () => {
  using folder = new TempFolder();
  const path = folder.join('a.jsonl');
  const { lines, checkpoints } = makeJournal('a', { plain: 1, chained: 4, every: 2 });
  writeJournal(path, toText(lines), toText(checkpoints));
  assert.deepEqual(formatJournalReport(await verifyJournal(path, { publicKey: testKey })), [
    `${path}: 5 lines`,
    'hash chain: intact, 4 events from line 2',
    'checkpoints: 4, signed by the given key, 0 events since the last; the session was closed',
    'no tampering found',
  ]);
  writeJournal(path, toText(lines.slice(0, 4)), toText(checkpoints.slice(0, 3)));
  assert.deepEqual(formatJournalReport(await verifyJournal(path)).slice(1), [
    'hash chain: broken, 3 events from line 2',
    'checkpoints: 3, signatures not checked, 0 events since the last; the session is open or was cut off',
    'line 4: events missing after this one: 1',
    'TAMPERED',
  ]);
});
