// Files where others may have put something else by now: a link that leads elsewhere, a pipe that nobody writes to and a reader
// would wait at for ever, or more than there should be.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** Its descriptor, to be closed by the caller. Throws for a link, and for whatever is no regular file. */
export function openRegular(path: string, flags: number = constants.O_RDONLY, mode?: number): number {
  const descriptor = openSync(path, flags | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0), mode);
  try {
    if (fstatSync(descriptor).isFile()) return descriptor;
    throw new Error(`${path} is no regular file`);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

export function readRegular(path: string, maxBytes: number): string {
  const descriptor = openRegular(path);
  try {
    const { size } = fstatSync(descriptor);
    if (size > maxBytes) throw new Error(`${path} has ${size} bytes, limit ${maxBytes}`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
