// The one question, asked by `permission.evaluate` and by the gate of `proposal.submit` alike: may this action run now, with
// what was granted, decided and approved?
import {
  classifyAction,
  fingerprintOf,
  isWithin,
  lowerTier,
  ScanBudget,
  type Action,
  type Classification,
  type Tier,
} from '@car-runtime/engine';
import type { AgentPermissionMode, PermissionDecision } from '@car-runtime/protocol';
import { changesOf, type Content, type ContentReader } from './content.ts';
import { covers, type Entry, type Ledger } from './ledger.ts';
import type { Postures } from './postures.ts';

/** On whose behalf an action runs. */
export interface Standing {
  readonly granted: Tier;
  readonly agentId: string | undefined;
  /** What a skill may do at most, where the action runs for one. */
  readonly ceiling: Tier | undefined;
}

export interface Judgement {
  readonly action: Action;
  readonly classification: Classification;
  readonly decision: PermissionDecision['decision'];
  /** What was granted, as far as the skill lets it count. */
  readonly granted: Tier;
  readonly reason: string | undefined;
  /** What an approval covers besides the fingerprint; known where one was looked for. */
  readonly content: Content | undefined;
  readonly changed: PermissionDecision['changed'];
}

export interface JudgeOptions {
  ledger: Ledger;
  postures: Postures;
  contents: ContentReader;
}

/** Fingerprints are digests of whole parameters: made once for each action, and only when somebody asks. */
const fingerprints = new WeakMap<Action, string>();

export function fingerprintFor(action: Action): string {
  let fingerprint = fingerprints.get(action);
  if (fingerprint === undefined) fingerprints.set(action, (fingerprint = fingerprintOf(action)));
  return fingerprint;
}

export class Judge {
  readonly #options: JudgeOptions;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  /** A promise only where files have to be looked at. */
  judge(action: Action, standing: Standing, budget = new ScanBudget()): Judgement | Promise<Judgement> {
    const { ledger } = this.#options;
    const classification = classifyAction(action, budget);
    const required = classification.tier;
    const granted = standing.ceiling === undefined ? standing.granted : lowerTier(standing.granted, standing.ceiling);
    const mode = this.#modeOf(standing.agentId, required);
    const why = whyToAsk(required, granted, mode);
    // Most actions are within what was granted, and nobody ever rejected anything.
    if (why !== undefined) ledger.refresh();
    const entry = why !== undefined || ledger.mayReject(action.tool) ? ledger.find(fingerprintFor(action)) : undefined;
    if (why === undefined && entry === undefined && mode !== 'deny') {
      return {
        action,
        classification,
        decision: 'allow',
        granted,
        reason: undefined,
        content: undefined,
        changed: undefined,
      };
    }
    const base = { action, classification, granted, content: undefined, changed: undefined };
    if (entry && !entry.isApproved) {
      return { ...base, decision: 'deny', reason: `rejected by ${entry.reviewer}` };
    }
    if (mode === 'deny') return { ...base, decision: 'deny', reason: `agent may not act at ${required}` };
    if (why === undefined) return { ...base, decision: 'allow', reason: undefined };
    if (classification.uses.length > 0) return this.#judgeContent(base, entry, why);
    if (entry && covers(entry, required)) return { ...base, decision: 'allow', reason: approvedBy(entry) };
    return { ...base, decision: 'needs_approval', reason: why };
  }

  async #judgeContent(
    base: Pick<Judgement, 'action' | 'classification' | 'granted'>,
    entry: Entry | undefined,
    why: string,
  ): Promise<Judgement> {
    const content = await this.#options.contents.read(base.classification);
    const known = { ...base, content, changed: undefined };
    if (!entry || !covers(entry, base.classification.tier))
      return { ...known, decision: 'needs_approval', reason: why };
    const changed = entry.content && changesOf(entry.content, content);
    if (!changed) return { ...known, decision: 'allow', reason: approvedBy(entry) };
    const reason = `changed since it was approved: ${Object.keys(changed).join(', ')}`;
    return { ...known, decision: 'needs_approval', reason, changed };
  }

  #modeOf(agentId: string | undefined, required: Tier): AgentPermissionMode | undefined {
    const { postures } = this.#options;
    return agentId !== undefined && postures.isSet ? postures.modeOf(agentId, required) : undefined;
  }
}

/** Why somebody has to agree first, or nothing. */
function whyToAsk(required: Tier, granted: Tier, mode: AgentPermissionMode | undefined): string | undefined {
  if (required === 'full_access') return 'full_access always needs approval';
  if (!isWithin(required, granted)) return `requires ${required}, granted ${granted}`;
  return mode === 'require_approval' ? `agent needs approval at ${required}` : undefined;
}

function approvedBy({ reviewer }: Entry): string {
  return `approved by ${reviewer}`;
}

export function toDecision({
  action,
  classification,
  decision,
  granted,
  reason,
  changed,
}: Judgement): PermissionDecision {
  const { tier, reversibility, signals } = classification;
  return {
    action_id: action.id,
    fingerprint: fingerprintFor(action),
    decision,
    required: tier,
    reversibility,
    granted,
    ...(reason !== undefined && { reason }),
    ...(signals.length > 0 && { signals: [...signals] }),
    ...(changed && { changed }),
  };
}
