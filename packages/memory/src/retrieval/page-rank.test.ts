import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { pageRankByPush, pageRankByRounds, resetVector, type Adjacency, type Groups } from './page-rank.ts';

const runs = process.env['CAR_TEST_LONG'] === '1' ? 5_000 : 300;
const nodeCount = 12;

interface Drawn {
  edges: { from: number; to: number; strength: number }[];
  groups: number[];
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  edges: fc.array(
    fc.record({
      from: fc.nat(nodeCount - 1),
      to: fc.nat(nodeCount - 1),
      strength: fc.double({ min: 0.05, max: 2, noNaN: true }),
    }),
    { maxLength: 40 },
  ),
  groups: fc.array(fc.nat(3), { minLength: nodeCount, maxLength: nodeCount }),
});
const seeds = fc
  .array(fc.tuple(fc.nat(nodeCount - 1), fc.double({ min: 0.01, max: 9, noNaN: true })), { minLength: 1, maxLength: 6 })
  .map((entries) => new Map(entries));

/** The graph with its groups, or with every link of them as an edge. Nodes of group 0 are in none. */
function graphOf({ edges, groups }: Drawn, isExplicit: boolean): Adjacency & Groups {
  const groupStrength = 0.3;
  const members = (group: number): number[] =>
    groups.flatMap((each, node) => (each === group && group > 0 ? [node] : []));
  return {
    groupStrength,
    members,
    sizeOf: (group) => members(group).length,
    groupOf: (node) => {
      const group = groups[node] ?? 0;
      return isExplicit || group === 0 || members(group).length < 2 ? undefined : group;
    },
    forEachNeighbour(node, visit) {
      for (const { from, to, strength } of edges) if (from === node) visit(to, strength);
      if (!isExplicit) return;
      for (const member of members(groups[node] ?? 0)) if (member !== node) visit(member, groupStrength);
    },
  };
}

const exactly = { negligible: 0, settled: 0, maxRounds: 200 };

function assertClose(actual: Map<number, number>, expected: Map<number, number>, tolerance: number): void {
  for (let node = 0; node < nodeCount; node++) {
    const difference = Math.abs((actual.get(node) ?? 0) - (expected.get(node) ?? 0));
    assert(difference <= tolerance, `node ${node} is ${difference} off`);
  }
}

// req: memory.retrieval.page-rank-push
test('push misses, over all nodes, at most what it says is left, and at most what was allowed', () => {
  fc.assert(
    fc.property(drawn, seeds, fc.constantFrom(0.3, 0.05, 1e-3, 1e-6), (given, from, error) => {
      const graph = graphOf(given, false);
      const exact = pageRankByRounds(graph, from, exactly);
      const { ranks, left } = pageRankByPush(graph, from, { error, maxVisits: Infinity });
      assert(left <= error, `${left} is left`);
      let missed = 0;
      for (const [node, rank] of exact) {
        const difference = rank - (ranks.get(node) ?? 0);
        assert(difference >= -1e-12, `node ${node} has ${-difference} too much`);
        missed += difference;
      }
      assert(missed <= left + 1e-12, `${missed} missed, ${left} left`);
    }),
    { numRuns: runs },
  );
});

// req: memory.retrieval.page-rank-push
test('push that runs out of visits still says how much it misses', () => {
  fc.assert(
    fc.property(drawn, seeds, fc.nat(30), (given, from, maxVisits) => {
      const graph = graphOf(given, false);
      const exact = pageRankByRounds(graph, from, exactly);
      const { ranks, left } = pageRankByPush(graph, from, { error: 1e-9, maxVisits });
      const missed = [...exact].reduce((sum, [node, rank]) => sum + rank - (ranks.get(node) ?? 0), 0);
      assert(missed <= left + 1e-12, `${missed} missed, ${left} left`);
    }),
    { numRuns: runs },
  );
});

// req: memory.retrieval.key-groups
test('a group scores as the explicit graph of its pairs does', () => {
  fc.assert(
    fc.property(drawn, seeds, (given, from) => {
      const [grouped, explicit] = [graphOf(given, false), graphOf(given, true)];
      assertClose(pageRankByRounds(grouped, from, exactly), pageRankByRounds(explicit, from, exactly), 1e-12);
      const options = { error: 1e-7, maxVisits: Infinity };
      assertClose(pageRankByPush(grouped, from, options).ranks, pageRankByPush(explicit, from, options).ranks, 2e-7);
    }),
    { numRuns: runs },
  );
});

// req: memory.retrieval.page-rank
test('no seed holds more than 0.4 before the shares are made to sum to one', () => {
  const reset = resetVector(
    new Map([
      [1, 8],
      [2, 1],
      [3, 1],
    ]),
  );
  assert.deepEqual(
    [...reset].map(([node, share]) => [node, Math.round(share * 1e6) / 1e6]),
    [
      [1, 0.666667],
      [2, 0.166667],
      [3, 0.166667],
    ],
  );
});

// req: memory.retrieval.page-rank
test('half of what a node holds moves on, and what has no way out is lost', () => {
  const graph = graphOf({ edges: [{ from: 0, to: 1, strength: 1 }], groups: [] }, false);
  assert.deepEqual(
    [...pageRankByRounds(graph, new Map([[0, 1]]))],
    [
      [0, 0.5],
      [1, 0.25],
    ],
  );
});
