/** Helpers for values that came out of a JSON parser: comparison, canonical text, own keys only. */

export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object's own value at `key`. Plain indexing would find `toString` and `__proto__` in every object. */
export function ownValue(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets an own property even when the key is `__proto__`, which assignment would turn into a change of prototype. */
export function setOwn(object: JsonObject, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Equality of JSON values: arrays in order, objects regardless of key order. */
export function jsonEquals(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, index) => jsonEquals(item, right[index]));
  }
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(right, key) || !jsonEquals((left as JsonObject)[key], (right as JsonObject)[key])) return false;
  }
  return true;
}

/** JSON text in canonical form (RFC 8785), so that equal values have equal text. Members that JSON cannot hold are left out. */
export function canonicalJson(value: unknown): string {
  return canonicalText(value) ?? 'null';
}

function canonicalText(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return canonicalText(JSON.parse(JSON.stringify(value)));
  if (Array.isArray(value)) return `[${value.map((each) => canonicalText(each) ?? 'null').join(',')}]`;
  let text = '';
  // By UTF-16 units, as the sort does by itself. Not by way of a sorted object: that would put whole numbers first.
  for (const key of Object.keys(value).sort()) {
    const member = canonicalText((value as JsonObject)[key]);
    if (member !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${member}`;
  }
  return `{${text}}`;
}

/** The text a reader would expect of a value: strings as they are, everything else as JSON. */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
}

/** JSON for an error text: these travel and are logged, where a megabyte of operand is no help. */
export function toShortJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Characters a value takes as JSON; infinite when it is none, which a tool inside the process can bring about. */
export function jsonLength(value: unknown): number {
  try {
    return JSON.stringify(value)?.length ?? 0;
  } catch {
    // A cycle or a BigInt: the caller asks only to know whether it may keep the value.
    return Number.POSITIVE_INFINITY;
  }
}

/** Whether there is anything in it. */
export function hasMembers(object: JsonObject): boolean {
  for (const key in object) if (Object.hasOwn(object, key)) return true;
  return false;
}
