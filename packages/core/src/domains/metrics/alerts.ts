import type { MetricsAlert, MetricsSummary } from '@car-runtime/protocol';

/** An absent threshold alerts of nothing. */
export interface Thresholds {
  maxCostUsd: number | undefined;
  maxErrorRate: number | undefined;
  maxAvgLatencyMs: number | undefined;
  maxGoalsUngrounded: number | undefined;
  /** Actions that must have run before the error rate counts. */
  minActions: number;
}

/** What exceeds its threshold. Costs are cumulative: forgetting events does not end an alert. */
export function alertsOf(summary: MetricsSummary, thresholds: Thresholds): MetricsAlert[] {
  const { cumulative_cost_usd, error_rate, avg_latency_ms, goals_ungrounded } = summary;
  const { maxCostUsd, maxErrorRate, maxAvgLatencyMs, maxGoalsUngrounded, minActions } = thresholds;
  const ran = summary.actions_succeeded + summary.actions_failed;
  return [
    alert('cost_overage', 'cost in USD', cumulative_cost_usd, maxCostUsd),
    alert('error_rate', 'error rate', error_rate, ran < minActions ? undefined : maxErrorRate),
    alert('latency', 'average latency in ms', avg_latency_ms, maxAvgLatencyMs),
    alert('goal_ungrounded', 'number of ungrounded goal evaluations', goals_ungrounded, maxGoalsUngrounded),
  ].flat();
}

function alert(
  kind: MetricsAlert['kind'],
  what: string,
  observed: number,
  threshold: number | undefined,
): MetricsAlert[] {
  if (threshold === undefined || observed <= threshold) return [];
  return [{ kind, message: `${what} is ${observed}, above ${threshold}`, observed, threshold }];
}
