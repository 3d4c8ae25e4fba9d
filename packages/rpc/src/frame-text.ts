// Reading one text frame: JSON that is safe to hold, or the JSON-RPC error it deserves.

export const defaultMaxDepth = 128;

/** Any of the letters of `__proto__` may be written as an escape. */
const suspectPattern = /__proto__|\\u00/;

export type FrameText =
  | { readonly kind: 'json'; readonly value: unknown }
  /** With a value where the text is JSON but nests too deep: only its top level may be looked at. */
  | { readonly kind: 'unparseable'; readonly reason: string; readonly value?: unknown }
  | { readonly kind: 'forbidden-key'; readonly value: unknown };

/** Parses a frame. Nesting beyond `maxDepth` is unparseable (V8 would parse what it later cannot stringify); a key
 *  named `__proto__` is forbidden wherever it stands. */
export function parseFrameText(text: string, maxDepth: number): FrameText {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'unparseable', reason: (error as Error).message };
  }
  // Both checks walk the value, so a frame too short to offend is spared them: a level takes two characters at least.
  if (text.length <= maxDepth * 2 && !suspectPattern.test(text)) return { kind: 'json', value };
  const finding = inspect(value, maxDepth);
  if (finding === 'deep') return { kind: 'unparseable', reason: `nested deeper than ${maxDepth} levels`, value };
  return finding === 'forbidden' ? { kind: 'forbidden-key', value } : { kind: 'json', value };
}

function inspect(value: unknown, depthLeft: number): 'clean' | 'deep' | 'forbidden' {
  if (typeof value !== 'object' || value === null) return 'clean';
  if (depthLeft === 0) return 'deep';
  let finding: 'clean' | 'forbidden' = 'clean';
  if (Array.isArray(value)) {
    for (const entry of value) {
      const inner = inspect(entry, depthLeft - 1);
      if (inner === 'deep') return 'deep';
      if (inner === 'forbidden') finding = 'forbidden';
    }
    return finding;
  }
  for (const key in value) {
    if (key === '__proto__') finding = 'forbidden';
    const inner = inspect((value as Record<string, unknown>)[key], depthLeft - 1);
    if (inner === 'deep') return 'deep';
    if (inner === 'forbidden') finding = 'forbidden';
  }
  return finding;
}

/** Whether a key named `__proto__` stands anywhere in a value that is not too deep. */
export function hasForbiddenKey(value: unknown): boolean {
  return inspect(value, Number.POSITIVE_INFINITY) === 'forbidden';
}

/** The JSON text of a request id, exactly as the caller must find it again, or `undefined` when the id is not of a
 *  legal kind (JSON-RPC 2.0: string, number or null). Also the key of the call while it is in flight. An inexact
 *  one is found by `exactIdTexts`. */
export function idTextOf(id: unknown): string | undefined {
  if (typeof id === 'number') return String(id);
  if (typeof id === 'string') return JSON.stringify(id);
  return id === null ? 'null' : undefined;
}

/** Whether JavaScript may have rounded an id, or would write it another way. */
export function isInexact(id: unknown): boolean {
  return typeof id === 'number' && !Number.isSafeInteger(id);
}

/** The source text of the number id (a 64-bit integer, 1.50) of a frame's object, or of each entry of its batch. Parses
 *  the frame once more, so it is asked only about ids that need it. */
export function exactIdTexts(frame: string): (string | undefined)[] {
  const texts = new Map<unknown, string | undefined>();
  const remember = function (this: unknown, key: string, value: unknown, context?: { source?: string }): unknown {
    // A child is seen before what holds it, so members called `id` are kept by their holder.
    if (key === 'id' && typeof value === 'number') texts.set(this, context?.source);
    return value;
  };
  const root: unknown = JSON.parse(frame, remember);
  return Array.isArray(root) ? root.map((entry) => texts.get(entry)) : [texts.get(root)];
}
