// Approvals on disk: one file of lines that is only appended to. A line asks, or changes what was asked; the last word on each
// approval counts. Handed to the operating system before anything acts on it.
import { appendFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppendFile, OpenHandles } from '../../infra/append-file.ts';
import { openToRead, readLines } from '../../journal/read-lines.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { StoredApproval } from './approval.ts';

export type ApprovalChange = Partial<StoredApproval['approval']>;

/** What outlives the process. */
export interface ApprovalStore extends Disposable {
  /** What an earlier life left, in the order it was asked. */
  load(): StoredApproval[];
  /** Whether it is with the operating system now. What is refused is written later, in order. */
  add(row: StoredApproval): boolean;
  change(id: string, change: ApprovalChange): boolean;
  /** Gives the space of what is no longer kept back, now and then. */
  compact(count: number, rows: () => Iterable<StoredApproval>): void;
  /** Resolves when nothing is being rewritten. */
  settled(): Promise<void>;
}

type Line = { asked: StoredApproval } | { id: string; set: ApprovalChange };

const component = 'approvals';
/** Lines of approvals that are no longer kept, before the file is written anew. */
const minDeadLines = 10_000;
const rowsPerTurn = 100;

export interface ApprovalFileOptions {
  path: string;
  health: Health;
  logger: Logger;
}

export class ApprovalFile implements ApprovalStore {
  readonly #options: ApprovalFileOptions;
  readonly #handles = new OpenHandles();
  readonly #file: AppendFile;
  #lines = 0;
  /** Lines written while the file is being written anew, which it must have too. */
  #meanwhile: string[] | undefined;
  #compaction: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: ApprovalFileOptions) {
    this.#options = options;
    const { path, health, logger } = options;
    this.#file = new AppendFile({
      path,
      handles: this.#handles,
      onProblem: (error) => {
        logger.error({ err: error, path }, 'approvals cannot be stored');
        health.degrade(component, error.message);
      },
      onRecovered: (dropped) => {
        logger.info({ path, dropped }, 'approvals are stored again');
        health.recover(component);
      },
    });
  }

  load(): StoredApproval[] {
    const rows = new Map<string, StoredApproval>();
    let whole = 0;
    let bad = 0;
    const { path, logger } = this.#options;
    try {
      using file = openToRead(path);
      for (const lines of readLines(file.descriptor)) {
        for (const line of lines) {
          if (!line.isWhole) {
            // Its writer was stopped in the middle: what comes next begins a line of its own.
            truncateSync(path, whole);
            continue;
          }
          whole += line.byteLength + 1;
          this.#lines++;
          if (!apply(rows, line.bytes)) bad++;
        }
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (bad > 0) logger.warn({ path, lines: bad }, 'lines of the approvals file are not readable and were left out');
    return [...rows.values()];
  }

  add(row: StoredApproval): boolean {
    return this.#write({ asked: row });
  }

  change(id: string, change: ApprovalChange): boolean {
    return this.#write({ id, set: change });
  }

  #write(line: Line): boolean {
    const text = JSON.stringify(line);
    this.#lines++;
    this.#meanwhile?.push(text);
    this.#file.append(text);
    // Not at the end of the turn: what is approved may run before that.
    this.#file.flush();
    return !this.#file.hasUnwritten;
  }

  compact(count: number, rows: () => Iterable<StoredApproval>): void {
    if (this.#compaction || this.#isClosed || this.#lines - count < Math.max(minDeadLines, count)) return;
    this.#compaction = this.#rewrite([...rows()])
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'the approvals file was not made shorter'))
      .finally(() => {
        this.#compaction = undefined;
        this.#meanwhile = undefined;
      });
  }

  /** Puts a shorter file in the place of the long one, whole or not at all. */
  async #rewrite(live: readonly StoredApproval[]): Promise<void> {
    const { path } = this.#options;
    const temporary = `${path}.new`;
    this.#meanwhile = [];
    // Encoded piece by piece, while others change rows: what changed is said again behind them.
    rmSync(temporary, { force: true });
    const file = await open(temporary, 'wx', 0o600);
    try {
      for (let from = 0; from < live.length; from += rowsPerTurn) {
        const piece = live.slice(from, from + rowsPerTurn);
        await file.appendFile(piece.map((row) => `${JSON.stringify({ asked: row })}\n`).join(''));
        await nextTurn();
      }
      await file.sync();
      // From here to the rename nothing is awaited, so nothing is appended to the old file in between.
      this.#file.flush();
      if (this.#file.hasUnwritten || this.#isClosed) return;
      const behind = this.#meanwhile;
      this.#meanwhile = undefined;
      appendFileSync(temporary, behind.map((line) => `${line}\n`).join(''));
      renameSync(temporary, path);
      this.#handles.close(path);
      this.#lines = live.length + behind.length;
    } finally {
      await file.close();
      rmSync(temporary, { force: true });
    }
  }

  async settled(): Promise<void> {
    await this.#compaction;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#file[Symbol.dispose]();
    this.#handles[Symbol.dispose]();
  }
}

/** Takes a line in. Returns whether it was one. */
function apply(rows: Map<string, StoredApproval>, bytes: Buffer): boolean {
  let line: Partial<{ asked: StoredApproval; id: string; set: ApprovalChange }>;
  try {
    line = JSON.parse(bytes.toString()) as typeof line;
  } catch {
    return false;
  }
  if (line.asked) {
    rows.set(line.asked.approval.id, line.asked);
    return true;
  }
  const row = line.id === undefined ? undefined : rows.get(line.id);
  if (!row || !line.set) return false;
  rows.set(row.approval.id, { ...row, approval: { ...row.approval, ...line.set } });
  return true;
}

/** For a daemon that shares its folder with another one, which has the file. */
export class ApprovalMemory implements ApprovalStore {
  load(): StoredApproval[] {
    return [];
  }

  add(): boolean {
    return true;
  }

  change(): boolean {
    return true;
  }

  compact(): void {
    // Nothing is kept beside the rows themselves.
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    // Nothing is held.
  }
}
