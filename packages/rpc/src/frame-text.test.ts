// Frames as text: what is JSON, what is too deep, what is forbidden, and ids that come back as they went.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultMaxDepth, exactIdTexts, idTextOf, isInexact, parseFrameText } from './frame-text.ts';

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const nestedObjects = (levels: number): string => '{"a":'.repeat(levels - 1) + '{}' + '}'.repeat(levels - 1);
const kindOf = (text: string, maxDepth = defaultMaxDepth): string => parseFrameText(text, maxDepth).kind;

// req: rpc.parse-error
test('text that is not JSON is unparseable and says why', () => {
  for (const text of [
    '',
    ' ',
    '{',
    '{"a":}',
    'nul',
    "{'a':1}",
    '[1,]',
    '{"a":1}x',
    '\u0000',
    '{"a":\n"\n"}',
    'NaN',
    '01',
    '\ufeff{}',
  ]) {
    const frame = parseFrameText(text, defaultMaxDepth);
    assert.equal(frame.kind, 'unparseable', text);
    assert.ok(frame.kind === 'unparseable' && frame.reason.length > 0);
  }
});

// req: rpc.depth-limit
test('JSON of exactly 128 levels is taken and one level more is not, in arrays, objects and both', () => {
  const mixed = (levels: number): string => '{"a":['.repeat(levels / 2) + ']}'.repeat(levels / 2);
  for (const build of [nested, nestedObjects, mixed]) assert.equal(kindOf(build(128)), 'json');
  for (const text of [nested(129), nestedObjects(129), `[${mixed(128)}]`]) assert.equal(kindOf(text), 'unparseable');
  const frame = parseFrameText(nested(129), 128);
  assert.ok(frame.kind === 'unparseable');
  assert.equal(frame.reason, 'nested deeper than 128 levels');
});

// req: rpc.depth-limit
test('depth beside shallow members is found, and a small limit holds for short frames too', () => {
  assert.equal(kindOf(`{"jsonrpc":"2.0","params":{"a":[1,2,{"b":${nested(130)}}],"c":1}}`), 'unparseable');
  assert.equal(kindOf('[[[1]]]', 3), 'json');
  assert.equal(kindOf('[[[[1]]]]', 3), 'unparseable');
});

// req: rpc.depth-limit
test('100 000 levels are refused without overflowing the stack', () => {
  assert.equal(kindOf(nested(100_000)), 'unparseable');
  assert.equal(kindOf(nestedObjects(100_000)), 'unparseable');
  assert.equal(kindOf('['.repeat(100_000)), 'unparseable');
});

const forbiddenKeys = [
  '"__proto__"',
  '"\\u005f_proto__"',
  '"\\u005F\\u005Fproto\\u005f\\u005f"',
  '"__\\u0070roto__"',
  '"__prot\\u006f__"',
  '"\\u005f\\u005f\\u0070\\u0072\\u006f\\u0074\\u006F\\u005f\\u005f"',
];

// req: rpc.proto-key
test('a key named __proto__ is forbidden at any depth and however it is escaped, in short and in long frames', () => {
  const padding = `"pad":"${'x'.repeat(300)}",`;
  for (const key of forbiddenKeys) {
    for (const pad of ['', padding]) {
      assert.equal(kindOf(`{${pad}${key}:1}`), 'forbidden-key', key);
      assert.equal(kindOf(`{${pad}"a":[{"b":{${key}:{}}}]}`), 'forbidden-key', key);
      assert.equal(kindOf(`[1,{${pad}"z":${'['.repeat(20)}{${key}:null}${']'.repeat(20)}}]`), 'forbidden-key', key);
    }
  }
});

// req: rpc.proto-key
test('__proto__ as a value, as part of a key and in other letters is nothing special', () => {
  for (const text of [
    '{"a":"__proto__"}',
    '{"__proto__x":1}',
    '{"__PROTO__":1}',
    '{"constructor":{"prototype":1}}',
    '["\\u005f_proto__"]',
    '{"\\\\u005f_proto__":1}',
  ]) {
    assert.equal(kindOf(text), 'json', text);
  }
});

// req: rpc.depth-limit
test('a frame that is both forbidden and too deep is too deep', () => {
  assert.equal(kindOf(`{"__proto__":${nested(200)}}`), 'unparseable');
  assert.equal(kindOf(`[{"__proto__":1},${nested(200)}]`), 'unparseable');
});

// req: rpc.lone-surrogates
test('lone surrogates come back as the escapes they were', () => {
  const frame = parseFrameText('{"a":"\\ud800","\\udfff":"x\\udc00y"}', defaultMaxDepth);
  assert.ok(frame.kind === 'json');
  assert.equal(JSON.stringify(frame.value), '{"a":"\\ud800","\\udfff":"x\\udc00y"}');
});

test('any JSON value that is shallow and clean parses to itself', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      const frame = parseFrameText(text, defaultMaxDepth);
      assert.ok(text.includes('__proto__') || frame.kind === 'json');
      if (frame.kind === 'json') assert.deepEqual(frame.value, JSON.parse(text));
    }),
  );
});

/** The id of a single request, as the peer reads it. */
function idOf(source: string, rest = ''): string | undefined {
  const frame = `{"jsonrpc":"2.0","id":${source},"method":"m"${rest}}`;
  const { id } = JSON.parse(frame) as { id: unknown };
  return isInexact(id) ? exactIdTexts(frame)[0] : idTextOf(id);
}

// req: rpc.id-echo
test('an id of every legal kind is echoed as it came', () => {
  const legal = [
    '0',
    '1',
    '-7',
    '1.5',
    '1.50',
    '-0.25',
    '1e400',
    '9007199254740991',
    '9007199254740993',
    '18446744073709551615',
  ];
  for (const id of [
    ...legal,
    '-9223372036854775808',
    '123456789012345678901234567890',
    '""',
    '"a"',
    '"1"',
    '"ü €"',
    '"😀"',
    'null',
  ]) {
    assert.equal(idOf(id), id, id);
  }
  assert.equal(idOf('"\\ud800"'), '"\\ud800"');
  assert.equal(idOf('"\\u0061"'), '"a"', 'the same string, written another way');
});

// req: rpc.id-illegal
test('an id of any other kind is none', () => {
  for (const id of ['true', 'false', '{}', '[]', '[1]', '{"id":1}']) assert.equal(idOf(id), undefined, id);
});

// req: rpc.id-echo
test('a number id is told apart from other members called id that round to the same number', () => {
  const near = '9007199254740992';
  assert.equal(idOf('9007199254740993', `,"params":{"id":${near},"deep":[{"id":${near}}]}`), '9007199254740993');
  assert.equal(idOf('1.50', ',"params":{"id":1.5}'), '1.50');
  const frame = '{"params":{"id":1.5},"id":1.50,"method":"m"}';
  assert.deepEqual(exactIdTexts(frame), ['1.50']);
  assert.deepEqual(exactIdTexts('{"id":1.5,"id":1.50}'), ['1.50'], 'of a repeated member the last one counts');
  assert.deepEqual(exactIdTexts('{"\\u0069d":1.50}'), ['1.50']);
});

// req: rpc.id-echo
test('entries of a batch keep their own number ids, even when those round to the same number', () => {
  const frame =
    '[{"id":9007199254740993},{"id":9007199254740992},7,{"id":"s"},{"x":{"id":9007199254740994}},{"id":1.50}]';
  assert.deepEqual(exactIdTexts(frame), [
    '9007199254740993',
    '9007199254740992',
    undefined,
    undefined,
    undefined,
    '1.50',
  ]);
});
