import { z } from 'zod';
import { once } from './once.ts';
import { method } from './declare.ts';
import { agentCost } from './events.ts';

const section = 'Events and metrics';

/** Numbers over the events the log holds, but for `cumulative_cost_usd`, which counts since the connection opened and
 *  never falls. Rates are of the actions that ran (succeeded and failed), and 0 while none did. */
export const metricsSummary = once(() =>
  z
    .object({
      total_events: z.number(),
      actions_succeeded: z.number(),
      actions_failed: z.number(),
      actions_rejected: z.number(),
      success_rate: z.number(),
      error_rate: z.number(),
      cost_usd: z.number(),
      cumulative_cost_usd: z.number(),
      tokens_in: z.number(),
      tokens_out: z.number(),
      avg_latency_ms: z.number(),
      approvals_recorded: z.number(),
      permission_decisions: z.number(),
      gate_rejections: z.number(),
      policy_violations: z.number(),
      goal_evaluations: z.number(),
      goals_met: z.number(),
      goals_ungrounded: z.number(),
      cost_by_agent: z.array(agentCost()),
    })
    .meta({ id: 'MetricsSummary' }),
);
export type MetricsSummary = z.output<ReturnType<typeof metricsSummary>>;

const alert = once(() =>
  z.object({
    kind: z.enum(['cost_overage', 'error_rate', 'latency', 'goal_ungrounded']),
    message: z.string(),
    observed: z.number(),
    threshold: z.number(),
  }),
);
export type MetricsAlert = z.output<ReturnType<typeof alert>>;

const threshold = once(() => z.number().min(0).nullish());

export const metrics = {
  'metrics.summary': method({
    summary: 'Numbers over the events of this connection',
    params: () => z.object({}),
    result: metricsSummary,
    access: 'session',
    effect: 'read',
    section,
  }),
  'metrics.alerts': method({
    summary: 'The summary, and each given threshold it exceeds',
    params: () =>
      z.object({
        max_cost_usd: threshold(),
        max_error_rate: threshold(),
        max_avg_latency_ms: threshold(),
        max_goals_ungrounded: threshold(),
        /** Actions that must have run before the error rate counts. Default 5. */
        min_actions: z.int().min(0).nullish(),
      }),
    result: () => z.object({ summary: metricsSummary(), alerts: z.array(alert()) }),
    access: 'session',
    effect: 'read',
    section,
  }),
};
