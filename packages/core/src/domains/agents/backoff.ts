const maxDelayMs = 300_000;
/** However a spec is written, an agent that ends at once does not keep the machine busy. */
const minDelayMs = 100;

/** Time before restart `attempt` (from 1), in ms: doubling, capped, and up to an eighth more, so that agents that ended
 *  together do not start together. */
export function backoffDelayMs(attempt: number, backoffSecs: number, random: () => number = Math.random): number {
  const delayMs = backoffSecs * 1_000 * 2 ** Math.min(attempt - 1, 64);
  const capped = Math.min(maxDelayMs, Math.max(minDelayMs, delayMs));
  return capped + (capped / 8) * random();
}
