// What a worker thread is asked to rank. Loaded there and nowhere else, so that the thread holds no graph.
import { runClassic, type ClassicInput } from './classic/run.ts';
import { MemoryError } from './errors.ts';
import type { Ranked, RankJob } from './ranking.ts';

export function runRankJob({ ranker, input }: RankJob): Ranked[] {
  if (ranker === 'classic') return runClassic(input as ClassicInput);
  throw new MemoryError('unknown_ranker', `There is no ranker "${ranker}"`);
}
