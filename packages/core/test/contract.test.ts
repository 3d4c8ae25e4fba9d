// What follows from the declarations alone, for every method there is.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { callbacks, errorTable, events, methods, type MethodDeclaration, type MethodName } from '@car-runtime/protocol';
import { version } from '@car-runtime/core';
import { serve, type As, type TestDaemon, type Wire } from '@car-runtime/testkit';
import { Ajv } from 'ajv';

type Json = Record<string, unknown>;

const declared: [name: string, declaration: MethodDeclaration][] = Object.entries(methods);

/** Why a call of this role is refused before its handler is asked, if it is. */
async function gateOf(daemon: TestDaemon, as: As, method: string): Promise<unknown> {
  const wire = await daemon.peer({ as });
  // Params no method takes, so that nothing happens behind the gate.
  const { error } = await wire.call(method, method === 'tools.register' ? {} : []);
  await wire.close();
  const reason = error?.data?.['reason'];
  return reason === 'forbidden' || reason === 'auth_required' ? reason : 'passes';
}

/** The role matrix as the declarations have it. */
const expected: Record<
  MethodDeclaration['access'],
  Record<'none' | 'client' | 'agent' | 'host' | 'tokenless', string>
> = {
  public: { none: 'passes', client: 'passes', agent: 'passes', host: 'passes', tokenless: 'passes' },
  session: { none: 'auth_required', client: 'passes', agent: 'passes', host: 'passes', tokenless: 'passes' },
  client: { none: 'auth_required', client: 'passes', agent: 'forbidden', host: 'passes', tokenless: 'passes' },
  host: { none: 'auth_required', client: 'forbidden', agent: 'forbidden', host: 'passes', tokenless: 'passes' },
};

// req: dispatch.roles
test('every declared method lets in exactly the roles its access names', async () => {
  await using daemon = serve();
  await using tokenless = serve({ auth: false });
  for (const [name, { access }] of declared) {
    const row = {
      none: await gateOf(daemon, 'none', name),
      client: await gateOf(daemon, 'client', name),
      agent: await gateOf(daemon, { agent: 'a1' }, name),
      host: await gateOf(daemon, 'host', name),
      tokenless: await gateOf(tokenless, 'client', name),
    };
    assert.deepEqual(row, expected[access], name);
  }
});

// req: dispatch.roles
test('only session.auth is public', () => {
  assert.deepEqual(
    declared.filter(([, { access }]) => access === 'public').map(([name]) => name),
    ['session.auth'],
  );
});

// req: dispatch.registration
test('every declared method has a handler, and params of the wrong kind never reach it', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'host' });
  for (const [name, { invalidParamsText }] of declared) {
    // An array where an object is declared, or the other way round.
    const error = await wire.error(name, name === 'tools.register' ? {} : [1]);
    assert.deepEqual([error.code, error.data?.['reason']], [-32602, 'invalid_params'], name);
    if (invalidParamsText === undefined) assert.match(error.message, /^Invalid params for .*: params: expected /);
    else assert.equal(error.message, invalidParamsText);
  }
});

// req: contract.declarations
test('every declaration has a summary, a section, known errors and a name of its family', () => {
  for (const [name, { summary, section, errors = [], effect, deadlineMs }] of declared) {
    assert.match(name, /^[a-z_]+(?:\.[a-z_]+)*(?:\.[a-zA-Z_]+)?$/, name);
    assert.match(summary, /^[A-Z].*[^.]$/, `${name}: ${summary}`);
    assert.match(section, /^[A-Z]/, name);
    assert.ok(effect === 'read' || effect === 'write');
    assert.ok(deadlineMs === undefined || deadlineMs > 0);
    for (const kind of errors) assert.ok(Object.hasOwn(errorTable, kind), `${name}: ${kind}`);
  }
  for (const [name, { summary, section }] of [...Object.entries(events), ...Object.entries(callbacks)]) {
    assert.match(summary, /^[A-Z`].*[^.]$/, name);
    assert.match(section, /^[A-Z]/, name);
  }
});

// req: contract.errors
test('error codes are those of the contract, and each has a meaning', () => {
  const codes = Object.fromEntries(Object.entries(errorTable).map(([kind, { code }]) => [kind, code]));
  assert.deepEqual(codes, {
    parse_error: -32700,
    invalid_request: -32600,
    method_not_found: -32601,
    invalid_params: -32602,
    failed: -32603,
    internal: -32603,
    auth_failed: -32603,
    forbidden: -32603,
    auth_required: -32001,
    approval_denied: -32003,
    deadline_exceeded: -32004,
    handshake_required: -32005,
    version_mismatch: -32006,
    content_refused: -32007,
    overloaded: -32008,
  });
  for (const { meaning } of Object.values(errorTable)) assert.match(meaning, /^[A-Z].*[^.]$/);
});

/** Calls that succeed on a fresh session, for the methods that need no more than params. */
const calls: [method: string, params: unknown][] = [
  ['server.handshake', { protocol_version: 2 }],
  ['server.status', {}],
  ['server.schema', {}],
  ['rpc.discover', {}],
  ['session.init', {}],
  ['session.policy.open', {}],
  ['session.policy.close', { session_id: 'x' }],
  ['state.set', { key: 'k', value: [1] }],
  ['state.get', { key: 'k' }],
  ['state.exists', { key: 'k' }],
  ['state.keys', {}],
  ['state.snapshot', {}],
  ['tools.register', [{ name: 't' }]],
  ['tools.list', {}],
  ['tools.unregister', { name: 't' }],
  ['policy.register', { name: 'p', rule: 'deny_tool', target: 't' }],
  ['policy.list', {}],
  ['policy.unregister', { name: 'p' }],
  ['proposal.submit', { proposal: { actions: [{ type: 'state_read', parameters: { key: 'k' } }] } }],
];

suite('results and schemas', () => {
  const ajv = new Ajv({ strict: false, logger: false });

  async function schemaOf(wire: Wire, method: string): Promise<{ params: Json; result: Json }> {
    const { methods: found } = (await wire.result('server.schema', { method })) as {
      methods: { params: Json; result: Json }[];
    };
    return found[0] as { params: Json; result: Json };
  }

  // req: contract.schemas
  test('params and results fit the JSON Schemas that the daemon hands out', async () => {
    await using daemon = serve();
    const wire = await daemon.peer({ as: 'client' });
    for (const [method, params] of calls) {
      const schema = await schemaOf(wire, method);
      const isParams = ajv.compile(schema.params);
      assert.ok(isParams(params), `${method}: ${ajv.errorsText(isParams.errors)}`);
      const isResult = ajv.compile(schema.result);
      assert.ok(isResult(await wire.result(method, params)), `${method}: ${ajv.errorsText(isResult.errors)}`);
    }
  });

  // req: contract.schemas
  test('every schema is a valid JSON Schema, also of what is unknown or a bare array', async () => {
    await using daemon = serve();
    const wire = await daemon.peer({ as: 'client' });
    for (const [name] of declared) {
      const { params, result } = await schemaOf(wire, name);
      for (const schema of [params, result])
        assert.ok(ajv.validateSchema(schema), `${name}: ${ajv.errorsText(ajv.errors)}`);
      assert.ok(params['type'] === 'object' || params['type'] === 'array' || params['$ref'] !== undefined, name);
    }
  });
});

suite('OpenRPC document', () => {
  async function document(): Promise<Json> {
    await using daemon = serve();
    const wire = await daemon.peer({ as: 'client' });
    return (await wire.result('rpc.discover', {})) as Json;
  }

  // req: contract.openrpc
  test('has what OpenRPC 1.3 requires of a document, a method, a param, a result and an error', async () => {
    const {
      openrpc,
      info,
      servers,
      methods: list,
      components,
    } = (await document()) as {
      openrpc: string;
      info: Json;
      servers: Json[];
      methods: Json[];
      components: { schemas: Json };
    };
    assert.match(openrpc, /^1\.3\.\d+$/);
    assert.deepEqual([typeof info['title'], info['version']], ['string', version]);
    for (const { name, url } of servers) assert.ok(typeof name === 'string' && URL.canParse(String(url)));
    assert.deepEqual(
      list.map(({ name }) => name),
      declared.map(([name]) => name).toSorted(),
    );
    const known = new Set(['name', 'summary', 'description', 'paramStructure', 'params', 'result', 'errors']);
    for (const method of list) {
      const name = String(method['name']);
      for (const key of Object.keys(method)) assert.ok(known.has(key) || key.startsWith('x-'), `${name}: ${key}`);
      assert.ok(['by-name', 'by-position', 'either'].includes(String(method['paramStructure'])), name);
      const params = method['params'] as { name: string; required: boolean; schema: Json }[];
      const names = params.map((param) => param.name);
      assert.equal(new Set(names).size, names.length, `${name}: a param twice`);
      const firstOptional = params.findIndex(({ required }) => !required);
      assert.ok(
        firstOptional < 0 || params.slice(firstOptional).every(({ required }) => !required),
        `${name}: optional params come last`,
      );
      for (const param of params)
        assert.deepEqual(
          [typeof param.name, typeof param.required, typeof param.schema],
          ['string', 'boolean', 'object'],
          name,
        );
      const result = method['result'] as { name: unknown; schema: unknown };
      assert.deepEqual([typeof result.name, typeof result.schema], ['string', 'object'], name);
      for (const { code, message } of method['errors'] as Json[])
        assert.ok(Number.isInteger(code) && typeof message === 'string', name);
    }
    assert.ok(Object.keys(components.schemas).every((name) => /^[A-Za-z0-9._-]+$/.test(name)));
  });

  // req: contract.openrpc
  test('has every param of every method, those of a named record included', async () => {
    const { methods: list } = (await document()) as { methods: { name: string; params: { name: string }[] }[] };
    for (const { name, params } of list) {
      const { shape = {} } = methods[name as MethodName].params as unknown as { shape?: Json };
      assert.deepEqual(params.map((param) => param.name).toSorted(), Object.keys(shape).toSorted(), name);
    }
  });

  // req: contract.openrpc
  test('closes no object, since results may gain members', async () => {
    assert.ok(!JSON.stringify(await document()).includes('"additionalProperties":false'));
  });

  // req: contract.openrpc
  test('every reference leads somewhere, and every schema in it compiles', async () => {
    const whole = await document();
    const references: string[] = [];
    const collect = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const { $ref } = value as { $ref?: unknown };
      if (typeof $ref === 'string') references.push($ref);
      Object.values(value).forEach(collect);
    };
    collect(whole);
    assert.ok(references.length > 0);
    const { schemas } = whole['components'] as { schemas: Json };
    for (const reference of references) {
      const [, name] = /^#\/components\/schemas\/(.+)$/.exec(reference) ?? [];
      assert.ok(name !== undefined && Object.hasOwn(schemas, name), reference);
    }
    const ajv = new Ajv({ strict: false, logger: false });
    ajv.addSchema(whole, 'doc');
    const compile = (pointer: string): void => void ajv.compile({ $ref: `doc#${pointer}` });
    for (const name of Object.keys(schemas)) compile(`/components/schemas/${name}`);
    for (const [index, method] of (whole['methods'] as Json[]).entries()) {
      compile(`/methods/${index}/result/schema`);
      (method['params'] as Json[]).forEach((_param, at) => compile(`/methods/${index}/params/${at}/schema`));
    }
  });

  // req: contract.openrpc
  test('names events and callbacks beside the methods', async () => {
    const whole = await document();
    const namesOf = (key: string): unknown[] => (whole[key] as Json[]).map(({ name }) => name);
    assert.deepEqual(namesOf('x-events'), Object.keys(events).toSorted());
    assert.deepEqual(namesOf('x-callbacks'), Object.keys(callbacks).toSorted());
  });
});

// req: contract.version
test('the version it answers is that of its packages', () => {
  for (const name of ['core', 'protocol', 'rpc', 'client']) {
    const manifest = JSON.parse(readFileSync(new URL(`../../${name}/package.json`, import.meta.url), 'utf8')) as {
      version: string;
    };
    assert.equal(manifest.version, version, name);
  }
});
