// The lines of a memory on their way to the disk: each is with the operating system when `append` returns, or is not in the
// file at all and `append` throws.
import { ftruncateSync, writeSync } from 'node:fs';
import type { OpenHandles } from '../../../infra/append-file.ts';

/** Writes bytes from an offset on and says how many it took; for tests that need a full disk. */
export type WriteBytes = (descriptor: number, bytes: Uint8Array, offset: number) => number;

export interface RecordFileOptions {
  path: string;
  handles: OpenHandles;
  /** Bytes that are in the file. */
  size: number;
  write?: WriteBytes | undefined;
}

export class RecordFile {
  readonly #options: RecordFileOptions;
  #size: number;
  /** The disk took a part of a line, and could not take it back yet. */
  #isTorn = false;

  constructor(options: RecordFileOptions) {
    this.#options = options;
    this.#size = options.size;
  }

  get size(): number {
    return this.#size;
  }

  append(text: string): void {
    const { path, handles, write = writeSync } = this.#options;
    const bytes = Buffer.from(text);
    const descriptor = handles.open(path);
    if (this.#isTorn) this.#cutBack(descriptor);
    try {
      for (let written = 0; written < bytes.length;) {
        this.#isTorn = true;
        written += write(descriptor, bytes, written);
      }
    } catch (error) {
      try {
        this.#cutBack(descriptor);
      } catch {
        // Done before the next line is written; a daemon that starts meanwhile cuts it off itself.
      }
      handles.close(path);
      throw error;
    }
    this.#isTorn = false;
    this.#size += bytes.length;
  }

  /** The file was replaced by another of this size. */
  reopen(size: number): void {
    this.#options.handles.close(this.#options.path);
    this.#size = size;
    this.#isTorn = false;
  }

  #cutBack(descriptor: number): void {
    ftruncateSync(descriptor, this.#size);
    this.#isTorn = false;
  }
}
