// Files below the folder of memories, named by whoever calls `memory.persist` and `memory.load`. No path leads outside it, nor
// to the files in which memories are kept. Runs in a thread: a file may be large, and a disk slow.
import { join } from 'node:path';
import { makePrivateFolder } from '../../infra/private-file.ts';
import { canonicalFolder, RootedFiles } from '../../infra/rooted-files.ts';
import { isAbsolute, PathProblem } from '../../infra/rooted-path.ts';
import { replaceFile } from '../../infra/rooted-write.ts';
import { lockFile, sharedFile } from './store/memory-names.ts';

const maxFileBytes = 256 * 1024 * 1024;
/** Files and folders of the memories themselves. */
const privateNames = ['agents', 'memory-namespaces', lockFile, sharedFile, `${sharedFile}.corrupt`, 'shared.json'];

export type FileJob =
  | {
      readonly operation: 'write';
      readonly root: string;
      readonly path: string;
      readonly pieces: readonly Uint8Array[];
    }
  | { readonly operation: 'read'; readonly root: string; readonly path: string };

/** What a `read` found, or why the path cannot be used. */
export type FileOutcome = { readonly bytes?: SharedArrayBuffer } | { readonly problem: string };

export function runFileJob(job: FileJob): FileOutcome {
  try {
    return job.operation === 'write' ? write(job) : read(job);
  } catch (error) {
    if (error instanceof PathProblem) return { problem: error.message };
    throw error;
  }
}

function write({ root, path, pieces }: FileJob & { operation: 'write' }): FileOutcome {
  using files = open(root);
  using place = files.locate(relativeTo(root, path), { makesFolders: true });
  if (place.name === '') throw new PathProblem('it is the folder of all memories');
  replaceFile(place, Buffer.concat(pieces));
  return {};
}

function read({ root, path }: FileJob): FileOutcome {
  using files = open(root);
  using place = files.locate(relativeTo(root, path));
  if (place.name === '') throw new PathProblem('it is the folder of all memories');
  const content = place.folder.readFile(place.name, maxFileBytes, place.info);
  // Shared, so that handing it over copies nothing.
  const bytes = new SharedArrayBuffer(content.length);
  new Uint8Array(bytes).set(content);
  return { bytes };
}

function open(root: string): RootedFiles {
  makePrivateFolder(root);
  const directory = canonicalFolder(root);
  return RootedFiles.open(directory, { privatePaths: privateNames.map((name) => join(directory, name)) });
}

/** An absolute path is taken when it begins with the folder of memories, as it is called or as it is. */
function relativeTo(root: string, path: string): string {
  if (!isAbsolute(path)) return path;
  for (const prefix of [canonicalFolder(root), root]) {
    if (path.startsWith(`${prefix}/`)) return path.slice(prefix.length + 1);
  }
  throw new PathProblem('it is outside the folder of memories');
}
