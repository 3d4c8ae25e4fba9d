// The thread of job-worker.test.ts: does what its jobs say.
import { parentPort } from 'node:worker_threads';
import type { JobAnswer, JobMessage } from '../src/infra/job-worker.ts';

type Job =
  | { kind: 'echo'; value: unknown }
  | { kind: 'problem' | 'fault'; message: string }
  | { kind: 'untilStopped' | 'forever' | 'exit' | 'throw' | 'hoard' };

let jobs = 0;

parentPort?.on('message', ({ id, job, stop }: JobMessage) => {
  jobs++;
  answer(run(id, job as Job, new Int32Array(stop)));
});

function run(id: number, job: Job, stop: Int32Array): JobAnswer {
  switch (job.kind) {
    case 'echo':
      return { id, value: { value: job.value, jobs, env: Object.keys(process.env) } };
    case 'problem':
      return { id, problem: job.message };
    case 'fault':
      return { id, fault: job.message };
    case 'untilStopped':
      while (Atomics.load(stop, 0) === 0);
      return { id, value: 'stopped' };
    case 'forever':
      for (;;);
    case 'exit':
      process.exit(3);
    case 'throw':
      throw new Error('thrown in the thread');
    case 'hoard': {
      const hoard: number[][] = [];
      for (;;) hoard.push(Array.from({ length: 10_000 }, () => Math.random()));
    }
  }
}

function answer(message: JobAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
}
