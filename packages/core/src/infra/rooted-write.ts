// Replacing a file beneath a root as one step: a temporary file beside it, forced to the disk, then renamed over it. Who
// reads meanwhile sees the old content or the new one. A link at the name is replaced or refused, never written through.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import type { Place } from './rooted-files.ts';
import type { Folder } from './rooted-folder.ts';
import { askingSystem, PathProblem } from './rooted-path.ts';

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Puts `bytes` at a place: over the file that was there when the place was located, or as a new one. */
export function replaceFile({ folder, name, info: replaced }: Place, bytes: Uint8Array): void {
  if (replaced && !replaced.isFile())
    throw new PathProblem(
      replaced.isDirectory()
        ? 'it is a folder'
        : replaced.isSymbolicLink()
          ? 'it is a symbolic link; name the file it leads to'
          : 'it is not a regular file',
    );
  // Renaming needs no right to write the file itself; whoever made it read-only meant it.
  if (replaced) askingSystem(() => closeSync(openSync(folder.at(name), O_WRONLY | O_NOFOLLOW | O_NONBLOCK)));
  folder.assertInPlace();
  const temporary = `.car-${randomBytes(8).toString('hex')}.tmp`;
  const descriptor = askingSystem(() =>
    openSync(folder.at(temporary), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, replaced ? 0o600 : 0o666),
  );
  let isOurs = true;
  try {
    try {
      askingSystem(() => fill(folder, temporary, descriptor, bytes, replaced));
    } finally {
      closeSync(descriptor);
    }
    folder.assertInPlace();
    assertUnchanged(folder, name, replaced);
    askingSystem(() => {
      if (replaced) renameSync(folder.at(temporary), folder.at(name));
      else publish(folder, temporary, name);
    });
    isOurs = false;
    syncFolder(folder);
  } finally {
    if (isOurs) removeQuietly(folder, temporary);
  }
}

function fill(
  folder: Folder,
  temporary: string,
  descriptor: number,
  bytes: Uint8Array,
  replaced: BigIntStats | undefined,
): void {
  const info = fstatSync(descriptor, { bigint: true });
  folder.assertHolds(temporary, descriptor, info);
  for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
  if (replaced) {
    keepOwner(descriptor, info, replaced);
    // Without set-user-id and its like: a kernel drops them on a write as well.
    fchmodSync(descriptor, Number(replaced.mode & 0o777n));
  }
  fsyncSync(descriptor);
}

/** A new file belongs to this process; only root can give it back to whom the old one belonged. */
function keepOwner(descriptor: number, own: BigIntStats, { uid, gid }: BigIntStats): void {
  if (own.uid === uid && own.gid === gid) return;
  try {
    fchownSync(descriptor, Number(uid), Number(gid));
  } catch (error) {
    // The content counts; a file of one's own is what any editor that saves this way leaves.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

/** What was read, or found missing, must still be so: another program may have saved meanwhile. */
function assertUnchanged(folder: Folder, name: string, before: BigIntStats | undefined): void {
  const now = folder.infoOf(name);
  if (!before || !now) {
    if (before || now) throw new PathProblem(`it was ${now ? 'made' : 'removed'} by somebody else meanwhile`);
    return;
  }
  const isSame =
    now.ino === before.ino && now.dev === before.dev && now.size === before.size && now.mtimeNs === before.mtimeNs;
  if (!isSame) throw new PathProblem('it was changed by somebody else meanwhile; read it again');
}

/** Gives a new file its name, unless the name is taken by now. */
function publish(folder: Folder, temporary: string, name: string): void {
  try {
    linkSync(folder.at(temporary), folder.at(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw error;
    // A file system without hard links; `assertUnchanged` has just seen that the name is free.
    renameSync(folder.at(temporary), folder.at(name));
    return;
  }
  unlinkSync(folder.at(temporary));
}

function syncFolder(folder: Folder): void {
  if (folder.descriptor !== undefined) fsyncSync(folder.descriptor);
}

function removeQuietly(folder: Folder, name: string): void {
  try {
    unlinkSync(folder.at(name));
  } catch {
    // Its folder is gone or refuses; the failure that led here is the one to report.
  }
}
