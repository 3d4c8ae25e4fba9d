// JSON of large objects, a slice at a time: encoding many values in one go would hold up everybody else.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EncodedJson, type CancelSignal } from '@car-runtime/rpc';

const maxBusyMs = 3;
const entriesPerCheck = 64;

/** The object of these members. They must not change meanwhile. */
export async function encodeInSlices(
  entries: readonly (readonly [key: string, value: unknown])[],
  signal: CancelSignal,
): Promise<EncodedJson> {
  const parts: string[] = [];
  let since = performance.now();
  for (const [key, value] of entries) {
    parts.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
    if (parts.length % entriesPerCheck > 0 || performance.now() - since < maxBusyMs) continue;
    await nextTurn();
    signal.throwIfAborted();
    since = performance.now();
  }
  return new EncodedJson(`{${parts.join(',')}}`);
}
