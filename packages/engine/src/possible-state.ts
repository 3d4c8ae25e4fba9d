/** What each state key may hold at a point of a proposal whose actions may end in more than one order. */
import type { StateReader } from './state-store.ts';

/** The key is not there. */
const ABSENT = Symbol('absent');
/** The key is there, with a value that only executing can tell. */
const UNKNOWN = Symbol('unknown');

/** With more alternatives than this a key is left undecided: every check would cost their number. */
const MAX_ALTERNATIVES = 64;

/** `undecided`: it depends on what a tool answers, or on too many alternatives. */
export type Verdict = 'always' | 'sometimes' | 'never' | 'undecided';

export interface PossibleWrite {
  /** The action that writes. */
  readonly index: number;
  readonly value: unknown;
  /** The value depends on what a tool answers. */
  readonly isUnknown: boolean;
  /** An equal idempotent action came before: this one may be answered from the cache and write nothing. */
  readonly isOptional: boolean;
}

export interface Question {
  readonly key: string;
  /** Index of the action that asks; it does not see its own write. */
  readonly asking: number;
  /** Whether the answer depends on the value rather than only on its presence. */
  readonly needsValue: boolean;
  readonly test: (state: StateReader) => boolean;
}

/** A value some sibling writes; `onlyWriter` says which, unless there are several. */
interface SiblingValue {
  readonly value: unknown;
  readonly onlyWriter: number | undefined;
}

export class PossibleState {
  readonly #initial: StateReader;
  /** Of keys that were written since. */
  readonly #values = new Map<string, readonly unknown[]>();
  #siblings: ReadonlyMap<string, readonly SiblingValue[]> = new Map();

  constructor(initial: StateReader) {
    this.#initial = initial;
  }

  /** Adds what the actions of the current level write: each may find it done, except its own. */
  enterLevel(writes: ReadonlyMap<string, readonly PossibleWrite[]>): void {
    this.#siblings = new Map([...writes].map(([key, all]) => [key, distinctValues(all)]));
  }

  leaveLevel(): void {
    this.#siblings = new Map();
  }

  /** Any of the writes may be the last one to happen. */
  apply(key: string, writes: readonly PossibleWrite[]): void {
    const before = writes.every(({ isOptional }) => isOptional) ? this.#alternatives(key) : [];
    const distinct = new Set([...before, ...writes.map(valueOf)]);
    this.#values.set(key, [...distinct].slice(0, MAX_ALTERNATIVES + 1));
  }

  ask({ key, asking, needsValue, test }: Question): Verdict {
    const alternatives = [...this.#alternatives(key)];
    for (const { value, onlyWriter } of this.#siblings.get(key) ?? []) {
      if (onlyWriter !== asking) alternatives.push(value);
    }
    if (alternatives.length > MAX_ALTERNATIVES) return 'undecided';
    if (needsValue && alternatives.includes(UNKNOWN)) return 'undecided';
    const held = alternatives.filter((value) => {
      const exists = value !== ABSENT;
      return test({ get: () => (exists ? value : null), has: () => exists });
    });
    if (held.length === alternatives.length) return 'always';
    return held.length === 0 ? 'never' : 'sometimes';
  }

  #alternatives(key: string): readonly unknown[] {
    return this.#values.get(key) ?? [this.#initial.has(key) ? this.#initial.get(key) : ABSENT];
  }
}

function valueOf({ value, isUnknown }: PossibleWrite): unknown {
  return isUnknown ? UNKNOWN : value;
}

function distinctValues(writes: readonly PossibleWrite[]): SiblingValue[] {
  const writers = new Map<unknown, number | undefined>();
  for (const write of writes) {
    const value = valueOf(write);
    if (!writers.has(value)) writers.set(value, write.index);
    else if (writers.get(value) !== write.index) writers.set(value, undefined);
    if (writers.size > MAX_ALTERNATIVES) break;
  }
  return [...writers].map(([value, onlyWriter]) => ({ value, onlyWriter }));
}
