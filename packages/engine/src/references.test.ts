import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findReferences, referencedId, substituteReferences } from './references.ts';

test('only a whole string of the form $<id>.output is a reference', () => {
  assert.equal(referencedId('$a.output'), 'a');
  assert.equal(referencedId('$a.b.output'), 'a.b');
  for (const text of ['$.output', 'a.output', '$a', ' $a.output', '$a.output ', '$a.outputs', '']) {
    assert.equal(referencedId(text), undefined, text);
  }
});

// req: engine.order.references
test('references are found and replaced at any depth', () => {
  const parameters = { a: '$x.output', list: [1, { deep: '$y.output' }], text: 'see $x.output' };
  const found: string[] = [];
  findReferences(parameters, (id) => found.push(id));
  assert.deepEqual(found, ['x', 'y']);
  const outputs = new Map<string, unknown>([
    ['x', { rows: 2 }],
    ['y', null],
  ]);
  assert.deepEqual(substituteReferences(parameters, outputs), {
    a: { rows: 2 },
    list: [1, { deep: null }],
    text: 'see $x.output',
  });
});

// req: engine.order.references
test('an unknown id is left as it is and untouched parameters are not copied', () => {
  const parameters = { a: '$nobody.output', b: { c: [1] } };
  assert.equal(substituteReferences(parameters, new Map()), parameters);
});

test('a member named __proto__ survives the replacement as a member', () => {
  const parameters = JSON.parse('{"__proto__":{"polluted":true},"a":"$x.output"}') as Record<string, unknown>;
  const replaced = substituteReferences(parameters, new Map([['x', 1]]));
  assert.equal(JSON.stringify(replaced), '{"__proto__":{"polluted":true},"a":1}');
  assert.equal('polluted' in replaced, false);
});

test('an output that looks like a reference is not replaced again', () => {
  const outputs = new Map<string, unknown>([
    ['x', '$y.output'],
    ['y', 'secret'],
  ]);
  assert.deepEqual(substituteReferences({ a: '$x.output' }, outputs), { a: '$y.output' });
});

test('nesting beyond any sane depth ends the search, not the process', () => {
  let deep: unknown = '$x.output';
  for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
  const found: string[] = [];
  findReferences(deep, (id) => found.push(id));
  assert.deepEqual(found, []);
  assert.equal(substituteReferences({ deep }, new Map([['x', 1]]))['deep'], deep);
});
