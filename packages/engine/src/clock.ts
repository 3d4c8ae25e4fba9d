/** Time as the engine sees it; passed in so that tests own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back; may be fractional. */
  monotonic(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Timers of Node fire at once when the delay does not fit 31 bits. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS)),
  clearTimeout: (timer) => {
    clearTimeout(timer as NodeJS.Timeout);
  },
};

let formattedMs = Number.NaN;
let formatted = '';

/** RFC 3339 text of a time. Formatting costs more than a trivial action, so the text of the last millisecond is kept. */
export function toTimestamp(epochMs: number): string {
  if (epochMs !== formattedMs) {
    formatted = new Date(epochMs).toISOString();
    formattedMs = epochMs;
  }
  return formatted;
}

/** How long something took, in ms, as exact as microseconds: more digits are noise that takes time to write down. */
export function elapsedMs(clock: Clock, startedAt: number): number {
  return Math.round((clock.monotonic() - startedAt) * 1_000) / 1_000;
}
