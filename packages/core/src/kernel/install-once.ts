/** `rejected` hands back the value of a refused second installation. */
export type Installation<T> = { installed: true } | { installed: false; rejected: T };

/** A setting that can be made once in the life of the process; a second one is refused and handed back. */
export class InstallOnce<T> {
  #value: T | undefined;

  get value(): T | undefined {
    return this.#value;
  }

  install(value: T): Installation<T> {
    if (this.#value !== undefined) return { installed: false, rejected: value };
    this.#value = value;
    return { installed: true };
  }
}
