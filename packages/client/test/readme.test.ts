// The examples of the README, run against a real daemon.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const program = fileURLToPath(new URL('../../server/src/car-server.ts', import.meta.url));

// req: client.readme
test('the examples of the README do what they show', async (t) => {
  const env = { PATH: process.env['PATH'], CAR_HOME: mkdtempSync(join(tmpdir(), 'car-readme-')) };
  t.after(() => rmSync(env.CAR_HOME, { recursive: true, force: true }));
  const daemon = spawn(process.execPath, [program, '--port', '0'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await Promise.race([
      once(daemon.stdout, 'data'),
      once(daemon, 'exit').then(() => assert.fail('the daemon did not start')),
    ]);
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const outputs: string[] = [];
    for (const [, example = ''] of readme.matchAll(/```ts\n(.*?)```/gs)) {
      const args = ['--input-type=module-typescript', '--eval', example];
      outputs.push((await promisify(execFile)(process.execPath, args, { env, cwd: import.meta.dirname })).stdout);
    }
    assert.deepEqual(outputs, ['succeeded HELLO!\n', 'connected 0\n']);
  } finally {
    const ended = once(daemon, 'exit');
    if (daemon.exitCode === null && daemon.kill()) await ended;
  }
});
