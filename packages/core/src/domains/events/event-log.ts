// The event log of one connection (Events and metrics): its newest events in memory, all of them in a JSONL journal.
import { statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JournalEvent } from '@car-runtime/protocol';
import { AppendFile, type OpenHandles } from '../../infra/append-file.ts';
import { EncodedMembers } from '../../infra/encoded-members.ts';
import { timestamp } from '../../infra/timestamp.ts';
import { readLink } from '../../journal/chain.ts';
import { amountOf } from '../../journal/event-data.ts';
import type { JournalSigner } from '../../journal/key-pair.ts';
import { checkpointsPathOf } from '../../journal/paths.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import { queryEvents, timeOf, visitEvents, type EventFilter } from './event-query.ts';
import { HashChain, type ChainState } from './hash-chain.ts';
import type { MemoryBudget, MemoryUser } from './memory-budget.ts';
import { replaceJournal } from './replace-journal.ts';
import { resumeJournal } from './resume-journal.ts';
import { RetainedLines } from './retained-lines.ts';
import { verifyChain, type ChainVerdict } from './verify-chain.ts';

export interface EventFields {
  action_id?: string | undefined;
  proposal_id?: string | undefined;
  data?: object | undefined;
}

/** What several events are about. */
export interface EventSubject {
  readonly action_id: string | null;
  readonly proposal_id: string;
  readonly data: object;
  /** Kept here from the first event on. */
  encoded: string | undefined;
}

/** What a client wants kept; both limits hold at once. */
export interface EventRetention {
  maxEvents?: number;
  maxAgeSecs?: number;
}

/** What a log keeps in memory at most, whatever the retention. The journal on disk keeps all. */
export interface LogBounds {
  maxEvents: number;
  maxBytes: number;
}

export const defaultLogBounds: LogBounds = { maxEvents: 50_000, maxBytes: 8 * 1024 * 1024 };

/** Rewriting a journal pays only when it gets rid of so many lines and of so much of its bytes. */
const minLinesSaved = 1_024;
const minShareSaved = 0.25;

export interface EventLogOptions {
  path: string;
  handles: OpenHandles;
  budget: MemoryBudget;
  signer: () => JournalSigner | undefined;
  bounds?: LogBounds;
  onProblem(error: Error): void;
  onRecovered(droppedLines: number): void;
  /** The disk took something. */
  onWritten?(): void;
  /** The journal could not be shortened; it stays as it was. */
  onCompactionFailed(error: unknown): void;
}

export class EventLog implements AsyncDisposable, MemoryUser {
  readonly #options: EventLogOptions;
  readonly #bounds: LogBounds;
  readonly #file: AppendFile;
  readonly #checkpoints: CheckpointFile;
  readonly #kept = new RetainedLines();
  #isOpen = false;
  #isClosing = false;
  #chain: HashChain | undefined;
  #retention: EventRetention = {};
  /** Events that the retention took. */
  #expired = 0;
  /** Whether every event older than those in memory is beyond the retention. */
  #isAtRetention = false;
  /** Of the file on disk. */
  #fileLines = 0;
  #fileBytes = 0;
  #compacting: Promise<void> | undefined;
  #cumulativeCostUsd = 0;

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.#bounds = options.bounds ?? defaultLogBounds;
    const { path, handles, onProblem, onRecovered, signer } = options;
    this.#file = new AppendFile({
      path,
      handles,
      onProblem,
      onRecovered,
      encode: (text, lines) => this.#keep(text, lines),
      onWritten: () => this.#onWritten(),
    });
    const checkpointFile = new AppendFile({ path: checkpointsPathOf(path), handles, onProblem, onRecovered });
    this.#checkpoints = new CheckpointFile(path, checkpointFile, signer);
  }

  /** Absolute path of the journal; the file exists from its first event on. */
  get path(): string {
    return this.#file.path;
  }

  /** Events in memory. */
  get count(): number {
    this.#settle();
    return this.#kept.lines;
  }

  /** Bytes of the events in memory, as lines. */
  get eventBytes(): number {
    this.#settle();
    return this.#kept.bytes;
  }

  /** Memory held, whether used or not. */
  get memoryBytes(): number {
    return this.#kept.capacity;
  }

  /** Cost of all model calls that were ever recorded here; retention takes nothing from it. */
  get cumulativeCostUsd(): number {
    return this.#cumulativeCostUsd;
  }

  get retention(): EventRetention {
    return this.#retention;
  }

  /** Kinds are names in our code and need no escapes. */
  append(kind: string, { action_id, proposal_id, data }: EventFields): void {
    if (kind === 'inference_metered') this.#cumulativeCostUsd += amountOf((data as { cost_usd?: unknown })?.cost_usd);
    let fields = '';
    if (action_id !== undefined) fields += `,"action_id":${JSON.stringify(action_id)}`;
    if (proposal_id !== undefined) fields += `,"proposal_id":${quoted(proposal_id)}`;
    this.#append(kind, `${fields},"data":{`, data === undefined ? undefined : JSON.stringify(data).slice(1));
  }

  /** The same for one of several events about one thing, which is encoded with the first of them. Called several times an
   *  action: it queues pieces that are there already and leaves the rest to the end of the turn. */
  appendAbout(kind: string, subject: EventSubject, details?: object | EncodedMembers): void {
    const about = (subject.encoded ??= encodeSubject(subject));
    this.#append(kind, about, details === undefined ? undefined : encodeMore(about, details));
  }

  /** `fields` end within the data, which `rest` ends; without it there is no more in the data. */
  #append(kind: string, fields: string, rest: string | undefined): void {
    if (!this.#isOpen) this.#open();
    const head = headOf(kind);
    const tail = tailOf(timestamp());
    // What the file will not take must not be linked: the next event would follow one that is nowhere.
    if (this.#chain && !this.#file.isFull)
      this.#file.append(this.#chain.link(`${head}${fields}${rest ?? '}'}${tail.slice(0, -1)}`));
    else if (rest === undefined) this.#file.appendPieces(head, fields, lastClosingTail);
    else this.#file.appendPieces(head, fields, rest, tail);
  }

  #open(): void {
    this.#isOpen = true;
    try {
      const earlier = resumeJournal(this.path);
      if (!earlier) return;
      this.#fileLines = earlier.lines;
      this.#fileBytes = earlier.bytes;
      this.#chain = earlier.chain;
      this.#checkpoints.resume(earlier.checkpoints);
    } catch (error) {
      this.#options.onProblem(error as Error);
    }
  }

  /** Encodes the lines of a turn into the memory they stay in; the file is written from there. */
  #keep(text: string, lines: number): Buffer {
    const before = this.#kept.capacity;
    const bytes = this.#kept.add(text, lines);
    this.#fileLines += lines;
    this.#fileBytes += bytes.length;
    this.#applyRetention();
    this.#applyBounds();
    this.#options.budget.change(this, this.#kept.capacity - before);
    return bytes;
  }

  #applyBounds(): void {
    const { maxEvents, maxBytes } = this.#bounds;
    const surplus = this.#kept.lines - maxEvents;
    if (surplus > 0) this.#kept.dropOldest(surplus);
    if (this.#kept.dropToBytes(maxBytes) > 0 || surplus > 0) this.#isAtRetention = false;
  }

  #applyRetention(): void {
    const { maxEvents, maxAgeSecs } = this.#retention;
    const before = this.#kept.lines;
    if (maxEvents !== undefined) this.#kept.dropOldest(Math.max(0, before - maxEvents));
    if (maxAgeSecs !== undefined) this.#dropOlderThan(Date.now() - maxAgeSecs * 1_000);
    const removed = before - this.#kept.lines;
    this.#expired += removed;
    if (removed > 0) this.#isAtRetention = true;
  }

  #dropOlderThan(time: number): void {
    for (let oldest = this.#kept.oldest(); oldest; oldest = this.#kept.oldest()) {
      if (timeOf(oldest.toString()) >= time) return;
      this.#kept.dropOldest(1);
    }
  }

  #onWritten(): void {
    this.#options.onWritten?.();
    if (this.#chain && this.#checkpoints.isDue(this.#chain))
      this.#checkpoints.write('interval', this.#chain, this.#fileLines);
    this.#startCompaction();
  }

  /** Brings memory and file up to date with what was appended and with the retention. */
  #settle(): void {
    this.#file.flush();
    this.#changing(() => this.#applyRetention());
  }

  #changing(change: () => void): void {
    const before = this.#kept.capacity;
    change();
    this.#options.budget.change(this, this.#kept.capacity - before);
  }

  /** Sets what is kept from now on and applies it at once; resolves with the number of events that went when the
   *  journal, too, is as short as it gets. */
  async retain(retention: EventRetention): Promise<number> {
    const before = this.#expired;
    this.#settle();
    if (!isAsStrict(retention, this.#retention)) this.#isAtRetention = false;
    this.#retention = retention;
    this.#settle();
    const removed = this.#expired - before;
    this.#startCompaction();
    await this.#compacting;
    return removed;
  }

  /** Forgets all but the newest events, in memory only; without a number, what the retention would. */
  truncate(maxEvents: number | undefined): number {
    const before = this.#expired;
    this.#settle();
    const surplus = maxEvents === undefined ? 0 : Math.max(0, this.#kept.lines - maxEvents);
    this.#forget(surplus);
    return this.#expired - before + surplus;
  }

  halve(): void {
    this.#changing(() => this.#kept.halve());
    this.#isAtRetention = false;
  }

  #forget(count: number): void {
    if (count === 0) return;
    this.#changing(() => this.#kept.dropOldest(count));
    this.#isAtRetention = false;
  }

  query(filter: EventFilter, signal: AbortSignal): Promise<JournalEvent[]> {
    this.#settle();
    return queryEvents(this.#kept.pieces(), filter, signal);
  }

  /** Calls `visit` for every event in memory of these kinds, oldest first. `data` parses when it is called. */
  visit(
    kinds: ReadonlySet<string>,
    visit: (kind: string, data: () => Readonly<Record<string, unknown>>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#settle();
    return visitEvents(this.#kept.pieces(), kinds, visit, signal);
  }

  /** Chains every event from now on; again changes nothing. Returns the key that signs checkpoints, if there is one. */
  enableChain(): string | undefined {
    if (!this.#isOpen) this.#open();
    if (!this.#chain) {
      this.#file.flush(); // what came before goes unchained
      this.#chain = new HashChain();
      this.#checkpoints.write('enabled', this.#chain, this.#fileLines);
    }
    return this.#checkpoints.keyId;
  }

  /** Checks the journal on disk; `undefined` while the disk refuses to be written, for then the two differ. */
  async verifyChain(): Promise<ChainVerdict | undefined> {
    if (!this.#isOpen) this.#open();
    this.#file.flush();
    if (this.#file.hasUnwritten) return undefined;
    return this.#chain ? verifyChain(this.path, this.#chain) : { verified: 0 };
  }

  /** Shortens the journal to what is kept, when the retention allows that and it pays. */
  #startCompaction(): void {
    if (!this.#isAtRetention || this.#compacting || this.#isClosing || this.#file.hasUnwritten) return;
    const isWorthIt =
      this.#fileLines - this.#kept.lines >= minLinesSaved &&
      this.#fileBytes - this.#kept.bytes >= this.#fileBytes * minShareSaved;
    if (!isWorthIt) return;
    this.#compacting = this.#compact()
      .catch((error: unknown) => this.#options.onCompactionFailed(error))
      .finally(() => (this.#compacting = undefined));
  }

  async #compact(): Promise<void> {
    const pieces = this.#kept.pieces();
    const { lines, bytes } = this.#kept;
    const fileLines = this.#fileLines;
    const end = statSync(this.path).size;
    const start = this.#chainStart();
    const chain = this.#chain;
    if (chain && !this.#signCut({ ...start, count: chain.count, head: chain.head })) return;
    const settle = (): boolean => {
      this.#file.flush();
      this.#options.handles.close(this.path);
      // A chain that began meanwhile was signed with what stands before it now.
      return !this.#file.hasUnwritten && this.#chain === chain;
    };
    await replaceJournal(this.path, pieces, end, settle, () => {
      this.#fileLines += lines - fileLines;
      this.#fileBytes += bytes - end;
      if (chain) Object.assign(chain, start);
    });
  }

  /** A file that begins later than was signed looks cut off, so the record comes first. Returns whether it is safe. */
  #signCut(chain: ChainState): boolean {
    return this.#checkpoints.write('compacted', chain, this.#kept.lines) && this.#checkpoints.flush();
  }

  /** Where the chain would begin in a file of the kept lines. */
  #chainStart(): Pick<ChainState, 'removed' | 'base'> {
    const { count, head, removed, base } = this.#chain ?? new HashChain();
    const oldest = this.#kept.oldest();
    if (!oldest) return { removed: count, base: head };
    const link = readLink(oldest);
    return link ? { removed: count - this.#kept.lines, base: link.previous } : { removed, base };
  }

  /** Writes what is left and, of a chain, the last checkpoint. */
  async [Symbol.asyncDispose](): Promise<void> {
    // What the disconnect ended says so in this turn, and that belongs here too.
    await nextTurn();
    this.#isClosing = true;
    await this.#compacting;
    this.#file.flush();
    if (this.#chain && !this.#file.hasUnwritten) this.#checkpoints.write('closed', this.#chain, this.#fileLines);
    this.#file[Symbol.dispose]();
    this.#checkpoints[Symbol.dispose]();
    this.#forget(this.#kept.lines);
    this.#options.budget.remove(this);
  }
}

/** Whether everything beyond `other` is beyond `retention`, too. */
function isAsStrict(retention: EventRetention, other: EventRetention): boolean {
  const { maxEvents = Number.POSITIVE_INFINITY, maxAgeSecs = Number.POSITIVE_INFINITY } = retention;
  return (
    maxEvents <= (other.maxEvents ?? Number.POSITIVE_INFINITY) &&
    maxAgeSecs <= (other.maxAgeSecs ?? Number.POSITIVE_INFINITY)
  );
}

/** Its members as they stand in a line, but for the brace that ends the data: more may follow. */
function encodeSubject({ action_id, proposal_id, data }: EventSubject): string {
  const action = action_id === null ? '' : `,"action_id":${JSON.stringify(action_id)}`;
  return `${action},"proposal_id":${quoted(proposal_id)},"data":${JSON.stringify(data).slice(0, -1)}`;
}

/** What follows the data of the subject, with the brace. */
function encodeMore(about: string, details: object | EncodedMembers): string {
  const isAlone = about.endsWith('{');
  if (details instanceof EncodedMembers) return isAlone ? details.alone : details.behind;
  const text = encodeDetails(details);
  return text === '{}' || isAlone ? text.slice(1) : `,${text.slice(1)}`;
}

/** What most actions end with is a number and nothing else, which needs no encoder. */
function encodeDetails(details: object): string {
  let members = 0;
  for (const key in details) if (++members > 1 || key !== 'duration_ms') return JSON.stringify(details);
  const { duration_ms } = details as { duration_ms?: unknown };
  return Number.isFinite(duration_ms) ? `{"duration_ms":${duration_ms as number}}` : JSON.stringify(details);
}

let lastText = '';
let lastQuoted = '""';

/** As JSON. The events of a plan come one behind another and all of them name it. */
function quoted(text: string): string {
  if (text !== lastText) {
    lastQuoted = JSON.stringify(text);
    lastText = text;
  }
  return lastQuoted;
}

const heads = new Map<string, string>();

/** How a line of a kind begins. There are as many as our code has names for. */
function headOf(kind: string): string {
  let head = heads.get(kind);
  if (head === undefined) heads.set(kind, (head = `{"kind":"${kind}"`));
  return head;
}

let lastTimestamp = '';
let lastTail = '';
/** The same behind data that ends with it. */
let lastClosingTail = '';

/** How a line of a time ends, newline included; most have that of the line before. */
function tailOf(time: string): string {
  if (time !== lastTimestamp) {
    lastTimestamp = time;
    lastTail = `,"timestamp":"${time}"}\n`;
    lastClosingTail = `}${lastTail}`;
  }
  return lastTail;
}
