import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ToolError } from './errors.ts';
import { ToolRegistry } from './tool-registry.ts';
import type { ToolDefinition } from './tool-registry.ts';

const typed: ToolDefinition = {
  name: 'typed',
  parameters: {
    type: 'object',
    properties: {
      count: { type: 'integer' },
      mode: { enum: ['fast', 'slow'] },
      nested: { type: 'object', properties: { 'a/b': { type: 'string' } }, additionalProperties: false },
    },
    required: ['count'],
    additionalProperties: false,
  },
};

async function checked(schema: Record<string, unknown>, parameters: Record<string, unknown>): Promise<string | null> {
  const registry = new ToolRegistry();
  await registry.register([{ name: 't', parameters: schema }]);
  await registry.prepare('t');
  return registry.check('t', parameters);
}

test('tools are listed by name with defaults filled in and unset members left out', async () => {
  const registry = new ToolRegistry();
  assert.equal(
    await registry.register([
      { name: 'b', cache_ttl_secs: 5 },
      { name: 'a', description: 'first' },
    ]),
    2,
  );
  assert.deepEqual(registry.list(), [
    { name: 'a', description: 'first', parameters: {}, idempotent: false, source: 'user_defined' },
    { name: 'b', description: '', parameters: {}, idempotent: false, cache_ttl_secs: 5, source: 'user_defined' },
  ]);
});

test('the same name replaces and an unknown name is no error to unregister', async () => {
  const registry = new ToolRegistry();
  await registry.register([{ name: 'a', description: 'old' }]);
  await registry.register([{ name: 'a', description: 'new' }]);
  assert.deepEqual([registry.size, registry.get('a')?.description], [1, 'new']);
  assert.deepEqual([registry.unregister('a'), registry.unregister('a')], [true, false]);
  assert.equal(registry.check('a', {}), "tool 'a' is not registered");
});

test('registrations take effect in the order of the calls', async () => {
  const registry = new ToolRegistry();
  const first = registry.register([{ ...typed, name: 'a', description: 'needs checking' }]);
  const second = registry.register([{ name: 'a', description: 'last' }]);
  await Promise.all([first, second]);
  assert.equal(registry.get('a')?.description, 'last');
});

// req: engine.pipeline.schema
test('an empty schema accepts anything without being prepared', () => {
  const registry = new ToolRegistry();
  registry.add({ name: 'any', description: '', parameters: {}, idempotent: false });
  assert.equal(registry.prepare('any'), undefined);
  assert.equal(registry.check('any', { whatever: [1] }), null);
});

test('a schema is compiled on first use only', async () => {
  const registry = new ToolRegistry();
  registry.add({
    name: 'typed',
    description: '',
    parameters: { ...typed.parameters, title: 'once' },
    idempotent: false,
  });
  assert.throws(() => registry.check('typed', { count: 1 }), /before it was prepared/);
  await registry.prepare('typed');
  assert.equal(registry.prepare('typed'), undefined);
  assert.equal(registry.check('typed', { count: 1 }), null);
});

test('a schema that was added unchecked and cannot be compiled fails the calls, not the engine', async () => {
  const registry = new ToolRegistry();
  registry.add({
    name: 'bad',
    description: '',
    parameters: { properties: { a: { pattern: '[' } } },
    idempotent: false,
  });
  await registry.prepare('bad');
  assert.equal(registry.prepare('bad'), undefined);
  assert.match(registry.check('bad', {})!, /^the schema of the parameters is not valid: Invalid regular expression/);
});

test('messages name the parameter and what was expected, never the value', async () => {
  const check = (parameters: Record<string, unknown>) => checked(typed.parameters!, parameters);
  assert.equal(await check({}), "parameter 'count' is required");
  assert.equal(await check({ count: 'secret' }), "parameter 'count' must be integer");
  assert.equal(await check({ count: 1, mode: 'secret' }), 'parameter \'mode\' must be one of ["fast","slow"]');
  assert.equal(await check({ count: 1, nested: { 'a/b': 1 } }), "parameter 'nested.a/b' must be string");
  assert.equal(
    await check({ count: 1, nested: { x: 1 } }),
    "parameter 'nested' must NOT have additional properties: 'x'",
  );
});

// req: engine.pipeline.schema
test('extra parameters are never an error, even where the schema closes its root', async () => {
  assert.equal(await checked(typed.parameters!, { count: 1, extra: true }), null);
  assert.equal(await checked({ type: 'object', unevaluatedProperties: false }, { extra: true }), null);
  assert.match(
    (await checked({ additionalProperties: { type: 'number' } }, { extra: true }))!,
    /'extra' must be number/,
  );
});

test('inherited members do not satisfy a schema and __proto__ is an ordinary parameter', async () => {
  assert.equal(await checked({ required: ['toString'] }, {}), "parameter 'toString' is required");
  const parameters = JSON.parse('{"__proto__":{"count":1}}') as Record<string, unknown>;
  assert.equal(await checked(typed.parameters!, parameters), "parameter 'count' is required");
});

test('both dialects are understood and a schema that names none is 2020-12', async () => {
  const draft7 = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    properties: { p: { items: [{ type: 'string' }] } },
  };
  assert.equal(await checked(draft7, { p: [1] }), "parameter 'p.0' must be string");
  const latest = { properties: { p: { prefixItems: [{ type: 'string' }] } } };
  assert.equal(await checked(latest, { p: [1] }), "parameter 'p.0' must be string");
  const foreign = { $schema: 'https://example.com/own', type: 'object' };
  assert.equal(await checked(foreign, {}), null);
});

test('local references work; names of one schema are unknown to the next', async () => {
  const named = {
    $id: 'https://example.com/n',
    $defs: { x: { $id: 'x', type: 'number' } },
    properties: { a: { $ref: 'x' } },
  };
  assert.equal(await checked(named, { a: 'no' }), "parameter 'a' must be number");
  assert.equal(await checked({ ...named, title: 'again' }, { a: 1 }), null);
  await assert.rejects(
    checked({ properties: { a: { $ref: 'https://example.com/x' } } }, {}),
    /can't resolve reference/,
  );
});

const invalid: [string, Record<string, unknown>, RegExp][] = [
  ['an unknown type', { type: 'objekt' }, /schema\/type/],
  ['a remote reference', { properties: { a: { $ref: 'https://example.com/schema' } } }, /can't resolve reference/],
  ['a pattern that is no expression', { properties: { a: { pattern: '(' } } }, /Invalid regular expression/],
  ['more characters than the bound', { description: 'x'.repeat(300_000) }, /at most 262144 are allowed/],
];
for (const [what, schema, message] of invalid) {
  test(`a schema with ${what} is refused, names its tool, and registers nothing of the list`, async () => {
    const registry = new ToolRegistry();
    await assert.rejects(
      registry.register([{ name: 'good' }, { name: 'bad', parameters: schema }]),
      (error: unknown) => {
        assert(error instanceof ToolError);
        assert.equal(error.tool, 'bad');
        assert.match(error.message, /^Cannot register tool "bad": its parameters are no valid JSON Schema: /);
        assert.match(error.message, message);
        return true;
      },
    );
    assert.equal(registry.size, 0);
    assert.equal(await registry.register([{ name: 'later' }]), 1);
  });
}

test('one tool more than the bound is refused, replacing one is not', async () => {
  const registry = new ToolRegistry({ maxTools: 1 });
  await registry.register([{ name: 'a' }]);
  await assert.rejects(registry.register([{ name: 'b' }]), { reason: 'too_many_tools' });
  await registry.register([{ name: 'a', description: 'again' }]);
  assert.equal(registry.get('a')?.description, 'again');
});

// req: tools.register-atomic
test('a list that passes the bound registers none of its tools, and the one without room is named', async () => {
  const registry = new ToolRegistry({ maxTools: 3 });
  await registry.register([{ name: 'a' }]);
  const list = ['b', 'a', 'c', 'c', 'd'].map((name) => ({ name, description: 'new' }));
  await assert.rejects(registry.register(list), {
    reason: 'too_many_tools',
    tool: 'd',
    message: 'Cannot register tool "d": 1 tools are registered, at most 3 are allowed',
  });
  assert.deepEqual(
    registry.list().map(({ name, description }) => [name, description]),
    [['a', '']],
  );
  assert.equal(await registry.register(list.slice(0, 4)), 4, 'a name counts once');
  assert.equal(registry.size, 3);
});

test('a matcher passed in is used instead of RegExp', async () => {
  const registry = new ToolRegistry({ regExp: (pattern) => ({ test: (text) => text === `<${pattern}>` }) });
  await registry.register([{ name: 't', parameters: { properties: { a: { pattern: 'x' } } } }]);
  assert.equal(registry.check('t', { a: '<x>' }), null);
  assert.equal(registry.check('t', { a: 'x' }), 'parameter \'a\' must match pattern "x"');
});
