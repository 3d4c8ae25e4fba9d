// A memory as a file of its own, in slices.
import { compactRecords, type MemoryEngine } from '@car-runtime/memory';
import { Pacer } from '../../../infra/pacer.ts';
import { writeFileSynced } from '../../../infra/private-file.ts';

/** Characters of records that are put together before they are encoded. */
const chunkChars = 1 << 18;

/** Writes a memory that nobody else has yet to a file that is not there yet; its bytes. */
export async function writeRecords(engine: MemoryEngine, path: string): Promise<number> {
  const pieces: Buffer[] = [];
  const pacer = new Pacer();
  let text = '';
  for (const record of compactRecords(engine)) {
    text += `${JSON.stringify(record)}\n`;
    if (text.length > chunkChars) {
      pieces.push(Buffer.from(text));
      text = '';
    }
    if (pacer.isDue) await pacer.pause();
  }
  pieces.push(Buffer.from(text));
  await writeFileSynced(path, pieces);
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
