// Slows wrong credentials down, never right ones: a lockout would let anybody lock the owner out.

/** Wrong answers given at once in one window, per class of credential. */
const freeFailures = 20;
const windowMs = 1_000;
const delayMs = 500;

export type CredentialClass = 'daemon' | 'agent' | 'host';

export class FailureThrottle {
  readonly #windows = new Map<CredentialClass, { startedAt: number; failures: number }>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Counts a failure and returns how long its answer has to wait, in ms. */
  delayOf(credential: CredentialClass): number {
    const now = this.#now();
    let window = this.#windows.get(credential);
    if (!window || now - window.startedAt >= windowMs)
      this.#windows.set(credential, (window = { startedAt: now, failures: 0 }));
    window.failures++;
    return window.failures > freeFailures ? delayMs : 0;
  }
}
