import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { JobError, JobWorker, type JobWorkerOptions } from './job-worker.ts';

const module = new URL('../../test/sample-job-worker.ts', import.meta.url);

function createWorker(options: Partial<JobWorkerOptions> = {}): JobWorker {
  return new JobWorker({ module, name: 'sample', limitMs: 20_000, maxWaiting: 10, ...options });
}

async function echo(worker: JobWorker, value: unknown): Promise<{ value: unknown; jobs: number; env: string[] }> {
  return (await worker.run({ kind: 'echo', value })) as { value: unknown; jobs: number; env: string[] };
}

test('a worker thread starts with its first job, and does one after another in order', async () => {
  await using worker = createWorker();
  assert.equal(worker.isStarted, false);
  const answers = await Promise.all([1, 2, 3].map((value) => echo(worker, value)));
  assert.deepEqual(
    answers.map(({ value, jobs }) => [value, jobs]),
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  );
  assert.deepEqual([worker.load, worker.isStarted], [0, true]);
});

test('a worker thread sees nothing of the environment', async () => {
  await using worker = createWorker();
  assert.deepEqual((await echo(worker, null)).env, []);
});

test('a problem is for the caller, a fault is ours, and neither ends the thread', async () => {
  await using worker = createWorker();
  await assert.rejects(worker.run({ kind: 'problem', message: 'no such thing' }), (error: Error) => {
    assert.ok(error instanceof JobError);
    return error.message === 'no such thing';
  });
  await assert.rejects(worker.run({ kind: 'fault', message: 'oops' }), (error: Error) => {
    assert.ok(!(error instanceof JobError));
    return error.message === 'oops';
  });
  assert.equal((await echo(worker, 1)).jobs, 3);
});

// req: builtins.thread-limit
test('a job that does not come back loses its thread, and those behind it get a new one', async () => {
  await using worker = createWorker({ limitMs: 2_000 });
  const lost = worker.run({ kind: 'forever' });
  const next = echo(worker, 'next');
  await assert.rejects(lost, { name: 'JobError', message: 'it took longer than 2 s' });
  assert.equal((await next).jobs, 1);
});

test('a thread that ends or throws takes only the job it had with it', async () => {
  await using worker = createWorker({ resourceLimits: { maxOldGenerationSizeMb: 32 } });
  for (const [kind, message] of [
    ['exit', /ended \(3\)/],
    ['throw', /thrown in the thread/],
    ['hoard', /memory limit/],
  ] as const) {
    const lost = worker.run({ kind });
    const next = echo(worker, kind);
    await assert.rejects(lost, message);
    assert.deepEqual(await next.then(({ value, jobs }) => [value, jobs]), [kind, 1]);
  }
});

test('aborting asks a running job to stop and takes a waiting one away', async () => {
  await using worker = createWorker();
  const [running, waiting] = [new AbortController(), new AbortController()];
  const first = worker.run({ kind: 'untilStopped' }, running.signal);
  const second = worker.run({ kind: 'forever' }, waiting.signal);
  const third = echo(worker, 'third');
  waiting.abort(new Error('second is not wanted'));
  await assert.rejects(second, /second is not wanted/);
  assert.equal(worker.load, 2);
  running.abort(new Error('first is not wanted'));
  await assert.rejects(first, /first is not wanted/);
  assert.equal((await third).jobs, 2);
  await assert.rejects(worker.run({ kind: 'echo' }, AbortSignal.abort(new Error('too late'))), /too late/);
});

test('jobs that wait are bounded', async () => {
  await using worker = createWorker({ maxWaiting: 2 });
  const controller = new AbortController();
  const first = worker.run({ kind: 'untilStopped' }, controller.signal);
  const waiting = [echo(worker, 1), echo(worker, 2)];
  await assert.rejects(echo(worker, 3), { name: 'JobError', message: '2 others wait for the same; try again later' });
  controller.abort(new Error('enough'));
  await assert.rejects(first, /enough/);
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ value }) => value),
    [1, 2],
  );
});

test('an idle thread is ended, and the next job starts another', async () => {
  await using worker = createWorker({ idleMs: 20 });
  assert.equal((await echo(worker, 1)).jobs, 1);
  while (worker.isStarted) await delay(5);
  assert.equal((await echo(worker, 2)).jobs, 1);
});

test('a job that cannot be sent is refused, and those behind it are not', async () => {
  await using worker = createWorker();
  const bad = worker.run({ kind: 'echo', value: () => 1 });
  const next = echo(worker, 1);
  await assert.rejects(bad, { name: 'DataCloneError' });
  assert.equal((await next).value, 1);
});

test('closing rejects what runs and what waits, at once, and twice is the same as once', async () => {
  const worker = createWorker();
  const jobs = [worker.run({ kind: 'forever' }), echo(worker, 1)];
  const outcomes = Promise.allSettled(jobs);
  await worker[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  assert.deepEqual(
    (await outcomes).map((outcome) => outcome.status === 'rejected' && (outcome.reason as Error).message),
    ['the daemon is shutting down', 'the daemon is shutting down'],
  );
  await assert.rejects(echo(worker, 2), /shutting down/);
});

test('a busy thread does not hold the event loop', async () => {
  await using worker = createWorker();
  const controller = new AbortController();
  const job = worker.run({ kind: 'untilStopped' }, controller.signal);
  // Were the loop held, not one of these would come.
  for (let turns = 0; turns < 20; turns++) await delay(1);
  controller.abort(new Error('enough'));
  await assert.rejects(job, /enough/);
});
