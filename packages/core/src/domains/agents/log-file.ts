// What a process writes, byte for byte, in files that never grow past a size: full ones are renamed to `.1`, `.2` … and the
// oldest goes. All of them together have a bound too.
import { closeSync, constants, fstatSync, readdirSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateFolder } from '../../infra/private-file.ts';
import { openRegular } from '../../infra/regular-file.ts';

export interface LogLimits {
  /** Size at which a file is rotated. */
  maxBytes: number;
  /** Files of a stream, the current one among them. */
  maxFiles: number;
  /** Rotated files of all agents together; the oldest go first. */
  totalBytes: number;
}

export const defaultLogLimits: LogLimits = {
  maxBytes: 4 * 1024 * 1024,
  maxFiles: 4,
  totalBytes: 512 * 1024 * 1024,
};

export type LogStream = 'stdout' | 'stderr';

export function logPath(folder: string, id: string, stream: LogStream): string {
  return join(folder, `${id}.${stream}.log`);
}

export class LogFile implements Disposable {
  readonly #folder: string;
  readonly #path: string;
  readonly #limits: LogLimits;
  readonly #onProblem: (error: Error | undefined) => void;
  readonly #onWritten: ((bytes: Buffer) => void) | undefined;
  #descriptor: number | undefined;
  #size = 0;
  #isFailing = false;

  /** `onProblem` is told once when the disk refuses, and `undefined` when it takes bytes again; those in between are lost. */
  constructor(folder: string, { id, stream, limits, onProblem, onWritten }: LogFileOptions) {
    this.#folder = folder;
    this.#path = logPath(folder, id, stream);
    this.#limits = limits;
    this.#onProblem = onProblem;
    this.#onWritten = onWritten;
  }

  /** Never throws: an agent goes on when its log cannot be written. */
  write(bytes: Buffer): void {
    try {
      this.#write(bytes);
      if (this.#isFailing) this.#onProblem(undefined);
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#onProblem(error as Error);
      this.#isFailing = true;
      this.#close();
    }
    // Whoever follows it sees it even where the disk does not take it.
    this.#onWritten?.(bytes);
  }

  #write(bytes: Buffer): void {
    for (let start = 0; start < bytes.length;) {
      let descriptor = this.#descriptor ?? this.#open();
      if (this.#size >= this.#limits.maxBytes) descriptor = this.#rotate();
      // Cut at the end of a line where one fits, so that a file seldom begins in the middle of one.
      const end = this.#cut(bytes, start);
      while (start < end) {
        const count = writeSync(descriptor, bytes, start, end - start);
        start += count;
        this.#size += count;
      }
      if (end < bytes.length) this.#rotate();
    }
  }

  #cut(bytes: Buffer, start: number): number {
    const room = this.#limits.maxBytes - this.#size;
    if (bytes.length - start <= room) return bytes.length;
    const newline = bytes.lastIndexOf(0x0a, start + room - 1);
    return newline >= start ? newline + 1 : start + room;
  }

  #open(): number {
    makePrivateFolder(this.#folder);
    const descriptor = openRegular(this.#path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600);
    this.#descriptor = descriptor;
    this.#size = fstatSync(descriptor).size;
    return descriptor;
  }

  #rotate(): number {
    this.#close();
    const last = this.#limits.maxFiles - 1;
    if (last < 1) rmSync(this.#path, { force: true });
    for (let number = last; number >= 1; number--) {
      const from = number === 1 ? this.#path : `${this.#path}.${number - 1}`;
      renameIfThere(from, `${this.#path}.${number}`);
    }
    pruneLogs(this.#folder, this.#limits);
    return this.#open();
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

interface LogFileOptions {
  id: string;
  stream: LogStream;
  limits: LogLimits;
  onProblem(error: Error | undefined): void;
  /** Told what was written, in the same turn. */
  onWritten?(bytes: Buffer): void;
}

const rotatedLog = /^[A-Za-z0-9._-]+\.(?:stdout|stderr)\.log\.(\d+)$/;

/** Removes rotated files that are too many or, together, too large. */
export function pruneLogs(folder: string, { maxFiles, totalBytes }: LogLimits): void {
  const kept: { path: string; size: number; writtenAt: number }[] = [];
  for (const name of readdirSync(folder)) {
    const number = rotatedLog.exec(name)?.[1];
    if (number === undefined) continue;
    const path = join(folder, name);
    const info = statSync(path, { throwIfNoEntry: false });
    if (Number(number) >= maxFiles) rmSync(path, { force: true });
    else if (info) kept.push({ path, size: info.size, writtenAt: info.mtimeMs });
  }
  let sum = 0;
  for (const { path, size } of kept.toSorted((left, right) => right.writtenAt - left.writtenAt)) {
    sum += size;
    if (sum > totalBytes) rmSync(path, { force: true });
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
