/** `$<id>.output` inside parameters: a string equal to it stands for the output of an earlier action (Ordering). */
import { setOwn } from './json-value.ts';
import type { JsonObject } from './json-value.ts';

const SUFFIX = '.output';

/** Deeper strings are plain text: deeper documents are refused at the edge, and recursion needs an end. */
const MAX_DEPTH = 128;

/** The action id a string refers to, if it has the form of a reference. */
export function referencedId(text: string): string | undefined {
  if (text.charCodeAt(0) !== 36 /* $ */ || !text.endsWith(SUFFIX)) return undefined;
  const id = text.slice(1, -SUFFIX.length);
  return id === '' ? undefined : id;
}

/** Calls `found` with the id of every reference in `value`, at any depth; a repeated one is reported again. */
export function findReferences(value: unknown, found: (id: string) => void, depth = 0): void {
  if (typeof value === 'string') {
    const id = referencedId(value);
    if (id !== undefined) found(id);
  } else if (typeof value === 'object' && value !== null && depth < MAX_DEPTH) {
    if (Array.isArray(value)) for (const item of value) findReferences(item, found, depth + 1);
    else for (const key of Object.keys(value)) findReferences((value as JsonObject)[key], found, depth + 1);
  }
}

/** Whether `findReferences` would find any. */
export function hasReference(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return referencedId(value) !== undefined;
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.some((item) => hasReference(item, depth + 1));
  // No list of keys: this is asked about every action, several times.
  for (const key in value) if (hasReference((value as JsonObject)[key], depth + 1)) return true;
  return false;
}

/**
 * `parameters` with each reference replaced by that action's output. Ids without an entry in `outputs` (unknown, or in
 * a cycle and not run yet) stay as they are. What holds no reference is returned as it was, not copied.
 */
export function substituteReferences(parameters: JsonObject, outputs: ReadonlyMap<string, unknown>): JsonObject {
  return substitute(parameters, outputs, 0) as JsonObject;
}

function substitute(value: unknown, outputs: ReadonlyMap<string, unknown>, depth: number): unknown {
  if (typeof value === 'string') {
    const id = referencedId(value);
    return id !== undefined && outputs.has(id) ? outputs.get(id) : value;
  }
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => substitute(item, outputs, depth + 1));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  let changed = false;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) {
    const before = (value as JsonObject)[key];
    const after = substitute(before, outputs, depth + 1);
    changed ||= after !== before;
    setOwn(copy, key, after);
  }
  return changed ? copy : value;
}
