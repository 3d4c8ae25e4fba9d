// Folders that anybody may write to: a program that is there today may be another one tomorrow.
import { sep } from 'node:path';

const scratchFolders = ['/tmp', '/private/tmp', '/var/tmp', '/private/var/tmp', '/dev/shm'];

/** The one of them a path is in. Links are the caller's to follow. */
export function scratchFolderOf(path: string): string | undefined {
  return scratchFolders.find((folder) => path === folder || path.startsWith(`${folder}${sep}`));
}
