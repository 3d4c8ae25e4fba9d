// The thread that reads and writes the files of `memory.persist` and `memory.load`.
import { parentPort } from 'node:worker_threads';
import type { JobAnswer, JobMessage } from '../../infra/job-worker.ts';
import { runFileJob, type FileJob } from './files.ts';

parentPort?.on('message', ({ id, job }: JobMessage) => {
  let message: JobAnswer;
  try {
    message = { id, value: runFileJob(job as FileJob) };
  } catch (error) {
    message = { id, fault: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
});
