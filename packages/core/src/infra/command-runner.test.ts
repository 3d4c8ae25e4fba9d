import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TempFolder } from '@car-runtime/testkit';
import { CommandRunner, TooManyCommandsError, type CommandOptions } from './command-runner.ts';
import { allProcessIds, environmentOf } from './processes.ts';

/** Processes whose variables have this value. */
const marked = (value: string): number[] =>
  allProcessIds().filter((pid) => [...environmentOf(pid).values()].includes(value));

async function runIn(options: Omit<CommandOptions, 'cwd'>) {
  using folder = new TempFolder();
  using runner = new CommandRunner();
  const { durationMs: _duration, ...result } = await runner.run({ cwd: folder.path, ...options });
  return result;
}

// req: command.result
test('a command answers with its exit status and the end of what it wrote', async () => {
  assert.deepEqual(await runIn({ command: 'echo out; echo err >&2; exit 3' }), {
    exitCode: 3,
    output: 'out\nerr\n',
    isTruncated: false,
    endedBy: undefined,
  });
  const long = await runIn({ command: 'yes 0123456789 | head -c 1000000; echo the end', maxKeptBytes: 100 });
  assert.deepEqual([long.exitCode, long.isTruncated, long.output.length], [0, true, 100]);
  assert.match(long.output, /the end\n$/);
  assert.equal((await runIn({ command: 'kill -9 $$' })).exitCode, null);
  assert.equal((await runIn({ command: 'cat' })).exitCode, 0, 'there is nothing to read');
  await assert.rejects(
    new CommandRunner().run({ command: 'true', cwd: '/nowhere/at/all' }),
    /is no folder that exists/,
  );
});

// req: command.ended
test('a command that hangs, floods or is cancelled is ended, with everything it started', async () => {
  const hang = 'trap "" TERM INT HUP; sleep 600 & (setsid sleep 600 &) ; sleep 600';
  const mark = `mark-${process.pid}-${Math.random()}`;
  const timedOut = await runIn({ command: `export MARK=${mark}; ${hang}`, timeoutMs: 300 });
  assert.deepEqual([timedOut.exitCode, timedOut.endedBy], [null, 'timeout']);
  const flooded = await runIn({ command: `export MARK=${mark}; sleep 600 & yes`, maxOutputBytes: 1_000_000 });
  assert.deepEqual([flooded.exitCode, flooded.endedBy, flooded.output.length], [null, 'flood', 32 * 1024]);
  const controller = new AbortController();
  const running = runIn({ command: `export MARK=${mark}; ${hang}`, signal: controller.signal });
  setImmediate(() => controller.abort(new Error('enough')));
  assert.equal((await running).endedBy, 'cancel');
  const left = await runIn({ command: `export MARK=${mark}; sleep 600 & (setsid sleep 600 &) ; exit 0` });
  assert.deepEqual([left.exitCode, left.endedBy], [0, undefined]);
  assert.deepEqual(marked(mark), [], 'nothing is left of any');
});

// req: command.environment
test('a command gets what programs need, and no credential', async () => {
  process.env['SOME_API_KEY'] = 'secret-value';
  const { output } = await runIn({ command: 'env' });
  delete process.env['SOME_API_KEY'];
  assert.doesNotMatch(output, /secret-value/);
});

// req: command.bounds
test('so many commands run at once, so many wait, and one that is cancelled waits no more', async () => {
  using folder = new TempFolder();
  using runner = new CommandRunner({ concurrency: 1 });
  const stop = new AbortController();
  const first = runner.run({ command: 'sleep 600', cwd: folder.path, signal: stop.signal });
  const gone = new AbortController();
  const second = runner.run({ command: 'true', cwd: folder.path, signal: gone.signal });
  const third = runner.run({ command: 'true', cwd: folder.path });
  assert.deepEqual(runner.load, { running: 1, waiting: 2 });
  gone.abort(new Error('no more'));
  assert.equal((await second).endedBy, 'cancel');
  const waiting = Array.from({ length: 255 }, () =>
    runner.run({ command: 'true', cwd: folder.path, signal: stop.signal }).catch(() => undefined),
  );
  await assert.rejects(runner.run({ command: 'true', cwd: folder.path }), TooManyCommandsError);
  stop.abort(new Error('enough'));
  assert.equal((await first).endedBy, 'cancel');
  assert.equal((await third).exitCode, 0);
  await Promise.all(waiting);
  assert.deepEqual(runner.load, { running: 0, waiting: 0 });
});
