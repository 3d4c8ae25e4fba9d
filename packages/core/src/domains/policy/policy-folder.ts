// The folder of policy files, read again only when something in it changed, so that new sessions see edits at once.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Policy } from '@car-runtime/engine';
import { parsePolicyFile, PolicyFileError, type PolicyFactory } from './policy-file.ts';

export class PolicyFolder {
  readonly #path: string;
  /** Of every file: its name, and what tells that it changed. */
  #fingerprint = '';
  #factories: PolicyFactory[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** Policies for a new connection, in the order of the file names. No folder means none; a file that cannot be read or
   *  used is a `PolicyFileError` naming it. */
  createPolicies(): Policy[] {
    const names = this.#fileNames();
    const fingerprint = names.map((name) => this.#fingerprintOf(name)).join('\n');
    if (fingerprint !== this.#fingerprint) {
      this.#factories = names.map((name) => parsePolicyFile(this.#shown(name), this.#read(name)));
      this.#fingerprint = fingerprint;
    }
    return this.#factories.flatMap((create) => create());
  }

  #fileNames(): string[] {
    try {
      return readdirSync(this.#path)
        .filter((name) => name.endsWith('.toml'))
        .toSorted();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new PolicyFileError(`${basename(this.#path)}: ${(error as Error).message}`, { cause: error });
    }
  }

  #fingerprintOf(name: string): string {
    return this.#reading(name, (path) => {
      const { mtimeMs, size, ino } = statSync(path);
      return `${name} ${mtimeMs} ${size} ${ino}`;
    });
  }

  #read(name: string): string {
    return this.#reading(name, (path) => readFileSync(path, 'utf8'));
  }

  #reading<T>(name: string, read: (path: string) => T): T {
    try {
      return read(join(this.#path, name));
    } catch (error) {
      throw new PolicyFileError(`${this.#shown(name)}: ${(error as Error).message}`, { cause: error });
    }
  }

  #shown(name: string): string {
    return `${basename(this.#path)}/${name}`;
  }
}
