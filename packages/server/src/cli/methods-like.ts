import { methods } from '@car-runtime/protocol';

/** The methods that a name may have meant, the closest first: itself when there is one of that name. */
export function methodsLike(name: string): string[] {
  return Object.keys(methods)
    .map((method) => ({ method, distance: distanceBetween(method, name) }))
    .filter(({ method, distance }) => distance <= Math.max(2, method.length / 4))
    .toSorted((left, right) => left.distance - right.distance)
    .slice(0, 3)
    .map(({ method }) => method);
}

/** Edits that make one text of the other (Levenshtein). */
function distanceBetween(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_none, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + cost));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
