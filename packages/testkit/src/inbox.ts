// Taken before a test can put a clock of its own in their place.
const { setTimeout, clearTimeout } = globalThis;

/** What arrived and was not taken yet, in order. Tests wait for the event itself, never for a time. */
export class Inbox<T> {
  readonly #name: string;
  readonly #patienceMs: number;
  readonly #items: T[] = [];
  readonly #readers: { take(item: T): void; fail(error: Error): void }[] = [];
  #ending: Error | undefined;

  /** `patienceMs` bounds a wait that would otherwise hang: what it awaited did not happen. */
  constructor(name: string, patienceMs = 20_000) {
    this.#name = name;
    this.#patienceMs = patienceMs;
  }

  /** Items that nobody took yet. */
  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    const reader = this.#readers.shift();
    if (reader) reader.take(item);
    else this.#items.push(item);
  }

  /** Nothing comes any more: readers that wait, and later ones, reject once what is left was taken. */
  end(error: Error): void {
    this.#ending ??= error;
    for (const reader of this.#readers.splice(0)) reader.fail(this.#ending);
  }

  /** The next item, as soon as there is one. */
  next(): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift() as T);
    if (this.#ending) return Promise.reject(this.#ending);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = setTimeout(() => {
      this.#readers.splice(this.#readers.indexOf(reader), 1);
      reject(new Error(`No ${this.#name} within ${this.#patienceMs} ms`));
    }, this.#patienceMs);
    const reader = { take: resolve, fail: reject };
    this.#readers.push(reader);
    return promise.finally(() => clearTimeout(timer));
  }

  /** Everything that is there already. */
  takeAll(): T[] {
    return this.#items.splice(0);
  }
}
