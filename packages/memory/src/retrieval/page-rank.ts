// Personalised PageRank over the memory graph: exact by rounds, and by pushing with a bound on the error.

/** The graph as ranking walks it. Nodes are numbers; strengths are positive. */
export interface Adjacency {
  /** Visits what a node leads to, with the strength of each edge (weight times multiplier, reverse walks included). */
  forEachNeighbour(node: number, visit: (neighbour: number, strength: number) => void): void;
}

/** Nodes that are all linked to each other, kept as groups: the links themselves would be the square of the nodes. */
export interface Groups {
  /** The group of a node that has company in it. */
  groupOf(node: number): number | undefined;
  /** Members of a group, one or more. */
  sizeOf(group: number): number;
  members(group: number): Iterable<number>;
  /** Strength of the link between any two members. */
  readonly groupStrength: number;
}

/** Share of activation that moves on along the edges; the rest starts again at the seeds. */
export const DAMPING = 0.5;
/** No seed holds more than this share of the reset vector, unless there are too few seeds. */
const MAX_SEED_SHARE = 0.4;
/** Ranks below this are left out of a round. */
const NEGLIGIBLE = 1e-6;
/** A round that changes less than this in all is the last, and so is the thirtieth. */
const SETTLED = 1e-6;
const MAX_ROUNDS = 30;
/** What `activate` may leave unspread, in all. */
const ACTIVATION_ERROR = 1e-3;
/** Visits of neighbours that one query may cost, so that no graph makes it slow. */
const MAX_VISITS = 2_000;

/** Reset vector of seed scores: normalised, each entry capped, normalised again. */
export function resetVector(seeds: ReadonlyMap<number, number>): Map<number, number> {
  return normalised(new Map([...normalised(seeds)].map(([node, share]) => [node, Math.min(share, MAX_SEED_SHARE)])));
}

function normalised(scores: ReadonlyMap<number, number>): Map<number, number> {
  const positive = [...scores].filter(([, score]) => score > 0);
  const sum = positive.reduce((total, [, score]) => total + score, 0);
  return new Map(positive.map(([node, score]) => [node, score / sum]));
}

/** Sum of the strengths that leave a node, those to its group included. */
function outStrength(graph: Adjacency & Groups, node: number): number {
  let sum = 0;
  graph.forEachNeighbour(node, (_, strength) => (sum += strength));
  const group = graph.groupOf(node);
  return group === undefined ? sum : sum + (graph.sizeOf(group) - 1) * graph.groupStrength;
}

/**
 * Ranks by rounds (Memory, Retrieval): until a round changes less than 1e-6 in all, at most 30, and entries below 1e-6 are
 * dropped. What a node that leads nowhere holds is lost. A group costs a round its members, not their pairs.
 */
export function pageRankByRounds(
  graph: Adjacency & Groups,
  seeds: ReadonlyMap<number, number>,
  { negligible = NEGLIGIBLE, settled = SETTLED, maxRounds = MAX_ROUNDS } = {},
): Map<number, number> {
  const reset = resetVector(seeds);
  let ranks = reset;
  for (let round = 0; round < maxRounds; round++) {
    const next = spread(graph, ranks, reset);
    for (const [node, rank] of next) if (rank < negligible) next.delete(node);
    const change = difference(ranks, next);
    ranks = next;
    if (change < settled) break;
  }
  return ranks;
}

function spread(
  graph: Adjacency & Groups,
  ranks: ReadonlyMap<number, number>,
  reset: ReadonlyMap<number, number>,
): Map<number, number> {
  const next = new Map([...reset].map(([node, share]) => [node, (1 - DAMPING) * share]));
  const add = (node: number, rank: number): void => void next.set(node, (next.get(node) ?? 0) + rank);
  /** What each group's members hand each of the others, and who handed how much of it. */
  const handed = new Map<number, { sum: number; by: Map<number, number> }>();
  for (const [node, rank] of ranks) {
    const out = outStrength(graph, node);
    if (out === 0) continue;
    const share = (DAMPING * rank) / out;
    graph.forEachNeighbour(node, (neighbour, strength) => add(neighbour, share * strength));
    const group = graph.groupOf(node);
    if (group === undefined) continue;
    const { sum = 0, by = new Map<number, number>() } = handed.get(group) ?? {};
    handed.set(group, { sum: sum + share * graph.groupStrength, by: by.set(node, share * graph.groupStrength) });
  }
  for (const [group, { sum, by }] of handed) {
    for (const member of graph.members(group)) add(member, sum - (by.get(member) ?? 0));
  }
  return next;
}

function difference(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  let change = 0;
  for (const [node, rank] of after) change += Math.abs(rank - (before.get(node) ?? 0));
  for (const [node, rank] of before) if (!after.has(node)) change += rank;
  return change;
}

/** Ranks that a push found, and how much they miss. */
export interface PushedRanks {
  readonly ranks: Map<number, number>;
  /** Every rank is at most the exact one, and all together they are at most this much too small. */
  readonly left: number;
}

/**
 * Ranks by forward push: visits only what the seeds reach, largest residues first, until what is left to spread is small
 * or enough neighbours were visited.
 */
export function pageRankByPush(
  graph: Adjacency & Groups,
  seeds: ReadonlyMap<number, number>,
  { error = ACTIVATION_ERROR, maxVisits = MAX_VISITS } = {},
): PushedRanks {
  const residues = resetVector(seeds);
  const ranks = new Map<number, number>();
  let left = seeds.size === 0 ? 0 : 1;
  let visits = 0;
  // In generations: their order is given by the numbers alone, so the same graph gives the same bytes.
  while (left > error) {
    const generation = [...residues].filter(([, residue]) => residue > 0).sort(([a, x], [b, y]) => y - x || a - b);
    if (generation.length === 0) break;
    for (const [node] of generation) {
      const residue = residues.get(node)!;
      if (left <= error || visits > maxVisits) return { ranks, left };
      residues.delete(node);
      ranks.set(node, (ranks.get(node) ?? 0) + (1 - DAMPING) * residue);
      const out = outStrength(graph, node);
      // What a node that leads nowhere would hand on is lost, here as in rounds.
      left -= out === 0 ? residue : (1 - DAMPING) * residue;
      if (out === 0) continue;
      const share = (DAMPING * residue) / out;
      const push = (to: number, strength: number): void => {
        residues.set(to, (residues.get(to) ?? 0) + share * strength);
        visits++;
      };
      graph.forEachNeighbour(node, push);
      const group = graph.groupOf(node);
      if (group === undefined) continue;
      for (const member of graph.members(group)) if (member !== node) push(member, graph.groupStrength);
    }
  }
  return { ranks, left: Math.max(0, left) };
}
