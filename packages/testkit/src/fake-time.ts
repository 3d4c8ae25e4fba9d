// Time that a test moves by hand: timers, dates and the monotonic clock together. What goes by turns of the event loop,
// channels in memory among it, stays real.
import type { TestContext } from 'node:test';

/** Longer than any deadline a test starts. */
const longestMs = 3 * 60 * 60 * 1000;
/** Of deadlines of a second and more. */
const tickMs = 50;

export class FakeTime {
  readonly #context: TestContext;
  #now: number;

  /** In force until the test ends. Timers made before are not affected, and deadlines of a second and more share one: a
   *  file with a test that uses this uses it in all of them. */
  constructor(context: TestContext) {
    this.#context = context;
    this.#now = performance.now();
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.now() });
    context.mock.method(performance, 'now', () => this.#now);
    context.after(() => this.#wearOut());
  }

  /** Lets what runs at long intervals, and would wait for this clock for ever, come to its end. */
  #wearOut(): void {
    this.#now += longestMs;
    this.#context.mock.timers.tick(tickMs);
  }

  /** Moves on, firing what falls due, and lets everything that became runnable run. */
  async advance(ms: number): Promise<void> {
    await turnOver();
    this.#now += ms;
    this.#context.mock.timers.tick(ms);
    await turnOver();
  }
}

/** Resolves when everything that could run without a timer has run, messages in memory included. */
export async function turnOver(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}
