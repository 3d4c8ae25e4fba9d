/** When a search has to end: its caller is gone, or its time is over. */
export class Budget {
  readonly #stop: Int32Array;
  readonly #deadlineMs: number;

  constructor(stop: SharedArrayBuffer, limitMs: number) {
    this.#stop = new Int32Array(stop);
    this.#deadlineMs = performance.now() + limitMs;
  }

  get isSpent(): boolean {
    return Atomics.load(this.#stop, 0) !== 0 || performance.now() > this.#deadlineMs;
  }
}
