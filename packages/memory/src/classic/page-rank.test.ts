import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { MemoryEngine } from '../engine.ts';
import { edgeMultiplier, walkedBackwards } from '../graph/model.ts';
import type { MemoryGraph } from '../graph/graph.ts';
import { pageRank, resetVector } from './page-rank.ts';
import { spreadActivation } from './spread.ts';

/** The same by the book: every edge written out, every node in every round. */
function densePageRank(graph: MemoryGraph, seeds: { index: number; score: number }[]): Map<number, number> {
  const valid = [...graph.nodes()].filter(({ endedAtMs }) => endedAtMs === Infinity);
  const edges: { from: number; to: number; strength: number }[] = [];
  const indexes = new Set(valid.map(({ index }) => index));
  for (const { index } of valid) {
    for (const { to, kind, weight } of graph.adjacency.out(index)) {
      if (!indexes.has(to)) continue;
      const strength = weight * edgeMultiplier[kind];
      edges.push({ from: index, to, strength });
      if (walkedBackwards.has(kind)) edges.push({ from: to, to: index, strength });
    }
  }
  for (const a of valid) {
    for (const b of valid) {
      if (a !== b && a.kind === 'fact' && b.kind === 'fact' && a.key === b.key) {
        edges.push({ from: a.index, to: b.index, strength: 0.5 * 0.6 });
      }
    }
  }
  const strengthOf = (node: number): number =>
    edges.filter(({ from }) => from === node).reduce((sum, { strength }) => sum + strength, 0);
  const reset = new Map(resetVector(seeds).map(({ index, score }) => [index, score]));
  let ranks = new Map(reset);
  for (let round = 0; round < 30; round++) {
    const stuck = valid.reduce((sum, { index }) => sum + (strengthOf(index) === 0 ? (ranks.get(index) ?? 0) : 0), 0);
    const next = new Map(valid.map(({ index }) => [index, (reset.get(index) ?? 0) * (0.5 + 0.5 * stuck)]));
    for (const { from, to, strength } of edges) {
      next.set(to, (next.get(to) ?? 0) + (0.5 * (ranks.get(from) ?? 0) * strength) / strengthOf(from));
    }
    ranks = next;
  }
  return ranks;
}

// req: memory.graph.same-key
// req: memory.rank.pagerank
test('walking a group of facts of one key gives the scores of the graph with every edge written out', () => {
  const fact = fc.record({ key: fc.constantFrom('a', 'b', 'c'), dependsOn: fc.array(fc.nat(12), { maxLength: 3 }) });
  fc.assert(
    fc.property(
      fc.array(fact, { minLength: 2, maxLength: 12 }),
      fc.array(fc.nat(11), { maxLength: 3 }),
      (facts, ended) => {
        const memory = new MemoryEngine();
        facts.forEach(({ key, dependsOn }, nth) =>
          memory.ingest({ id: `f${nth}`, key, value: '', dependsOn: dependsOn.map((other) => `f${other}`) }),
        );
        for (const nth of ended) memory.invalidate(`f${nth}`);
        const seeds = [...memory.graph.nodes()]
          .filter(({ kind }) => kind === 'fact')
          .slice(0, 3)
          .map(({ index }, nth) => ({ index, score: 3 - nth }));
        const expected = densePageRank(memory.graph, seeds);
        const ranked = pageRank(memory.graph.walkColumns(), memory.graph.toWalkView({}), seeds);
        for (const { index, score } of ranked) assert.ok(Math.abs(score - (expected.get(index) ?? 0)) < 1e-5);
        const reached = [...expected].filter(([, score]) => score > 2e-5).map(([index]) => index);
        assert.ok(reached.every((index) => ranked.some((each) => each.index === index)));
        if (seeds.length > 0) assert.ok(Math.abs(ranked.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-4);
      },
    ),
  );
});

// req: memory.rank.reset
test('no seed takes more than 0.4 of the reset vector before it is normalised again', () => {
  assert.deepEqual(
    resetVector([
      { index: 1, score: 8 },
      { index: 2, score: 1 },
      { index: 3, score: 1 },
    ]).map(({ score }) => Math.round(score * 1000) / 1000),
    [0.667, 0.167, 0.167],
  );
});

// req: memory.rank.spread
test('activation fades with every step, takes the best way and skips what no longer holds', () => {
  const memory = new MemoryEngine();
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id, nth, all) =>
    memory.ingest({ id, key: id, value: '', dependsOn: nth === 0 ? [] : [all[nth - 1] as string] }),
  );
  memory.invalidate('d');
  const spread = spreadActivation(
    memory.graph.walkColumns(),
    memory.graph.toWalkView({}),
    [{ index: a!.index, score: 1 }],
    {
      decay: 0.5,
    },
  );
  assert.deepEqual(
    spread.map(({ index, score }) => [index, Math.round(score * 1000) / 1000]),
    [
      [a!.index, 1],
      [b!.index, 0.4],
      [c!.index, 0.16],
    ],
  );
  assert.ok(!spread.some(({ index }) => index === d!.index));
});

// req: memory.graph.same-key
test('ten thousand facts of one key are walked without an edge between them', () => {
  const memory = new MemoryEngine();
  for (let nth = 0; nth < 10_000; nth++) memory.ingest({ key: 'k', value: String(nth) });
  assert.equal(memory.graph.adjacency.edgeCount, 0);
  const ranked = pageRank(memory.graph.walkColumns(), memory.graph.toWalkView({}), [{ index: 5, score: 1 }]);
  assert.equal(ranked[0]?.index, 5);
  assert.equal(ranked.length, 10_000);
});
