/** The part of verification that looks at the proposal alone, not at state. */
import { changesOf } from './action-effects.ts';
import { canonicalJson } from './json-value.ts';
import type { ProposalModel } from './proposal-model.ts';
import type { Action } from './proposal.ts';
import { findReferences } from './references.ts';
import type { VerifyFindings } from './verify-findings.ts';

/** Two actions and a key that both write, in no declared order. */
export type WriteConflict = [first: string, second: string, key: string];

/** Every pair of writers is a conflict, so their number grows with the square; what is beyond this is not listed. */
const MAX_CONFLICTS = 1_000;

/** From this many identical calls on, a proposal is taken to be going round in circles. */
const REPEATED_CALLS_ERROR = 3;

export function checkActionCount(count: number, maxActions: number, findings: VerifyFindings): void {
  if (count <= maxActions) return;
  findings.add('action_count', 'warning', '', `${count} actions, more than ${maxActions}`);
}

export function checkOrdering(model: ProposalModel, findings: VerifyFindings): void {
  const { actions, plan } = model;
  for (const index of plan.forced) {
    const { id } = actions[index]!;
    findings.add('ordering', 'warning', id, 'is part of a cycle of dependencies and runs before what it waits for');
  }
  for (const { id, dependencies, parameters } of actions) {
    for (const other of dependencies) {
      if (!model.hasAction(other))
        findings.add('ordering', 'info', id, `depends on '${other}', which is no action here`);
    }
    findReferences(parameters, (other) => {
      if (!model.hasAction(other)) {
        findings.add('ordering', 'info', id, `'$${other}.output' refers to no action here and stays as it is`);
      }
    });
  }
}

/** Writers of one key on the same level: nothing declared says which of them has the last word. */
export function findConflicts({ actions, plan }: ProposalModel, findings: VerifyFindings): WriteConflict[] {
  const conflicts: WriteConflict[] = [];
  for (const level of plan.levels) {
    const writers = new Map<string, string[]>();
    for (const index of level) {
      const action = actions[index]!;
      for (const key of Object.keys(changesOf(action) ?? {})) {
        const earlier = writers.get(key);
        if (earlier === undefined) {
          writers.set(key, [action.id]);
          continue;
        }
        for (const other of earlier) {
          if (conflicts.length >= MAX_CONFLICTS) return conflicts;
          conflicts.push([other, action.id, key]);
          const message = `writes '${key}', as does '${other}', in no declared order`;
          findings.add('write_conflicts', 'warning', action.id, message);
        }
        earlier.push(action.id);
      }
    }
  }
  return conflicts;
}

export function findRepeatedCalls(actions: readonly Action[], findings: VerifyFindings): void {
  const calls = actions.filter(({ type, tool }) => type === 'tool_call' && tool !== undefined);
  for (const alike of groupsOfSeveral(calls, fingerprintOf)) {
    for (const equal of groupsOfSeveral(alike, ({ tool, parameters }) => canonicalJson([tool, parameters]))) {
      const severity = equal.length >= REPEATED_CALLS_ERROR ? 'error' : 'warning';
      const [first] = equal;
      const message = `tool '${first!.tool}' is called ${equal.length} times with the same parameters, first by '${first!.id}'`;
      findings.add('repeated_calls', severity, equal.at(-1)!.id, message);
    }
  }
}

/** Whether no two calls can be the same. */
export function areAllDifferent(actions: readonly Action[]): boolean {
  return new Set(actions.map(fingerprintOf)).size === actions.length;
}

function groupsOfSeveral(actions: readonly Action[], keyOf: (action: Action) => unknown): Action[][] {
  return [...Map.groupBy(actions, keyOf).values()].filter(({ length }) => length > 1);
}

/** The same for equal calls, whatever the order of their keys; costs a fraction of the text that proves them equal. */
function fingerprintOf({ tool = '', parameters }: Action): number {
  let sum = fingerprintOfValue(tool);
  for (const key of Object.keys(parameters)) {
    sum = (sum + Math.imul(fingerprintOfValue(key) | 1, fingerprintOfValue(parameters[key]))) | 0;
  }
  return sum;
}

function fingerprintOfValue(value: unknown): number {
  if (typeof value === 'number') return value | 0;
  if (typeof value !== 'string') return value === true ? 1 : 2;
  const { length } = value;
  if (length === 0) return 0;
  return Math.imul(length, 31) + value.charCodeAt(0) + Math.imul(value.charCodeAt(length - 1), 17);
}

/** What stays dangerous however well the proposal is made. */
export function noteRisks(actions: readonly Action[], findings: VerifyFindings): void {
  const calls = actions.filter(({ type }) => type === 'tool_call');
  const irreversible = calls.filter(({ reversibility }) => reversibility === 'irreversible').length;
  if (irreversible > 0)
    findings.risks.push(
      `${irreversible} ${irreversible === 1 ? 'tool call is' : 'tool calls are'} declared irreversible`,
    );
  const uncompensated = calls.filter((call) => call.reversibility === 'compensable' && !call.compensation).length;
  if (uncompensated > 0)
    findings.risks.push(
      `${uncompensated} compensable ${uncompensated === 1 ? 'tool call names' : 'tool calls name'} no compensation`,
    );
  const unbounded = calls.filter(({ timeout_ms }) => timeout_ms === undefined).length;
  if (unbounded > 0) {
    findings.risks.push(
      unbounded === 1
        ? '1 tool call has no time limit of its own'
        : `${unbounded} tool calls have no time limit of their own`,
    );
  }
}
