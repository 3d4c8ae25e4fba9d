// What an approval of a command covers besides its words: the bytes of the programs and scripts it starts, and the folder.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, resolve } from 'node:path';
import type { Classification } from '@car-runtime/engine';
import type { ApprovalRecord } from '@car-runtime/protocol';

export type Content = NonNullable<ApprovalRecord['content']>;

const maxPrograms = 16;
const maxFileBytes = 512 * 1024 * 1024;
const maxRemembered = 500;

/** Programs as this machine has them. A tool that runs elsewhere has others: then only changes here are noticed. */
export class ContentReader {
  /** Digests of files by what would change with their bytes. */
  readonly #digests = new Map<string, string>();

  /** Nothing for an action that starts no program. */
  async read({ uses, folder }: Classification): Promise<Content | undefined> {
    if (uses.length === 0) return undefined;
    const workingFolder = folder === undefined ? null : await orNull(realpath(folder));
    const programs: Content['programs'] = [];
    const seen = new Set<string>();
    for (const { program, script } of uses) {
      const name = script ?? program;
      if (seen.has(name) || programs.length >= maxPrograms) continue;
      seen.add(name);
      programs.push({ name, ...(await this.#locate(name, script !== undefined, workingFolder)) });
    }
    return { programs, folder: workingFolder ?? folder ?? null };
  }

  async #locate(
    name: string,
    isScript: boolean,
    folder: string | null,
  ): Promise<{ path: string | null; digest: string | null }> {
    const nowhere = { path: null, digest: null };
    for (const candidate of candidatesOf(name, isScript, folder)) {
      const path = await orNull(realpath(candidate));
      if (path === null) continue;
      const info = await orNull(stat(path, { bigint: true }));
      if (!info?.isFile() || (!isScript && (info.mode & 0o111n) === 0n)) continue;
      if (info.size > maxFileBytes) return { path, digest: `size:${info.size}:${info.mtimeNs}` };
      const key = `${info.dev}:${info.ino}:${info.size}:${info.mtimeNs}:${info.ctimeNs}`;
      return { path, digest: this.#digests.get(key) ?? (await this.#digest(path, key)) };
    }
    return nowhere;
  }

  async #digest(path: string, key: string): Promise<string | null> {
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    } catch {
      // It can be run and not read, or it is gone: then its path is all there is to hold on to.
      return null;
    }
    const digest = `sha256:${hash.digest('hex')}`;
    if (this.#digests.size >= maxRemembered) this.#digests.clear();
    this.#digests.set(key, digest);
    return digest;
  }
}

function candidatesOf(name: string, isScript: boolean, folder: string | null): string[] {
  if (name === '' || name.length > 4_096 || name.includes('\0')) return [];
  if (isAbsolute(name)) return [name];
  // Whose folder it would be relative to is not known: nobody says where the tool works.
  if (isScript || name.includes('/')) return folder === null ? [] : [resolve(folder, name)];
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map((each) => resolve(each, name));
}

async function orNull<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch {
    // Not there, or not for us: nothing to bind to.
    return null;
  }
}

/** What differs from what was approved, by what it is; nothing when all is as it was. */
export function changesOf(
  approved: Content,
  now: Content | undefined,
): Record<string, { approved: string; now: string }> | undefined {
  const changes: Record<string, { approved: string; now: string }> = {};
  const note = (what: string, before: string | null, after: string | null): void => {
    if (before !== after) changes[what] = { approved: before ?? 'not found', now: after ?? 'not found' };
  };
  note('working_directory', approved.folder, now?.folder ?? null);
  const current = new Map(now?.programs.map((program) => [program.name, program]));
  for (const { name, path, digest } of approved.programs) {
    const found = current.get(name);
    note(`path of ${name}`, path, found?.path ?? null);
    if (path === found?.path) note(`content of ${name}`, digest, found?.digest ?? null);
  }
  for (const { name, path } of now?.programs ?? []) {
    if (!approved.programs.some((program) => program.name === name))
      note(`path of ${name}`, null, path ?? 'a program that is not found');
  }
  return Object.keys(changes).length === 0 ? undefined : changes;
}
