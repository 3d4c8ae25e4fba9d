// Every benchmark runs and says something; whether it is fast enough is for a quiet machine to tell.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { findChromium } from '@car-runtime/testkit';
import { benchmarks } from './benchmarks.ts';
import type { Row } from './harness/report.ts';

const main = join(import.meta.dirname, 'main.ts');
const run = promisify(execFile);

for (const name of Object.keys(benchmarks)) {
  test(`npm run bench ${name} measures and prints every row`, async (t) => {
    if (name === 'console' && findChromium(t) === undefined) return;
    const folder = mkdtempSync(join(tmpdir(), 'car-bench-test-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'rows.json');
    const { stdout } = await run(process.execPath, [main, name, '--short', '--json', file]);
    const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[] };
    assert.ok(rows.length > 0);
    for (const { benchmark, value } of rows) {
      assert.ok(Number.isFinite(value), `${benchmark}: ${value}`);
      assert.ok(stdout.includes(benchmark), stdout);
    }
  });
}

test('a benchmark that is not there is named, and so are those that are', async () => {
  const error = await run(process.execPath, [main, 'nothing']).then(
    () => undefined,
    (failure: { code: number; stderr: string }) => failure,
  );
  assert.equal(error?.code, 1);
  assert.match(error?.stderr ?? '', /No benchmark "nothing"; there are rpc, callback, /);
});
