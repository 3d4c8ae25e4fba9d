import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { normalizeProposal } from './normalize-proposal.ts';
import { dependencyGraph, planExecution, toLevels } from './order.ts';
import type { ActionInput } from './proposal.ts';

function levels(...actions: Partial<ActionInput>[]): string {
  const proposal = normalizeProposal({
    actions: actions.map((action, index) => ({ type: 'tool_call', id: String.fromCharCode(97 + index), ...action })),
  });
  return planExecution(proposal.actions)
    .levels.map((level) => level.map((index) => proposal.actions[index]!.id).join(''))
    .join(' ');
}

const writes = (...keys: string[]): Partial<ActionInput> => ({
  expected_effects: Object.fromEntries(keys.map((key) => [key, 1])),
});
const reads = (...keys: string[]): Partial<ActionInput> => ({ state_dependencies: keys });
const stateWrite = (key: string): Partial<ActionInput> => ({ type: 'state_write', parameters: { key, value: 1 } });

test('independent actions share a level', () => {
  assert.equal(levels({}, {}, {}), 'abc');
  assert.equal(levels(), '');
});

// req: engine.order.key-edge
test('a reader waits for the earlier writer of its key', () => {
  assert.equal(levels(writes('k'), reads('k'), {}), 'ac b');
  assert.equal(levels(stateWrite('k'), reads('k')), 'a b');
});

// req: engine.order.key-edge
test('a later writer makes no edge', () => {
  assert.equal(levels(reads('k'), writes('k')), 'ab');
});

// req: engine.order.last-writer
test('of several earlier writers the last one is the producer', () => {
  assert.equal(levels(writes('k'), writes('k', 'j'), reads('k')), 'ab c');
  // b waits for a, so c, which waits for b alone, comes on the third level.
  assert.equal(levels(writes('j', 'k'), { ...writes('k'), ...reads('j') }, reads('k')), 'a b c');
});

// req: engine.order.last-writer
test('state_writes of one key run in their order', () => {
  assert.equal(levels(stateWrite('k'), stateWrite('k'), stateWrite('j'), stateWrite('k')), 'ac b d');
});

test('declared effects of one key do not order their writers', () => {
  assert.equal(levels(writes('k'), writes('k')), 'ab');
});

// req: engine.order.dependencies
test('dependencies add edges in either direction and unknown ids none', () => {
  assert.equal(levels({ dependencies: ['b'] }, {}, { dependencies: ['a', 'nobody'] }), 'b a c');
});

// req: engine.order.references
test('a reference to an output is a dependency', () => {
  assert.equal(levels({ parameters: { x: ['$b.output'] } }, {}, { parameters: { x: '$nobody.output' } }), 'bc a');
  assert.equal(levels({ parameters: { x: '$a.output' } }, {}), 'ab');
});

// req: engine.order.cycle
test('a cycle yields to the smallest remaining index', () => {
  assert.equal(levels({ dependencies: ['b'] }, { dependencies: ['c'] }, { dependencies: ['a'] }), 'a c b');
  assert.equal(levels({ dependencies: ['c'] }, {}, { dependencies: ['a'] }), 'b a c');
});

test('an action that reads what it writes does not wait for itself', () => {
  assert.equal(levels({ ...writes('k'), ...reads('k') }), 'a');
});

test('keys and ids named like members of every object are ordinary', () => {
  assert.equal(levels(writes('constructor'), reads('constructor'), reads('toString')), 'ac b');
});

test('ten thousand actions in a chain and in a level are ordered without trouble', () => {
  const chain = Array.from({ length: 10_000 }, (_, index) => ({
    id: `a${index}`,
    type: 'tool_call' as const,
    dependencies: index === 0 ? [] : [`a${index - 1}`],
  }));
  assert.equal(planExecution(normalizeProposal({ actions: chain }).actions).levels.length, 10_000);
  const fan = chain.map((action) => ({ ...action, dependencies: [] }));
  assert.equal(planExecution(normalizeProposal({ actions: fan }).actions).levels.length, 1);
});

// req: engine.order.cycle
test('every action is in exactly one level, after all it waits for unless a cycle forbids', () => {
  const edges = fc
    .integer({ min: 1, max: 12 })
    .chain((count) =>
      fc.tuple(
        fc.constant(count),
        fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 30 }),
        fc.boolean(),
      ),
    );
  fc.assert(
    fc.property(edges, ([count, pairs, isAcyclic]) => {
      const wanted = pairs.filter(([from, to]) => (isAcyclic ? from < to : from !== to));
      const actions = normalizeProposal({
        actions: Array.from({ length: count }, (_, index) => ({
          id: `${index}`,
          type: 'tool_call' as const,
          dependencies: wanted.filter(([, to]) => to === index).map(([from]) => `${from}`),
        })),
      }).actions;
      const planned = toLevels(dependencyGraph(actions)).levels;
      assert.deepEqual(
        planned.flat().toSorted((a, b) => a - b),
        actions.map((_, index) => index),
      );
      for (const level of planned)
        assert.deepEqual(
          level,
          [...level].toSorted((a, b) => a - b),
        );
      if (!isAcyclic) return;
      const levelOf = new Map(planned.flatMap((level, at) => level.map((index) => [index, at])));
      for (const [from, to] of wanted) assert(levelOf.get(from)! < levelOf.get(to)!);
    }),
    { numRuns: 200 },
  );
});
