// Reading events out of a log's bytes: lines are parsed only when they can match, and long reads pause so that others
// get their turn.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JournalEvent } from '@car-runtime/protocol';

export interface EventFilter {
  kinds?: readonly string[] | undefined;
  actionId?: string | undefined;
  proposalId?: string | undefined;
  /** Inclusive, ms since the epoch. */
  sinceMs?: number | undefined;
  /** Exclusive. */
  untilMs?: number | undefined;
  /** Every entry must be a string of that value at the top level of `data`. */
  dataMatches?: Readonly<Record<string, string>> | undefined;
  /** 0 means all. */
  limit?: number | undefined;
}

/** Longest stretch of reading without a pause. */
const maxBusyMs = 3;
const kindStart = '{"kind":"'.length;
const timestampStart = '"timestamp":"';

/** Events that pass the filter, newest first. */
export async function queryEvents(
  pieces: readonly Buffer[],
  filter: EventFilter,
  signal: AbortSignal,
): Promise<JournalEvent[]> {
  const matches = createMatcher(filter);
  const limit = filter.limit || Number.POSITIVE_INFINITY;
  const found: JournalEvent[] = [];
  for await (const lines of pausing(pieces.toReversed(), signal)) {
    for (let index = lines.length - 1; index >= 0; index--) {
      const event = matches(lines[index] as string);
      if (event && found.push(event) >= limit) return found;
    }
  }
  return found;
}

/** Calls `visit` for every event of these kinds, oldest first, with a way to its data that parses on use. */
export async function visitEvents(
  pieces: readonly Buffer[],
  kinds: ReadonlySet<string>,
  visit: (kind: string, data: () => Readonly<Record<string, unknown>>) => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const lines of pausing(pieces, signal)) {
    for (const line of lines) {
      const kind = kindOf(line);
      if (kinds.has(kind)) visit(kind, () => parse(line).data);
    }
  }
}

/** Time of a line as it stands there, in ms since the epoch. */
export function timeOf(line: string): number {
  // The last one: what an event says of itself comes before.
  const from = line.lastIndexOf(timestampStart) + timestampStart.length;
  return Date.parse(line.slice(from, line.indexOf('"', from)));
}

async function* pausing(pieces: readonly Buffer[], signal: AbortSignal): AsyncGenerator<string[]> {
  let since = performance.now();
  for (const piece of pieces) {
    const lines = piece.toString().split('\n');
    lines.pop(); // what follows the last newline
    yield lines;
    if (performance.now() - since < maxBusyMs) continue;
    await nextTurn();
    signal.throwIfAborted();
    since = performance.now();
  }
}

type Matcher = (line: string) => JournalEvent | undefined;

/** Lines were encoded by `JSON.stringify`, so one that matches holds each wanted string in exactly its encoding: looking
 *  for those first spares parsing the rest. */
function createMatcher({ kinds, actionId, proposalId, sinceMs, untilMs, dataMatches }: EventFilter): Matcher {
  const wantedKinds = kinds && new Set(kinds);
  const wanted = Object.entries(dataMatches ?? {});
  const needles = [actionId, proposalId, ...wanted.flat()].flatMap((text) =>
    // Without the first quote: there is one at every turn, and a search that begins with a rare character is faster.
    text === undefined ? [] : JSON.stringify(text).slice(1),
  );
  return (line) => {
    if (wantedKinds && !wantedKinds.has(kindOf(line))) return undefined;
    if (!needles.every((needle) => line.includes(needle))) return undefined;
    if (sinceMs !== undefined && timeOf(line) < sinceMs) return undefined;
    if (untilMs !== undefined && timeOf(line) >= untilMs) return undefined;
    const event = parse(line);
    const isWanted =
      (actionId === undefined || event.action_id === actionId) &&
      (proposalId === undefined || event.proposal_id === proposalId) &&
      wanted.every(([key, value]) => Object.hasOwn(event.data, key) && event.data[key] === value);
    return isWanted ? event : undefined;
  };
}

/** Lines begin with their kind, and kinds need no escapes. */
function kindOf(line: string): string {
  return line.slice(kindStart, line.indexOf('"', kindStart));
}

/** The log wrote the line itself. */
function parse(line: string): JournalEvent {
  return JSON.parse(line) as JournalEvent;
}
