// One open folder beneath a root, and the files in it. `rooted-files.ts` says what holds and why.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  type BigIntStats,
  type Dirent,
} from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { PrivatePaths } from './private-paths.ts';
import { askingSystem, PathProblem, toPathProblem } from './rooted-path.ts';

const { O_RDONLY, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } = constants;
/** Never through a link, and never waiting for the other end of a FIFO. A flag that a system lacks adds nothing. */
const openForReading = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

interface RootFacts {
  readonly directory: string;
  readonly privacy: PrivatePaths;
}

export type EntryKind = 'file' | 'directory' | 'link' | 'other';

export interface Entry {
  readonly name: string;
  readonly kind: EntryKind;
}

/** An open folder beneath the root, or the root. */
export class Folder implements Disposable {
  /** From the root to here. None of them was a link when it was passed. */
  readonly names: readonly string[];
  readonly #root: RootFacts;
  /** Without one, the folder is known by its path only. */
  readonly #descriptor: number | undefined;

  constructor(root: RootFacts, names: readonly string[], descriptor: number | undefined) {
    this.#root = root;
    this.names = names;
    this.#descriptor = descriptor;
  }

  /** Canonical path of the root. */
  get directory(): string {
    return this.#root.directory;
  }

  /** Relative to the root, with slashes; `.` for the root. */
  get path(): string {
    return this.names.length === 0 ? '.' : this.names.join('/');
  }

  /** A path by which the system reaches a name in this very folder. */
  at(name: string): string {
    return this.#descriptor === undefined ? join(this.#ownPath, name) : `/proc/self/fd/${this.#descriptor}/${name}`;
  }

  get self(): string {
    return this.#descriptor === undefined ? this.#ownPath : `/proc/self/fd/${this.#descriptor}`;
  }

  get descriptor(): number | undefined {
    return this.#descriptor;
  }

  /** Where the folder is by now. */
  real(): string {
    return this.#descriptor === undefined
      ? realpathSync.native(this.#ownPath)
      : readlinkSync(`/proc/self/fd/${this.#descriptor}`);
  }

  /** What a name stands for, links not followed; nothing when there is no such name. */
  infoOf(name: string): BigIntStats | undefined {
    return askingSystem(() => lstatSync(this.at(name), { bigint: true, throwIfNoEntry: false }));
  }

  make(name: string): void {
    this.assertInPlace();
    try {
      mkdirSync(this.at(name));
    } catch (error) {
      // Somebody else made it: entering it will tell whether it is a folder.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw toPathProblem(error);
    }
  }

  /** Opens a folder in this one; a link is refused. */
  enter(name: string): Folder {
    const names = [...this.names, name];
    if (this.#descriptor === undefined) return this.#enterByPath(name);
    const descriptor = askingSystem(() => openSync(this.at(name), openForReading | O_DIRECTORY));
    const folder = new Folder(this.#root, names, descriptor);
    try {
      folder.refusePrivate(askingSystem(() => fstatSync(descriptor, { bigint: true })));
      return folder;
    } catch (error) {
      folder[Symbol.dispose]();
      throw error;
    }
  }

  #enterByPath(name: string): Folder {
    const info = this.infoOf(name);
    if (!info?.isDirectory()) throw new PathProblem(info ? 'a part of its path is not a folder' : 'it does not exist');
    this.refusePrivate(info);
    const real = askingSystem(() => realpathSync.native(this.at(name)));
    if (dirname(real) !== this.#ownPath) throw leadsOutside();
    // The system's own spelling, where it does not distinguish upper and lower case.
    return new Folder(this.#root, [...this.names, basename(real)], undefined);
  }

  /** The same folder with a handle of its own. */
  reopen(): Folder {
    const { self } = this;
    const descriptor =
      this.#descriptor === undefined ? undefined : askingSystem(() => openSync(self, O_RDONLY | O_DIRECTORY));
    return new Folder(this.#root, this.names, descriptor);
  }

  /** Opens a regular file in this folder for reading; anything else is refused without being opened. */
  openFile(name: string, expected = this.infoOf(name)): number {
    refuseUnlessFile(expected);
    const descriptor = askingSystem(() => openSync(this.at(name), openForReading));
    try {
      const info = askingSystem(() => fstatSync(descriptor, { bigint: true }));
      refuseUnlessFile(info);
      this.refusePrivate(info);
      this.assertHolds(name, descriptor, info);
      return descriptor;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** Bytes of a regular file in this folder; a longer one is refused. */
  readFile(name: string, maxBytes: number, expected?: BigIntStats): Buffer {
    const descriptor = this.openFile(name, expected);
    try {
      const { size } = fstatSync(descriptor);
      if (size > maxBytes) throw tooLarge(size, maxBytes);
      return askingSystem(() => readAll(descriptor, size, maxBytes));
    } finally {
      closeSync(descriptor);
    }
  }

  /** What is in this folder, sorted by name; at most `max`, and whether that is all. */
  list(max: number): { entries: Entry[]; isComplete: boolean } {
    const entries: Entry[] = [];
    let isComplete = true;
    askingSystem(() => {
      using folder = opendirSync(this.self, { bufferSize: 1_024 });
      for (let entry = folder.readSync(); entry && isComplete; entry = folder.readSync()) {
        if (entries.length < max) entries.push({ name: entry.name, kind: this.#kindOf(entry) });
        else isComplete = false;
      }
    });
    this.assertInPlace();
    return { entries: entries.sort((left, right) => (left.name < right.name ? -1 : 1)), isComplete };
  }

  /** Some file systems do not say it along with the name. */
  #kindOf(entry: Dirent): EntryKind {
    const kind = toKind(entry);
    if (kind !== 'other' || entry.isFIFO() || entry.isSocket() || isDevice(entry)) return kind;
    const info = this.infoOf(entry.name);
    return info ? toKind(info) : 'other';
  }

  refusePrivate(info: BigIntStats): void {
    if (this.#root.privacy.covers(info)) throw isPrivate();
  }

  /** For a name that does not exist yet, and may be made. */
  refusePrivateName(name: string): void {
    const { privacy } = this.#root;
    if (!privacy.hasNames) return;
    const info = askingSystem(() =>
      this.#descriptor === undefined
        ? lstatSync(this.#ownPath, { bigint: true })
        : fstatSync(this.#descriptor, { bigint: true }),
    );
    if (privacy.coversName(info, name)) throw isPrivate();
  }

  /** Refuses when this folder has been moved out of the root, or its path leads elsewhere by now. */
  assertInPlace(): void {
    const real = askingSystem(() => this.real());
    const expected = this.#ownPath;
    if (this.#descriptor === undefined ? real !== expected : !isBeneath(real, this.directory)) throw leadsOutside();
  }

  /** Refuses when what was opened under a name is not what this folder has there. */
  assertHolds(name: string, descriptor: number, opened: BigIntStats): void {
    if (this.#descriptor !== undefined) {
      const real = askingSystem(() => readlinkSync(`/proc/self/fd/${descriptor}`));
      if (!isBeneath(real, this.directory)) throw leadsOutside();
      return;
    }
    const real = askingSystem(() => realpathSync.native(this.at(name)));
    const there = askingSystem(() => lstatSync(real, { bigint: true }));
    if (dirname(real) !== this.#ownPath || !isSameFile(there, opened)) throw leadsOutside();
  }

  get #ownPath(): string {
    return join(this.#root.directory, ...this.names);
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}

/** Whether a canonical path is that folder or lies in it. */
export function isBeneath(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function isSameFile(left: BigIntStats, right: BigIntStats): boolean {
  return left.dev === right.dev && left.ino === right.ino;
}

type KindFacts = Pick<
  Dirent | BigIntStats,
  'isFile' | 'isDirectory' | 'isSymbolicLink' | 'isCharacterDevice' | 'isBlockDevice'
>;

export function toKind(facts: KindFacts): EntryKind {
  if (facts.isFile()) return 'file';
  if (facts.isDirectory()) return 'directory';
  return facts.isSymbolicLink() ? 'link' : 'other';
}

function isDevice(facts: KindFacts): boolean {
  return facts.isCharacterDevice() || facts.isBlockDevice();
}

function isPrivate(): PathProblem {
  return new PathProblem("it is one of the daemon's own files");
}

function refuseUnlessFile(info: BigIntStats | undefined): asserts info is BigIntStats {
  if (!info) throw new PathProblem('it does not exist');
  if (info.isFile()) return;
  if (info.isDirectory()) throw new PathProblem('it is a folder');
  throw new PathProblem(info.isSymbolicLink() ? 'it is a symbolic link' : 'it is not a regular file');
}

/** Reads to the end, whatever size the file claims to have. */
function readAll(descriptor: number, size: number, maxBytes: number): Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.max(size + 1 - length, 64 * 1024));
    const read = readSync(descriptor, chunk);
    if (read === 0) return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, read));
    length += read;
    if (length > maxBytes) throw tooLarge(length, maxBytes);
  }
}

function tooLarge(size: number, maxBytes: number): PathProblem {
  return new PathProblem(`it has ${size} bytes or more, at most ${maxBytes} are taken`);
}

export function leadsOutside(): PathProblem {
  return new PathProblem('its path leads outside the root folder');
}
