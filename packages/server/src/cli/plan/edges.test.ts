import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizeProposal, planExecution, type ActionInput } from '@car-runtime/engine';
import fc from 'fast-check';
import { findEdges } from './edges.ts';

const numRuns = process.env['CAR_TEST_LONG'] ? 10_000 : 500;
const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
const id = fc.constantFrom(...ids);
const key = fc.constantFrom('x', 'y', 'z');

const actions: fc.Arbitrary<ActionInput[]> = fc
  .array(
    fc.record({
      type: fc.constantFrom('tool_call' as const, 'state_write' as const),
      parameters: fc.record({
        key,
        value: fc.oneof(
          fc.constant(1),
          id.map((other) => `$${other}.output`),
        ),
      }),
      dependencies: fc.array(id, { maxLength: 2 }),
      state_dependencies: fc.array(key, { maxLength: 2 }),
      expected_effects: fc.dictionary(key, fc.constant(true), { maxKeys: 1 }),
    }),
    { minLength: 2, maxLength: ids.length },
  )
  .map((list) =>
    list.map((action, index) => ({
      ...action,
      id: ids[index],
      dependencies: action.dependencies.filter((other) => other !== ids[index]),
    })),
  );

// req: cli.plan-graph
test('the edges that are shown are the ones the engine orders by', () => {
  fc.assert(
    fc.property(actions, (list) => {
      const plan = normalizeProposal({ id: 'p', actions: list });
      const { levels, forced } = planExecution(plan.actions);
      const levelOf = new Map(levels.flatMap((level, number) => level.map((index) => [index, number] as const)));
      const edges = findEdges(plan.actions);
      fc.pre(forced.length === 0);
      // Without a cycle, an action runs on the level after the last one it waits for.
      plan.actions.forEach((_action, index) => {
        const before = edges.filter(({ to }) => to === index).map(({ from }) => levelOf.get(from) ?? 0);
        assert.equal(levelOf.get(index), before.length === 0 ? 0 : Math.max(...before) + 1);
      });
    }),
    { numRuns },
  );
});
