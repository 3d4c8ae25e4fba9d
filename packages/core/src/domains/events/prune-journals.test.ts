import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit';
import { pruneJournals } from './prune-journals.ts';

const day = 86_400;

function write(folder: TempFolder, name: string, ageDays: number): void {
  writeFileSync(folder.join(name), '');
  const time = Date.now() / 1_000 - ageDays * day;
  utimesSync(folder.join(name), time, time);
}

// req: events.pruning
test('a journal goes with its checkpoints and leftovers, by the newest of them, and other files stay', async () => {
  using folder = new TempFolder();
  write(folder, 'new.jsonl', 0);
  write(folder, 'old.jsonl', 40);
  write(folder, 'old.checkpoints.jsonl', 40);
  write(folder, 'old.jsonl.tmp', 40);
  write(folder, 'signed.jsonl', 40);
  write(folder, 'signed.checkpoints.jsonl', 10);
  write(folder, 'orphan.checkpoints.jsonl', 40);
  write(folder, 'notes.txt', 400);
  write(folder, '.jsonl', 400);
  mkdirSync(folder.join('dir.jsonl'));
  assert.equal(await pruneJournals(folder.path, { maxFiles: 10, maxAgeDays: 30 }), 2);
  assert.deepEqual(readdirSync(folder.path).toSorted(), [
    '.jsonl',
    'dir.jsonl',
    'new.jsonl',
    'notes.txt',
    'signed.checkpoints.jsonl',
    'signed.jsonl',
  ]);
  assert.equal(await pruneJournals(folder.path, { maxFiles: 1, maxAgeDays: 30 }), 1);
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => name.startsWith('signed')),
    [],
  );
});

test('a folder that is not there has nothing to prune', async () => {
  using folder = new TempFolder();
  assert.equal(await pruneJournals(folder.join('none'), { maxFiles: 0, maxAgeDays: 0 }), 0);
});
