// Gates a whole plan passes before anything of it runs (Proposal lifecycle, Admission). All are asked, all must agree,
// and a gate that fails counts as a refusal.
import {
  findIssues,
  type Action,
  type ExecutionOptions,
  type CancelSignal,
  type EventSubjects,
  type Proposal,
  type StateStore,
  type ToolRegistry,
  type VerifyIssue,
} from '@car-runtime/engine';
import type { AdmissionRefusal, RuntimeScope } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';

/** How a plan was submitted. */
export interface Submission {
  /** Aborts when nobody waits for the plan any more. */
  readonly signal: CancelSignal;
  readonly tenantId: string | undefined;
  /** The policy session the plan runs under. */
  readonly sessionId: string | undefined;
  readonly scope?: RuntimeScope | undefined;
  /** How long it may wait for people, in ms. */
  readonly approvalWaitMs?: number | undefined;
}

export type AdmissionVerdict =
  | {
      decision: 'allow';
      details?: object;
      /** Asked right before each action begins, for what may not be as it was; see `ExecutionOptions`. */
      recheck?: ExecutionOptions['recheck'];
    }
  | {
      decision: 'refuse';
      reason: string | ((action: Action) => string);
      details?: object;
      /** The same for programs; goes into the result. */
      admission?: AdmissionRefusal;
    };

export interface AdmissionGate {
  /** As `data.gate` of its journal events. */
  readonly name: string;
  /** Nothing from a gate that has no say in this plan; then nothing is recorded either. */
  admit(
    plan: Proposal,
    connection: Connection,
    submission: Submission,
    subjects: EventSubjects,
  ): AdmissionVerdict | undefined | Promise<AdmissionVerdict | undefined>;
}

export interface StaticCheckDependencies {
  registryOf(connection: Connection): ToolRegistry;
  storeOf(connection: Connection): StateStore;
}

/** A plan of one action has no order, no repetition and no conflict: all that could be said of it is said when it runs. */
const minActions = 2;

/** The analysis of `verify`. What it finds is recorded and refuses nothing: the checks of each action decide when it runs. */
export function staticCheck({ registryOf, storeOf }: StaticCheckDependencies): AdmissionGate {
  return {
    name: 'static_check',
    admit: (plan, connection, { tenantId }) => {
      if (plan.actions.length < minActions) return { decision: 'allow' };
      const issues = findIssues(plan, { tools: registryOf(connection), state: storeOf(connection).view(tenantId) });
      return issues instanceof Promise ? issues.then(toVerdict) : toVerdict(issues);
    },
  };
}

function toVerdict(issues: readonly VerifyIssue[]): AdmissionVerdict {
  const errors = issues.filter(({ severity }) => severity === 'error').length;
  return { decision: 'allow', details: { errors, findings: issues.length } };
}

/** What one gate says; its own failure is a refusal. A promise only when the gate answers one. */
export function askGate(
  gate: AdmissionGate,
  plan: Proposal,
  connection: Connection,
  submission: Submission,
  subjects: EventSubjects,
): AdmissionVerdict | undefined | Promise<AdmissionVerdict | undefined> {
  try {
    const verdict = gate.admit(plan, connection, submission, subjects);
    return verdict instanceof Promise ? verdict.catch((error: unknown) => toRefusal(gate, error)) : verdict;
  } catch (error) {
    return toRefusal(gate, error);
  }
}

function toRefusal({ name }: AdmissionGate, error: unknown): AdmissionVerdict {
  return { decision: 'refuse', reason: `${name} failed: ${error instanceof Error ? error.message : String(error)}` };
}
