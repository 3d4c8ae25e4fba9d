import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '@car-runtime/testkit';
import { serveEvents } from '../../../test/event-logs.ts';

const nothing = {
  total_events: 0,
  actions_succeeded: 0,
  actions_failed: 0,
  actions_rejected: 0,
  success_rate: 0,
  error_rate: 0,
  cost_usd: 0,
  cumulative_cost_usd: 0,
  tokens_in: 0,
  tokens_out: 0,
  avg_latency_ms: 0,
  approvals_recorded: 0,
  permission_decisions: 0,
  gate_rejections: 0,
  policy_violations: 0,
  goal_evaluations: 0,
  goals_met: 0,
  goals_ungrounded: 0,
  cost_by_agent: [],
};

// req: metrics.summary
test('a summary counts each event where it belongs', async () => {
  await using daemon = serveEvents();
  const { client, log } = await daemon.connect('a');
  assert.deepEqual(await client.metrics.summary(), nothing);
  for (const duration_ms of [10, 20, 60]) log.append('action_succeeded', { data: { duration_ms } });
  log.append('action_failed', { data: { duration_ms: 30 } });
  log.append('action_failed', { data: { duration_ms: 'long' } });
  log.append('action_rejected', {});
  log.append('policy_violation', {});
  log.append('approval_recorded', {});
  log.append('permission_decision', {});
  log.append('gate_rejected', {});
  log.append('admission_gate_decision', { data: { decision: 'allow' } });
  log.append('admission_gate_decision', { data: { decision: 'refuse' } });
  log.append('goal_evaluated', { data: { met: true, grounded: true } });
  log.append('goal_evaluated', { data: { met: true, grounded: false } });
  log.append('goal_evaluated', { data: { met: false } });
  log.append('inference_metered', { data: { agent: 'x', tokens_in: 3, tokens_out: 4, cost_usd: 0.5 } });
  log.append('inference_metered', { data: { agent: 'y', tokens_in: 1, tokens_out: 1, cost_usd: 0.25 } });
  log.append('turn_completed', {});
  assert.deepEqual(await client.metrics.summary(), {
    total_events: 18,
    actions_succeeded: 3,
    actions_failed: 2,
    actions_rejected: 1,
    success_rate: 0.6,
    error_rate: 0.4,
    cost_usd: 0.75,
    cumulative_cost_usd: 0.75,
    tokens_in: 4,
    tokens_out: 5,
    avg_latency_ms: 30,
    approvals_recorded: 1,
    permission_decisions: 1,
    gate_rejections: 2,
    policy_violations: 1,
    goal_evaluations: 3,
    goals_met: 2,
    goals_ungrounded: 1,
    cost_by_agent: [
      { agent: 'x', calls: 1, tokens_in: 3, tokens_out: 4, cost_usd: 0.5 },
      { agent: 'y', calls: 1, tokens_in: 1, tokens_out: 1, cost_usd: 0.25 },
    ],
  });
});

// req: metrics.summary
test('a plan that ran shows in the summary of its connection', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await client.proposal.submit({
    proposal: {
      actions: [
        { type: 'state_write', parameters: { key: 'k', value: 1 }, failure_behavior: 'skip' },
        { type: 'assertion', parameters: { key: 'k', expected: 2 }, failure_behavior: 'skip' },
        { type: 'tool_call', tool: 'missing', failure_behavior: 'skip' },
      ],
    },
  });
  const { actions_succeeded, actions_failed, actions_rejected, error_rate } = await client.metrics.summary();
  assert.deepEqual(
    { actions_succeeded, actions_failed, actions_rejected, error_rate },
    {
      actions_succeeded: 1,
      actions_failed: 1,
      actions_rejected: 1,
      error_rate: 0.5,
    },
  );
});

// req: metrics.cumulative-cost
test('forgetting events lowers the cost but never the cumulative cost', async () => {
  await using daemon = serveEvents();
  const { client, log } = await daemon.connect('a');
  const metered = (cost_usd: number): void => log.append('inference_metered', { data: { agent: 'x', cost_usd } });
  metered(2);
  metered(-1);
  await client.events.clear();
  metered(1);
  const { cost_usd, cumulative_cost_usd } = await client.metrics.summary();
  assert.deepEqual([cost_usd, cumulative_cost_usd], [1, 3]);
  const { alerts } = await client.metrics.alerts({ max_cost_usd: 2.5 });
  assert.deepEqual(alerts, [
    { kind: 'cost_overage', message: 'cost in USD is 3, above 2.5', observed: 3, threshold: 2.5 },
  ]);
});

// req: metrics.alerts
test('each threshold that is exceeded alerts, and none that is met or absent', async () => {
  await using daemon = serveEvents();
  const { client, log } = await daemon.connect('a');
  for (let n = 0; n < 4; n++) log.append('action_failed', { data: { duration_ms: 100 } });
  log.append('action_succeeded', { data: { duration_ms: 100 } });
  log.append('goal_evaluated', { data: { met: true, grounded: false } });
  log.append('inference_metered', { data: { cost_usd: 1 } });
  const kinds = async (thresholds: object): Promise<string[]> =>
    (await client.metrics.alerts(thresholds)).alerts.map(({ kind }) => kind);
  assert.deepEqual(await kinds({}), []);
  const met = { max_cost_usd: 1, max_error_rate: 0.8, max_avg_latency_ms: 100, max_goals_ungrounded: 1 };
  assert.deepEqual(await kinds(met), []);
  const exceeded = { max_cost_usd: 0.9, max_error_rate: 0.7, max_avg_latency_ms: 99, max_goals_ungrounded: 0 };
  assert.deepEqual(await kinds(exceeded), ['cost_overage', 'error_rate', 'latency', 'goal_ungrounded']);
  const { summary } = await client.metrics.alerts({});
  assert.deepEqual(summary, await client.metrics.summary());
});

// req: metrics.alerts
test('the error rate is muted until enough actions ran', async () => {
  await using daemon = serveEvents();
  const { client, log } = await daemon.connect('a');
  const alerts = async (min_actions?: number): Promise<number> =>
    (await client.metrics.alerts({ max_error_rate: 0, ...(min_actions !== undefined && { min_actions }) })).alerts
      .length;
  for (let n = 0; n < 4; n++) log.append('action_failed', {});
  assert.deepEqual([await alerts(), await alerts(4), await alerts(0)], [0, 1, 1]);
  log.append('action_failed', {});
  assert.equal(await alerts(), 1);
});
