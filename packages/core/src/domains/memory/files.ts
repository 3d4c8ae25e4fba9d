// `memory.persist` and `memory.load`: files below the folder of memories, named by whoever calls. No path leads outside it, nor
// to the files in which memories are kept.
import { join } from 'node:path';
import { ingestRows, MemoryError, parseRows, toRows, type FlatRow } from '@car-runtime/memory';
import { fail } from '@car-runtime/protocol';
import { makePrivateFolder } from '../../infra/private-file.ts';
import { canonicalFolder, RootedFiles } from '../../infra/rooted-files.ts';
import { isAbsolute, PathProblem } from '../../infra/rooted-path.ts';
import { replaceFile } from '../../infra/rooted-write.ts';
import type { KeptMemory } from './kept-memory.ts';
import { lockFile, sharedFile } from './store/memory-names.ts';

const maxFileBytes = 256 * 1024 * 1024;
/** Files and folders of the memories themselves. */
const privateNames = ['agents', 'memory-namespaces', lockFile, sharedFile, `${sharedFile}.corrupt`, 'shared.json'];

type Operation = 'persist' | 'load';

/** Number of rows. */
export function persistMemory(root: string, { engine }: KeptMemory, path: string): number {
  const rows = [...toRows(engine)];
  const bytes = Buffer.from(JSON.stringify(rows, null, 1));
  withFiles(root, 'persist', path, (files, relative) => {
    using place = files.locate(relative, { makesFolders: true });
    if (place.name === '') throw new PathProblem('it is the folder of all memories');
    replaceFile(place, bytes);
  });
  return rows.length;
}

/** Replaces a memory by what is in a file. Everything is read and parsed before anything is changed. */
export function loadMemoryFrom(root: string, { engine }: KeptMemory, path: string): number {
  const text = withFiles(root, 'load', path, (files, relative) => {
    using place = files.locate(relative);
    if (place.name === '') throw new PathProblem('it is the folder of all memories');
    return place.folder.readFile(place.name, maxFileBytes, place.info).toString('utf8');
  });
  let rows: FlatRow[];
  try {
    rows = parseRows(text);
    engine.check(
      rows.map(({ subject, body, kind }) => ({ key: subject, value: body, isConstraint: kind === 'constraint' })),
    );
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    const data = { reason: error.reason, ...(error.field !== undefined && { field: error.field }) };
    throw fail('failed', `memory.load cannot read ${JSON.stringify(path)}: ${error.message}`, { data, cause: error });
  }
  engine.reset();
  ingestRows(engine, rows);
  return rows.length;
}

function withFiles<T>(
  root: string,
  operation: Operation,
  path: string,
  work: (files: RootedFiles, path: string) => T,
): T {
  try {
    makePrivateFolder(root);
    const directory = canonicalFolder(root);
    using files = RootedFiles.open(directory, { privatePaths: privateNames.map((name) => join(directory, name)) });
    return work(files, relativeTo(directory, root, path));
  } catch (error) {
    if (!(error instanceof PathProblem)) throw error;
    throw fail('failed', `memory.${operation} rejected path ${JSON.stringify(path.slice(0, 256))}: ${error.message}`, {
      data: { reason: 'path_rejected', field: 'path' },
      cause: error,
    });
  }
}

/** An absolute path is taken when it begins with the folder of memories, as it is called or as it is. */
function relativeTo(directory: string, root: string, path: string): string {
  if (!isAbsolute(path)) return path;
  for (const prefix of [directory, root]) if (path.startsWith(`${prefix}/`)) return path.slice(prefix.length + 1);
  throw new PathProblem('it is outside the folder of memories');
}
