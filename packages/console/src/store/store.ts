// State that views share: a value, and who wants to know when it changes. Changes within one frame are told once.
import type { ReactiveControllerHost } from 'lit';

export class Store<T> {
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    this.changed();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  /** For a value that was changed in place. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  listen(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}

/** Renders `host` again when one of the stores changes, at most once per frame: a burst of events must not become a burst
 *  of renders. */
export function renderOn(host: ReactiveControllerHost, ...stores: readonly Pick<Store<unknown>, 'listen'>[]): void {
  let listening: Disposable[] = [];
  let frame = 0;
  const request = (): void => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      host.requestUpdate();
    });
  };
  host.addController({
    hostConnected: () => {
      listening = stores.map((store) => store.listen(request));
    },
    hostDisconnected: () => {
      for (const each of listening) each[Symbol.dispose]();
      listening = [];
      cancelAnimationFrame(frame);
      frame = 0;
    },
  });
}
