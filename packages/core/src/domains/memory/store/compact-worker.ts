// The thread that writes a memory's file anew: it reads the old one and writes the fewest lines that make the same memory.
import { closeSync, constants, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { compactRecords, MemoryEngine, replayLines } from '@car-runtime/memory';
import type { JobAnswer, JobMessage } from '../../../infra/job-worker.ts';

export interface CompactJob {
  readonly from: string;
  /** Bytes of the old file to read; what comes behind them is appended afterwards. */
  readonly bytes: number;
  /** A file that does not exist yet. */
  readonly to: string;
}

const chunkChars = 1 << 20;

parentPort?.on('message', ({ id, job }: JobMessage) => {
  let message: JobAnswer;
  try {
    message = { id, value: compactFile(job as CompactJob) };
  } catch (error) {
    message = { id, fault: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
});

/** Bytes of the new file. */
function compactFile({ from, bytes, to }: CompactJob): number {
  const engine = new MemoryEngine();
  replayLines(engine, readStart(from, bytes).split('\n'));
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const descriptor = openSync(to, flags, 0o600);
  try {
    let written = 0;
    let text = '';
    for (const record of compactRecords(engine)) {
      text += `${JSON.stringify(record)}\n`;
      if (text.length < chunkChars) continue;
      written += writeSync(descriptor, text);
      text = '';
    }
    written += writeSync(descriptor, text);
    fsyncSync(descriptor);
    return written;
  } finally {
    closeSync(descriptor);
  }
}

function readStart(path: string, bytes: number): string {
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const buffer = Buffer.allocUnsafe(bytes);
    let read = 0;
    while (read < bytes) {
      const got = readSync(descriptor, buffer, read, bytes - read, read);
      if (got === 0) throw new Error(`${path} is shorter than it was`);
      read += got;
    }
    return buffer.toString('utf8');
  } finally {
    closeSync(descriptor);
  }
}
