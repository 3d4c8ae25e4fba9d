// Reads a memory's file back, a slice at a time so that nobody waits for a long one. What cannot be read is kept aside.
import { appendFileSync, readdirSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ingestRow, isCorruptLine, parseRecord, type CorruptLine, type MemoryEngine } from '@car-runtime/memory';
import { Pacer } from '../../../infra/pacer.ts';
import type { Logger } from '../../../kernel/logger.ts';
import { temporaryBeside } from './memory-names.ts';
import { parseRowsInSlices } from './row-array.ts';
import { writeRecords } from './write-records.ts';

const newline = 0x0a;

export interface LoadOptions {
  path: string;
  logger: Logger;
}

/** Fills an empty memory; how many bytes its file has then. A torn last line was never acknowledged and is cut off, so that
 *  nothing is ever put behind it. */
export async function loadMemory(engine: MemoryEngine, { path, logger }: LoadOptions): Promise<{ bytes: number }> {
  const bytes = await readIfAny(path);
  if (!bytes) return await loadLegacy(engine, path, logger);
  sweep(path);
  const end = bytes.lastIndexOf(newline) + 1;
  const corrupt = await replayInSlices(engine, bytes.subarray(0, end));
  if (end < bytes.length) truncateSync(path, end);
  for (const { number, why } of corrupt)
    logger.warn({ path, line: number, why }, 'corrupt line of a memory kept aside');
  if (corrupt.length === 0) return { bytes: end };
  keepAside(path, corrupt);
  return { bytes: await writeAnew(engine, path) };
}

/** Makes happen again what lines say happened, and returns those that say nothing. */
export async function replayInSlices(engine: MemoryEngine, bytes: Buffer): Promise<CorruptLine[]> {
  const corrupt: CorruptLine[] = [];
  const pacer = new Pacer();
  let number = 0;
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(newline, start);
    const line = bytes.toString('utf8', start, end === -1 ? bytes.length : end);
    start = end === -1 ? bytes.length : end + 1;
    number++;
    if (line !== '') {
      try {
        engine.replay(parseRecord(line));
      } catch (error) {
        if (!isCorruptLine(error)) throw error;
        corrupt.push({ number, text: line, why: error.message });
      }
    }
    if (pacer.isDue) await pacer.pause();
  }
  return corrupt;
}

async function writeAnew(engine: MemoryEngine, path: string): Promise<number> {
  const temporary = temporaryBeside(path);
  const size = await writeRecords(engine, temporary);
  renameSync(temporary, path);
  return size;
}

async function readIfAny(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes what was to take the file's place when the daemon ended. */
function sweep(path: string): void {
  const [folder, name] = [dirname(path), basename(path)];
  for (const entry of readdirSync(folder)) {
    if (entry.startsWith(`${name}.`) && /^[0-9a-f]{12}$/.test(entry.slice(name.length + 1)))
      rmSync(join(folder, entry), { force: true });
  }
}

function keepAside(path: string, corrupt: readonly CorruptLine[]): void {
  appendFileSync(`${path}.corrupt`, corrupt.map(({ text }) => `${text}\n`).join(''), { mode: 0o600 });
}

async function loadLegacy(engine: MemoryEngine, path: string, logger: Logger): Promise<{ bytes: number }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const legacyPath = path.replace(/\.jsonl$/, '.json');
  const bytes = await readIfAny(legacyPath);
  if (!bytes) return { bytes: 0 };
  const rows = await parseRowsInSlices(bytes);
  const pacer = new Pacer();
  for (const row of rows) {
    ingestRow(engine, row);
    if (pacer.isDue) await pacer.pause();
  }
  logger.info({ path: legacyPath, rows: rows.length }, 'memory of the older form read');
  return { bytes: await writeAnew(engine, path) };
}
