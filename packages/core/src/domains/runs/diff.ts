import { isDeepStrictEqual } from 'node:util';
import type { RunTurn } from '@car-runtime/protocol';
import { isTurn } from './records.ts';
import type { StoredRun } from './store/run-store.ts';

/** Members that differ between any two runs and say nothing about what was done. */
const ignored = new Set(['record', 'index', 'recorded_at']);

/** The first turn in which two runs part. */
export function diffRuns(a: StoredRun, b: StoredRun) {
  const turnsA = a.records.filter(isTurn);
  const turnsB = b.records.filter(isTurn);
  const longest = Math.max(turnsA.length, turnsB.length);
  let index = 0;
  while (index < longest && differingFields(turnsA[index], turnsB[index]).length === 0) index++;
  const [turnA, turnB] = [turnsA[index], turnsB[index]];
  return {
    a: a.runId,
    b: b.runId,
    turns_a: turnsA.length,
    turns_b: turnsB.length,
    first_difference:
      index === longest
        ? null
        : {
            index,
            fields: differingFields(turnA, turnB),
            ...(turnA && { turn_a: turnA }),
            ...(turnB && { turn_b: turnB }),
          },
  };
}

/** Sorted. A turn that is not there differs in every member of the other. */
function differingFields(a: RunTurn | undefined, b: RunTurn | undefined): string[] {
  const [left, right] = [comparable(a), comparable(b)];
  const names = new Set([...Object.keys(left), ...Object.keys(right)].filter((name) => !ignored.has(name)));
  return [...names].filter((name) => !isDeepStrictEqual(left[name], right[name])).toSorted();
}

/** Of the action of a plan, how it ended: its plan, its times and the names it gave are its own. */
function comparable(turn: RunTurn | undefined): Record<string, unknown> {
  return { ...turn, ...(turn?.action && { action: turn.action.status }) };
}
