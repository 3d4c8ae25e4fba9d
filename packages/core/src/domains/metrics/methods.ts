import type { metrics } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Handlers } from '../../kernel/domain.ts';
import { alertsOf } from './alerts.ts';
import { summarize, type EventSource } from './summary.ts';

const defaultMinActions = 5;

export function metricsMethods(sourceOf: (connection: Connection) => EventSource): Handlers<typeof metrics> {
  return {
    'metrics.summary': (_params, { connection, signal }) => summarize(sourceOf(connection), signal),
    'metrics.alerts': async (
      { max_cost_usd, max_error_rate, max_avg_latency_ms, max_goals_ungrounded, min_actions },
      { connection, signal },
    ) => {
      const summary = await summarize(sourceOf(connection), signal);
      const alerts = alertsOf(summary, {
        maxCostUsd: max_cost_usd ?? undefined,
        maxErrorRate: max_error_rate ?? undefined,
        maxAvgLatencyMs: max_avg_latency_ms ?? undefined,
        maxGoalsUngrounded: max_goals_ungrounded ?? undefined,
        minActions: min_actions ?? defaultMinActions,
      });
      return { summary, alerts };
    },
  };
}
