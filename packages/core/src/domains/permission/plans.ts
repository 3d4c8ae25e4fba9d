// Plans that a person may approve as a whole: reviewed ones and refused ones, until newer ones take their place.
import { canonicalJson, sha256, type Proposal, type Tier } from '@car-runtime/engine';
import type { Content } from './content.ts';
import { fingerprintFor, type Judgement } from './judge.ts';

export interface PlanEntry {
  readonly fingerprint: string;
  readonly tier: Tier;
  readonly content: Content | undefined;
  readonly tool: string | null;
}

export interface KnownPlan {
  readonly digest: string;
  readonly source: string;
  /** Each operation once. */
  readonly entries: ReadonlyMap<string, PlanEntry>;
}

const maxPlans = 500;
/** Operations in all of them. */
const maxEntries = 50_000;

/** What the actions do and in which order they are given; not what they are called. */
export function digestOfPlan({ actions }: Proposal): string {
  return `sha256:${sha256(canonicalJson(actions.map(fingerprintFor)))}`;
}

export class KnownPlans {
  readonly #plans = new Map<string, KnownPlan>();
  #entries = 0;

  get(digest: string): KnownPlan | undefined {
    return this.#plans.get(digest);
  }

  /** The operation as a known plan has it. */
  entryOf(fingerprint: string): PlanEntry | undefined {
    let found: PlanEntry | undefined;
    for (const { entries } of this.#plans.values()) found = entries.get(fingerprint) ?? found;
    return found;
  }

  add(plan: Proposal, judgements: readonly Judgement[]): KnownPlan {
    const entries = new Map<string, PlanEntry>();
    for (const { action, classification, content } of judgements) {
      const fingerprint = fingerprintFor(action);
      entries.set(fingerprint, { fingerprint, tier: classification.tier, content, tool: action.tool ?? null });
    }
    const known = { digest: digestOfPlan(plan), source: plan.source.slice(0, 200), entries };
    this.#delete(known.digest);
    this.#plans.set(known.digest, known);
    this.#entries += entries.size;
    for (const digest of this.#plans.keys()) {
      if (this.#plans.size <= maxPlans && this.#entries <= maxEntries) break;
      if (digest !== known.digest) this.#delete(digest);
    }
    return known;
  }

  #delete(digest: string): void {
    this.#entries -= this.#plans.get(digest)?.entries.size ?? 0;
    this.#plans.delete(digest);
  }
}
