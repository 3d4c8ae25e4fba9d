// Reads a memory's file back, a slice at a time so that nobody waits for a long one. What cannot be read is kept aside.
import { appendFileSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  ingestRows,
  isCorruptLine,
  parseRecord,
  parseRows,
  type CorruptLine,
  type MemoryEngine,
} from '@car-runtime/memory';
import type { Logger } from '../../../kernel/logger.ts';

/** Longest stretch of replaying without a pause. */
const maxBusyMs = 4;
const newline = 0x0a;

export interface Loaded {
  /** Bytes of the file that hold records. */
  readonly bytes: number;
  readonly corrupt: readonly CorruptLine[];
  /** It was read from a file of the older form, so nothing of it is in the new one yet. */
  readonly isLegacy: boolean;
}

/** Fills an empty memory. A torn last line was never acknowledged and is cut off, so that nothing is ever put behind it. */
export async function loadMemory(engine: MemoryEngine, path: string, logger: Logger): Promise<Loaded> {
  const bytes = await readIfAny(path);
  if (!bytes) return loadLegacy(engine, path, logger);
  const end = bytes.lastIndexOf(newline) + 1;
  if (end < bytes.length) truncateSync(path, end);
  const corrupt = await replay(engine, bytes.subarray(0, end));
  for (const { number, why } of corrupt)
    logger.warn({ path, line: number, why }, 'corrupt line of a memory kept aside');
  if (corrupt.length > 0) keepAside(path, corrupt);
  return { bytes: end, corrupt, isLegacy: false };
}

async function readIfAny(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function replay(engine: MemoryEngine, bytes: Buffer): Promise<CorruptLine[]> {
  const corrupt: CorruptLine[] = [];
  let number = 0;
  let pauseAt = performance.now() + maxBusyMs;
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(newline, start);
    const line = bytes.toString('utf8', start, end);
    start = end + 1;
    number++;
    if (line !== '') {
      try {
        engine.replay(parseRecord(line));
      } catch (error) {
        if (!isCorruptLine(error)) throw error;
        corrupt.push({ number, text: line, why: error.message });
      }
    }
    if (number % 64 === 0 && performance.now() > pauseAt) {
      await nextTurn();
      pauseAt = performance.now() + maxBusyMs;
    }
  }
  return corrupt;
}

function keepAside(path: string, corrupt: readonly CorruptLine[]): void {
  appendFileSync(`${path}.corrupt`, corrupt.map(({ text }) => `${text}\n`).join(''), { mode: 0o600 });
}

function loadLegacy(engine: MemoryEngine, path: string, logger: Logger): Loaded {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const legacyPath = path.replace(/\.jsonl$/, '.json');
  let text: string;
  try {
    text = readFileSync(legacyPath, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { bytes: 0, corrupt: [], isLegacy: false };
    throw error;
  }
  const rows = parseRows(text);
  ingestRows(engine, rows);
  logger.info({ path: legacyPath, rows: rows.length }, 'memory of the older form read');
  return { bytes: 0, corrupt: [], isLegacy: true };
}
