// Stretches of a conversation that are no statements about the world: what was only tried out in words, and what belongs
// to an interruption. A stretch that never ends is an exploration still going on, but no interruption.
import { explorationBegins, explorationEnds, interruptionBegins, interruptionEnds } from './markers.ts';

export type Stretch = 'exploration' | 'interruption';

/** Turns of one stretch; who forgot to end it by then meant something else. */
const MAX_TURNS = 50;

export interface SpokenTurn {
  readonly text: string;
  /** Its clauses; the last turn of a stretch says goodbye to it in one of them. */
  readonly clauses: readonly string[];
}

/** By turn: the stretch it belongs to, or the clauses of it that still do. */
export type Membership = Stretch | { readonly stretch: Stretch; readonly clauses: readonly boolean[] } | undefined;

export function stretchesOf(turns: readonly SpokenTurn[]): Membership[] {
  const memberships: Membership[] = turns.map(() => undefined);
  for (let at = 0; at < turns.length; at++) {
    if (memberships[at] !== undefined) continue;
    const { text } = turns[at]!;
    if (explorationBegins.test(text)) {
      const end = endOf(turns, at, explorationEnds);
      const last = end === undefined ? Math.min(turns.length, at + MAX_TURNS) : end;
      memberships.fill('exploration', at, last);
      if (end !== undefined) memberships[end] = farewell(turns[end]!, explorationEnds);
    } else if (interruptionBegins.test(text)) {
      const end = endOf(turns, at, interruptionEnds);
      if (end !== undefined) memberships.fill('interruption', at, end);
    }
  }
  return memberships;
}

function endOf(turns: readonly SpokenTurn[], begin: number, marker: RegExp): number | undefined {
  const last = Math.min(turns.length, begin + MAX_TURNS);
  for (let at = begin + 1; at < last; at++) if (marker.test(turns[at]!.text)) return at;
  return undefined;
}

function farewell({ clauses }: SpokenTurn, marker: RegExp): Membership {
  return { stretch: 'exploration', clauses: clauses.map((clause) => marker.test(clause) && !/real/i.test(clause)) };
}
