/** The part of `AbortSignal` that waiting needs, so that a call can be one itself: making a real one with a listener or
 *  two costs more than the rest of a call. Every `AbortSignal` is one. */
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
