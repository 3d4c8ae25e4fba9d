// Files with secrets: mode 0600 in folders of mode 0700, replaced whole or not at all, never through a link.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readRegular } from './regular-file.ts';

const groupOrOtherAny = 0o077;
/** Larger than any that is written. */
const maxFileBytes = 256 * 1024 * 1024;

/** Makes a folder with mode 0700, and takes from an existing one what others may do with it. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  tighten(path, 0o700);
}

/** The text of a file, which afterwards nobody else may read; `undefined` when there is none. */
export function readPrivateFile(path: string): string | undefined {
  try {
    tighten(path, 0o600);
    return readRegular(path, maxFileBytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces a file. A reader sees the old text or the new one, whole; so does the next start after a loss of power, unless
 *  `isSynced` is false. */
export function writePrivateFile(path: string, text: string, { isSynced = true } = {}): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const descriptor = openSync(temporary, flags, 0o600);
  try {
    try {
      const bytes = Buffer.from(text);
      for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
      if (isSynced) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Makes a file that is not there yet, of these bytes one after the other, and waits until the medium has them. */
export async function writeFileSynced(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const file = await open(path, flags, 0o600);
  try {
    for (const piece of pieces) await file.writeFile(piece);
    await file.sync();
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

function tighten(path: string, mode: number): void {
  const info = lstatSync(path);
  if (info.isSymbolicLink()) throw new Error(`${path} is a symbolic link`);
  if (process.geteuid !== undefined && (info.mode & groupOrOtherAny) !== 0) chmodSync(path, mode);
}
