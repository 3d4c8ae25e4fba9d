// What people decided about operations: one file of records for the whole daemon, appended to, the last record of each
// fingerprint counting. A record is with the operating system before anything acts on it.
import { closeSync, constants, fstatSync, ftruncateSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { isWithin, tiers, type Tier } from '@car-runtime/engine';
import { fail, type ApprovalRecord } from '@car-runtime/protocol';
import { writePrivateFile } from '../../infra/private-file.ts';
import { readLines } from '../../journal/read-lines.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';

/** What is kept in memory of a record. Reasons and evidence stay in the file. */
export interface Entry {
  readonly tier: Tier;
  readonly isApproved: boolean;
  readonly reviewer: string;
  readonly decidedAt: string;
  readonly content: ApprovalRecord['content'];
  readonly plan: ApprovalRecord['plan'];
  /** Of the operation; undefined where it was decided by its fingerprint alone. */
  readonly tool: string | null | undefined;
}

export interface LedgerLimits {
  /** Approvals kept; the oldest is forgotten first, and asked about again. */
  maxApproved: number;
  /** Rejections kept. None is forgotten: at the limit there is no room for another. */
  maxRejected: number;
  /** What is kept of both. */
  maxBytes: number;
}

const defaultLimits: LedgerLimits = { maxApproved: 100_000, maxRejected: 50_000, maxBytes: 64 * 1024 * 1024 };
/** Records that a later one of the same fingerprint made void, before the file is written anew. */
const minVoidLines = 1_024;
const component = 'permission ledger';
const entryBytes = 300;

export interface LedgerOptions {
  path: string;
  health: Health;
  logger: Logger;
  limits?: Partial<LedgerLimits> | undefined;
}

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #limits: LedgerLimits;
  readonly #approved = new Map<string, Entry>();
  readonly #rejected = new Map<string, Entry>();
  /** Number of rejections by tool. */
  readonly #rejectedTools = new Map<string | null | undefined, number>();
  readonly #lastPlans = new Map<string, { digest: string; decidedAt: string }>();
  #bytes = 0;
  #lines = 0;
  /** Bytes of the file that were read, and which file that was. */
  #size = 0;
  #inode = 0n;
  #endsInLine = true;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.refresh();
  }

  /** Whether an operation of that tool may be rejected: only then must it be looked up, which costs a digest of it. */
  mayReject(tool: string | undefined): boolean {
    return this.#rejected.size > 0 && (this.#rejectedTools.has(tool ?? null) || this.#rejectedTools.has(undefined));
  }

  get size(): number {
    return this.#approved.size + this.#rejected.size;
  }

  find(fingerprint: string): Entry | undefined {
    return this.#rejected.get(fingerprint) ?? this.#approved.get(fingerprint);
  }

  /** The last approved plan of a source, and the fingerprints approved with it that are still known. */
  lastPlan(source: string): { digest: string; decidedAt: string; fingerprints: Set<string> } | undefined {
    const last = this.#lastPlans.get(source);
    if (!last) return undefined;
    const of = [...this.#approved].filter(([, { plan }]) => plan?.digest === last.digest && plan.source === source);
    return { ...last, fingerprints: new Set(of.map(([fingerprint]) => fingerprint)) };
  }

  /** Takes in what another daemon on the same state root has added. Costs a look at the file's size. */
  refresh(): void {
    const info = statSync(this.#options.path, { bigint: true, throwIfNoEntry: false });
    if (!info) return;
    if (info.ino !== this.#inode || info.size < this.#size) this.#forgetAll();
    this.#inode = info.ino;
    if (info.size > this.#size) this.#readOn();
  }

  /** Stores records, all of them or none. Throws when they cannot be stored: then nothing was decided. */
  record(records: readonly ApprovalRecord[]): void {
    this.refresh();
    this.#checkRoom(records);
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    try {
      this.#append(Buffer.from(this.#endsInLine ? text : `\n${text}`));
    } catch (error) {
      const { health, logger, path } = this.#options;
      logger.error({ err: error, path }, 'a permission decision cannot be stored');
      health.degrade(component, (error as Error).message);
      throw fail('failed', `Cannot record the decision: ${(error as Error).message}`, {
        data: { reason: 'not_stored' },
        cause: error,
      });
    }
    this.#options.health.recover(component);
    for (const record of records) this.#take(record);
    this.#keepInBounds();
  }

  /** Writes the file anew without what later records made void. Only where no other daemon has it open. */
  compact(): void {
    this.refresh();
    if (this.#lines - this.size < Math.max(minVoidLines, this.size)) return;
    const { path, logger } = this.#options;
    try {
      const last = new Map<string, string>();
      for (const [record, line] of this.#recordsFrom(0)) {
        last.delete(record.fingerprint);
        if (this.find(record.fingerprint)) last.set(record.fingerprint, line);
      }
      writePrivateFile(path, [...last.values()].map((line) => `${line}\n`).join(''));
      this.#forgetAll();
      this.refresh();
    } catch (error) {
      logger.warn({ err: error, path }, 'the permission ledger was not made shorter');
    }
  }

  #forgetAll(): void {
    this.#approved.clear();
    this.#rejected.clear();
    this.#rejectedTools.clear();
    this.#lastPlans.clear();
    this.#bytes = 0;
    this.#lines = 0;
    this.#size = 0;
    this.#endsInLine = true;
  }

  #readOn(): void {
    let bad = 0;
    for (const [record] of this.#recordsFrom(this.#size, () => bad++)) this.#take(record);
    this.#keepInBounds();
    const { logger, path } = this.#options;
    if (bad > 0) logger.warn({ path, lines: bad }, 'lines of the permission ledger are not readable and were left out');
  }

  /** Records from an offset on, with their lines; notes how far the file was read. */
  *#recordsFrom(from: number, onBad: () => void = () => {}): Generator<[ApprovalRecord, string]> {
    const descriptor = openSync(this.#options.path, constants.O_RDONLY);
    let at = 0;
    try {
      for (const lines of readLines(descriptor)) {
        for (const { bytes, byteLength, isWhole } of lines) {
          const start = at;
          at += byteLength + (isWhole ? 1 : 0);
          if (start < from) continue;
          // Its writer was stopped in the middle: the next record begins a line of its own.
          this.#endsInLine = isWhole;
          this.#lines++;
          this.#size = at;
          const line = bytes.toString();
          const record = parseRecord(line);
          if (record) yield [record, line];
          else if (line.trim() !== '') onBad();
        }
      }
    } finally {
      closeSync(descriptor);
    }
  }

  #append(bytes: Buffer): void {
    const { path } = this.#options;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const descriptor = openSync(path, O_RDWR | O_APPEND | O_CREAT | (O_NOFOLLOW ?? 0), 0o600);
    try {
      const before = fstatSync(descriptor, { bigint: true });
      try {
        for (let written = 0; written < bytes.length;) written += writeSync(descriptor, bytes, written);
      } catch (error) {
        // Part of a record decides nothing, and must not stand before the next.
        ftruncateSync(descriptor, Number(before.size));
        throw error;
      }
      this.#inode = before.ino;
      this.#size = Number(before.size) + bytes.length;
      this.#lines += countOf(bytes, 10);
      this.#endsInLine = true;
    } finally {
      closeSync(descriptor);
    }
  }

  #take({ fingerprint, required_tier, decision, reviewer, decided_at, content, plan, tool }: ApprovalRecord): void {
    this.#forget(fingerprint);
    const entry: Entry = {
      tier: required_tier,
      isApproved: decision === 'approved',
      reviewer,
      decidedAt: decided_at,
      content,
      plan,
      tool,
    };
    (entry.isApproved ? this.#approved : this.#rejected).set(fingerprint, entry);
    this.#bytes += bytesOf(entry);
    if (!entry.isApproved) this.#rejectedTools.set(tool, (this.#rejectedTools.get(tool) ?? 0) + 1);
    if (plan && entry.isApproved) {
      this.#lastPlans.delete(plan.source);
      this.#lastPlans.set(plan.source, { digest: plan.digest, decidedAt: decided_at });
    }
  }

  #forget(fingerprint: string): void {
    const entry = this.find(fingerprint);
    if (!entry) return;
    this.#bytes -= bytesOf(entry);
    if (!entry.isApproved) {
      const left = (this.#rejectedTools.get(entry.tool) ?? 1) - 1;
      if (left > 0) this.#rejectedTools.set(entry.tool, left);
      else this.#rejectedTools.delete(entry.tool);
    }
    this.#approved.delete(fingerprint);
    this.#rejected.delete(fingerprint);
  }

  #checkRoom(records: readonly ApprovalRecord[]): void {
    const rejections = records.filter(
      ({ decision, fingerprint }) => decision === 'rejected' && !this.#rejected.has(fingerprint),
    );
    if (rejections.length === 0 || this.#rejected.size + rejections.length <= this.#limits.maxRejected) return;
    throw fail('overloaded', `Cannot record the decision: ${this.#rejected.size} operations are rejected, the limit`, {
      data: { reason: 'too_many_rejections' },
    });
  }

  #keepInBounds(): void {
    for (const fingerprint of this.#approved.keys()) {
      if (this.#approved.size <= this.#limits.maxApproved && this.#bytes <= this.#limits.maxBytes) break;
      this.#forget(fingerprint);
    }
    for (const source of this.#lastPlans.keys()) {
      if (this.#lastPlans.size <= 1_000) break;
      this.#lastPlans.delete(source);
    }
  }
}

function bytesOf({ content, plan }: Entry): number {
  return (
    entryBytes + (content ? JSON.stringify(content).length : 0) + (plan ? plan.digest.length + plan.source.length : 0)
  );
}

function countOf(bytes: Buffer, byte: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at !== -1; at = bytes.indexOf(byte, at + 1)) count++;
  return count;
}

function parseRecord(line: string): ApprovalRecord | undefined {
  let record: Partial<ApprovalRecord>;
  try {
    record = JSON.parse(line) as Partial<ApprovalRecord>;
  } catch {
    return undefined;
  }
  if (typeof record !== 'object' || record === null) return undefined;
  const { fingerprint, required_tier, decision, reviewer, decided_at } = record;
  const isWhole =
    typeof fingerprint === 'string' &&
    tiers.some((tier) => tier === required_tier) &&
    (decision === 'approved' || decision === 'rejected') &&
    typeof reviewer === 'string' &&
    typeof decided_at === 'string';
  return isWhole ? (record as ApprovalRecord) : undefined;
}

/** Whether an approval covers what is needed now. */
export function covers({ isApproved, tier }: Entry, required: Tier): boolean {
  return isApproved && isWithin(required, tier);
}
