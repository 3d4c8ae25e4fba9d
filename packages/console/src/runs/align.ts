// Two lists side by side: what both have stands in one row, what one has alone stands alone. Pure.

export interface Aligned<T> {
  readonly a: T | undefined;
  readonly b: T | undefined;
}

/** So many steps apart, two lists have too little in common for it to be worth finding. */
const maxDistance = 200;
/** How far ahead what is alike is looked for. */
const maxAhead = 40;

/** By the shortest way from one to the other (Myers, An O(ND) Difference Algorithm); what stands alone on both sides between two
 *  rows in common is paired where it is alike, in order. */
export function align<T>(
  a: readonly T[],
  b: readonly T[],
  keyOf: (item: T) => string,
  isAlike: (a: T, b: T) => boolean,
): Aligned<T>[] {
  const common = commonOf(a.map(keyOf), b.map(keyOf));
  const rows: Aligned<T>[] = [];
  let [atA, atB] = [0, 0];
  for (const [toA, toB] of [...common, [a.length, b.length] as const]) {
    rows.push(...paired(a.slice(atA, toA), b.slice(atB, toB), isAlike));
    if (toA < a.length && toB < b.length) rows.push({ a: a[toA], b: b[toB] });
    [atA, atB] = [toA + 1, toB + 1];
  }
  return rows;
}

function paired<T>(a: readonly T[], b: readonly T[], isAlike: (a: T, b: T) => boolean): Aligned<T>[] {
  const rows: Aligned<T>[] = [];
  let atB = 0;
  for (const item of a) {
    const ahead = b.slice(atB, atB + maxAhead).findIndex((other) => isAlike(item, other));
    const found = ahead === -1 ? -1 : atB + ahead;
    if (found === -1) {
      rows.push({ a: item, b: undefined });
      continue;
    }
    for (; atB < found; atB++) rows.push({ a: undefined, b: b[atB] });
    rows.push({ a: item, b: b[found] });
    atB = found + 1;
  }
  for (; atB < b.length; atB++) rows.push({ a: undefined, b: b[atB] });
  return rows;
}

/** Places of what both have, in order. Nothing beyond a common beginning and end where they differ too much. */
function commonOf(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const middle = shortestPath(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return [
    ...Array.from({ length: head }, (_, index) => [index, index] as const),
    ...middle.map(([x, y]) => [x + head, y + head] as const),
    ...Array.from({ length: tail }, (_, index) => [a.length - tail + index, b.length - tail + index] as const),
  ];
}

function shortestPath(a: readonly string[], b: readonly string[]): [number, number][] {
  if (a.length === 0 || b.length === 0) return [];
  const reach = new Map<number, number>([[1, 0]]);
  const trail: Map<number, number>[] = [];
  for (let distance = 0; distance <= Math.min(maxDistance, a.length + b.length); distance++) {
    trail.push(new Map(reach));
    for (let diagonal = -distance; diagonal <= distance; diagonal += 2) {
      let x = isDown(reach, diagonal, distance) ? (reach.get(diagonal + 1) ?? 0) : (reach.get(diagonal - 1) ?? 0) + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      reach.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) return backtrack(trail, a.length, b.length);
    }
  }
  return [];
}

function isDown(reach: ReadonlyMap<number, number>, diagonal: number, distance: number): boolean {
  if (diagonal === -distance) return true;
  return diagonal !== distance && (reach.get(diagonal - 1) ?? 0) < (reach.get(diagonal + 1) ?? 0);
}

function backtrack(
  trail: readonly ReadonlyMap<number, number>[],
  lengthA: number,
  lengthB: number,
): [number, number][] {
  const common: [number, number][] = [];
  let [x, y] = [lengthA, lengthB];
  for (let distance = trail.length - 1; distance >= 0; distance--) {
    const reach = trail[distance] as ReadonlyMap<number, number>;
    const diagonal = x - y;
    const from = isDown(reach, diagonal, distance) ? diagonal + 1 : diagonal - 1;
    const fromX = distance === 0 ? 0 : (reach.get(from) ?? 0);
    const fromY = distance === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) common.push([--x, --y]);
    [x, y] = [fromX, fromY];
  }
  return common.toReversed();
}

/** Lines of two texts that the other does not have, by their number. */
export function differingLines(a: string, b: string): { a: Set<number>; b: Set<number> } {
  const numbered = (text: string): { line: string; number: number }[] =>
    text.split('\n').map((line, number) => ({ line, number }));
  const rows = align(
    numbered(a),
    numbered(b),
    ({ line }) => line,
    () => false,
  );
  return {
    a: new Set(rows.flatMap((row) => (row.a && !row.b ? row.a.number : []))),
    b: new Set(rows.flatMap((row) => (row.b && !row.a ? row.b.number : []))),
  };
}
