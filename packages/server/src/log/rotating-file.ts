// A log file that never grows past a size: full ones are renamed to `.1`, `.2` … and the oldest goes. Written
// synchronously, line by line, which costs a few microseconds and loses nothing when the process is killed.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ensurePrivateFolder } from '../private-files.ts';

export interface RotatingFileOptions {
  maxBytes: number;
  /** Files in all, the current one among them. */
  maxFiles: number;
  /** The disk refuses; called once until it takes a line again. Lines in between are lost. */
  onProblem?: (error: Error) => void;
  onRecovered?: () => void;
}

export class RotatingFile implements Disposable {
  readonly path: string;
  readonly #options: RotatingFileOptions;
  #descriptor: number | undefined;
  #size = 0;
  #isFailing = false;
  #isTorn = false;

  constructor(path: string, options: RotatingFileOptions) {
    this.path = path;
    this.#options = options;
  }

  /** Takes whole lines. Never throws. */
  write(lines: string): void {
    try {
      this.#write(lines);
      if (this.#isFailing) this.#options.onRecovered?.();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#options.onProblem?.(error as Error);
      this.#isFailing = true;
      this.#close();
    }
  }

  #write(lines: string): void {
    // After a line that only got partly to the disk the next one begins on a line of its own.
    const bytes = Buffer.from(this.#isTorn ? `\n${lines}` : lines);
    let descriptor = this.#descriptor ?? this.#open();
    if (this.#size > 0 && this.#size + bytes.length > this.#options.maxBytes) descriptor = this.#rotate();
    for (let written = 0; written < bytes.length;) {
      const count = writeSync(descriptor, bytes, written);
      written += count;
      this.#size += count;
      this.#isTorn = written < bytes.length;
    }
  }

  #open(): number {
    ensurePrivateFolder(dirname(this.path));
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    const descriptor = openSync(this.path, flags, 0o600);
    this.#descriptor = descriptor;
    fchmodSync(descriptor, 0o600);
    this.#size = fstatSync(descriptor).size;
    this.#removeSurplus();
    return descriptor;
  }

  #rotate(): number {
    this.#close();
    const last = this.#options.maxFiles - 1;
    if (last < 1) unlinkSync(this.path);
    for (let number = last; number >= 1; number--) {
      const from = number === 1 ? this.path : `${this.path}.${number - 1}`;
      rmSync(`${this.path}.${number}`, { force: true });
      renameIfThere(from, `${this.path}.${number}`);
    }
    return this.#open();
  }

  /** Files that an earlier, larger limit left. */
  #removeSurplus(): void {
    const prefix = `${basename(this.path)}.`;
    for (const name of readdirSync(dirname(this.path))) {
      const number = name.startsWith(prefix) ? Number(name.slice(prefix.length)) : 0;
      if (Number.isInteger(number) && number >= this.#options.maxFiles)
        rmSync(join(dirname(this.path), name), { force: true });
    }
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
