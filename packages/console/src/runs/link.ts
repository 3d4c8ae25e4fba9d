// The address of a run: which turn is open, and how the run is shown.
import { linkTo } from '../router.ts';

export type RunTab = 'timeline' | 'graph';

export function linkToRun(runId: string, turn: number | undefined, tab: RunTab): string {
  const path = turn === undefined ? linkTo('run', runId) : linkTo('run', runId, String(turn));
  return tab === 'timeline' ? path : `${path}?tab=${tab}`;
}
