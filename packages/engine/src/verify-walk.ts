/** Follows a proposal through what state may be, and notes what will not hold (Verification). */
import { missingDependency } from './action-checks.ts';
import { assertionOf, changesOf } from './action-effects.ts';
import { setOwn } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import { PossibleState } from './possible-state.ts';
import type { PossibleWrite, Verdict } from './possible-state.ts';
import { holds, isKnownOperator, needsValue, toClaim } from './preconditions.ts';
import type { ProposalModel } from './proposal-model.ts';
import { stateKeyOf } from './proposal.ts';
import type { Action, Precondition } from './proposal.ts';
import type { StateReader } from './state-store.ts';
import { notRegistered } from './tool-registry.ts';
import type { VerifyFindings } from './verify-findings.ts';

/** Follows the levels through state, with every effect applied: a blocked action should not hide what comes after. */
export class VerifyWalk {
  readonly #model: ProposalModel;
  readonly #findings: VerifyFindings;
  readonly #possible: PossibleState;
  readonly #simulated: JsonObject;
  readonly #seenIdempotent = new Set<string>();
  /** Actions that may fail with every tool doing its best, and that the proposal then goes on without. */
  readonly #mayBePassedOver = new Set<number>();
  /** For each key, the last action that writes it. */
  readonly #lastWriter = new Map<string, string>();

  /** Writes every effect to `simulated`. */
  constructor(model: ProposalModel, initial: StateReader, findings: VerifyFindings, simulated: JsonObject) {
    this.#model = model;
    this.#findings = findings;
    this.#simulated = simulated;
    this.#possible = new PossibleState(initial);
    for (const action of model.actions) {
      for (const key of Object.keys(changesOf(action) ?? {})) this.#lastWriter.set(key, action.id);
    }
  }

  /** A step for each action: what is asked of one may take a while. */
  *steps(): Generator<void> {
    for (const [at, level] of this.#model.plan.levels.entries()) {
      if (this.#model.overlaps[at] === true) {
        yield* this.#runConcurrently(level);
        continue;
      }
      for (const index of level) {
        this.#runAlone(index);
        yield;
      }
    }
  }

  #runAlone(index: number): void {
    this.#check(index);
    for (const [key, write] of this.#writesOf(index)) this.#apply(key, [write]);
  }

  *#runConcurrently(level: readonly number[]): Generator<void> {
    const writes = new Map<string, PossibleWrite[]>();
    for (const index of level) {
      for (const [key, write] of this.#writesOf(index)) {
        const others = writes.get(key);
        if (others === undefined) writes.set(key, [write]);
        else others.push(write);
      }
    }
    this.#possible.enterLevel(writes);
    for (const index of level) {
      this.#check(index);
      yield;
    }
    this.#possible.leaveLevel();
    for (const [key, all] of writes) this.#apply(key, all);
  }

  #apply(key: string, writes: readonly PossibleWrite[]): void {
    const known = writes.map((write) =>
      this.#mayBePassedOver.has(write.index) ? { ...write, isOptional: true } : write,
    );
    this.#possible.apply(key, known);
  }

  /** Also applies them to the one state that is reported. */
  #writesOf(index: number): [key: string, write: PossibleWrite][] {
    const action = this.#model.actions[index]!;
    const isRepeated = this.#isRepeatedIdempotent(index);
    // With an output in its parameters, whether an idempotent call repeats another is only known when it runs.
    const isOptional = isRepeated || (action.idempotent && this.#model.refersToOutput(action.parameters));
    const changes = changesOf(action);
    if (changes === undefined) return [];
    const ownKey = action.type === 'state_write' ? stateKeyOf(action) : undefined;
    return Object.keys(changes).map((key) => {
      const value = changes[key];
      const isUnknown = key === ownKey && this.#model.refersToOutput({ value });
      if (!isRepeated) setOwn(this.#simulated, key, value);
      return [key, { index, value, isUnknown, isOptional }];
    });
  }

  #isRepeatedIdempotent(index: number): boolean {
    const key = this.#model.idempotencyKeys[index];
    if (key === undefined) return false;
    if (this.#seenIdempotent.has(key)) return true;
    this.#seenIdempotent.add(key);
    return false;
  }

  #check(index: number): void {
    const action = this.#model.actions[index]!;
    const intrinsic = this.#model.intrinsic[index]!;
    if (intrinsic !== null) {
      const isAboutTool = action.type === 'tool_call' && (!action.tool || intrinsic === notRegistered(action.tool));
      this.#findings.add(isAboutTool ? 'tools' : 'parameters', 'error', action.id, intrinsic);
    } else if (action.type === 'tool_call' && this.#model.refersToOutput(action.parameters)) {
      this.#findings.leaveUndecided(action.id, 'its parameters hold the output of another action');
    }
    if (action.type !== 'tool_call' && this.#model.refersToOutput({ key: action.parameters['key'] })) {
      this.#findings.leaveUndecided(action.id, 'its key is the output of another action');
    }
    for (const precondition of action.preconditions) this.#checkPrecondition(index, action, precondition);
    for (const key of action.state_dependencies) this.#checkDependency(index, action, key);
    const isSure = action.type === 'assertion' ? this.#checkAssertion(index, action) : isOneShot(action);
    if (!isSure && action.failure_behavior === 'skip') this.#mayBePassedOver.add(index);
  }

  #checkPrecondition(index: number, action: Action, { key, operator, value }: Precondition): void {
    const claim = toClaim(key, operator, value);
    const verdict = this.#ask(index, key, operator, value);
    if (verdict === 'never') {
      const note = isKnownOperator(operator) ? '' : `: unknown operator '${operator}'`;
      this.#findings.add('preconditions', 'error', action.id, `precondition will fail: ${claim}${note}`);
    } else if (verdict === 'sometimes') {
      const message = `precondition may fail: ${claim} depends on which action of the same level ends first`;
      this.#findings.add('preconditions', 'error', action.id, message);
    } else if (verdict === 'undecided') {
      this.#findings.leaveUndecided(action.id, `whether ${claim} is only known when it runs`);
    }
  }

  #checkDependency(index: number, action: Action, key: string): void {
    const verdict = this.#ask(index, key, 'exists', null);
    if (verdict === 'always') return;
    if (verdict === 'undecided') {
      this.#findings.leaveUndecided(action.id, `whether state['${key}'] exists is only known when it runs`);
      return;
    }
    const writer = this.#lastWriter.get(key);
    const isWrittenLater = verdict === 'never' && writer !== undefined && writer !== action.id;
    const note = isWrittenLater ? `: '${writer}' writes it, but only later` : '';
    const early = verdict === 'sometimes' ? `: it is written on the same level and may not be there yet` : '';
    this.#findings.add('state_dependencies', 'error', action.id, `${missingDependency(key)}${note}${early}`);
  }

  /** Answers whether it surely holds. Failing is what an assertion is for, so it is no error of the proposal. */
  #checkAssertion(index: number, action: Action): boolean {
    if (this.#model.refersToOutput(action.parameters)) {
      this.#findings.leaveUndecided(action.id, 'it compares with the output of another action');
      return false;
    }
    const { key, operator, wanted } = assertionOf(action);
    const verdict = this.#ask(index, key, operator, wanted);
    const claim = toClaim(key, operator, wanted);
    if (verdict === 'undecided') {
      this.#findings.leaveUndecided(action.id, `whether ${claim} is only known when it runs`);
    } else if (verdict !== 'always') {
      const message = `assertion ${verdict === 'never' ? 'will' : 'may'} fail: ${claim}`;
      this.#findings.add('assertions', 'warning', action.id, message);
    }
    return verdict === 'always';
  }

  #ask(asking: number, key: string, operator: string, value: unknown): Verdict {
    return this.#possible.ask({
      key,
      asking,
      needsValue: needsValue(operator),
      test: (state) => holds(state, key, operator, value),
    });
  }
}

/** What a tool that is only started has done by when, nobody knows; and it may refuse to be started. */
function isOneShot({ type, invocation_mode }: Action): boolean {
  return type !== 'tool_call' || invocation_mode === 'one_shot';
}
