// The file of one run while this daemon writes it. What the disk refuses waits in memory, in bounds, and goes in order before
// anything later.
import { fstatSync, ftruncateSync, writeSync } from 'node:fs';
import type { OpenHandles } from '../../../infra/append-file.ts';
import { repairFile } from './end-file.ts';
import { GroupSync } from './group-sync.ts';
import type { NewRecords, RunRef } from './run-store.ts';

/** Bytes that wait for a disk that refuses them. */
export interface PendingBudget {
  bytes: number;
  readonly maxBytes: number;
}

/** Part of the budget that only ends of runs may take besides. */
const endReserve = 0.25;
/** Of one run. */
const maxPendingBytes = 4 * 1024 * 1024;

/** What a file is written with; tests put faults here. */
export interface FileAccess {
  readonly handles: OpenHandles;
  write(descriptor: number, bytes: Uint8Array, offset: number): number;
}

export function createFileAccess(handles: OpenHandles): FileAccess {
  return { handles, write: (descriptor, bytes, offset) => writeSync(descriptor, bytes, offset) };
}

export class RunFile implements RunRef {
  readonly agentId: string;
  readonly runId: string;
  readonly path: string;
  turnCount = 0;
  /** Turns given up because too much was waiting. */
  lostTurns = 0;
  /** The run has ended, stored or not. */
  hasEnded = false;
  readonly #access: FileAccess;
  readonly #budget: PendingBudget;
  /** Bytes of whole records in the file; unknown before the first write. */
  #size: number | undefined;
  /** A write went wrong in the middle and what it left is still there. */
  #isDirty = false;
  #pending: string[] = [];
  #pendingBytes = 0;
  /** Every record before the pending ones. */
  #history: (() => readonly string[]) | undefined;
  #isCut = false;
  #sync: GroupSync | undefined;

  constructor(run: RunRef, path: string, access: FileAccess, budget: PendingBudget) {
    this.agentId = run.agentId;
    this.runId = run.runId;
    this.path = path;
    this.#access = access;
    this.#budget = budget;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** Records that the disk has refused so far. */
  get pending(): readonly string[] {
    return this.#pending;
  }

  /** Writes what waits and these records, with one write. Throws when the disk refuses; then they wait, up to the bound.
   *  Returns whether they are in the file: turns behind some that were given up never are. */
  append({ lines, turns, isEnd, history }: NewRecords): boolean {
    this.turnCount += turns;
    this.hasEnded ||= isEnd;
    const mustDrop = this.#isCut && !isEnd;
    if (mustDrop) this.lostTurns += turns;
    else
      this.#enqueue(isEnd && this.#isCut ? lines.map((line) => withLostTurns(line, this.lostTurns)) : lines, history);
    try {
      this.flush();
    } catch (error) {
      if (!mustDrop) this.#keepInBounds(lines.length, turns, isEnd);
      throw error;
    }
    return !mustDrop;
  }

  #enqueue(lines: readonly string[], history: () => readonly string[]): void {
    if (this.#pending.length === 0) this.#history = history;
    for (const line of lines) this.#pending.push(line);
  }

  /** Gives the newest records up when more would wait than may. From then on the run is cut. */
  #keepInBounds(count: number, turns: number, isEnd: boolean): void {
    const added = this.#pending.slice(-count).reduce((sum, line) => sum + line.length, 0);
    const { bytes, maxBytes } = this.#budget;
    // There is room set aside for ends, so that a run that was cut can still say so.
    const fits = isEnd
      ? bytes + added <= maxBytes * (1 + endReserve)
      : bytes + added <= maxBytes && this.#pendingBytes + added <= maxPendingBytes;
    if (fits) {
      this.#pendingBytes += added;
      this.#budget.bytes += added;
      return;
    }
    this.#pending.splice(-count);
    this.lostTurns += turns;
    this.#isCut = true;
  }

  /** Writes what waits. Throws when the disk refuses. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const { handles } = this.#access;
    try {
      this.#write(handles.open(this.path));
    } catch (error) {
      handles.close(this.path);
      throw error;
    }
    this.#budget.bytes -= this.#pendingBytes;
    this.#pendingBytes = 0;
    this.#pending = [];
    this.#history = undefined;
  }

  /** I-9: one write, at the end of the whole records there are. */
  #write(descriptor: number): void {
    const { nlink, size } = fstatSync(descriptor);
    if (nlink === 0) {
      // Its folder was removed: what goes there is seen by nobody.
      this.#access.handles.close(this.path);
      this.#size = Math.max(1, this.#size ?? 0);
      this.#write(this.#access.handles.open(this.path));
      return;
    }
    if (this.#size === undefined && size > 0) {
      // A crash left it before there was a whole record in it.
      repairFile(this.path);
      this.#size = fstatSync(descriptor).size;
      this.#write(descriptor);
      return;
    }
    let base = this.#size ?? size;
    let lines: readonly string[] = this.#pending;
    if (size < base) {
      // Another file, or one that was shortened: all of it again.
      ftruncateSync(descriptor, 0);
      base = 0;
      lines = this.#isCut ? this.#pending : [...(this.#history?.() ?? []), ...this.#pending];
    } else if (!this.#isDirty) base = size;
    else if (size > base) ftruncateSync(descriptor, base);
    this.#size = base;
    this.#isDirty = true;
    const bytes = encode(`${lines.join('\n')}\n`);
    try {
      for (let written = 0; written < bytes.length;) written += this.#access.write(descriptor, bytes, written);
    } catch (error) {
      this.#cutBack(descriptor, base);
      throw error;
    }
    this.#isDirty = false;
    this.#size = base + bytes.length;
  }

  /** A partial line goes at once; where that fails too, before the next write. */
  #cutBack(descriptor: number, base: number): void {
    try {
      ftruncateSync(descriptor, base);
      this.#isDirty = false;
    } catch {
      // What refused the write is what is told.
    }
  }

  /** Resolves when what was written before is on the medium. */
  sync(): Promise<void> {
    this.#sync ??= new GroupSync(this.path);
    return this.#sync.sync();
  }
}

/** Most batches fit. It is used and done with in one turn, by one file at a time. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

function encode(text: string): Buffer {
  // A UTF-16 unit takes three bytes at most.
  if (text.length * 3 > scratch.length) return Buffer.from(text);
  return scratch.subarray(0, scratch.write(text));
}

function withLostTurns(line: string, lostTurns: number): string {
  return `${line.slice(0, -1)},"lost_turns":${lostTurns}}`;
}
