// Services as files, `<name>.json` in one folder: the folder is the state, and other programs may write it too.
import { constants, closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { registryEntry, type RegistryEntry } from '@car-runtime/protocol';
import { writePrivateFile } from '../../infra/private-file.ts';

const extension = '.json';
const maxEntries = 10_000;
const maxFileBytes = 64 * 1024;

export class RegistryFullError extends Error {}

export class RegistryStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get(name: string): RegistryEntry | undefined {
    return readEntry(this.#pathOf(name), name);
  }

  put(entry: RegistryEntry): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const names = this.#names();
    if (names.length >= maxEntries && !names.includes(entry.name))
      throw new RegistryFullError(`there are ${maxEntries} services, the limit`);
    // What a loss of power takes is announced again at the next start of its service.
    writePrivateFile(this.#pathOf(entry.name), `${JSON.stringify(entry, undefined, 2)}\n`, { isSynced: false });
  }

  remove(name: string): void {
    rmSync(this.#pathOf(name), { force: true });
  }

  /** By name. What is no entry is left out. */
  all(): RegistryEntry[] {
    return this.#names()
      .toSorted((left, right) => (left < right ? -1 : 1))
      .flatMap((name) => readEntry(this.#pathOf(name), name) ?? []);
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder)
        .filter((file) => file.endsWith(extension) && !file.startsWith('.'))
        .map((file) => file.slice(0, -extension.length))
        .slice(0, maxEntries);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${name}${extension}`);
  }
}

function readEntry(path: string, name: string): RegistryEntry | undefined {
  try {
    // A pipe would be waited for, and a link leads out of the folder.
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0));
    try {
      const info = fstatSync(descriptor);
      if (!info.isFile() || info.size > maxFileBytes) return undefined;
      const entry = registryEntry().safeParse(JSON.parse(readFileSync(descriptor, 'utf8')));
      return entry.success && entry.data.name === name ? entry.data : undefined;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined; // gone, or not to be read
  }
}
