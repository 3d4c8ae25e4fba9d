import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit';
import { measureQuality } from './quality.ts';

const program = join(import.meta.dirname, 'main.ts');

const timeline = {
  track: 'supersession',
  initial_state: { environment: { now: '2030-01-01T10:00:00' } },
  events: [
    { type: 'conversation_turn', ts: '2030-01-01T10:01:00', speaker: 'user', text: 'We meet in Ghent.' },
    { type: 'state_write', ts: '2030-01-01T10:01:00', writes: [{ id: 'a', key: 'place', value: 'Ghent' }] },
    {
      type: 'supersession',
      ts: '2030-01-01T10:09:00',
      writes: [{ id: 'b', key: 'place_2', value: 'Bruges', supersedes: 'a' }],
    },
    {
      type: 'query',
      ts: '2030-01-01T10:10:00',
      prompt: 'Where do we meet?',
      ground_truth: { must_mention: ['Bruges', 'never told'], must_not_mention: ['Ghent'] },
    },
  ],
};
const conversation = {
  id: '1',
  turns: [
    { id: 'x', speaker: 'Ada', text: 'My cello is old.', date: '1:00 pm on 1 May, 2030' },
    { id: 'y', speaker: 'Bo', text: 'Nice day.', date: '1:00 pm on 1 May, 2030' },
  ],
  qa: [{ question: 'How old are the cellos of Ada?', category: 4, evidence: ['x'] }],
};

test('quality is measured beside the classic ranking and the baselines', () => {
  using folder = new TempFolder();
  writeFileSync(folder.join('statebench-dev.jsonl'), `${JSON.stringify(timeline)}\n`);
  writeFileSync(folder.join('locomo-dev.json'), JSON.stringify([conversation]));
  const tables = measureQuality(folder.path);
  const of = (table: string, measure: string) => tables[table]?.find((line) => line.measure === measure)?.values;
  assert.deepEqual(of('statebench-dev', 'coverage'), { ours: 1, classic: 1, 'everything / BM25': 1 });
  assert.deepEqual(of('statebench-dev', 'resurrection'), { ours: 0, classic: 0, 'everything / BM25': 1 });
  assert.deepEqual(of('statebench-dev', 'carry-over'), { ours: 0, classic: 1, 'everything / BM25': 1 });
  assert.equal(of('locomo-dev', 'recall@10')?.['ours'], 1);
});

test('without data nothing is measured, and that is said aloud', () => {
  using folder = new TempFolder();
  for (const args of [[], ['--data', folder.path]]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [0, '']);
    assert.match(stderr, /^SKIPPED: the quality of the memory was not measured/);
  }
  writeFileSync(folder.join('locomo-dev.json'), JSON.stringify([conversation]));
  const { stdout } = spawnSync(process.execPath, [program, '--data', folder.path], { encoding: 'utf8' });
  assert.match(stdout, /recall@10/);
});
