// The operator's file, read again only when it changed, so that new sessions see edits at once.
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { BudgetFileError, parseBudgetFile, type BudgetFile } from './budget-file.ts';

const noFile: BudgetFile = { budgets: [], prices: [] };

export class ConfigFile {
  readonly #path: string | undefined;
  #fingerprint = '';
  #file = noFile;

  constructor(path: string | undefined) {
    this.#path = path;
  }

  get current(): BudgetFile {
    return this.#file;
  }

  /** Whether it says something new. Throws `BudgetFileError`; then what it said before still holds. */
  refresh(): boolean {
    if (this.#path === undefined) return false;
    const fingerprint = this.#fingerprintOf(this.#path);
    if (fingerprint === this.#fingerprint) return false;
    this.#file = fingerprint === '' ? noFile : parseBudgetFile(basename(this.#path), this.#read(this.#path));
    this.#fingerprint = fingerprint;
    return true;
  }

  #fingerprintOf(path: string): string {
    const info = statSync(path, { throwIfNoEntry: false });
    return info ? `${info.mtimeMs} ${info.size} ${info.ino}` : '';
  }

  #read(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw new BudgetFileError(`${basename(path)}: ${(error as Error).message}`, { cause: error });
    }
  }
}
