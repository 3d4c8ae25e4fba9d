/** The part of `AbortSignal` that waiting needs, so that a call can be one itself: making a real one with a listener or
 *  two costs more than the rest of a call. Every `AbortSignal` is one. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}
