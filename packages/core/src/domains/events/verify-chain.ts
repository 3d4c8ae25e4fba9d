import { fstatSync } from 'node:fs';
import { openToRead } from '../../journal/read-lines.ts';
import { JournalCheck, type JournalReport } from '../../journal/verify-journal.ts';
import type { ChainState } from './hash-chain.ts';

/** `tamperedAt` is the index of the first line, from 0, that is not what was written, or that is missing. */
export type ChainVerdict = { verified: number } | { tamperedAt: number };

/** Reads a journal as it stands on disk and holds it against the chain its writer knows. What is appended meanwhile is
 *  left out. */
export async function verifyChain(path: string, chain: ChainState): Promise<ChainVerdict> {
  const { count, removed, head } = chain;
  const check = new JournalCheck(path, undefined);
  let file: ReturnType<typeof openToRead>;
  try {
    file = openToRead(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return count === removed ? { verified: 0 } : { tamperedAt: 0 };
  }
  using _open = file;
  await check.read(file.descriptor, fstatSync(file.descriptor).size);
  const report = check.report();
  const bad = firstBadIndex(report);
  if (bad !== undefined) return { tamperedAt: bad };
  const { events, firstLine = 1 } = report.chain;
  // A file may be consistent in itself and still not be the one that was written.
  if (events < count - removed || (events > 0 && report.chain.head !== head)) return { tamperedAt: report.lines };
  return events > count - removed ? { tamperedAt: firstLine - 1 } : { verified: events };
}

function firstBadIndex({ problems, lines }: JournalReport): number | undefined {
  const indexes = problems.flatMap(({ kind, line }) => {
    if (kind === 'missing_end') return lines;
    return line === undefined ? [] : line - 1;
  });
  return indexes.length === 0 ? undefined : Math.min(...indexes);
}
