/** Random proposals; unless asked otherwise their outcome does not depend on how long tools take. */
import * as fc from 'fast-check';
import { normalizeProposal } from '../src/index.ts';
import type { Action, ActionInput, FailureBehavior, Proposal } from '../src/index.ts';
import { isSequential, readKeys, referenceLevels, writtenKeys } from './reference-interpreter.ts';

export interface Scenario {
  readonly proposal: Proposal;
  readonly before: ReadonlyMap<string, unknown>;
  /** By action id: attempts that fail before one succeeds. */
  readonly failing: ReadonlyMap<string, number>;
  /** By action id: turns of the event loop a tool takes; 0 answers at once. */
  readonly turns: ReadonlyMap<string, number>;
  /** By action id: whether failing means never answering, until `timeout_ms` is over. */
  readonly hanging: ReadonlyMap<string, boolean>;
}

export interface ScenarioOptions {
  readonly maxActions?: number;
  /** Whether tools may fail or hang. */
  readonly failures?: boolean;
  /** Whether the outcome may depend on how long tools take. */
  readonly races?: boolean;
  /** Whether actions may be idempotent, and calls equal. */
  readonly idempotent?: boolean;
  /** Leaves out actions that overlap. */
  readonly sequential?: boolean;
}

const KEYS = ['a', 'b', 'c', 'd'];

export function scenarios(options: ScenarioOptions = {}): fc.Arbitrary<Scenario> {
  const { maxActions = 12, failures = true, races = false, idempotent = false, sequential = false } = options;
  const key = fc.constantFrom(...KEYS);
  const value = fc.constantFrom<unknown>(null, 0, 1, 'x');
  const target = fc.nat(maxActions - 1).map((index) => `n${index}`);
  const few = { maxLength: 2 };
  const step = fc.record({
    type: fc.constantFrom('tool_call' as const, 'tool_call' as const, 'state_write', 'state_read', 'assertion'),
    tool: fc.oneof({ weight: 9, arbitrary: fc.constant('ok') }, fc.constant('unknown')),
    key,
    value,
    reference: fc.option(target, { freq: 3 }),
    effects: fc.dictionary(key, value, { maxKeys: 2, noNullPrototype: true }),
    reads: fc.array(key, few),
    dependencies: fc.oneof({ weight: 2, arbitrary: fc.constant<string[]>([]) }, fc.array(target, few)),
    precondition: fc.option(fc.record({ key, operator: fc.constantFrom('exists', 'not_exists', 'eq'), value }), {
      freq: 6,
    }),
    behavior: sequential
      ? fc.constant<FailureBehavior>('abort')
      : fc.constantFrom<FailureBehavior>('abort', 'retry', 'skip', 'skip'),
    idempotent: idempotent ? fc.boolean() : fc.constant(false),
    maxRetries: fc.nat(2),
    failing: failures ? fc.constantFrom(0, 0, 0, 1, 2, 99) : fc.constant(0),
    turns: fc.nat(3),
    hangs: failures ? fc.boolean() : fc.constant(false),
  });
  return fc
    .record({
      steps: fc.array(step, { maxLength: maxActions }),
      before: fc.dictionary(key, value, { noNullPrototype: true }),
      cut: fc.boolean(),
    })
    .map(({ steps, before, cut }) => {
      const hanging = new Map<string, boolean>();
      const inputs = steps.map((one, index): ActionInput => {
        const id = `n${index}`;
        const hangs = one.type === 'tool_call' && one.hangs && one.failing > 0;
        hanging.set(id, hangs);
        return {
          id,
          type: one.type,
          tool: one.type === 'tool_call' ? one.tool : undefined,
          parameters:
            one.type === 'tool_call'
              ? { list: [one.value, one.reference === null ? 'none' : `$${one.reference}.output`] }
              : { key: one.key, value: one.value, expected: one.value },
          expected_effects: one.effects,
          state_dependencies: one.reads,
          dependencies: one.dependencies.filter((other) => other !== id && (!cut || Number(other.slice(1)) < index)),
          preconditions: one.precondition === null ? [] : [one.precondition],
          failure_behavior: one.behavior,
          idempotent: one.idempotent,
          max_retries: one.maxRetries,
          timeout_ms: hangs ? 10 : undefined,
        };
      });
      const proposal = normalizeProposal({ id: 'p', actions: inputs });
      return {
        proposal: races ? proposal : withoutRaces(proposal),
        before: new Map(Object.entries(before)),
        failing: new Map(steps.map(({ failing }, index) => [`n${index}`, failing])),
        // What may time out must not be slow as well, or the clock would decide.
        turns: new Map(steps.map(({ turns }, index) => [`n${index}`, hanging.get(`n${index}`) ? 0 : turns])),
        hanging,
      };
    });
}

/** Where a level would overlap and siblings touch the same key, its first action becomes an `abort`: one by one then. */
function withoutRaces(proposal: Proposal): Proposal {
  const actions: Action[] = [...proposal.actions];
  for (const level of referenceLevels(actions)) {
    if (isSequential(level, actions)) continue;
    const races = level.some((index) =>
      level.some((other) => {
        const written = writtenKeys(actions[other]!);
        return other !== index && touchedKeys(actions[index]!).some((key) => written.includes(key));
      }),
    );
    if (races) actions[level[0]!] = { ...actions[level[0]!]!, failure_behavior: 'abort' };
  }
  return { ...proposal, actions };
}

function touchedKeys(action: Action): string[] {
  return [...readKeys(action), ...writtenKeys(action)];
}
