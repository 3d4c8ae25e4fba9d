/** Goes on at once where there is nothing to wait for. */
export function andThen<T, R>(value: T | Promise<T>, proceed: (value: T) => R): R | Promise<R> {
  return value instanceof Promise ? value.then(proceed) : proceed(value);
}
