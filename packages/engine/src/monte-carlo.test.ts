import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, testEnv, write } from '../test/support.ts';
import { normalizeProposal, SplitMix64, verifyMonteCarlo } from './index.ts';
import type { ActionInput, MonteCarloOptions } from './index.ts';

const sample = (actions: ActionInput[], options: MonteCarloOptions = {}) =>
  verifyMonteCarlo(normalizeProposal({ id: 'p', actions }), options);

function near(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) < 0.05, `${actual} is not near ${expected}`);
}

// req: engine.monte-carlo.seeded
test('the generator yields the sequence of SplitMix64', () => {
  const mask = 0xffffffffffffffffn;
  for (const seed of [0, 1, 42, 2 ** 32, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER]) {
    const random = new SplitMix64(seed);
    let state = BigInt(seed);
    for (let step = 0; step < 1_000; step += 1) {
      state = (state + 0x9e3779b97f4a7c15n) & mask;
      let z = state;
      z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
      z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
      z ^= z >> 31n;
      assert.equal(random.next(), Number(z >> 11n) / 2 ** 53);
    }
  }
});

test('a single call lands as often as its rate says', async () => {
  const report = await sample([call('a', 'ok', { expected_effects: { k: 1 } })], { toolSuccessRates: { ok: 0.3 } });
  assert.deepEqual([report.trials, report.seed, report.p_goal_reached], [1_000, 42, null]);
  near(report.p_all_effects_landed, 0.3);
  near(report.action_outcomes[0]!.p_failed, 0.7);
  assert.deepEqual(report.tool_calls, { mean: 1, min: 1, p50: 1, p95: 1, max: 1 });
  const { p_present, values } = report.state_distribution[0]!;
  assert.deepEqual([p_present, values], [report.p_all_effects_landed, [{ value: 1, probability: p_present }]]);
});

test('a chain of aborting calls lands as a whole or not at all', async () => {
  const actions = ['a', 'b'].map((id) => call(id, 'ok', { expected_effects: { [id]: 1 } }));
  const report = await sample(actions, { toolSuccessRates: { ok: 0.5 } });
  near(report.p_all_effects_landed, 0.25);
  for (const { p_effects_landed } of report.action_outcomes)
    assert.equal(p_effects_landed, report.p_all_effects_landed);
  near(report.action_outcomes[1]!.p_failed, 0.25);
  assert.deepEqual(
    report.action_outcomes.map(({ mean_blast_radius }) => mean_blast_radius),
    [1, 1],
  );
  assert.deepEqual([report.tool_calls.min, report.tool_calls.max], [1, 2]);
});

test('a failed skip that others depend on takes them along', async () => {
  const report = await sample(
    [
      call('a', 'ok', { failure_behavior: 'skip', expected_effects: { k: 1 } }),
      write('b', 'j', 1, { state_dependencies: ['k'], failure_behavior: 'skip' }),
      write('c', 'i', 1, { failure_behavior: 'skip' }),
    ],
    { toolSuccessRates: { ok: 0.5 } },
  );
  const [a, b, c] = report.action_outcomes;
  assert.equal(b!.p_rejected, a!.p_failed);
  assert.equal(c!.p_effects_landed, 1);
  assert.deepEqual([a!.mean_blast_radius, b!.mean_blast_radius, c!.mean_blast_radius], [1, 1, 0]);
});

test('retries count only as far as the configuration allows', async () => {
  const actions = [call('a', 'ok', { failure_behavior: 'retry' })];
  const options = { toolSuccessRates: { ok: 0.5 } };
  near((await sample(actions, options)).p_all_effects_landed, 0.5);
  const report = await sample(actions, { ...options, config: { retry_attempts: 2 } });
  near(report.p_all_effects_landed, 0.875);
  near(report.tool_calls.mean, 1.75);
});

test('the distribution of a key counts the trials that left it as it was', async () => {
  const report = await sample([call('a', 'ok', { failure_behavior: 'skip', expected_effects: { k: 'new' } })], {
    initialState: { k: 'old', other: 1 },
    toolSuccessRates: { ok: 0.75 },
  });
  const landed = report.p_all_effects_landed;
  assert.deepEqual(report.state_distribution, [
    {
      key: 'k',
      p_present: 1,
      values: [
        { value: 'new', probability: landed },
        { value: 'old', probability: (1_000 - landed * 1_000) / 1_000 },
      ],
    },
    { key: 'other', p_present: 1, values: [{ value: 1, probability: 1 }] },
  ]);
});

// req: engine.monte-carlo.goals
test('a goal is reached as often as its predicate holds; what cannot be decided is listed and never reached', async () => {
  const actions = [call('a', 'ok', { expected_effects: { done: true } })];
  const done = { type: 'state_predicate', key: 'done', value: true } as const;
  const options = { toolSuccessRates: { ok: 0.6 } };
  const report = await sample(actions, { ...options, goal: done });
  assert.equal(report.p_goal_reached, report.p_all_effects_landed);
  const mixed = await sample(actions, { ...options, goal: { type: 'all_of', conditions: [done, { type: 'judged' }] } });
  assert.deepEqual([mixed.p_goal_reached, mixed.goal_underivable_conditions], [0, ['goal.conditions[1]: judged']]);
});

// req: engine.monte-carlo.rates
test('rates come from the caller, else from history, else the default, and stay between 0 and 1', async () => {
  const tools = ['given', 'high', 'seen', 'unseen', 'both'];
  const report = await sample(
    tools.map((tool, n) => call(`a${n}`, tool)),
    {
      toolSuccessRates: { given: 0.25, high: 7, both: -1, uncalled: 0.1 },
      history: {
        windowDays: 30,
        trajectories: 4,
        tools: { seen: { succeeded: 1, dispatched: 1 }, both: { succeeded: 5, dispatched: 5 } },
      },
      config: { trials: 1, default_success_rate: 0.9 },
    },
  );
  assert.deepEqual(report.rate_provenance, {
    window_days: 30,
    trajectories_available: 4,
    overridden_by_caller: ['both'],
    tools: [
      { tool: 'both', rate: 0, source: 'caller', succeeded: 5, dispatched: 5 },
      { tool: 'given', rate: 0.25, source: 'caller', succeeded: 0, dispatched: 0 },
      { tool: 'high', rate: 1, source: 'caller', succeeded: 0, dispatched: 0 },
      { tool: 'seen', rate: 2 / 3, source: 'trajectories', succeeded: 1, dispatched: 1 },
      { tool: 'unseen', rate: 0.9, source: 'default', succeeded: 0, dispatched: 0 },
    ],
  });
});

// req: engine.monte-carlo.rates
test('a window of no days leaves history out', async () => {
  const history = { windowDays: 0, trajectories: 4, tools: { ok: { succeeded: 9, dispatched: 9 } } };
  const { rate_provenance } = await sample([call('a', 'ok')], { history });
  assert.deepEqual(rate_provenance.tools, [{ tool: 'ok', rate: 0.5, source: 'default', succeeded: 0, dispatched: 0 }]);
});

test('an action that validation blocks is rejected in every trial', async () => {
  const { tools } = testEnv();
  const { action_outcomes, tool_calls } = await sample([call('a', 'nope')], { tools });
  assert.deepEqual([action_outcomes[0]!.p_rejected, tool_calls.max], [1, 0]);
});

test('trials and steps have bounds, and a long run can be cancelled', async () => {
  const actions = Array.from({ length: 300 }, (_, n) => call(`a${n}`, 'ok'));
  await assert.rejects(sample(actions, { config: { trials: 0 } }), { reason: 'invalid_trials' });
  await assert.rejects(sample(actions, { config: { trials: 100_001 } }), /from 1 to 100000 is allowed/);
  await assert.rejects(sample(actions, { config: { trials: 100_000 } }), { reason: 'too_many_steps' });
  const options = { config: { trials: 50_000 }, toolSuccessRates: { ok: 1 } };
  const gone = new Error('client gone');
  await assert.rejects(sample(actions, { ...options, signal: AbortSignal.abort(gone) }), gone);
});

// req: engine.monte-carlo.defaults
test('unless told otherwise there are 1 000 trials, the same seed, a rate of one half and no retries', async () => {
  const actions = [call('a', 'ok', { failure_behavior: 'retry' })];
  const report = await sample(actions);
  assert.deepEqual([report.trials, report.rate_provenance.tools[0]!.rate, report.tool_calls.max], [1_000, 0.5, 1]);
  const config = { trials: 1_000, seed: report.seed, default_success_rate: 0.5, retry_attempts: 0 };
  assert.deepEqual(await sample(actions, { config }), report);
});
