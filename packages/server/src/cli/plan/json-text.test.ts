import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findSyntaxError, offsetOf, placeAt } from './json-text.ts';

const numRuns = process.env['CAR_TEST_LONG'] ? 20_000 : 1_000;

/** Text that is nearly JSON. */
const damaged = fc
  .tuple(fc.json(), fc.nat(), fc.nat({ max: 3 }), fc.constantFrom('', ',', '"', '}', ']', '\\', '\n', '01', '{'))
  .map(([json, at, count, more]) => {
    const from = at % (json.length + 1);
    return json.slice(0, from) + more + json.slice(from + count);
  });

// req: cli.plan-file
test('a syntax error is found exactly where JSON.parse finds one', () => {
  fc.assert(
    fc.property(damaged, (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      const found = findSyntaxError(text);
      assert.equal(found === undefined, isJson, `${text}: ${found?.message}`);
      if (found) assert.ok(found.offset >= 0 && found.offset <= text.length);
    }),
    { numRuns },
  );
});

// req: cli.plan-file
test('every value of a document is found by its path', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, undefined, 1);
      const visit = (each: unknown, path: (string | number)[]): void => {
        const own = JSON.stringify(each, undefined, 1).split('\n')[0] ?? '';
        assert.ok(text.slice(offsetOf(text, path)).startsWith(own), `${path.join('/')} in ${text}`);
        if (Array.isArray(each)) each.forEach((item, index) => visit(item, [...path, index]));
        else if (typeof each === 'object' && each !== null)
          for (const [key, item] of Object.entries(each)) visit(item, [...path, key]);
      };
      visit(JSON.parse(text), []);
    }),
    { numRuns: numRuns / 5 },
  );
});

test('a path that leads nowhere ends at the last value on the way', () => {
  const text = '{ "a": [1, {"b": 2}], "a": [3, {"c": 4}] }';
  assert.equal(text.slice(offsetOf(text, ['a', 1, 'c'])), '4}] }');
  assert.equal(text.slice(offsetOf(text, ['a', 1, 'b'])), '{"c": 4}] }');
  assert.equal(text.slice(offsetOf(text, ['a', 9])), '[3, {"c": 4}] }');
  assert.equal(offsetOf(text, ['a', 'length']), text.lastIndexOf('['));
});

test('messages say what was expected, and places count from 1', () => {
  const cases: [text: string, place: string, message: string][] = [
    ['', '1:1', 'expected a value, found the end'],
    ['{\n  "a": 1,\n}', '3:1', 'expected a key in double quotes'],
    ['{\n  "a" 1}', '2:7', 'expected ":"'],
    ['[1 2]', '1:4', 'expected "," or "]"'],
    ['{"a": "b}\n', '1:7', 'this text has no closing quote'],
    [String.raw`["\x"]`, '1:3', 'no such escape'],
    ['["\u0007"]', '1:3', 'a control character in a text; write it as an escape'],
    ['{} {}', '1:4', 'more after the end of the document'],
    ["{'a': 1}", '1:2', 'expected a key in double quotes'],
    ['[01]', '1:3', 'expected "," or "]"'],
  ];
  for (const [text, place, message] of cases) {
    const found = findSyntaxError(text);
    assert.ok(found, text);
    const { line, column } = placeAt(text, found.offset);
    assert.deepEqual([`${line}:${column}`, found.message], [place, message], text);
  }
});

test('millions of levels and of characters cost neither stack nor patience', () => {
  assert.equal(findSyntaxError('['.repeat(1_000_000))?.offset, 1_000_000);
  assert.equal(findSyntaxError(`"${'x'.repeat(5_000_000)}"`), undefined);
});
