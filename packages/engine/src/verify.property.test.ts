import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { scenarios } from '../test/random-proposals.ts';
import { referenceLevels } from '../test/reference-interpreter.ts';
import { runScenario, scenarioTools } from '../test/scenario-run.ts';
import { equivalent, findIssues, optimize, simulate, StateStore, verify, verifyMonteCarlo } from './index.ts';
import type { VerifyReport } from './index.ts';

const runs = process.env['CAR_TEST_LONG'] === '1' ? 20_000 : 500;

function undecided({ evidence }: VerifyReport): string[] {
  // The tools of these proposals accept anything, so what their parameters hold makes no difference.
  return evidence.untested_regions.filter((region) => !region.includes('its parameters hold'));
}

function errors({ issues }: VerifyReport): string[] {
  return issues.flatMap(({ severity, tier, message }) =>
    severity === 'error' && tier !== 'heuristic' ? [message] : [],
  );
}

// req: engine.verify.valid
test('of a proposal that verifies nothing is rejected, however long its tools take', async () => {
  let valid = 0;
  const property = fc.asyncProperty(
    scenarios({ maxActions: 8, failures: false, races: true, idempotent: true }),
    async (scenario) => {
      const initialState = Object.fromEntries(scenario.before);
      const report = await verify(scenario.proposal, { tools: scenarioTools(), initialState });
      if (errors(report).length > 0 || undecided(report).length > 0) return;
      valid += 1;
      const { result } = await runScenario(scenario);
      assert.deepEqual(
        result.results.filter(({ status }) => status === 'rejected'),
        [],
      );
    },
  );
  await fc.assert(property, { numRuns: runs });
  assert(valid > runs / 20, `only ${valid} of ${runs} were valid`);
});

// req: engine.verify.valid
test('a sequential proposal of well-behaved tools is rejected in part exactly when verification says so', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios({ maxActions: 6, failures: false, sequential: true }), async (scenario) => {
      const initialState = Object.fromEntries(scenario.before);
      const report = await verify(scenario.proposal, { tools: scenarioTools(), initialState });
      if (undecided(report).length > 0) return;
      const { result } = await runScenario(scenario);
      const stopped = result.results.find(({ status }) => status === 'failed' || status === 'rejected');
      // A failing assertion ends the proposal before what was found wrong with later actions shows.
      if (stopped?.status === 'failed') return;
      assert.equal(errors(report).length > 0, stopped !== undefined);
    }),
    { numRuns: runs },
  );
});

// req: engine.verify.levels
test('verification reports the levels of the reference and changes neither proposal nor initial state', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios({ races: true, idempotent: true }), async ({ proposal, before }) => {
      const initialState = Object.fromEntries(before);
      const copy = structuredClone([proposal, initialState]);
      const report = await verify(proposal, { tools: scenarioTools(), initialState });
      assert.deepEqual([proposal, initialState], copy);
      assert.deepEqual(
        report.execution_levels,
        referenceLevels(proposal.actions).map((level) => level.map((index) => proposal.actions[index]!.id)),
      );
      assert.equal(
        report.valid,
        report.issues.every(({ severity }) => severity !== 'error'),
      );
      const state = new StateStore();
      for (const [key, value] of before) state.set(key, value);
      assert.deepEqual(await findIssues(proposal, { tools: scenarioTools(), state }), report.issues);
    }),
    { numRuns: runs },
  );
});

// req: engine.simulate
test('simulation agrees with execution when tools do exactly what was declared', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios({ failures: false, idempotent: true }), async (scenario) => {
      const initialState = Object.fromEntries(scenario.before);
      const simulated = await simulate(scenario.proposal, { tools: scenarioTools(), initialState });
      // Tools answer what stands for their answer in the simulation. At once: then idempotent siblings repeat too.
      const prompt = { ...scenario, turns: new Map([...scenario.turns.keys()].map((id) => [id, 0])) };
      const { result, state } = await runScenario(prompt, (id) => `$${id}.output`);
      assert.deepEqual(
        simulated.actions.map(({ error, ...rest }) => ({ ...rest, hasError: error !== null })),
        result.results.map(({ action_id, status, state_changes, rolled_back, error }) => ({
          action_id,
          status,
          state_changes,
          ...(rolled_back ? { rolled_back } : {}),
          hasError: error !== null && status !== 'skipped',
        })),
      );
      assert.deepEqual(new Map(Object.entries(simulated.state)), new Map(Object.entries(state.snapshot())));
      assert.equal(simulated.tool_calls, result.cost.tool_calls);
    }),
    { numRuns: runs },
  );
});

// req: engine.optimize
test('optimizing never changes order, outcome or final state, whether or not the initial state is known', async () => {
  let removals = 0;
  await fc.assert(
    fc.asyncProperty(scenarios({ failures: true }), fc.boolean(), async (scenario, isKnown) => {
      const initialState = Object.fromEntries(scenario.before);
      const { proposal, removed } = optimize(scenario.proposal, isKnown ? { initialState } : {});
      removals += removed.length;
      assert.deepEqual(referenceLevels(proposal.actions), referenceLevels(scenario.proposal.actions));
      const original = await runScenario(scenario);
      const optimized = await runScenario({ ...scenario, proposal });
      assert.deepEqual(optimized.state.snapshot(), original.state.snapshot());
      assert.deepEqual(
        optimized.result.results.map(({ action_id, status, output }) => [action_id, status, output]),
        original.result.results.map(({ action_id, status, output }) => [action_id, status, output]),
      );
      assert.equal((await equivalent(proposal, scenario.proposal, { probes: [initialState] })).equivalent, true);
      assert.deepEqual(optimize(proposal).removed, []);
    }),
    { numRuns: runs },
  );
  assert(removals > 0);
});

test('with tools that always succeed every Monte Carlo trial ends as the simulation', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios({ failures: false, idempotent: true }), async ({ proposal, before }) => {
      const tools = scenarioTools();
      const initialState = Object.fromEntries(before);
      const simulated = await simulate(proposal, { tools, initialState });
      const report = await verifyMonteCarlo(proposal, {
        tools,
        initialState,
        toolSuccessRates: { ok: 1 },
        config: { trials: 3 },
      });
      assert.deepEqual(
        report.state_distribution,
        Object.keys(simulated.state)
          .toSorted()
          .map((key) => ({ key, p_present: 1, values: [{ value: simulated.state[key], probability: 1 }] })),
      );
      for (const [index, outcome] of report.action_outcomes.entries()) {
        const { status, rolled_back } = simulated.actions[index]!;
        assert.equal(outcome.p_effects_landed, status === 'succeeded' && !rolled_back ? 1 : 0);
        assert.equal(outcome.p_rejected, status === 'rejected' ? 1 : 0);
        assert.equal(outcome.p_failed, status === 'failed' ? 1 : 0);
      }
      assert.equal(report.tool_calls.mean, simulated.tool_calls);
    }),
    { numRuns: runs },
  );
});

// req: engine.monte-carlo.seeded
test('a Monte Carlo report is the same to the last byte each time, and another with another seed', async () => {
  const [first] = fc.sample(scenarios({ maxActions: 20 }), { numRuns: 1, seed: 7 });
  const run = async (seed: number): Promise<string> =>
    JSON.stringify(await verifyMonteCarlo(first!.proposal, { config: { seed, trials: 200 } }));
  assert.equal(await run(1), await run(1));
  assert.notEqual(await run(1), await run(2));
});
