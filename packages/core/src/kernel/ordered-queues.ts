import type { Connection } from './connection.ts';

type Step = () => Promise<void> | undefined;

/** Calls of one connection that share a key run one after another, in arrival order; a free key runs at once. */
export class OrderedQueues {
  readonly #tails = new WeakMap<Connection, Map<string, Promise<void>>>();

  run(connection: Connection, key: string, step: Step): void {
    const tails = this.#tails.get(connection);
    const tail = tails?.get(key);
    if (!tail) {
      const running = step();
      if (running) this.#append(connection, key, running);
      return;
    }
    this.#append(connection, key, tail.then(step));
  }

  #append(connection: Connection, key: string, running: Promise<void>): void {
    let tails = this.#tails.get(connection);
    if (!tails) this.#tails.set(connection, (tails = new Map()));
    const tail = running.finally(() => {
      if (tails.get(key) === tail) tails.delete(key);
      if (tails.size === 0) this.#tails.delete(connection);
    });
    tails.set(key, tail);
  }
}
