// A journal for people: one short line an event, safe to print on a terminal whatever stands in the file.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JournalEvent } from '@car-runtime/protocol';
import { parseEvent } from './event-data.ts';
import { openToRead, readLines } from './read-lines.ts';
import type { JournalReport } from './verify-journal.ts';

/** A line of a journal; without `event` it holds none. */
export interface JournalLine {
  /** From 1. */
  readonly number: number;
  readonly event?: JournalEvent;
  /** Whether it is the unfinished last line of a writer that was stopped. */
  readonly isTorn: boolean;
}

/** The lines of a journal from its beginning, in bounded memory. */
export async function* readJournal(path: string): AsyncGenerator<JournalLine> {
  using file = openToRead(path);
  let number = 0;
  for (const lines of readLines(file.descriptor)) {
    for (const { bytes, isWhole } of lines) {
      const event = isWhole ? parseEvent(bytes.toString()) : undefined;
      yield { number: ++number, isTorn: !isWhole, ...(event && { event }) };
    }
    await nextTurn();
  }
}

/** `2026-01-31T10:00:00.000Z  action_succeeded  step-1  plan-1  tool="lookup" duration_ms=12` */
export function formatJournalLine({ number, event, isTorn }: JournalLine): string {
  if (!event) return `line ${number}: ${isTorn ? 'unfinished, its writer was stopped' : 'not an event'}`;
  const { timestamp, kind, action_id, proposal_id, data } = event;
  const fields = Object.entries(data).map(([name, value]) => `${nameText(name)}=${JSON.stringify(value)}`);
  return printable([timestamp, kind.padEnd(16), action_id ?? '-', proposal_id ?? '-', fields.join(' ')].join('  '));
}

/** What a check found, in sentences, a line each. */
export function formatJournalReport(report: JournalReport): string[] {
  const { lines, isTorn, chain, checkpoints, problems, problemCount } = report;
  return [
    `${report.path}: ${lines} lines${isTorn ? ' and an unfinished one' : ''}`,
    chain.state === 'off'
      ? 'hash chain: off'
      : `hash chain: ${chain.state}, ${chain.events} events from line ${chain.firstLine}` +
        (chain.removed > 0 ? `; ${chain.removed} earlier ones went by retention` : ''),
    checkpoints.state === 'none'
      ? 'checkpoints: none; a cut at the end would not show'
      : `checkpoints: ${checkpoints.records}, ${checkpoints.state === 'trusted' ? 'signed by the given key' : 'signatures not checked'}, ` +
        `${checkpoints.uncoveredEvents} events since the last; ${checkpoints.isClosed ? 'the session was closed' : 'the session is open or was cut off'}`,
    ...problems.map(({ line, message }) => (line === undefined ? message : `line ${line}: ${message}`)),
    ...(problemCount > problems.length ? [`and ${problemCount - problems.length} more problems`] : []),
    problemCount === 0 ? 'no tampering found' : 'TAMPERED',
  ].map(printable);
}

function nameText(name: string): string {
  return /^[\w.-]+$/.test(name) ? name : JSON.stringify(name);
}

/** Control characters (a terminal obeys them) and characters that turn text around, as escapes. */
function printable(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
