// write_file and edit_file. Content that nobody has seen is not replaced: what is there must be what was read last.
import type { Place, RootedFiles } from '../../../infra/rooted-files.ts';
import { parsePath, PathProblem } from '../../../infra/rooted-path.ts';
import { replaceFile } from '../../../infra/rooted-write.ts';
import { maxFileBytes } from './limits.ts';
import { digestOf, nameOf, pathOf } from './read.ts';
import { decodeExactly } from './text.ts';

export interface Written {
  output: object;
  digest: string;
}

export interface WriteParameters {
  path: string;
  content: string;
}

/** `seen` is the digest of the content that was read, if any was. */
export function writeFile(files: RootedFiles, { path, content }: WriteParameters, seen: string | undefined): Written {
  const bytes = encode(content);
  using place = locateForWriting(files, path);
  const { info } = place;
  if (info?.isFile()) {
    const current = digestOf(place.folder.readFile(nameOf(place), maxFileBytes, info));
    assertSeen(current, seen, 'overwriting');
  }
  replaceFile(place, bytes);
  return {
    output: { path: pathOf(place.folder, place.name), bytes: bytes.length, created: info === undefined },
    digest: digestOf(bytes),
  };
}

export interface EditParameters {
  path: string;
  old_string: string;
  new_string: string;
  replace_all?: boolean;
}

export function editFile(files: RootedFiles, parameters: EditParameters, seen: string | undefined): Written {
  using place = locateForWriting(files, parameters.path, false);
  if (!place.info) throw new PathProblem('it does not exist');
  const before = place.folder.readFile(nameOf(place), maxFileBytes, place.info);
  assertSeen(digestOf(before), seen, 'editing');
  const { text, replacements } = replaceText(decodeExactly(before), parameters);
  const after = encode(text);
  replaceFile(place, after);
  return {
    output: { path: pathOf(place.folder, place.name), replacements, bytes: after.length },
    digest: digestOf(after),
  };
}

function locateForWriting(files: RootedFiles, path: string, makesFolders = true): Place {
  for (const name of parsePath(path)) refuseGit(name);
  const place = files.locate(path, { followsLast: false, makesFolders, checkName: refuseGit });
  if (place.name !== '') return place;
  throw new PathProblem('it is a folder');
}

/** What Git keeps for itself names programs that it runs: hooks, filters, editors. In any spelling that some file system
 *  takes for the same. */
function refuseGit(name: string): void {
  const plain = name
    .normalize('NFKC')
    .replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/[. ]+$/, '')
    .toLowerCase();
  if (plain === '.git' || plain === 'git~1')
    throw new PathProblem('it belongs to Git, and Git runs what it finds there');
}

function assertSeen(current: string, seen: string | undefined, doing: string): void {
  if (seen === undefined) throw new PathProblem(`it exists and was not read yet; read_file comes before ${doing}`);
  if (seen !== current) throw new PathProblem('it was changed since it was read; read it again');
}

function encode(content: string): Buffer {
  if (!content.isWellFormed()) throw new PathProblem('the new content is not well-formed Unicode');
  const bytes = Buffer.from(content);
  if (bytes.length > maxFileBytes)
    throw new PathProblem(`the new content has ${bytes.length} bytes, at most ${maxFileBytes} are taken`);
  return bytes;
}

function replaceText(
  text: string,
  { old_string, new_string, replace_all = false }: EditParameters,
): { text: string; replacements: number } {
  if (old_string === new_string) throw new PathProblem('old_string and new_string are the same');
  let [old, fresh] = [old_string, new_string];
  // Numbered lines do not show how lines end; in a file of CRLF lines the same text is meant.
  if (!text.includes(old) && !old.includes('\r') && text.includes('\r\n')) {
    old = old.replaceAll('\n', '\r\n');
    fresh = fresh.replaceAll(/\r?\n/g, '\r\n');
  }
  const parts = text.split(old);
  const found = parts.length - 1;
  if (found === 0) throw new PathProblem('it does not contain old_string');
  if (found > 1 && !replace_all)
    throw new PathProblem(`it contains old_string ${found} times; make it longer, or set replace_all`);
  const length = text.length + found * (fresh.length - old.length);
  if (length > maxFileBytes) throw new PathProblem(`the new content has more than ${maxFileBytes} bytes`);
  return { text: parts.join(fresh), replacements: found };
}
