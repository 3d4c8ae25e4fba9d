/** Whether a proposal still fits the state it was made for, and whether its parts keep out of each other's way. */
import { changesOf } from './action-effects.ts';
import { jsonEquals, toShortJson } from './json-value.ts';
import { planExecution } from './order.ts';
import { stateKeyOf } from './proposal.ts';
import type { Action, Proposal } from './proposal.ts';
import type { StateView } from './state-store.ts';

export type TransactionConflictKind =
  /** The key does not hold what the action assumes. */
  | 'value_changed'
  /** The key was written since the version the action read. */
  | 'stale_read'
  /** The action writes a key that its `write_set` leaves out. */
  | 'undeclared_write'
  /** The action reads a key that its `read_set` leaves out. */
  | 'undeclared_read'
  /** Another action, in no declared order, writes what this one reads or writes. */
  | 'unordered_access';

export interface TransactionConflict {
  action_id: string;
  key: string;
  kind: TransactionConflictKind;
  message: string;
}

export interface TransactionReport {
  ok: boolean;
  conflicts: TransactionConflict[];
}

/** Pairs grow with the square of a level; what is beyond this is not listed. */
const MAX_CONFLICTS = 1_000;

/**
 * Checks the assumptions of a proposal against current state, and its read and write sets against what its actions do
 * and against each other. An action without a set has made no promise about it.
 */
export function transactionCheck(proposal: Proposal, state: StateView): TransactionReport {
  const conflicts: TransactionConflict[] = [];
  for (const action of proposal.actions) {
    checkAssumptions(action, state, conflicts);
    checkDeclared(action, conflicts);
  }
  checkOverlaps(proposal.actions, conflicts);
  conflicts.splice(MAX_CONFLICTS);
  return { ok: conflicts.length === 0, conflicts };
}

function checkAssumptions(action: Action, state: StateView, conflicts: TransactionConflict[]): void {
  for (const { key, expected_value, read_version } of action.assumptions) {
    const add = (kind: TransactionConflictKind, message: string): void => {
      conflicts.push({ action_id: action.id, key, kind, message });
    };
    if (expected_value !== undefined && !(state.has(key) && jsonEquals(state.get(key), expected_value))) {
      add('value_changed', `state['${key}'] is not ${toShortJson(expected_value)} any more`);
    }
    if (typeof read_version === 'number' && state.version(key) !== read_version) {
      add('stale_read', `state['${key}'] was read at version ${read_version} and is at ${state.version(key)}`);
    }
  }
}

function checkDeclared(action: Action, conflicts: TransactionConflict[]): void {
  const check = (
    kind: 'undeclared_write' | 'undeclared_read',
    done: Set<string>,
    declared: readonly string[],
  ): void => {
    if (declared.length === 0) return;
    const [verb, set] = kind === 'undeclared_write' ? ['writes', 'write_set'] : ['reads', 'read_set'];
    for (const key of done) {
      if (declared.includes(key)) continue;
      conflicts.push({ action_id: action.id, key, kind, message: `${verb} '${key}', which its ${set} leaves out` });
    }
  };
  check('undeclared_write', writtenKeys(action), action.write_set);
  check('undeclared_read', readKeys(action), action.read_set);
}

/** Actions on different levels run one after another, so only those that share a level can be in each other's way. */
function checkOverlaps(actions: readonly Action[], conflicts: TransactionConflict[]): void {
  for (const level of planExecution(actions).levels) {
    const writers = new Map<string, number[]>();
    for (const index of level) {
      const action = actions[index]!;
      for (const key of new Set([...writtenKeys(action), ...action.write_set])) {
        const others = writers.get(key);
        if (others === undefined) writers.set(key, [index]);
        else others.push(index);
      }
    }
    for (const index of level) {
      const action = actions[index]!;
      const touched = new Set([...readKeys(action), ...action.read_set, ...writtenKeys(action), ...action.write_set]);
      for (const key of touched) {
        for (const other of writers.get(key) ?? []) {
          if (conflicts.length >= MAX_CONFLICTS) return;
          if (other === index) continue;
          const message = `uses '${key}', which '${actions[other]!.id}' writes in no declared order`;
          conflicts.push({ action_id: action.id, key, kind: 'unordered_access', message });
        }
      }
    }
  }
}

function writtenKeys(action: Action): Set<string> {
  return new Set(Object.keys(changesOf(action) ?? {}));
}

function readKeys(action: Action): Set<string> {
  const keys = new Set([...action.state_dependencies, ...action.preconditions.map(({ key }) => key)]);
  const read = action.type === 'state_read' || action.type === 'assertion' ? stateKeyOf(action) : undefined;
  if (read !== undefined) keys.add(read);
  return keys;
}
