import { constants, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { replacementPathOf } from '../../journal/paths.ts';
import { openToRead } from '../../journal/read-lines.ts';

const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/**
 * Puts a shorter file in a journal's place, whole or not at all: `kept`, and what was appended behind byte `end` of the
 * old one meanwhile. The long part is written and synced while others work; then `settle` hands what is queued to the
 * old file, closes it, and says whether the replacement may go on. `onReplaced` is called in the same turn as the new file takes
 * its place, before anybody can look at it.
 */
export async function replaceJournal(
  path: string,
  kept: readonly Buffer[],
  end: number,
  settle: () => boolean,
  onReplaced: () => void,
): Promise<void> {
  const temporary = replacementPathOf(path);
  rmSync(temporary, { force: true }); // of a daemon that was killed
  const file = await open(temporary, flags, 0o600);
  try {
    for (const piece of kept) await file.appendFile(piece);
    await file.sync();
    // One block, so that nothing is appended to the old file between its last bytes being read and the rename.
    if (!settle()) return;
    writeFileSync(file.fd, readFrom(path, end));
    renameSync(temporary, path);
    onReplaced();
  } finally {
    await file.close();
    rmSync(temporary, { force: true });
  }
}

function readFrom(path: string, start: number): Buffer {
  using file = openToRead(path);
  const pieces: Buffer[] = [];
  for (let position = start; ;) {
    const piece = Buffer.allocUnsafe(64 * 1024);
    const read = readSync(file.descriptor, piece, 0, piece.length, position);
    if (read === 0) return Buffer.concat(pieces);
    pieces.push(piece.subarray(0, read));
    position += read;
  }
}
