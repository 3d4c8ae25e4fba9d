/** Counts what happened in the trials of a Monte Carlo verification. */
import { canonicalJson } from './json-value.ts';
import type { ModelRun } from './proposal-model.ts';
import type { Action } from './proposal.ts';

export interface Spread {
  mean: number;
  min: number;
  p50: number;
  p95: number;
  max: number;
}

export interface StateDistribution {
  key: string;
  p_present: number;
  /** Most frequent first. */
  values: { value: unknown; probability: number }[];
}

export interface ActionOutcome {
  action_id: string;
  p_rejected: number;
  p_failed: number;
  p_effects_landed: number;
  /** Of the trials in which the action failed or was rejected: how many other actions did not land, on average. */
  mean_blast_radius: number;
}

interface ActionCounts {
  rejected: number;
  failed: number;
  landed: number;
  blast: number;
}

interface ValueCount {
  readonly value: unknown;
  count: number;
}

export class MonteCarloTally {
  readonly #actions: readonly Action[];
  readonly #base: ReadonlyMap<string, unknown>;
  readonly #counts: ActionCounts[];
  readonly #toolCalls: number[] = [];
  readonly #executed: number[] = [];
  /** By key and canonical text; keys that no trial wrote keep their value and are not counted. */
  readonly #written = new Map<string, Map<string, ValueCount>>();
  /** Canonical text of objects: most are those of the proposal, the same in every trial. */
  readonly #texts = new WeakMap<object, string>();
  #allLanded = 0;

  constructor(actions: readonly Action[], base: ReadonlyMap<string, unknown>) {
    this.#actions = actions;
    this.#base = base;
    this.#counts = actions.map(() => ({ rejected: 0, failed: 0, landed: 0, blast: 0 }));
  }

  add(run: ModelRun): void {
    let executed = 0;
    let landed = 0;
    for (const [index, status] of run.statuses.entries()) {
      if (status === 'succeeded' || status === 'failed') executed += 1;
      if (run.isLanded(index)) landed += 1;
    }
    const lost = this.#actions.length - landed;
    for (const [index, status] of run.statuses.entries()) {
      const counts = this.#counts[index]!;
      if (run.isLanded(index)) counts.landed += 1;
      else if (status === 'rejected') counts.rejected += 1;
      else if (status === 'failed') counts.failed += 1;
      if (status === 'rejected' || status === 'failed') counts.blast += lost - 1;
    }
    if (lost === 0) this.#allLanded += 1;
    this.#toolCalls.push(run.toolCalls);
    this.#executed.push(executed);
    for (const key of run.state.writtenKeys) this.#countValue(key, run.state.get(key));
  }

  toReport(): {
    p_all_effects_landed: number;
    tool_calls: Spread;
    actions_executed: Spread;
    state_distribution: StateDistribution[];
    action_outcomes: ActionOutcome[];
  } {
    const trials = this.#toolCalls.length;
    return {
      p_all_effects_landed: this.#allLanded / trials,
      tool_calls: toSpread(this.#toolCalls),
      actions_executed: toSpread(this.#executed),
      state_distribution: this.#distribution(trials),
      action_outcomes: this.#actions.map(({ id }, index) => {
        const { rejected, failed, landed, blast } = this.#counts[index]!;
        const lost = rejected + failed;
        return {
          action_id: id,
          p_rejected: rejected / trials,
          p_failed: failed / trials,
          p_effects_landed: landed / trials,
          mean_blast_radius: lost === 0 ? 0 : blast / lost,
        };
      }),
    };
  }

  #countValue(key: string, value: unknown): void {
    let counts = this.#written.get(key);
    if (counts === undefined) {
      counts = new Map();
      this.#written.set(key, counts);
    }
    const text = this.#textOf(value);
    const known = counts.get(text);
    if (known === undefined) counts.set(text, { value, count: 1 });
    else known.count += 1;
  }

  #textOf(value: unknown): string {
    if (typeof value !== 'object' || value === null) return canonicalJson(value);
    let text = this.#texts.get(value);
    if (text === undefined) {
      text = canonicalJson(value);
      this.#texts.set(value, text);
    }
    return text;
  }

  #distribution(trials: number): StateDistribution[] {
    const keys = [...new Set([...this.#base.keys(), ...this.#written.keys()])].toSorted();
    return keys.map((key) => {
      const counts = new Map(this.#written.get(key));
      let written = 0;
      for (const { count } of counts.values()) written += count;
      // Where a trial did not write the key, it kept what it had.
      if (this.#base.has(key) && written < trials) {
        const value = this.#base.get(key);
        const text = canonicalJson(value);
        counts.set(text, { value, count: (counts.get(text)?.count ?? 0) + trials - written });
      }
      const values = [...counts].toSorted(([a, one], [b, other]) => other.count - one.count || (a < b ? -1 : 1));
      return {
        key,
        p_present: this.#base.has(key) ? 1 : written / trials,
        values: values.map(([, { value, count }]) => ({ value, probability: count / trials })),
      };
    });
  }
}

/** Percentiles by nearest rank, so that each is a value that occurred. */
function toSpread(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  const sum = sorted.reduce((total, sample) => total + sample, 0);
  return { mean: sum / sorted.length, min: rank(0), p50: rank(0.5), p95: rank(0.95), max: rank(1) };
}
