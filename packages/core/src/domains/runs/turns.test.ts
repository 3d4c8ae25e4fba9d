import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeTurn } from './records.ts';
import { boundedText, encodeTurnBodies, type NewTurn } from './turns.ts';

const mark = '…[truncated]';
const replaced = '…[truncated: turn exceeded 256 KiB]';

function recordOf(turn: NewTurn): Record<string, unknown> | undefined {
  const [body] = encodeTurnBodies([turn]) ?? [];
  if (body === undefined) return undefined;
  const { recorded_at, ...record } = JSON.parse(encodeTurn(7, body)) as Record<string, unknown>;
  assert.match(String(recorded_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  return record;
}

// req: runs.turn-shape
test('a turn has what was given, the default verdict and its index; what is null is left out', () => {
  assert.deepEqual(recordOf({}), { record: 'turn', index: 7, verifier_verdict: 'not_run' });
  assert.deepEqual(recordOf({ prompt: null, tool: null, parameters: null, output: null, verifier_verdict: null }), {
    record: 'turn',
    index: 7,
    verifier_verdict: 'not_run',
  });
  const whole = { prompt: 'p', tool: 't', parameters: [1, { a: null }], output: { b: [] }, cli_outcome: { c: 1 } };
  assert.deepEqual(recordOf({ ...whole, verifier_verdict: 'passed', policy_rejected: false }), {
    record: 'turn',
    index: 7,
    ...whole,
    verifier_verdict: 'passed',
    policy_rejected: false,
  });
});

// req: runs.turn-strings
test('prompt, output and every string in parameters keep 16 384 bytes and say that they were cut', () => {
  const long = 'x'.repeat(16_385);
  const cut = 'x'.repeat(16_384) + mark;
  assert.deepEqual(recordOf({ prompt: long, output: long, parameters: { a: [{ b: long, c: 1 }], d: 'short' } }), {
    record: 'turn',
    index: 7,
    prompt: cut,
    parameters: { a: [{ b: cut, c: 1 }], d: 'short' },
    output: cut,
    verifier_verdict: 'not_run',
  });
  assert.equal(recordOf({ prompt: 'x'.repeat(16_384) })?.['prompt'], 'x'.repeat(16_384));
  assert.equal(recordOf({ cli_outcome: long, tool: long, output: [long] })?.['cli_outcome'], long, 'these are not cut');
  const parameters = { a: ['short'] };
  recordOf({ parameters: { ...parameters, long } });
  assert.deepEqual(parameters, { a: ['short'] }, 'what the caller has stays as it is');
});

// req: runs.turn-strings
test('a string is cut on a character boundary, at most three bytes early', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('é', '…', '😀', 'a'), (head, filler) => {
      const text = head + filler.repeat(16_385);
      const cut = boundedText(text);
      assert.ok(cut.endsWith(mark));
      const kept = cut.slice(0, -mark.length);
      const bytes = Buffer.byteLength(kept);
      assert.ok(bytes <= 16_384 && bytes > 16_384 - 4, `${bytes}`);
      assert.ok(text.toWellFormed().startsWith(kept));
      assert.equal(boundedText(kept), kept);
    }),
    { numRuns: 50 },
  );
});

// req: runs.turn-bytes
test('a turn above 256 KiB has its large members replaced, and is dropped when it stays too large', () => {
  const many = Array.from({ length: 20 }, () => 'y'.repeat(16_000));
  assert.deepEqual(recordOf({ prompt: 'p', tool: 't', parameters: many, verifier_verdict: 'v' }), {
    record: 'turn',
    index: 7,
    prompt: replaced,
    tool: 't',
    parameters: replaced,
    verifier_verdict: 'v',
  });
  assert.equal(recordOf({ output: 'o', cli_outcome: many }), undefined);
  assert.equal(encodeTurnBodies([{}, { cli_outcome: many }]), undefined, 'with it the whole batch');
  const edge = (tool: string): number => Buffer.byteLength(encodeTurnBodies([{ tool }])?.[0] ?? '');
  let length = 256 * 1024 - 200;
  while (edge('é'.repeat(length / 2) + 'x'.repeat(length % 2)) > 0) length++;
  const largest = encodeTurnBodies([{ tool: 'x'.repeat(length - 1) }]) ?? [''];
  const bytes = Buffer.byteLength(encodeTurn(1_999, largest[0] as string));
  assert.ok(bytes <= 256 * 1024 && bytes > 256 * 1024 - 40, `${bytes}`);
});
