// read_file and list_dir.
import { createHash } from 'node:crypto';
import type { RootedFiles } from '../../../infra/rooted-files.ts';
import { toKind, type Folder } from '../../../infra/rooted-folder.ts';
import { PathProblem } from '../../../infra/rooted-path.ts';
import { maxFileBytes, maxFolderEntries, maxListed, maxReadLines } from './limits.ts';
import { decodeForReading, numberLines } from './text.ts';

/** What identifies the content of a file. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url');
}

export interface ReadParameters {
  path: string;
  offset?: number;
  limit?: number;
}

export function readFile(
  files: RootedFiles,
  { path, offset = 1, limit = maxReadLines }: ReadParameters,
): { output: object; digest: string } {
  using place = files.locate(path);
  const bytes = place.folder.readFile(nameOf(place), maxFileBytes, place.info);
  const { text, isLossy } = decodeForReading(bytes);
  const { content, totalLines, nextLine, cutLines } = numberLines(text, offset, limit);
  if (offset > Math.max(totalLines, 1)) throw new PathProblem(`it has ${totalLines} lines, and none from ${offset} on`);
  const output = {
    path: pathOf(place.folder, place.name),
    content,
    total_lines: totalLines,
    ...(nextLine !== undefined && { next_offset: nextLine }),
    ...(cutLines > 0 && { cut_lines: cutLines }),
    ...(isLossy && { is_lossy: true }),
  };
  return { output, digest: digestOf(bytes) };
}

export interface ListParameters {
  path?: string;
  offset?: number;
  limit?: number;
}

export function listFolder(files: RootedFiles, { path = '.', offset = 0, limit = 500 }: ListParameters): object {
  using folder = files.openFolder(path);
  const { entries, isComplete } = folder.list(maxFolderEntries);
  const page = entries.slice(offset, offset + Math.min(limit, maxListed));
  const next = offset + page.length;
  return {
    path: folder.path,
    entries: page.map(({ name }) => describe(folder, name)),
    total: entries.length,
    ...(next < entries.length && { next_offset: next }),
    ...(!isComplete && { truncated: 'entries' }),
  };
}

function describe(folder: Folder, name: string): object {
  const info = folder.infoOf(name);
  if (!info) return { name, type: 'other' };
  const type = toKind(info);
  return type === 'file' ? { name, type, size: Number(info.size) } : { name, type };
}

/** The name to open; the root itself has none. */
export function nameOf({ name }: { name: string }): string {
  if (name === '') throw new PathProblem('it is a folder');
  return name;
}

export function pathOf({ names }: Folder, name: string): string {
  return [...names, name].join('/');
}
