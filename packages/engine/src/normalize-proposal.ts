/** From a proposal as written to a proposal that can be ordered and executed. */
import { toTimestamp } from './clock.ts';
import { ProposalError } from './errors.ts';
import type { JsonObject } from './json-value.ts';
import type { Action, ActionInput, Precondition, PreconditionInput, Proposal, ProposalInput } from './proposal.ts';

/** Ordering and bookkeeping are linear, but a bound keeps one frame from holding the event loop. */
export const MAX_ACTIONS = 10_000;

const DEFAULT_MAX_RETRIES = 3;

// Shared by all records that leave a field out; frozen so that no one can write through them.
const NO_MEMBERS: JsonObject = Object.freeze({});
const NO_ITEMS: readonly never[] = Object.freeze([]);

/** Twelve hex digits of a UUIDv4: the ones before its version digit, so all of them are random. */
export function createId(): string {
  const uuid = crypto.randomUUID();
  return uuid.slice(0, 8) + uuid.slice(9, 13);
}

/**
 * Fills in every default and refuses what the shape alone cannot show: an id used twice, an action that depends on
 * itself, too many actions. The caller has checked types and enum values.
 */
export function normalizeProposal(input: ProposalInput, nowMs: number = Date.now()): Proposal {
  const id = input.id || createId();
  if (input.actions.length > MAX_ACTIONS) {
    throw new ProposalError(
      'too_many_actions',
      'actions',
      `Cannot accept proposal "${id}": ${input.actions.length} actions, at most ${MAX_ACTIONS} are allowed`,
    );
  }
  const actions = input.actions.map(normalizeAction);
  if (actions.length > 1) refuseDuplicateIds(id, actions);
  actions.forEach((action, index) => {
    refuseSelfDependency(id, action, index);
  });
  return {
    id,
    source: input.source ?? 'unknown',
    timestamp: input.timestamp ?? toTimestamp(nowMs),
    actions,
    context: input.context ?? NO_MEMBERS,
  };
}

function normalizeAction(input: ActionInput): Action {
  return {
    id: input.id || createId(),
    type: input.type,
    tool: input.tool ?? undefined,
    parameters: input.parameters ?? NO_MEMBERS,
    preconditions: input.preconditions?.length ? input.preconditions.map(normalizePrecondition) : NO_ITEMS,
    expected_effects: input.expected_effects ?? NO_MEMBERS,
    state_dependencies: input.state_dependencies ?? NO_ITEMS,
    read_set: input.read_set ?? NO_ITEMS,
    write_set: input.write_set ?? NO_ITEMS,
    assumptions: input.assumptions ?? NO_ITEMS,
    invocation_mode: input.invocation_mode ?? 'one_shot',
    reversibility: input.reversibility ?? 'irreversible',
    compensation: input.compensation ?? undefined,
    idempotent: input.idempotent ?? false,
    max_retries: input.max_retries ?? DEFAULT_MAX_RETRIES,
    failure_behavior: input.failure_behavior ?? 'abort',
    timeout_ms: input.timeout_ms ?? undefined,
    metadata: input.metadata ?? NO_MEMBERS,
    dependencies: input.dependencies ?? NO_ITEMS,
  };
}

function normalizePrecondition(input: PreconditionInput): Precondition {
  return {
    key: input.key,
    operator: input.operator ?? 'eq',
    value: input.value ?? null,
    description: input.description ?? '',
  };
}

function refuseDuplicateIds(proposalId: string, actions: readonly Action[]): void {
  const firstIndex = new Map<string, number>();
  actions.forEach((action, index) => {
    const first = firstIndex.get(action.id);
    if (first !== undefined) {
      throw new ProposalError(
        'duplicate_action_id',
        `actions[${index}].id`,
        `Cannot accept proposal "${proposalId}": actions[${index}].id "${action.id}" is already used by actions[${first}]`,
        action.id,
      );
    }
    firstIndex.set(action.id, index);
  });
}

function refuseSelfDependency(proposalId: string, action: Action, index: number): void {
  const position = action.dependencies.indexOf(action.id);
  if (position < 0) return;
  const field = `actions[${index}].dependencies[${position}]`;
  throw new ProposalError(
    'self_dependency',
    field,
    `Cannot accept proposal "${proposalId}": ${field} makes action "${action.id}" depend on itself`,
    action.id,
  );
}
