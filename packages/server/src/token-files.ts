// The files by which programs of the same user find the daemon's credentials (Tokens and files).
import { constants, closeSync, fstatSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from './errors.ts';
import { ensurePrivateFolder, writePrivateFile } from './private-files.ts';

export interface Tokens {
  authToken: string;
  hostToken: string;
}

const fileNames: Readonly<Record<keyof Tokens, string>> = { authToken: 'auth-token', hostToken: 'host-token' };

/** Token files that were written; disposing removes those that still hold our value. */
export class TokenFiles implements Disposable {
  readonly #folder: string;
  readonly #tokens: Tokens;

  private constructor(folder: string, tokens: Tokens) {
    this.#folder = folder;
    this.#tokens = tokens;
  }

  /** Only for the primary daemon of a state root. Files of a daemon that was killed are replaced. */
  static write(folder: string, tokens: Tokens): TokenFiles {
    ensurePrivateFolder(folder);
    const files = new TokenFiles(folder, tokens);
    try {
      for (const { name, value } of files.#entries()) writePrivateFile(folder, name, value);
    } catch (error) {
      files[Symbol.dispose]();
      throw StartError.of(`write the token files in ${folder}`, error);
    }
    return files;
  }

  #entries(): { name: string; value: string }[] {
    return (['authToken', 'hostToken'] as const).map((key) => ({ name: fileNames[key], value: this.#tokens[key] }));
  }

  [Symbol.dispose](): void {
    for (const { name, value } of this.#entries()) removeIfHolding(join(this.#folder, name), value);
  }
}

/** Another daemon's file stays. What cannot be read or removed any more is not ours to worry about. */
function removeIfHolding(path: string, value: string): void {
  try {
    if (readPrivateFile(path) === value) unlinkSync(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

function readPrivateFile(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    return fstatSync(descriptor).isFile() ? readFileSync(descriptor, 'utf8') : '';
  } finally {
    closeSync(descriptor);
  }
}
