/** A value built when it is first asked for. Schemas are: most of a daemon's methods are never called, and building them
 *  all took longer than the rest of its start. */
export function once<T>(build: () => T): () => T {
  let built: { value: T } | undefined;
  return () => (built ??= { value: build() }).value;
}
