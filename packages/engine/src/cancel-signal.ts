/**
 * The part of `AbortSignal` that waiting needs. Every `AbortSignal` is one; who starts an execution may have something
 * that costs less: making a real one with two listeners takes as long as a third of a small execution.
 */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: AbortListener): void;
  removeEventListener(type: 'abort', listener: AbortListener): void;
}

/** A function, or an object that waits for many things and needs no closure for this one. */
export type AbortListener = (() => void) | { handleEvent(): void };

/** Tells a listener. */
export function tellAborted(listener: AbortListener): void {
  if (typeof listener === 'function') listener();
  else listener.handleEvent();
}

/** A real signal that aborts when this one does, for what takes no other. */
export function toAbortSignal(signal: CancelSignal): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  else signal.addEventListener('abort', () => controller.abort(signal.reason));
  return controller.signal;
}
