import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { scenarios } from '../test/random-proposals.ts';
import type { Scenario } from '../test/random-proposals.ts';
import { isSequential, referenceDependencies, referenceLevels, runReference } from '../test/reference-interpreter.ts';
import { runScenario } from '../test/scenario-run.ts';
import { planExecution } from './index.ts';

const runs = process.env['CAR_TEST_LONG'] === '1' ? 20_000 : 500;

// req: engine.order.levels
test('random proposals are planned as the reference plans them', () => {
  fc.assert(
    fc.property(scenarios({ maxActions: 20 }), ({ proposal: { actions } }) => {
      assert.deepEqual(planExecution(actions).levels, referenceLevels(actions));
    }),
    { numRuns: runs },
  );
});

// req: engine.cost
test('random proposals come to the results, costs and state of the reference interpreter', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(), async (scenario) => {
      const { result, state } = await runScenario(scenario);
      const expected = runReference(scenario.proposal.actions, scenario.before, scenario.failing);
      assert.deepEqual(
        result.results.map((one) => ({
          id: one.action_id,
          status: one.status,
          output: one.output,
          changes: one.state_changes,
          rolledBack: one.rolled_back === true,
        })),
        expected.results,
      );
      const { total_duration_ms: _duration, ...cost } = result.cost;
      assert.deepEqual(cost, expected.cost);
      assert.deepEqual(new Map(Object.entries(state.snapshot())), expected.state);
      if (result.results.some(({ rolled_back }) => rolled_back)) {
        assert.deepEqual(new Map(Object.entries(state.snapshot())), scenario.before);
      }
      for (const { status, error } of result.results) assert.equal(error === null, status === 'succeeded');
    }),
    { numRuns: runs },
  );
});

// req: engine.order.levels
test('no action of a random proposal starts before its dependencies ended', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(), async (scenario) => {
      const { actions } = scenario.proposal;
      const { trace } = await runScenario(scenario);
      const levelOf = new Map(referenceLevels(actions).flatMap((level, at) => level.map((index) => [index, at])));
      actions.forEach(({ id }, index) => {
        const start = trace.indexOf(`start ${id}`);
        if (start < 0) return;
        for (const other of referenceDependencies(actions, index)) {
          // In a cycle someone has to go first; the levels say who.
          if (levelOf.get(other)! >= levelOf.get(index)!) continue;
          const end = trace.indexOf(`end ${actions[other]!.id}`);
          assert(end >= 0 && end < start, `${id} started before ${actions[other]!.id} ended`);
        }
      });
    }),
    { numRuns: runs },
  );
});

// req: engine.order.concurrency
test('in random proposals levels without abort overlap and levels with one do not', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(), async (scenario) => {
      const { actions } = scenario.proposal;
      const { trace } = await runScenario(scenario);
      for (const level of referenceLevels(actions)) {
        const ids = level.map((index) => actions[index]!.id);
        const own = trace.filter((line) => ids.includes(line.split(' ')[1]!));
        const started = own.filter((line) => line.startsWith('start'));
        if (isSequential(level, actions)) {
          for (const line of started) {
            const next = own[own.indexOf(line) + 1];
            assert.equal(next, line.replace('start', 'end'));
          }
        } else {
          const waiting = started.filter((line) => mustWait(scenario, line.split(' ')[1]!));
          const firstEnd = own.findIndex(
            (line) => waiting.includes(line.replace('end', 'start')) && line.startsWith('end'),
          );
          for (const line of waiting) assert(own.indexOf(line) < firstEnd, `${line} waited for a sibling`);
        }
      }
    }),
    { numRuns: runs },
  );
});

// req: engine.attempts.deadline
test('in random proposals attempts count from one and each hanging one is told once', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(), async (scenario) => {
      const { attempts, timedOut } = await runScenario(scenario);
      assert.equal(new Set(attempts).size, attempts.length);
      for (const { id } of scenario.proposal.actions) {
        const own = attempts.filter((attempt) => attempt.startsWith(`${id}#`));
        assert.deepEqual(
          own,
          own.map((_, index) => `${id}#${index + 1}`),
        );
        const hung = scenario.hanging.get(id)! ? own.slice(0, scenario.failing.get(id)) : [];
        assert.deepEqual(
          timedOut.filter((attempt) => attempt.startsWith(`${id}#`)),
          hung,
        );
      }
    }),
    { numRuns: runs },
  );
});

function mustWait(scenario: Scenario, id: string): boolean {
  const action = scenario.proposal.actions.find((one) => one.id === id)!;
  return action.type === 'tool_call' && (scenario.turns.get(id)! > 0 || scenario.hanging.get(id)!);
}
