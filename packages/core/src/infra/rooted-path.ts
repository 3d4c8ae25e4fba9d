// Paths that somebody else wrote, relative to a root folder: which are taken at all, and what is said of the others.

/** Why something beneath a root cannot be used. The message says only that, so that it can follow `Cannot read "x": `. */
export class PathProblem extends Error {
  override readonly name = 'PathProblem';
}

export const maxPathChars = 4_096;

const isWindows = process.platform === 'win32';
const separator = isWindows ? /[\\/]/ : /\//;
/** Names that mean a device, a stream of a file, or another file than they look like. */
const unsafeOnWindows = /[:*?"<>|]|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?:\.|$)/i;

/** The names along a relative path; none for the root itself. Refuses what could mean anything but a place below it. */
export function parsePath(path: string): string[] {
  if (path.length > maxPathChars) throw new PathProblem(`its path is longer than ${maxPathChars} characters`);
  if (path.includes('\0')) throw new PathProblem('its path contains a NUL character');
  // A lone surrogate would be written to the file system as another character than it is.
  if (!path.isWellFormed()) throw new PathProblem('its path is not well-formed Unicode');
  if (isAbsolute(path)) throw new PathProblem('its path is absolute; give it relative to the root folder');
  const names = toNames(path);
  if (names.includes('..')) throw new PathProblem('its path contains ".."');
  if (isWindows && names.some((name) => unsafeOnWindows.test(name)))
    throw new PathProblem('its path contains a name with a special meaning');
  return names;
}

/** The parts of a path that say something; `..` is among them. */
export function toNames(path: string): string[] {
  return path.split(separator).filter((name) => name !== '' && name !== '.');
}

export function isAbsolute(path: string): boolean {
  return path.startsWith('/') || (isWindows && /^(?:\\|[a-z]:)/i.test(path));
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EEXIST: 'it was made by somebody else meanwhile',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
  ELOOP: 'a part of its path became a link meanwhile',
  ENAMETOOLONG: 'a name in its path is too long',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ENXIO: 'it is not a regular file',
};

/** What the operating system refused, without the absolute path that its own message has. */
export function toPathProblem(error: unknown): PathProblem {
  if (error instanceof PathProblem) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string') throw error;
  return new PathProblem(reasons[code] ?? `the operating system refused it (${code})`, { cause: error });
}

/** Runs file system calls; what they refuse becomes a `PathProblem`. */
export function askingSystem<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw toPathProblem(error);
  }
}
