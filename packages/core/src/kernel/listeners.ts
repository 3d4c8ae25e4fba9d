/** Those who want to be told of something, in the order they came. */
export class Listeners<Args extends unknown[]> {
  readonly #listeners = new Set<(...args: Args) => void>();

  add(listener: (...args: Args) => void): Disposable {
    const own = (...args: Args): void => listener(...args);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  tell(...args: Args): void {
    for (const listener of this.#listeners) listener(...args);
  }
}
