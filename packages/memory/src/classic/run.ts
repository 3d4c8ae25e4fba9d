// The classic ranking over columns: seeds by their words, then a walk from them (Memory, Retrieval). Runs on any thread.
import { none } from '../graph/adjacency.ts';
import { flag, type WalkColumns, type WalkView } from '../graph/graph.ts';
import { byRank, type Ranked } from '../ranking.ts';
import { canEnter } from '../walk.ts';
import type { PostingColumns, QueryTerm } from './lexical-index.ts';
import { maxResults, pageRank } from './page-rank.ts';

export interface ClassicInput {
  readonly columns: WalkColumns;
  readonly view: WalkView;
  readonly postings: PostingColumns;
  readonly terms: readonly QueryTerm[];
  readonly limit: number;
  /** For a context every fact that shares a word counts; for a query the walk decides alone. */
  readonly isForContext: boolean;
}

const maxSeeds = 5;
const exactWeight = 3;

/** A node that holds some of a query's words. */
export interface LexicalMatch extends Ranked {
  /** How many of the query's terms it holds. */
  readonly matched: number;
}

export function runClassic(input: ClassicInput): Ranked[] {
  const { columns, view, terms, limit, isForContext } = input;
  const matches = lexicalMatches(input);
  const walked = pageRank(columns, view, topOf(matches, maxSeeds)).slice(0, maxResults);
  const isAnswer = ({ index }: Ranked): boolean => ((columns.flags[index] as number) & flag.isAnswer) !== 0;
  if (!isForContext) return walked.filter(isAnswer).slice(0, limit);
  const scores = new Map(matches.map(({ index, matched }) => [index, matched / terms.length]));
  for (const { index, score } of walked) scores.set(index, Math.max(score, scores.get(index) ?? 0));
  return topOf([...scores].map(([index, score]) => ({ index, score })).filter(isAnswer), limit);
}

export function seedsOf(input: ClassicInput): LexicalMatch[] {
  return topOf(lexicalMatches(input), maxSeeds);
}

/** Per node the sum over the terms of idf by the weight of its best match, as a share of what exact matches would give. */
function lexicalMatches({ columns, view, postings, terms }: ClassicInput): LexicalMatch[] {
  const scores = new Map<number, { score: number; matched: number; term: number }>();
  let most = 0;
  for (const [nth, { idf, matches }] of terms.entries()) {
    most += idf * exactWeight;
    for (const { weight, terms: ofIndex } of matches) {
      for (const term of ofIndex) {
        let posting = postings.first[term] as number;
        for (; posting !== none; posting = postings.next[posting] as number) {
          const node = postings.node[posting] as number;
          const entry = scores.get(node);
          if (!entry) {
            if (canEnter(columns, view, node)) scores.set(node, { score: idf * weight, matched: 1, term: nth });
          } else if (entry.term !== nth) {
            entry.score += idf * weight;
            entry.matched++;
            entry.term = nth;
          }
        }
      }
    }
  }
  return [...scores].map(([index, { score, matched }]) => ({ index, score: most === 0 ? 0 : score / most, matched }));
}

/** The best few without sorting all. */
function topOf<Entry extends Ranked>(entries: Entry[], limit: number): Entry[] {
  if (entries.length <= limit * 4) return entries.sort(byRank).slice(0, limit);
  let best: Entry[] = [];
  for (const entry of entries) {
    if (best.length >= limit && byRank(entry, best[limit - 1] as Entry) > 0) continue;
    best.push(entry);
    if (best.length >= limit * 2) best = best.sort(byRank).slice(0, limit);
  }
  return best.sort(byRank).slice(0, limit);
}
