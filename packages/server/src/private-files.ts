// Folders and files that only their owner may read: 0700 and 0600, never through a link, never in a folder where
// somebody else could swap them.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { StartError } from './errors.ts';

const groupOrOtherWrite = 0o022;
const groupOrOtherAny = 0o077;

/** Why a folder is not safe to keep private files in, or `undefined` when it is. */
export function folderProblem(info: Stats): string | undefined {
  if (info.isSymbolicLink()) return 'it is a symbolic link';
  if (!info.isDirectory()) return 'it is not a folder';
  const uid = process.geteuid?.();
  if (uid === undefined) return undefined; // no owners and modes on this platform
  if (info.uid !== uid) return `it belongs to user ${info.uid}, not to user ${uid}`;
  if (info.mode & groupOrOtherWrite) return `others can write to it (mode ${modeText(info.mode)})`;
  return undefined;
}

/** Makes sure of a folder of our own with mode 0700. Throws `StartError` with the reason when it must not be used. */
export function ensurePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const info = lstatSync(path);
    const problem = folderProblem(info);
    if (problem) throw new Error(problem);
    if (isOpenToOthers(info)) chmodSync(path, 0o700);
  } catch (error) {
    throw StartError.of(`use folder ${path}`, error);
  }
}

/** Whether group or others may do anything at all with it. */
export function isOpenToOthers({ mode }: Stats): boolean {
  return process.geteuid !== undefined && (mode & groupOrOtherAny) !== 0;
}

/** Writes a file of mode 0600 under a name of its own and renames it into place, so that a reader sees the old text or
 *  the new one, whole, and a link that somebody put there is replaced, not followed. */
export function writePrivateFile(folder: string, name: string, text: string): void {
  const temporary = join(folder, `.${name}.${randomBytes(6).toString('hex')}`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  const descriptor = openSync(temporary, flags, 0o600);
  try {
    try {
      writeSync(descriptor, text);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, join(folder, name));
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}

function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
