// The ledger on disk: one file of lines that is only appended to. A reservation is with the operating system before the call
// it is for is sent, so whatever kills the daemon, nothing was used that is not in here.
import {
  constants,
  fsyncSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { AppendFile, OpenHandles } from '../../infra/append-file.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { LedgerRecord } from './records.ts';

export interface Ledger extends Disposable {
  /** What an earlier life left, in order. Throws when it cannot be made out: nobody would know what was spent. */
  load(): Iterable<LedgerRecord>;
  /** What another daemon has set meanwhile; nothing when nothing changed. */
  reload?(): Iterable<LedgerRecord> | undefined;
  /** Whether it is with the operating system now. What is refused is written later, in order. */
  write(record: LedgerRecord): boolean;
  /** Appends, to be written before this turn's answers leave. */
  note(record: LedgerRecord): void;
  /** Writes the file anew when it has grown enough, with the records that come to the same. */
  compact(records: () => Iterable<LedgerRecord>, isForced?: boolean): void;
}

export class LedgerError extends Error {
  override readonly name = 'LedgerError';
}

const component = 'budgets';
const minCompactBytes = 1024 * 1024;

export interface LedgerOptions {
  path: string;
  health: Health;
  logger: Logger;
  /** Size from which the file is written anew. */
  compactBytes?: number;
}

export class LedgerFile implements Ledger {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #handles = new OpenHandles();
  readonly #file: AppendFile;
  readonly #minBytes: number;
  #bytes = 0;
  #compactAt: number;

  constructor({ path, health, logger, compactBytes = minCompactBytes }: LedgerOptions) {
    this.#path = path;
    this.#logger = logger;
    this.#minBytes = this.#compactAt = compactBytes;
    this.#file = new AppendFile({
      path,
      handles: this.#handles,
      onProblem: (error) => {
        logger.error({ err: error, path }, 'the ledger of budgets cannot be written: calls under a budget are refused');
        health.degrade(component, error.message);
      },
      onRecovered: (dropped) => {
        logger.info({ path, dropped }, 'the ledger of budgets is written again');
        health.recover(component);
      },
    });
  }

  load(): LedgerRecord[] {
    try {
      const { records, isCutOff } = readLedger(this.#path);
      if (isCutOff) this.#logger.warn({ path: this.#path }, 'the last line of the ledger of budgets was cut off');
      return records;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  write(record: LedgerRecord): boolean {
    this.note(record);
    this.#file.flush();
    return !this.#file.hasUnwritten;
  }

  note(record: LedgerRecord): void {
    const line = JSON.stringify(record);
    this.#bytes += line.length + 1;
    this.#file.append(line);
  }

  compact(records: () => Iterable<LedgerRecord>, isForced = false): void {
    if (!isForced && this.#bytes < this.#compactAt) return;
    const temporary = `${this.#path}.new`;
    try {
      this.#file.flush();
      if (this.#file.hasUnwritten) return;
      const text = Array.from(records(), (record) => `${JSON.stringify(record)}\n`).join('');
      replace(temporary, text);
      renameSync(temporary, this.#path);
      this.#handles.close(this.#path);
      this.#bytes = text.length;
    } catch (error) {
      // The longer file is still whole, and says the same.
      this.#logger.warn({ err: error, path: this.#path }, 'the ledger of budgets was not made shorter');
    }
    this.#compactAt = Math.max(this.#minBytes, this.#bytes * 2);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    this.#handles[Symbol.dispose]();
  }
}

function replace(path: string, text: string): void {
  rmSync(path, { force: true });
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const descriptor = openSync(path, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  try {
    const bytes = Buffer.from(text);
    let written = 0;
    while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The ledger of another daemon that this one shares its folder with. It tells which budgets were set, and nothing can be booked
 * in it: whatever needs a budget is refused.
 */
export class ForeignLedger implements Ledger {
  readonly #path: string;
  #fingerprint = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Every budget that is set now; nothing when nothing changed. */
  load(): LedgerRecord[] {
    return this.reload() ?? [];
  }

  reload(): LedgerRecord[] | undefined {
    const info = statSync(this.#path, { throwIfNoEntry: false });
    const fingerprint = info ? `${info.mtimeMs} ${info.size} ${info.ino}` : '';
    if (fingerprint === this.#fingerprint) return undefined;
    this.#fingerprint = fingerprint;
    return info ? readLedger(this.#path).records.filter((record) => 'define' in record || 'remove' in record) : [];
  }

  write(): boolean {
    return false;
  }

  note(): void {
    // Nothing was reserved, so there is nothing to settle.
  }

  compact(): void {
    // The other one does.
  }

  [Symbol.dispose](): void {
    // Nothing is held.
  }
}

function readLedger(path: string): { records: LedgerRecord[]; isCutOff: boolean } {
  const lines = readFileSync(path, 'utf8').split('\n');
  // Without its newline the last one was cut off while it was written: what it was for was never sent.
  const isCutOff = lines.pop() !== '';
  const records = lines.map((line, index) => {
    try {
      return JSON.parse(line) as LedgerRecord;
    } catch {
      throw new LedgerError(
        `${path}:${index + 1}: not a line of the ledger of budgets; mend it, or remove the file and with it what was spent`,
      );
    }
  });
  return { records, isCutOff };
}
