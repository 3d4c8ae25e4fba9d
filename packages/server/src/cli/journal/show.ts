import { once } from 'node:events';
import { readJournal, type JournalLine } from '@car-runtime/core/journal';
import type { JournalEvent } from '@car-runtime/protocol';
import type { CommandInput } from '../command-spec.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { nameOf, safeJson, textOf } from '../plan/plan-text.ts';
import { paint, shown, talk } from '../terminal.ts';

const maxBadLinesSaid = 5;

export async function run({ context, args: [path = ''], options }: CommandInput): Promise<number> {
  const lines = countOf(options['lines']);
  const isWanted = filterOf(options);
  const isTable = process.stdout.isTTY && !context.isJson;
  const table = new EventTable(process.stdout.columns || 80);
  const format = isTable ? (event: JournalEvent) => table.row(event) : safeJson;
  const notes = new BadLines(path);
  const wanted = notes.pass(readJournal(path));
  for await (const event of lines === Infinity
    ? filtered(wanted, isWanted)
    : lastOf(filtered(wanted, isWanted), lines)) {
    await write(`${format(event)}\n`);
  }
  notes.finish();
  return notes.isNoJournal ? exitCode.failed : exitCode.ok;
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

async function* filtered(
  events: AsyncIterable<JournalEvent>,
  isWanted: (event: JournalEvent) => boolean,
): AsyncGenerator<JournalEvent> {
  for await (const event of events) if (isWanted(event)) yield event;
}

async function* lastOf(events: AsyncIterable<JournalEvent>, count: number): AsyncGenerator<JournalEvent> {
  let last: JournalEvent[] = [];
  for await (const event of events) {
    last.push(event);
    // Cut now and then, so that neither time nor memory grows with the journal.
    if (last.length >= 2 * count + 1_000) last = last.slice(last.length - count);
  }
  if (count > 0) yield* last.slice(-count);
}

function countOf(value: string | boolean | undefined): number {
  if (value === undefined) return Infinity;
  const count = Number(value);
  if (typeof value !== 'string' || value === '' || !Number.isSafeInteger(count) || count < 0)
    throw new UsageError(`--lines is a whole number, not ${JSON.stringify(value)}`);
  return count;
}

function filterOf({ kind, action, proposal }: CommandInput['options']): (event: JournalEvent) => boolean {
  const kinds = typeof kind === 'string' ? new Set(kind.split(',')) : undefined;
  return (event) =>
    (kinds === undefined || kinds.has(event.kind)) &&
    (action === undefined || event.action_id === action) &&
    (proposal === undefined || event.proposal_id === proposal);
}

/** Says which lines are no events, the first of them by number. */
class BadLines {
  readonly #path: string;
  #bad = 0;
  #events = 0;

  constructor(path: string) {
    this.#path = path;
  }

  get isNoJournal(): boolean {
    return this.#events === 0 && this.#bad > 0;
  }

  async *pass(lines: AsyncIterable<JournalLine>): AsyncGenerator<JournalEvent> {
    for await (const { number, event, isTorn } of lines) {
      if (event) {
        this.#events++;
        yield event;
      } else if (isTorn) this.#say(`line ${number} is unfinished: its writer was stopped`);
      else if (++this.#bad <= maxBadLinesSaid) this.#say(`line ${number} is no event`);
    }
  }

  finish(): void {
    if (this.#bad > maxBadLinesSaid) this.#say(`and ${this.#bad - maxBadLinesSaid} more lines are no events`);
    if (this.isNoJournal) this.#say('not a journal');
  }

  #say(message: string): void {
    talk(`${paint('yellow', 'car:', process.stderr)} ${shown(this.#path)}: ${message}`);
  }
}

const badKinds = /failed|rejected|violation|rollback|conflict|exhausted|hallucination/;
const goodKinds = /succeeded|completed|accepted|committed/;

const timeChars = 12;
const maxKindChars = 24;
const minDataChars = 10;

/** Rows whose columns are as wide as the widest cell so far, within bounds: a journal does not fit into memory. The day
 *  has a line of its own where it changes. */
class EventTable {
  readonly #columns: number;
  readonly #maxChars: { kind: number; action: number; proposal: number };
  readonly #widths = { kind: 18, action: 8, proposal: 8 };
  #day: string | undefined;

  constructor(columns: number) {
    this.#columns = columns;
    const idChars = Math.floor((columns - timeChars - maxKindChars - minDataChars - 4 * 2) / 2);
    const id = Math.min(24, Math.max(8, idChars));
    this.#maxChars = { kind: maxKindChars, action: id, proposal: id };
  }

  row({ timestamp, kind, action_id, proposal_id, data }: JournalEvent): string {
    const [day = '', time = ''] = /^(\d{4}-\d\d-\d\d)T([\d:.]+)Z$/.exec(timestamp)?.slice(1) ?? ['', timestamp];
    const kindCell = this.#cell('kind', kind);
    const cells = [this.#cell('action', action_id ?? '-'), this.#cell('proposal', proposal_id ?? '-')];
    const head = this.#head(day);
    const room =
      this.#columns -
      [timeChars, kindCell.length, ...cells.map((cell) => cell.length)].reduce((sum, width) => sum + width + 2, 0);
    const details = Object.entries(data).map(([name, value]) => `${nameOf(name)}=${textOf(value)}`);
    const style = badKinds.test(kind) ? 'red' : goodKinds.test(kind) ? 'green' : 'cyan';
    const timeCell = paint('dim', textOf(time, timeChars).padEnd(timeChars));
    return (
      head +
      [timeCell, paint(style, kindCell), ...cells, textOf(details.join(' '), Math.max(minDataChars, room))]
        .join('  ')
        .trimEnd()
    );
  }

  #cell(name: 'kind' | 'action' | 'proposal', text: string): string {
    const cell = textOf(text, this.#maxChars[name]);
    this.#widths[name] = Math.max(this.#widths[name], cell.length);
    return cell.padEnd(this.#widths[name]);
  }

  #head(day: string): string {
    const { kind, action, proposal } = this.#widths;
    const titles = [
      'TIME'.padEnd(timeChars),
      'KIND'.padEnd(kind),
      'ACTION'.padEnd(action),
      'PROPOSAL'.padEnd(proposal),
      'DATA',
    ];
    const lines = [
      ...(this.#day === undefined ? [titles.join('  ')] : []),
      ...(day === (this.#day ?? '') ? [] : [day]),
    ];
    this.#day = day;
    return lines.map((line) => `${paint('dim', line)}\n`).join('');
  }
}
