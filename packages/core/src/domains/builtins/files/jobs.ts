// What the worker thread is asked to do, and how it does it.
import { realpathSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { canonicalFolder, RootedFiles } from '../../../infra/rooted-files.ts';
import { isBeneath } from '../../../infra/rooted-folder.ts';
import { PathProblem } from '../../../infra/rooted-path.ts';
import { Budget } from './budget.ts';
import { searchLimitMs } from './limits.ts';
import { listFolder, readFile, type ListParameters, type ReadParameters } from './read.ts';
import type { FindParameters, GrepParameters } from './search.ts';
import { editFile, writeFile, type EditParameters, type WriteParameters } from './write.ts';

/** Finds the canonical path of a root that a session asked for. */
export interface RootJob {
  readonly kind: 'root';
  /** As it was given; a relative one lies beneath `base`. */
  readonly path: string;
  /** The daemon's own root, where it has one. */
  readonly base: string | undefined;
  readonly privatePaths: readonly string[];
  /** Whether everything below it will be within reach, as in a sandbox: then nothing private may be there. */
  readonly isExposed: boolean;
}

interface FileJobContext {
  /** Canonical path. */
  readonly root: string;
  readonly privatePaths: readonly string[];
}

/** A call of a file tool; its parameters were checked against the tool's schema. */
export type FileJob = FileJobContext &
  (
    | { readonly kind: 'read_file'; readonly parameters: ReadParameters }
    | { readonly kind: 'list_dir'; readonly parameters: ListParameters }
    | { readonly kind: 'find_files'; readonly parameters: FindParameters }
    | { readonly kind: 'grep_files'; readonly parameters: GrepParameters }
    | { readonly kind: 'write_file'; readonly parameters: WriteParameters; readonly seen: string | undefined }
    | { readonly kind: 'edit_file'; readonly parameters: EditParameters; readonly seen: string | undefined }
  );

export interface FileOutcome {
  readonly output: object;
  /** Digest of the content that the caller has seen by now. */
  readonly digest?: string;
}

/** Resolves with a canonical root (a string) or a `FileOutcome`; a `PathProblem` is for the caller to read. */
export async function runJob(job: RootJob | FileJob, stop: SharedArrayBuffer): Promise<string | FileOutcome> {
  return job.kind === 'root' ? findRoot(job) : await runFileJob(job, stop);
}

async function runFileJob(job: FileJob, stop: SharedArrayBuffer): Promise<FileOutcome> {
  using files = openRoot(job);
  switch (job.kind) {
    case 'read_file':
      return readFile(files, job.parameters);
    case 'list_dir':
      return { output: listFolder(files, job.parameters) };
    case 'write_file':
      return writeFile(files, job.parameters, job.seen);
    case 'edit_file':
      return editFile(files, job.parameters, job.seen);
    case 'find_files':
    case 'grep_files': {
      // Loaded by the first search: it brings the expression engine.
      const { findFiles, grepFiles } = await import('./search.ts');
      const budget = new Budget(stop, searchLimitMs);
      if (job.kind === 'find_files') return { output: findFiles(files, job.parameters, budget) };
      return { output: grepFiles(files, job.parameters, budget) };
    }
  }
}

function openRoot({ root, privatePaths }: FileJobContext): RootedFiles {
  try {
    return RootedFiles.open(root, { privatePaths });
  } catch (error) {
    if (!(error instanceof PathProblem)) throw error;
    throw new PathProblem(`the root folder cannot be used: ${error.message}`, { cause: error });
  }
}

function findRoot({ path, base, privatePaths, isExposed }: RootJob): string {
  if (path.includes('\0')) throw new PathProblem('its path contains a NUL character');
  const canonicalBase = base === undefined ? undefined : canonicalFolder(base);
  const root = isAbsolute(path) ? canonicalFolder(path) : findBeneath(canonicalBase, path, privatePaths);
  for (const each of privatePaths.map(canonicalIfAny)) {
    if (isExposed && isBeneath(each, root)) throw new PathProblem("the daemon's own files lie in it");
    if (!isBeneath(root, each)) continue;
    // An operator may keep the work folder among the daemon's own; what lies below it is free.
    const isGranted = canonicalBase !== undefined && canonicalBase !== each && isBeneath(canonicalBase, each);
    if (!isGranted || !isBeneath(root, canonicalBase)) throw new PathProblem("it lies in the daemon's own files");
  }
  return root;
}

function findBeneath(base: string | undefined, path: string, privatePaths: readonly string[]): string {
  if (base === undefined) throw new PathProblem('it is relative, and the daemon has no root folder of its own');
  using files = RootedFiles.open(base, { privatePaths });
  using folder = files.openFolder(path);
  return join(base, ...folder.names);
}

/** As it is where it does not exist: then nothing lies in it either. */
function canonicalIfAny(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
