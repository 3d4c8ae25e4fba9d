// Plans that a person may approve as a whole: reviewed ones and refused ones, until newer ones take their place.
import { canonicalJson, sha256, type Proposal, type Reversibility, type Tier } from '@car-runtime/engine';
import { describeValue } from '@car-runtime/protocol';
import type { Content } from './content.ts';
import { fingerprintFor, type Judgement } from './judge.ts';

export interface PlanEntry {
  readonly fingerprint: string;
  readonly tier: Tier;
  readonly content: Content | undefined;
  readonly tool: string | null;
  readonly type: string;
  readonly reversibility: Reversibility;
  readonly signals: readonly string[];
  /** What was said of it when the plan came. */
  readonly decision: Judgement['decision'];
  /** The first of the actions that do this, and how many do. */
  readonly actionIds: string[];
  count: number;
  /** In words that are safe to show; a long text is cut in the middle. */
  readonly parameters: string;
}

export interface KnownPlan {
  readonly digest: string;
  readonly source: string;
  /** Whose plan it is. */
  readonly agentId: string | undefined;
  readonly actions: number;
  /** Each operation once. */
  readonly entries: ReadonlyMap<string, PlanEntry>;
}

const maxPlans = 500;
/** Operations in all of them. */
const maxEntries = 50_000;
/** Of the parameters of all of them. */
const maxChars = 16 * 1024 * 1024;
const maxParameterChars = 2_000;
const maxActionIds = 20;

/** What the actions do and in which order they are given; not what they are called. */
export function digestOfPlan({ actions }: Proposal): string {
  return `sha256:${sha256(canonicalJson(actions.map(fingerprintFor)))}`;
}

export class KnownPlans {
  readonly #plans = new Map<string, KnownPlan>();
  #entries = 0;
  #chars = 0;

  get(digest: string): KnownPlan | undefined {
    return this.#plans.get(digest);
  }

  /** The operation as a known plan has it. */
  entryOf(fingerprint: string): PlanEntry | undefined {
    let found: PlanEntry | undefined;
    for (const { entries } of this.#plans.values()) found = entries.get(fingerprint) ?? found;
    return found;
  }

  add(plan: Proposal, judgements: readonly Judgement[], agentId: string | undefined): KnownPlan {
    const entries = new Map<string, PlanEntry>();
    for (const judgement of judgements) {
      const fingerprint = fingerprintFor(judgement.action);
      const same = entries.get(fingerprint);
      if (!same) entries.set(fingerprint, toEntry(fingerprint, judgement));
      else {
        same.count++;
        if (same.actionIds.length < maxActionIds) same.actionIds.push(judgement.action.id);
      }
    }
    const known = {
      digest: digestOfPlan(plan),
      source: plan.source.slice(0, 200),
      agentId,
      actions: plan.actions.length,
      entries,
    };
    this.#delete(known.digest);
    this.#plans.set(known.digest, known);
    this.#entries += entries.size;
    this.#chars += charsOf(known);
    for (const digest of this.#plans.keys()) {
      if (this.#plans.size <= maxPlans && this.#entries <= maxEntries && this.#chars <= maxChars) break;
      if (digest !== known.digest) this.#delete(digest);
    }
    return known;
  }

  #delete(digest: string): void {
    const plan = this.#plans.get(digest);
    if (!plan) return;
    this.#entries -= plan.entries.size;
    this.#chars -= charsOf(plan);
    this.#plans.delete(digest);
  }
}

function toEntry(fingerprint: string, { action, classification, content, decision }: Judgement): PlanEntry {
  const { tier, reversibility, signals } = classification;
  return {
    fingerprint,
    tier,
    content,
    tool: action.tool ?? null,
    type: action.type,
    reversibility,
    signals: signals.slice(0, maxActionIds),
    decision,
    actionIds: [action.id],
    count: 1,
    parameters: describeValue(action.parameters, maxParameterChars),
  };
}

function charsOf({ entries }: KnownPlan): number {
  let chars = 0;
  for (const { parameters } of entries.values()) chars += parameters.length;
  return chars;
}
