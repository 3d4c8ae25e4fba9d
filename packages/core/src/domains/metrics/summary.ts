import type { EventKind, MetricsSummary } from '@car-runtime/protocol';
import { amountOf, CostTally } from '../../journal/event-data.ts';

type EventData = Readonly<Record<string, unknown>>;

/** What the numbers are made of: a log of events. */
export interface EventSource {
  readonly count: number;
  /** Cost of every model call so far, also of those the log has forgotten. */
  readonly cumulativeCostUsd: number;
  /** Calls `visit` for every event of these kinds. `data` parses when it is called. */
  visit(
    kinds: ReadonlySet<string>,
    visit: (kind: string, data: () => EventData) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

const countedKinds = [
  'action_succeeded',
  'action_failed',
  'action_rejected',
  'policy_violation',
  'approval_recorded',
  'permission_decision',
  'gate_rejected',
  'admission_gate_decision',
  'goal_evaluated',
  'inference_metered',
] as const satisfies readonly EventKind[];
type CountedKind = (typeof countedKinds)[number];

const visited: ReadonlySet<string> = new Set(countedKinds);

export async function summarize(source: EventSource, signal: AbortSignal): Promise<MetricsSummary> {
  const { count, cumulativeCostUsd } = source;
  const tally = new Tally();
  await source.visit(visited, (kind, data) => tally.add(kind as CountedKind, data), signal);
  return tally.toSummary(count, cumulativeCostUsd);
}

class Tally {
  readonly #counts: Record<CountedKind, number> = {
    action_succeeded: 0,
    action_failed: 0,
    action_rejected: 0,
    policy_violation: 0,
    approval_recorded: 0,
    permission_decision: 0,
    gate_rejected: 0,
    admission_gate_decision: 0,
    goal_evaluated: 0,
    inference_metered: 0,
  };
  readonly #costs = new CostTally();
  #timed = 0;
  #latencyMs = 0;
  #refusals = 0;
  #goalsMet = 0;
  #goalsUngrounded = 0;

  add(kind: CountedKind, data: () => EventData): void {
    this.#counts[kind]++;
    if (kind === 'action_succeeded' || kind === 'action_failed') this.#addLatency(data());
    else if (kind === 'inference_metered') this.#costs.add(data());
    else if (kind === 'goal_evaluated') this.#addGoal(data());
    else if (kind === 'admission_gate_decision' && data()['decision'] !== 'allow') this.#refusals++;
  }

  #addLatency({ duration_ms }: EventData): void {
    if (typeof duration_ms !== 'number') return;
    this.#timed++;
    this.#latencyMs += amountOf(duration_ms);
  }

  #addGoal({ met, grounded }: EventData): void {
    if (met === true) this.#goalsMet++;
    if (grounded === false) this.#goalsUngrounded++;
  }

  toSummary(total_events: number, cumulative_cost_usd: number): MetricsSummary {
    const counts = this.#counts;
    const { action_succeeded: succeeded, action_failed: failed } = counts;
    const ran = succeeded + failed;
    const cost_by_agent = this.#costs.rows();
    const sum = (field: 'cost_usd' | 'tokens_in' | 'tokens_out'): number =>
      cost_by_agent.reduce((total, row) => total + row[field], 0);
    return {
      total_events,
      actions_succeeded: succeeded,
      actions_failed: failed,
      actions_rejected: counts.action_rejected,
      success_rate: ran === 0 ? 0 : succeeded / ran,
      error_rate: ran === 0 ? 0 : failed / ran,
      cost_usd: sum('cost_usd'),
      cumulative_cost_usd,
      tokens_in: sum('tokens_in'),
      tokens_out: sum('tokens_out'),
      avg_latency_ms: this.#timed === 0 ? 0 : this.#latencyMs / this.#timed,
      approvals_recorded: counts.approval_recorded,
      permission_decisions: counts.permission_decision,
      gate_rejections: counts.gate_rejected + this.#refusals,
      policy_violations: counts.policy_violation,
      goal_evaluations: counts.goal_evaluated,
      goals_met: this.#goalsMet,
      goals_ungrounded: this.#goalsUngrounded,
      cost_by_agent,
    };
  }
}
