// The thread of the file tools: synchronous calls that may take their time, away from the event loop.
import { parentPort } from 'node:worker_threads';
import type { JobAnswer, JobMessage } from '../../../infra/job-worker.ts';
import { PathProblem } from '../../../infra/rooted-path.ts';
import { runJob, type FileJob, type RootJob } from './jobs.ts';

parentPort?.on('message', ({ id, job, stop }: JobMessage) => {
  void runJob(job as RootJob | FileJob, stop).then(
    (value) => answer({ id, value }),
    (error: unknown) =>
      answer(error instanceof PathProblem ? { id, problem: error.message } : { id, fault: faultOf(error) }),
  );
});

function answer(message: JobAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
}

function faultOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
