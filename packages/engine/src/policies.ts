/** Policies of one runtime: global ones, and those of the policy sessions opened in it (Policies). */
import { createId } from './normalize-proposal.ts';
import { PolicyError } from './errors.ts';
import { createPolicy, ParameterTexts } from './policy-rules.ts';
import type { Policy, PolicyDefinition, PolicyViolation } from './policy-rules.ts';
import type { Action } from './proposal.ts';
import type { StateReader } from './state-store.ts';

/** Every action is checked against every policy, so there is an end to how many. */
const MAX_POLICIES = 1_000;
const MAX_SESSIONS = 1_000;

const NO_VIOLATIONS: readonly PolicyViolation[] = Object.freeze([]);

export class PolicySet {
  readonly #global: Policy[] = [];
  /** Made with the first: most runtimes never have one. */
  #sessions: Map<string, Policy[]> | undefined;

  /** Appends a policy to the global list or, with `session_id`, to that session's. Equal names are allowed. */
  register(definition: PolicyDefinition): void {
    this.add(createPolicy(definition), definition.session_id ?? undefined);
  }

  /** Appends a policy with a check of its own, for embedders and policy files. */
  add(policy: Policy, sessionId?: string): void {
    const list = this.#listOf(sessionId, `register policy "${policy.name}"`);
    if (list.length >= MAX_POLICIES) {
      throw new PolicyError(
        'too_many_policies',
        `Cannot register policy "${policy.name}": ${list.length} are registered, at most ${MAX_POLICIES} are allowed`,
      );
    }
    list.push(policy);
  }

  /** Removes all policies of that name, fixed ones excepted, and answers how many those were. */
  unregister(name: string, sessionId?: string): number {
    const list = this.#listOf(sessionId, `unregister policy "${name}"`);
    const kept = list.filter((policy) => policy.name !== name || policy.isFixed === true);
    const removed = list.length - kept.length;
    list.splice(0, list.length, ...kept);
    return removed;
  }

  /** In order of registration; of one scope, not of both. */
  list(sessionId?: string): { name: string; description: string }[] {
    return this.#listOf(sessionId, 'list policies').map(({ name, description }) => ({ name, description }));
  }

  /** Opens a session: a list of further denials that proposals can name. */
  openSession(): string {
    this.#sessions ??= new Map();
    if (this.#sessions.size >= MAX_SESSIONS) {
      throw new PolicyError(
        'too_many_sessions',
        `Cannot open a policy session: ${this.#sessions.size} are open, at most ${MAX_SESSIONS} are allowed`,
      );
    }
    const id = createId();
    this.#sessions.set(id, []);
    return id;
  }

  /** Answers whether the session was open. */
  closeSession(sessionId: string): boolean {
    return this.#sessions?.delete(sessionId) ?? false;
  }

  hasSession(sessionId: string): boolean {
    return this.#sessions?.has(sessionId) ?? false;
  }

  /**
   * Everything the global policies and those of the session have against an action. A session can only add: there is
   * no rule that allows. A policy that throws, and a session that is not open, count as violations.
   */
  evaluate(action: Action, state: StateReader, sessionId?: string): readonly PolicyViolation[] {
    if (this.#global.length === 0 && sessionId === undefined) return NO_VIOLATIONS;
    const violations: PolicyViolation[] = [];
    const texts = new ParameterTexts();
    const check = (policy: Policy): void => {
      const reason = reasonOf(policy, action, state, texts);
      if (reason !== null) violations.push({ policy_name: policy.name, action_id: action.id, reason });
    };
    this.#global.forEach(check);
    if (sessionId === undefined) return violations;
    const session = this.#sessions?.get(sessionId);
    if (session === undefined) {
      violations.push({ policy_name: 'policy_session', action_id: action.id, reason: unknownSession(sessionId) });
    } else {
      session.forEach(check);
    }
    return violations;
  }

  #listOf(sessionId: string | undefined, purpose: string): Policy[] {
    if (sessionId === undefined) return this.#global;
    const list = this.#sessions?.get(sessionId);
    if (list === undefined) throw new PolicyError('unknown_session', `Cannot ${purpose}: ${unknownSession(sessionId)}`);
    return list;
  }
}

export function unknownSession(sessionId: string): string {
  return `unknown policy session '${sessionId}'`;
}

function reasonOf(policy: Policy, action: Action, state: StateReader, texts: ParameterTexts): string | null {
  try {
    return policy.check(action, state, texts);
  } catch (error) {
    return `policy '${policy.name}' failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
