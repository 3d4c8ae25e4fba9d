import type { CallContext } from './domain.ts';

/** Asked about every call of a client before its handler runs. */
export interface CallGate {
  /** `undefined` lets the call through at once. Otherwise this one call waits; what it rejects with answers it. */
  admit(method: string, params: unknown, context: CallContext): Promise<CallPermit> | undefined;
}

/** A call that had to wait and may run. One of `begin` and `abandoned` is called, once. */
export interface CallPermit {
  /** Right before the handler; what it throws answers the call in its place. */
  begin(): void;
  /** The caller went away meanwhile: the handler does not run. */
  abandoned(): void;
  /** After `begin`, when the handler has ended. */
  ended(isOk: boolean): void;
}
