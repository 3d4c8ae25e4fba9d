// What a supervisor is told of a plan. Names and digests: never the value of a parameter.
import { createHash, randomUUID } from 'node:crypto';
import { canonicalJson, type Action, type Proposal, type Reversibility } from '@car-runtime/engine';
import type { RuntimeScope, SupervisionIntent } from '@car-runtime/protocol';
import { timestamp } from '../../infra/timestamp.ts';
import type { Connection } from '../../kernel/connection.ts';

/** Names of parameters told of one action, and the characters told of each. */
export const maxKeys = 64;
export const maxKeyChars = 128;

export interface Submitted {
  readonly sessionId: string | undefined;
  readonly scope?: RuntimeScope | undefined;
}

export type ReversibilityOf = (action: Action) => Reversibility;

const severities: readonly Reversibility[] = ['reversible', 'compensable', 'irreversible'];

/** A label nobody knows counts as the worst. */
export function severityOf(label: string): number {
  const severity = severities.indexOf(label as Reversibility);
  return severity === -1 ? severities.length - 1 : severity;
}

/** The worse of two. */
export function worse(one: Reversibility, other: Reversibility): Reversibility {
  return severityOf(one) >= severityOf(other) ? one : other;
}

/** What filters look at. Cheap to make, unlike an intent: most plans may be nobody's concern. */
export interface Candidate {
  readonly clientId: string;
  readonly sessionId: string | undefined;
  readonly actions: readonly Action[];
  /** Of each action, and the worst of them. */
  readonly reversibilities: readonly Reversibility[];
  readonly reversibility: Reversibility;
}

export function toCandidate(
  { actions }: Proposal,
  connection: Connection,
  { sessionId }: Submitted,
  reversibilityOf: ReversibilityOf,
): Candidate {
  const reversibilities = actions.map(reversibilityOf);
  const reversibility = reversibilities.reduce(worse, 'reversible');
  return { clientId: connection.id, sessionId, actions, reversibilities, reversibility };
}

export function toIntent(
  plan: Proposal,
  connection: Connection,
  { scope }: Submitted,
  { clientId, sessionId, actions, reversibilities, reversibility }: Candidate,
): SupervisionIntent {
  return {
    id: `intent-${randomUUID()}`,
    proposal_id: plan.id,
    source: plan.source,
    ...(sessionId !== undefined && { session_id: sessionId }),
    ...(scope && { scope }),
    reversibility,
    created_at: timestamp(),
    client_id: clientId,
    ...(connection.agentId !== undefined && { agent_id: connection.agentId }),
    actions: actions.map((action, index) => toIntentAction(action, reversibilities[index] ?? 'irreversible')),
  };
}

function toIntentAction(
  { id, type, tool, parameters }: Action,
  reversibility: Reversibility,
): SupervisionIntent['actions'][number] {
  const keys = Object.keys(parameters);
  const omitted = keys.length - maxKeys;
  return {
    id,
    action_type: type,
    ...(tool !== undefined && { tool }),
    reversibility,
    parameter_keys: keys.slice(0, maxKeys).map((key) => key.slice(0, maxKeyChars)),
    ...(omitted > 0 && { parameter_keys_omitted: omitted }),
    parameters_digest: `sha256:${createHash('sha256').update(canonicalJson(parameters)).digest('hex')}`,
  };
}
