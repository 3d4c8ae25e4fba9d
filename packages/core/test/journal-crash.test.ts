import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit';
import { verifyJournal } from '../src/journal/verify-journal.ts';

const rounds = process.env['CAR_TEST_LONG'] ? 40 : 3;

/** Runs the writer until it acknowledged so many times, kills it, and returns how many events it acknowledged. */
async function killWhileAppending(path: string, keyDir: string, acknowledgements: number): Promise<number> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'journal-writer.ts'), path, keyDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(writer, 'exit');
  let acknowledged = 0;
  let left = acknowledgements;
  for await (const line of createInterface(writer.stdout)) {
    acknowledged = Number(line);
    if (--left === 0) writer.kill('SIGKILL');
  }
  await exited;
  return acknowledged;
}

// req: events.crash
test('a writer killed while it appends leaves at most one unfinished line and no acknowledged event is missing', async () => {
  using folder = new TempFolder();
  for (let round = 0; round < rounds; round++) {
    const path = folder.join('journals', `r${round}.jsonl`);
    const acknowledged = await killWhileAppending(path, folder.path, 1 + Math.floor(Math.random() * 200));
    const publicKey = readFileSync(folder.join('journal-key.pub'), 'utf8');
    const { lines, problems, checkpoints } = await verifyJournal(path, { publicKey });
    assert.deepEqual(problems, []);
    assert.ok(lines >= acknowledged, `${lines} of ${acknowledged} acknowledged`);
    assert.equal(checkpoints.isClosed, false);
  }
});
