// Files beneath a root folder, for paths that somebody else wrote. Whatever is renamed or linked while a path is walked,
// nothing outside the root is read or written.
//
// On Linux each folder on the way is held open and the next name is looked up in that very folder, through
// /proc/self/fd: between a check and a use there is no path left that another process could point elsewhere. Other
// systems have no such way from Node; there, what was opened is compared with where its path leads afterwards, and a
// write that loses such a race may leave an empty temporary file elsewhere.
//
// Everything here is synchronous and meant for a worker thread.
import { constants, openSync, readlinkSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { PrivatePaths } from './private-paths.ts';
import { Folder, isBeneath, leadsOutside } from './rooted-folder.ts';
import { askingSystem, isAbsolute, parsePath, PathProblem, toNames } from './rooted-path.ts';

/** Folders entered and links followed for one path. */
const maxSteps = 4_096;
const maxLinks = 40;

export interface RootOptions {
  /** Absolute paths of files and folders that no path may lead to, whatever it is called. */
  readonly privatePaths?: readonly string[];
  /** Holds folders open by descriptor. Default: where the system can. */
  readonly holdsFolders?: boolean;
}

/** A name in an open folder. */
export interface Place extends Disposable {
  readonly folder: Folder;
  /** Empty for the root itself. */
  readonly name: string;
  /** What was there when the path was walked; nothing when it did not exist. Never a link, unless asked for. */
  readonly info: BigIntStats | undefined;
}

export interface LocateOptions {
  /** Whether a link at the end of the path is followed; else it is what the place holds. Default true. */
  readonly followsLast?: boolean;
  /** Makes the folders on the way that do not exist. Default false. */
  readonly makesFolders?: boolean;
  /** Throws for names that must not be on the way or at its end, links resolved. */
  readonly checkName?: (name: string) => void;
}

export class RootedFiles implements Disposable {
  readonly root: Folder;

  private constructor(root: Folder) {
    this.root = root;
  }

  /** Opens a root by its canonical path (`canonicalFolder`). A root that has become a link since is refused. */
  static open(directory: string, options: RootOptions = {}): RootedFiles {
    const holdsFolders = options.holdsFolders ?? canHoldFolders();
    const descriptor = holdsFolders
      ? askingSystem(() => openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY))
      : undefined;
    const root = new Folder({ directory, privacy: new PrivatePaths(options.privatePaths ?? []) }, [], descriptor);
    if (askingSystem(() => root.real()) !== directory) {
      root[Symbol.dispose]();
      throw new PathProblem('it is not where it was any more');
    }
    return new RootedFiles(root);
  }

  /** Walks to the last name of a path. Links are followed as long as they stay beneath the root. */
  locate(path: string, { followsLast = true, makesFolders = false, checkName }: LocateOptions = {}): Place {
    let names = parsePath(path);
    let folder = this.root;
    let links = 0;
    try {
      for (let step = 0; step < maxSteps; step++) {
        const [name, ...rest] = names;
        if (name === undefined) return this.#place(folder, '', undefined);
        if (name === '..') {
          // Only from a link. The folders so far are no links, so leaving out the last of them is the way up.
          if (folder.names.length === 0) throw leadsOutside();
          names = [...folder.names.slice(0, -1), ...rest];
          folder = this.#leave(folder);
          continue;
        }
        const info = folder.infoOf(name);
        if (info?.isSymbolicLink() && (followsLast || rest.length > 0)) {
          if (++links > maxLinks) throw new PathProblem('its path passes too many links');
          const target = askingSystem(() => readlinkSync(folder.at(name)));
          names = [...(isAbsolute(target) ? this.#beneath(target) : toNames(target)), ...rest];
          if (isAbsolute(target)) folder = this.#leave(folder);
          continue;
        }
        if (info) folder.refusePrivate(info);
        else folder.refusePrivateName(name);
        checkName?.(name);
        if (rest.length === 0) return this.#place(folder, name, info);
        if (!info && makesFolders) folder.make(name);
        const inner = folder.enter(name);
        this.#leave(folder);
        folder = inner;
        names = rest;
      }
      throw new PathProblem('its path is too long');
    } catch (error) {
      this.#leave(folder);
      throw error;
    }
  }

  /** Opens a folder for as long as the caller needs it. */
  openFolder(path: string): Folder {
    const place = this.locate(path);
    // The root stays open as long as this object; a walker closes what it is given, so it gets a handle of its own.
    if (place.name === '') return this.root.reopen();
    using _parent = place;
    return place.folder.enter(place.name);
  }

  [Symbol.dispose](): void {
    this.root[Symbol.dispose]();
  }

  #place(folder: Folder, name: string, info: BigIntStats | undefined): Place {
    return { folder, name, info, [Symbol.dispose]: () => void this.#leave(folder) };
  }

  #leave(folder: Folder): Folder {
    if (folder !== this.root) folder[Symbol.dispose]();
    return this.root;
  }

  /** The names of a link's absolute target, from the root on. */
  #beneath(target: string): string[] {
    const { directory } = this.root;
    if (!isBeneath(target, directory)) throw leadsOutside();
    return toNames(target.slice(directory.length));
  }
}

/** The canonical path of an existing folder, for `RootedFiles.open`. */
export function canonicalFolder(path: string): string {
  const real = askingSystem(() => realpathSync.native(path));
  if (!askingSystem(() => statSync(real)).isDirectory()) throw new PathProblem('it is not a folder');
  return real;
}

function canHoldFolders(): boolean {
  return process.platform === 'linux' && statSync('/proc/self/fd', { throwIfNoEntry: false }) !== undefined;
}
