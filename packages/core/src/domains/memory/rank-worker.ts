// The thread that ranks what would hold up the event loop. It keeps nothing: every job brings what it reads.
import { parentPort } from 'node:worker_threads';
import { runRankJob, type RankJob } from '@car-runtime/memory';
import type { JobAnswer, JobMessage } from '../../infra/job-worker.ts';

parentPort?.on('message', ({ id, job }: JobMessage) => {
  let message: JobAnswer;
  try {
    message = { id, value: runRankJob(job as RankJob) };
  } catch (error) {
    message = { id, fault: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
});
