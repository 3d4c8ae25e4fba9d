// proposal.submit as a caller by hand sees it: whose state and policies a plan meets, and what becomes of a bad one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verification } from '@car-runtime/protocol';
import { openDaemon, serve, type Wire } from '@car-runtime/testkit';
import { call, results, submit, toolClient } from './tool-client.ts';

async function denyingSession(wire: Wire): Promise<string> {
  const { session_id } = (await wire.result('session.policy.open', {})) as { session_id: string };
  await wire.result('policy.register', { name: 'p', rule: 'deny_tool', target: 'work', session_id });
  return session_id;
}

// req: proposal.scope-or-session
test('with a scope the policy session is not applied, and the tool is told no session', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'work');
  const session_id = await denyingSession(wire);
  submit(wire, [call('a', 'work')], { session_id });
  assert.equal((await results(wire))[0]?.error, "tool 'work' denied");
  for (const scope of [{}, { tenantId: 't' }, { callerId: 'c', claims: { role: 'x' } }]) {
    submit(wire, [call('a', 'work')], { session_id, scope });
    const { id, params } = await wire.nextRequest();
    assert.equal('session_id' in params, false);
    wire.sendJson({ jsonrpc: '2.0', id, result: 1 });
    assert.equal((await results(wire))[0]?.status, 'succeeded');
  }
});

// req: proposal.unknown-session
test('a policy session that is not open rejects every action, and nothing runs', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'work');
  const write = { id: 'w', type: 'state_write', parameters: { key: 'k', value: 1 }, failure_behavior: 'skip' };
  submit(wire, [write, call('a', 'work', { failure_behavior: 'skip' })], { session_id: 'nobody' });
  assert.deepEqual(
    (await results(wire)).map(({ status, error }) => [status, error]),
    ['w', 'a'].map(() => ['rejected', "unknown policy session 'nobody'"]),
  );
  assert.equal(await wire.result('state.exists', { key: 'k' }), false);
  await wire.expectQuiet();
});

// req: proposal.tenant
test('the tenant of a scope has its own state, remembered outputs and rollback', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  await wire.result('tools.register', [{ name: 'work', cache_ttl_secs: 60 }, { name: 'fail' }]);
  await wire.result('state.set', { key: 'k', value: 'unscoped' });
  const scope = { tenantId: 't' };
  const write = { id: 'w', type: 'state_write', parameters: { key: 'k', value: 'scoped' } };
  const read = { id: 'r', type: 'state_read', parameters: { key: 'k' }, state_dependencies: ['k'] };
  submit(wire, [write, read], { scope });
  assert.equal((await results(wire))[1]?.output, 'scoped');
  submit(wire, [{ ...write, parameters: { key: 'k', value: 'lost' } }, call('f', 'fail')], { scope });
  wire.sendJson({ jsonrpc: '2.0', id: (await wire.nextRequest()).id, error: { code: -32000, message: 'no' } });
  await results(wire);
  assert.equal(await wire.result('state.get', { key: 'k' }), 'unscoped');
  assert.equal(await wire.result('state.get', { key: 'k', tenant_id: 't' }), 'scoped');

  // Each tenant asks for itself; the unscoped caller is one of them.
  for (const rest of [{ scope }, {}, { scope: { tenantId: 'u' } }]) {
    submit(wire, [call('a', 'work', { idempotent: true })], rest);
    wire.sendJson({ jsonrpc: '2.0', id: (await wire.nextRequest()).id, result: rest });
    assert.deepEqual((await results(wire))[0]?.output, rest);
    submit(wire, [call('a', 'work')], rest);
    assert.deepEqual((await results(wire))[0]?.output, rest, 'from the cache of the tool');
  }
});

const good = call('good', 'work');

const malformed: [what: string, proposal: unknown, message: RegExp][] = [
  ['no proposal', undefined, /proposal: expected object, but it is missing/],
  ['a proposal that is a list', [], /proposal: expected object, received array/],
  ['no actions', {}, /proposal\.actions: expected array, but it is missing/],
  ['actions that are no list', { actions: { 0: good } }, /proposal\.actions: expected array, received object/],
  ['an action that is null', { actions: [good, null] }, /proposal\.actions\[1\]: expected object, received null/],
  ['an action without a type', { actions: [{ id: 'x' }] }, /proposal\.actions\[0\]\.type: /],
  ...Object.entries({
    type: ['tool-call', 'TOOL_CALL', 7],
    id: [7, ''],
    tool: [7],
    parameters: ['text', [1], 7],
    preconditions: [{}, [{ operator: 'eq' }], [{ key: 7 }], [{ key: 'k', operator: 7 }]],
    expected_effects: [[], 'k'],
    state_dependencies: ['k', [7]],
    read_set: [[7]],
    write_set: [{}],
    assumptions: [[{}], [{ key: 'k', read_version: 'x' }]],
    invocation_mode: ['sync'],
    reversibility: ['maybe'],
    compensation: [{ type: 'tool' }, { type: 'undo', tool: 't' }, 'undo'],
    idempotent: ['yes', 1],
    max_retries: [-1, 1.5, '3'],
    failure_behavior: ['ignore', 'Abort'],
    timeout_ms: [-1, 'soon'],
    metadata: [[]],
    dependencies: ['a', [7]],
  }).flatMap(([field, values]) =>
    values.map((value): [string, unknown, RegExp] => [
      `${field} ${JSON.stringify(value)}`,
      { actions: [good, { ...good, id: 'bad', [field]: value }] },
      new RegExp(`^Invalid params for proposal\\.submit: proposal\\.actions\\[1\\]\\.${field}\\b`),
    ]),
  ),
  ['an id used twice', { actions: [good, good] }, /actions\[1\]\.id "good" is already used by actions\[0\]/],
  [
    'an action that depends on itself',
    { actions: [good, call('self', 'work', { dependencies: ['good', 'self'] })] },
    /actions\[1\]\.dependencies\[1\] makes action "self" depend on itself/,
  ],
  [
    'too many actions',
    { actions: Array.from({ length: 10_001 }, (_, index) => call(`${index}`, 'work')) },
    /10001 actions, at most 10000 are allowed/,
  ],
];

// req: proposal.malformed-named
test('a malformed plan is -32602 naming action and field, and nothing of it runs', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'work');
  for (const [what, proposal, message] of malformed) {
    const error = await wire.error('proposal.submit', { proposal });
    assert.equal(error.code, -32602, what);
    assert.match(error.message, message, what);
    assert.ok(error.message.length < 500, what);
  }
  const { data } = await wire.error('proposal.submit', { proposal: { actions: [good, good] } });
  assert.deepEqual(data, { reason: 'duplicate_action_id', field: 'actions[1].id', action_id: 'good' });
  await wire.expectQuiet();
});

// req: proposal.malformed-named
test('a key named __proto__ anywhere in a plan is refused before anything else', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'work');
  const places = ['"parameters":{"__proto__":{"isAdmin":true}}', '"expected_effects":{"a":[{"__proto__":1}]}'];
  for (const place of places) {
    const action = `{"id":"a","type":"tool_call","tool":"work",${place}}`;
    wire.send(`{"jsonrpc":"2.0","id":1,"method":"proposal.submit","params":{"proposal":{"actions":[${action}]}}}`);
    const { error } = await wire.next();
    assert.deepEqual([error?.code, error?.message], [-32602, 'Invalid params: a key named "__proto__" is not allowed']);
  }
  await wire.expectQuiet();
  assert.equal('isAdmin' in {}, false);
});

// req: proposal.malformed-named
test('an unknown tool and parameters of the wrong kind reject their action by name, without what was given', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  const parameters = {
    properties: { text: { type: 'string', maxLength: 100, pattern: '^(a|a)*$' } },
    required: ['text'],
  };
  await wire.result('tools.register', [{ name: 'work', parameters }]);
  const given = (text: unknown): object => ({ failure_behavior: 'skip', parameters: { text } });
  submit(wire, [
    call('unknown', 'nope', { failure_behavior: 'skip' }),
    call('missing', 'work', { failure_behavior: 'skip' }),
    call('kind', 'work', given(['secret'])),
    call('large', 'work', given('b'.repeat(10_000_000))),
    call('bomb', 'work', given(`${'a'.repeat(50)}b`)),
  ]);
  assert.deepEqual(
    (await results(wire)).map(({ action_id, status, error }) => [action_id, status, error]),
    [
      ['unknown', 'rejected', "tool 'nope' is not registered"],
      ['missing', 'rejected', "parameter 'text' is required"],
      ['kind', 'rejected', "parameter 'text' must be string"],
      ['large', 'rejected', "parameter 'text' must NOT have more than 100 characters"],
      ['bomb', 'rejected', 'parameter \'text\' must match pattern "^(a|a)*$"'],
    ],
  );
  await wire.expectQuiet();
});

// req: proposal.wire-deadlines
test('over a socket every attempt that runs out of time is cancelled once, late answers are dropped, and attempts count from 1', async () => {
  await using daemon = await openDaemon('tcp');
  const wire = await toolClient(daemon, 'slow');
  submit(wire, [call('a', 'slow', { failure_behavior: 'retry', max_retries: 2, timeout_ms: 250 })]);
  const frames = [];
  for (let attempt = 1; attempt <= 2; attempt++) {
    frames.push(await wire.nextRequest(), await wire.next());
    wire.sendJson({ jsonrpc: '2.0', id: `cb-${attempt}`, result: 'too late' });
  }
  const last = await wire.nextRequest();
  wire.sendJson({ jsonrpc: '2.0', id: last.id, result: 'in time' });
  assert.deepEqual(
    [...frames, last].map(({ method, params }) => [method, params?.['request_id'], params?.['attempt']]),
    [
      ['tools.execute', 'cb-1', 1],
      ['tools.cancel', 'cb-1', undefined],
      ['tools.execute', 'cb-2', 2],
      ['tools.cancel', 'cb-2', undefined],
      ['tools.execute', 'cb-3', 3],
    ],
  );
  const { result } = await wire.next();
  const { results: ended, cost } = result as { results: object[]; cost: Record<string, number> };
  assert.deepEqual(
    [ended.map((one) => ('output' in one ? one.output : undefined)), cost['retries'], cost['tool_calls']],
    [['in time'], 2, 3],
  );
  await wire.expectQuiet();
});

// req: proposal.null-is-absent
test('what may be absent and has no default may be null, as many languages write it', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  const tool = { name: 'work', returns: null, cache_ttl_secs: null, rate_limit: null };
  assert.equal(await wire.result('tools.register', [tool]), 1);
  const policy = { name: 'p', rule: 'deny_tool', target: 'other', key: null, pattern: null, session_id: null };
  assert.deepEqual(await wire.result('policy.register', policy), { registered: 'p', scope: 'global' });
  assert.deepEqual(await wire.result('policy.unregister', { name: 'p', session_id: null }), {
    unregistered: 'p',
    removed: 1,
    scope: 'global',
  });
  const { tools } = (await wire.result('tools.list', null)) as { tools: object[] };
  const listed = { name: 'work', description: '', parameters: {}, idempotent: false, source: 'user_defined' };
  assert.deepEqual(tools.at(-1), listed);
  assert.equal(await wire.result('state.set', { key: 'k', value: 1, tenant_id: null }), 'ok');
  const read = { type: 'state_read', tool: null, timeout_ms: null, compensation: null, parameters: { key: 'k' } };
  const assumptions = [{ key: 'k', expected_value: 1, read_version: null }];
  for (const rest of [{ session_id: null, scope: null }, { scope: { callerId: null, tenantId: null, claims: null } }]) {
    submit(wire, [{ ...read, assumptions }], rest);
    assert.equal((await results(wire))[0]?.output, 1);
  }
  submit(wire, [call('a', 'work', { timeout_ms: null })], { session_id: null });
  const { id, params } = await wire.nextRequest();
  assert.deepEqual(Object.keys(params).toSorted(), ['action_id', 'attempt', 'parameters', 'request_id', 'tool']);
  wire.sendJson({ jsonrpc: '2.0', id, result: 1 });
  await results(wire);
  const proposal = { actions: [{ ...read, assumptions }] };
  await wire.result('verify', { proposal, initial_state: null });
  await wire.result('verify.monte_carlo', { proposal, initial_state: null, tool_success_rates: null, goal: null });
  assert.deepEqual(await wire.result('transaction_check', { proposal, tenant_id: null }), { ok: true, conflicts: [] });
  await wire.result('session.init', { client_id: null });
  const { message } = await wire.error('proposal.submit', { proposal: { actions: [{ ...read, parameters: null }] } });
  assert.match(message, /parameters: expected record, received null$/, 'what has a default may not');
});

// req: proposal.messaging-send
test('messaging.send fails without a sink, and the client is never asked for it, not even when it registered it', async () => {
  await using daemon = serve();
  const wire = await toolClient(daemon, 'messaging.send');
  const parameters = { channel: 'c', to: 't', body: 'b' };
  const host = await daemon.peer({ as: 'host' });
  await host.result('permission.approve', { action: call('a', 'messaging.send', { parameters }) });
  for (const failure_behavior of ['abort', 'skip']) {
    submit(wire, [call('a', 'messaging.send', { failure_behavior, parameters })]);
    const [result] = await results(wire);
    assert.deepEqual([result?.status, result?.error], ['failed', 'messaging.send: no message sink is configured']);
  }
  await wire.expectQuiet();
});

// req: proposal.large-results
test('a plan that multiplies a large value is answered with errors that say so, within what a connection takes', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  await wire.result('state.set', { key: 'large', value: 'x'.repeat(8_000_000) });
  const read = (id: string, key: string): object => ({
    id,
    type: 'state_read',
    parameters: { key },
    failure_behavior: 'skip',
    state_dependencies: [key],
  });
  submit(
    wire,
    Array.from({ length: 1_000 }, (_, index) => read(`r${index}`, 'large')),
  );
  const often = await results(wire);
  assert.equal(often.filter(({ status }) => status === 'succeeded').length, 4);
  assert.ok(often.slice(4).every(({ status, error }) => status === 'failed' && error?.startsWith('output left out: ')));

  const actions = [
    { id: 'w0', type: 'state_write', parameters: { key: 'k0', value: 'x'.repeat(1_000) } },
    read('r0', 'k0'),
  ];
  for (let n = 0; n < 40; n++) {
    const parameters = { key: `k${n + 1}`, value: [`$r${n}.output`, `$r${n}.output`] };
    actions.push({ id: `w${n + 1}`, type: 'state_write', parameters }, read(`r${n + 1}`, `k${n + 1}`));
  }
  submit(wire, actions);
  const doubled = await results(wire);
  const refused = doubled.filter(({ status }) => status === 'rejected');
  assert.equal(refused.length, 1);
  assert.equal(refused[0]?.error, 'the proposal writes more than 16777216 characters of outputs to state');
  const { actions: simulated } = (await wire.result('simulate', { proposal: { actions }, initial_state: {} })) as {
    actions: { action_id: string; status: string }[];
  };
  assert.deepEqual(
    simulated.map(({ status }) => status),
    doubled.map(({ status }) => status),
  );
});

// req: engine.verify.deadline
test('verify and verify.monte_carlo have 30 s', () => {
  assert.deepEqual([verification.verify.deadlineMs, verification['verify.monte_carlo'].deadlineMs], [30_000, 30_000]);
});
