// Reading one text frame: JSON that is safe to hold, or the JSON-RPC error it deserves.

export const defaultMaxDepth = 128;

/** `{"a":` and `}` around a value: no JSON shorter than this nests deeper than the limit. */
const suspectPattern = /__proto__|\\u005f/i;

export type FrameText =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'unparseable'; readonly reason: string }
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
  // Both checks walk the value, so a frame too short to offend is spared them.
  if (text.length <= maxDepth * 2 && !suspectPattern.test(text)) return { kind: 'json', value };
  const finding = inspect(value, maxDepth);
  if (finding === 'deep') return { kind: 'unparseable', reason: `nested deeper than ${maxDepth} levels` };
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

/** The JSON text of a request id, exactly as the caller must find it again, or `undefined` when the id is not of a
 *  legal kind (JSON-RPC 2.0: string, number or null). Also the key of the call while it is in flight. */
export function idTextOf(id: unknown, frame: string): string | undefined {
  if (typeof id === 'number') return Number.isSafeInteger(id) ? String(id) : exactNumberText(frame, id);
  if (typeof id === 'string') return JSON.stringify(id);
  return id === null ? 'null' : undefined;
}

/** The source text of a number id that JavaScript would round or rewrite (a 64-bit integer, 1.50). */
function exactNumberText(frame: string, id: number): string {
  let source = JSON.stringify(id);
  const remember = function (this: unknown, key: string, value: unknown, context?: { source?: string }): unknown {
    if (key === 'id' && value === id && context?.source !== undefined) source = context.source;
    return value;
  };
  JSON.parse(frame, remember);
  return source;
}
