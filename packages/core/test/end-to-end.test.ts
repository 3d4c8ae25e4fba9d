// What a client can do with a daemon, the same over memory, TCP and a Unix socket.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { suite, test } from 'node:test';
import { CarError, type Client } from '@car-runtime/client';
import { Inbox, openDaemon, transports, turnOver } from '@car-runtime/testkit';

type Action = Parameters<Client['proposal']['submit']>[0]['proposal']['actions'][number];

const call = (id: string, tool: string, rest: Partial<Action> = {}): Action => ({
  id,
  type: 'tool_call',
  tool,
  ...rest,
});

async function clientIdOf(client: Client): Promise<string> {
  return (await client.server.status()).connection.client_id;
}

/** Runs actions and answers what became of each: `id: status` with its error or output. */
async function run(client: Client, actions: Action[], rest: object = {}): Promise<unknown[]> {
  const { results } = await client.proposal.submit({ proposal: { actions }, ...rest });
  return results.map(({ action_id, status, output, error }) => [action_id, status, error ?? output]);
}

for (const transport of transports) {
  suite(transport, () => {
    // req: e2e.auth
    test('each credential authenticates in its form and gives its role', async () => {
      await using daemon = await openDaemon(transport);
      const roles = [];
      for (const as of ['client', 'host', { agent: 'a1' }] as const) {
        const client = await daemon.connect({ as });
        const { connection, auth_enabled } = await client.server.status();
        roles.push([connection.role, connection.agent_id, connection.transport, auth_enabled, client.connection.auth]);
      }
      assert.deepEqual(roles, [
        ['client', undefined, transport, true, { ok: true, auth_enabled: true }],
        ['host', undefined, transport, true, { ok: true, auth_enabled: true, role: 'host' }],
        ['agent', 'a1', transport, true, { ok: true, auth_enabled: true, agent_id: 'a1' }],
      ]);
      assert.equal(daemon.state.attachedAgents.size, 1);
    });

    // req: e2e.auth
    test('without a credential, with a wrong one, or with authentication off', async () => {
      await using daemon = await openDaemon(transport);
      await assert.rejects(daemon.connect({ as: 'none' }), /auth required:/);
      const wire = await daemon.peer();
      assert.equal((await wire.error('session.auth', { token: 'wrong' })).message, 'auth failed: token mismatch');
      await wire.result('session.auth', { token: daemon.authToken });
      await using open = await openDaemon(transport, { auth: false });
      const client = await open.connect();
      assert.equal((await client.server.status()).auth_enabled, false);
    });

    // req: e2e.handshake
    test('the handshake agrees on version 2 and refuses every other, again and again', async () => {
      await using daemon = await openDaemon(transport);
      const wire = await daemon.peer({ as: 'client' });
      const expected = { protocol_version: 2, server_version: '0.1.0', client_protocol_version: 2 };
      assert.deepEqual(await wire.result('server.handshake', { protocol_version: 2, client_version: 'x' }), expected);
      const wrong: [given: unknown, shown: string][] = [
        [{}, 'none'],
        [null, 'none'],
        [{ protocol_version: 1 }, '1'],
        [{ protocol_version: '2' }, '"2"'],
        [{ protocol_version: null }, 'null'],
        [{ protocol_version: 2.5 }, '2.5'],
      ];
      for (const [params, shown] of wrong) {
        const error = await wire.error('server.handshake', params);
        assert.deepEqual(error, {
          code: -32006,
          message: `protocol version mismatch: this daemon speaks 2, the client sent ${shown}`,
          data: { reason: 'version_mismatch', supported: [2] },
        });
      }
      assert.deepEqual(await wire.result('server.handshake', { protocol_version: 2 }), expected);
    });

    // req: state.values
    test('state keeps any JSON value, and says what is there', async () => {
      await using daemon = await openDaemon(transport);
      const { state } = await daemon.connect();
      const values = [0, '', false, null, [], { a: [1, { b: 'ü€😀' }] }, 1e308, 'x'.repeat(100_000)];
      for (const [index, value] of values.entries()) assert.equal(await state.set({ key: `k${index}`, value }), 'ok');
      for (const [index, value] of values.entries()) assert.deepEqual(await state.get({ key: `k${index}` }), value);
      assert.equal(await state.set({ key: 'k8' }), 'ok');
      assert.deepEqual(await state.keys({}), ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8']);
      assert.deepEqual([await state.get({ key: 'k8' }), await state.get({ key: 'nope' })], [null, null]);
      assert.deepEqual([await state.exists({ key: 'k3' }), await state.exists({ key: 'nope' })], [true, false]);
      assert.deepEqual(
        await state.snapshot({}),
        Object.fromEntries([...values, null].map((value, index) => [`k${index}`, value])),
      );
    });

    // req: state.tenants
    test('a tenant sees its own keys only, and unscoped callers see no tenant', async () => {
      await using daemon = await openDaemon(transport);
      const { state } = await daemon.connect();
      await state.set({ key: 'k', value: 'unscoped' });
      await state.set({ key: 'k', value: 'acme', tenant_id: 'acme' });
      await state.set({ key: 'only', value: 1, tenant_id: 'acme:k' });
      assert.deepEqual(
        [
          await state.get({ key: 'k' }),
          await state.get({ key: 'k', tenant_id: '' }),
          await state.get({ key: 'k', tenant_id: 'acme' }),
          await state.get({ key: 'k', tenant_id: 'other' }),
        ],
        ['unscoped', 'unscoped', 'acme', null],
      );
      assert.deepEqual(
        [await state.keys({}), await state.keys({ tenant_id: 'acme' }), await state.keys({ tenant_id: 'acme:k' })],
        [['k'], ['k'], ['only']],
      );
      assert.deepEqual(
        [await state.snapshot({}), await state.snapshot({ tenant_id: 'acme' })],
        [{ k: 'unscoped' }, { k: 'acme' }],
      );
      await state.set({ key: 'tenant:acme:forged', value: 1 });
      assert.deepEqual([await state.keys({}), await state.keys({ tenant_id: 'acme' })], [['k'], ['k']]);
      assert.equal(await state.exists({ key: 'forged', tenant_id: 'acme' }), false);
      assert.deepEqual(await run(await daemon.connect(), [{ id: 'r', type: 'state_read', parameters: { key: 'k' } }]), [
        ['r', 'succeeded', null],
      ]);
    });

    // req: state.keys
    test('keys that every object has are ordinary keys', async () => {
      await using daemon = await openDaemon(transport);
      const { state } = await daemon.connect();
      const keys = ['constructor', 'hasOwnProperty', 'prototype', 'toString', '', ' ', 'a.b', '\u0000', 'ü', 'toJSON'];
      for (const key of keys)
        assert.deepEqual([await state.exists({ key }), await state.get({ key })], [false, null], key);
      for (const key of keys) await state.set({ key, value: key });
      for (const key of keys) assert.equal(await state.get({ key }), key);
      assert.deepEqual((await state.keys({})).toSorted(), keys.toSorted());
      // The object a client builds of it must have them as its own, so it is compared as entries.
      assert.equal(Object.entries(await state.snapshot({})).length, keys.length);
    });

    // req: e2e.isolation
    test('connections share no state, no tools, no policies and no policy session', async () => {
      await using daemon = await openDaemon(transport);
      const [one, two] = [await daemon.connect(), await daemon.connect()];
      await one.state.set({ key: 'k', value: 1 });
      await one.registerTool('mine', undefined, () => 'one');
      await one.policy.register({ name: 'p', rule: 'deny_tool', target: 'x' });
      const { session_id } = await one.session.policy.open({});
      assert.deepEqual(await two.state.keys({}), []);
      assert.deepEqual(
        (await two.tools.list({})).tools.map(({ name }) => name),
        ['messaging.send'],
      );
      assert.deepEqual((await two.policy.list({})).policies, []);
      assert.deepEqual(await two.session.policy.close({ session_id }), { closed: false });
      assert.match(String(await run(two, [call('a', 'mine')])), /rejected,tool 'mine' is not registered/);
      assert.match(String(await run(two, [call('a', 'absent')], { session_id })), /unknown policy session/);
    });

    // req: e2e.tools
    test('tools are registered, listed by name, replaced and unregistered', async () => {
      await using daemon = await openDaemon(transport);
      const { tools } = await daemon.connect();
      const parameters = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] };
      const full = {
        name: 'b',
        description: 'd',
        parameters,
        returns: { type: 'string' },
        idempotent: true,
        cache_ttl_secs: 5,
        rate_limit: { max_calls: 1, interval_secs: 2 },
      };
      assert.equal(await tools.register([{ name: 'z' }, full, { name: 'a', description: 'first' }]), 3);
      assert.equal(await tools.register([{ name: 'a', description: 'second' }]), 1);
      assert.equal(await tools.register([]), 0);
      const { tools: list, count } = await tools.list({});
      assert.deepEqual([list.map(({ name }) => name), count], [['a', 'b', 'messaging.send', 'z'], 4]);
      assert.deepEqual(list[1], { ...full, source: 'user_defined' });
      assert.deepEqual(list[0], {
        name: 'a',
        description: 'second',
        parameters: {},
        idempotent: false,
        source: 'user_defined',
      });
      assert.deepEqual(await tools.unregister({ name: 'a' }), { unregistered: 'a', removed: 1 });
      assert.deepEqual(await tools.unregister({ name: 'a' }), { unregistered: 'a', removed: 0 });
      assert.deepEqual(await tools.unregister({ name: 'toString' }), { unregistered: 'toString', removed: 0 });
    });

    // req: e2e.tools
    test('a list with one bad tool registers none of them, and says which it is', async () => {
      await using daemon = await openDaemon(transport);
      const wire = await daemon.peer({ as: 'client' });
      const bad: [tools: unknown, message: RegExp][] = [
        [[{ name: 'good' }, { name: '' }], /^Invalid params for tools\.register: \[1\]\.name: /],
        [
          [{ name: 'good' }, {}],
          /^Invalid params for tools\.register: \[1\]\.name: expected string, but it is missing$/,
        ],
        [[{ name: 'good' }, { name: 'bad', parameters: { type: 'nothing' } }], /^Cannot register tool "bad": /],
        [{ name: 'good' }, /^Invalid params for tools\.register: params: expected array, received object$/],
      ];
      for (const [tools, message] of bad) assert.match((await wire.error('tools.register', tools)).message, message);
      assert.equal(((await wire.result('tools.list')) as { count: number }).count, 1);
    });

    // req: e2e.proposal
    test('a plan runs in the order of its dependencies, with outputs handed from one action to the next', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect();
      const order: unknown[] = [];
      await client.registerTool(
        'read',
        undefined,
        ({ path }) => (order.push(`read ${String(path)}`), { text: `content of ${String(path)}` }),
      );
      await client.registerTool('join', undefined, ({ parts }) => (order.push('join'), JSON.stringify(parts)));
      const { results, cost, proposal_id } = await client.proposal.submit({
        proposal: {
          id: 'plan',
          actions: [
            call('join', 'join', {
              parameters: { parts: ['$one.output', '$two.output', '$nobody.output'] },
              dependencies: ['one', 'two'],
            }),
            call('one', 'read', { parameters: { path: 'a' } }),
            call('two', 'read', { parameters: { path: 'b' }, dependencies: ['one'] }),
            { id: 'keep', type: 'state_write', parameters: { key: 'joined', value: '$join.output' } },
            {
              id: 'check',
              type: 'assertion',
              parameters: { key: 'joined', operator: 'contains', expected: 'content of b' },
              state_dependencies: ['joined'],
            },
            { id: 'show', type: 'state_read', parameters: { key: 'joined' }, state_dependencies: ['joined'] },
          ],
        },
      });
      const joined = '[{"text":"content of a"},{"text":"content of b"},"$nobody.output"]';
      assert.deepEqual(order, ['read a', 'read b', 'join']);
      assert.equal(proposal_id, 'plan');
      assert.deepEqual(
        results.map(({ action_id, status, output }) => [action_id, status, output]),
        [
          ['join', 'succeeded', joined],
          ['one', 'succeeded', { text: 'content of a' }],
          ['two', 'succeeded', { text: 'content of b' }],
          ['keep', 'succeeded', null],
          ['check', 'succeeded', true],
          ['show', 'succeeded', joined],
        ],
      );
      const { total_duration_ms, ...counts } = cost;
      assert.ok(total_duration_ms >= 0);
      assert.deepEqual(counts, {
        tool_calls: 3,
        actions_executed: 6,
        actions_rejected: 0,
        actions_skipped: 0,
        retries: 0,
      });
      assert.equal(await client.state.get({ key: 'joined' }), joined);
    });

    // req: e2e.proposal
    test('a failing action takes back what the plan wrote and skips the rest', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect();
      await client.registerTool('fail', undefined, () => {
        throw new Error('disk on fire');
      });
      await client.state.set({ key: 'k', value: 'before' });
      const { results } = await client.proposal.submit({
        proposal: {
          actions: [
            { id: 'w', type: 'state_write', parameters: { key: 'k', value: 'during' } },
            call('f', 'fail'),
            call('never', 'fail'),
          ],
        },
      });
      assert.deepEqual(
        results.map(({ status, error, rolled_back }) => [status, error, rolled_back]),
        [
          ['succeeded', null, true],
          ['failed', 'disk on fire', undefined],
          ['skipped', "skipped: action 'f' failed", undefined],
        ],
      );
      assert.equal(await client.state.get({ key: 'k' }), 'before');
    });

    // req: e2e.proposal
    test('plans of one connection run side by side, and a slow tool of one holds up nobody', async () => {
      await using daemon = await openDaemon(transport);
      const [one, two] = [await daemon.connect(), await daemon.connect()];
      const slow = Promise.withResolvers<string>();
      const started = new Inbox<string>('start');
      await one.registerTool('slow', undefined, () => (started.push('slow'), slow.promise));
      await one.registerTool('quick', undefined, () => 'quick');
      await two.registerTool('quick', undefined, () => 'two');
      const waiting = run(one, [call('s', 'slow')]);
      await started.next();
      assert.deepEqual(await run(one, [call('q', 'quick')]), [['q', 'succeeded', 'quick']]);
      assert.deepEqual(await run(two, [call('q', 'quick')]), [['q', 'succeeded', 'two']]);
      assert.equal(await one.state.get({ key: 'x' }), null);
      slow.resolve('slow');
      assert.deepEqual(await waiting, [['s', 'succeeded', 'slow']]);
    });

    // req: e2e.proposal
    test('parameters that do not fit the schema of the tool reject the action before the client is asked', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect();
      let asked = 0;
      await client.registerTool(
        'add',
        { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
        () => ++asked,
      );
      assert.deepEqual(
        await run(client, [
          call('a', 'add', { parameters: { n: 'text' }, failure_behavior: 'skip' }),
          call('b', 'add', { failure_behavior: 'skip' }),
          call('c', 'add', { parameters: { n: 1, extra: true }, failure_behavior: 'skip' }),
        ]),
        [
          ['a', 'rejected', "parameter 'n' must be number"],
          ['b', 'rejected', "parameter 'n' is required"],
          ['c', 'succeeded', 1],
        ],
      );
    });

    // req: e2e.policies
    test('policies deny a tool and a parameter, name every reason, and end when they are unregistered', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect();
      await client.registerTool('build', undefined, () => 'built');
      await client.registerTool('fetch', undefined, () => 'fetched');
      assert.deepEqual(await client.policy.register({ name: 'no-build', rule: 'deny_tool', target: 'build' }), {
        registered: 'no-build',
        scope: 'global',
      });
      await client.policy.register({
        name: 'no-internal',
        rule: 'deny_tool_param',
        target: 'fetch',
        key: 'url',
        pattern: 'internal',
      });
      await client.policy.register({ name: 'no-build', rule: 'deny_tool', target: 'build' });
      const skip = { failure_behavior: 'skip' } as const;
      assert.deepEqual(
        await run(client, [
          call('a', 'build', skip),
          call('b', 'fetch', { ...skip, parameters: { url: 'http://internal/x' } }),
          call('c', 'fetch', { ...skip, parameters: { url: 'http://example.org' } }),
          call('d', 'fetch', skip),
        ]),
        [
          ['a', 'rejected', "tool 'build' denied; tool 'build' denied"],
          ['b', 'rejected', "param 'url' matches 'internal'"],
          ['c', 'succeeded', 'fetched'],
          ['d', 'succeeded', 'fetched'],
        ],
      );
      assert.deepEqual(
        (await client.policy.list({})).policies.map(({ name }) => name),
        ['no-build', 'no-internal', 'no-build'],
      );
      assert.deepEqual(await client.policy.unregister({ name: 'no-build' }), {
        unregistered: 'no-build',
        removed: 2,
        scope: 'global',
      });
      assert.deepEqual(await client.policy.unregister({ name: 'no-build' }), {
        unregistered: 'no-build',
        removed: 0,
        scope: 'global',
      });
      assert.deepEqual(await run(client, [call('a', 'build')]), [['a', 'succeeded', 'built']]);
    });

    // req: e2e.policies, session.policy-sessions
    test('a policy session adds denials to the plans that name it, until it is closed', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect();
      await client.registerTool('work', undefined, () => 'done');
      const { session_id } = await client.session.policy.open({});
      const scope = { session_id };
      assert.deepEqual(await client.policy.register({ name: 'p', rule: 'deny_tool', target: 'work', session_id }), {
        registered: 'p',
        scope,
      });
      assert.deepEqual(await client.policy.list({ session_id }), {
        policies: [{ name: 'p', description: "deny tool 'work'" }],
        scope,
      });
      assert.deepEqual((await client.policy.list({})).policies, []);
      assert.deepEqual(await run(client, [call('a', 'work')], { session_id }), [
        ['a', 'rejected', "tool 'work' denied"],
      ]);
      assert.deepEqual(await run(client, [call('a', 'work')]), [['a', 'succeeded', 'done']]);
      assert.deepEqual(
        await run(client, [call('a', 'work')], { session_id, scope: { tenantId: 't' } }),
        [['a', 'succeeded', 'done']],
        'a scope takes its place',
      );
      assert.deepEqual(
        [await client.session.policy.close({ session_id }), await client.session.policy.close({ session_id })],
        [{ closed: true }, { closed: false }],
      );
      assert.match(String(await run(client, [call('a', 'work')], { session_id })), /rejected,unknown policy session/);
      await assert.rejects(
        client.policy.list({ session_id }),
        (error: CarError) => error instanceof CarError && error.code === -32603,
      );
    });

    // req: e2e.policies
    test('a rule that is not known, or lacks a field it needs, is refused', async () => {
      await using daemon = await openDaemon(transport);
      const { policy } = await daemon.connect();
      await assert.rejects(
        policy.register({ name: 'p', rule: 'allow_everything' }),
        /^CarError: Cannot register policy "p": unknown rule "allow_everything"; known are /,
      );
      await assert.rejects(
        policy.register({ name: 'p', rule: 'deny_tool' }),
        /^CarError: Cannot register policy "p": rule "deny_tool" needs "target"/,
      );
      assert.deepEqual((await policy.list({})).policies, []);
    });

    // req: e2e.session-init
    test('session.init registers tools and policies in one call and answers the client id', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect();
      const clientId = await clientIdOf(client);
      assert.deepEqual(await client.session.init({}), {
        session_id: clientId,
        tools_registered: 0,
        policies_registered: 0,
      });
      const policies = [{ name: 'p', rule: 'deny_tool', target: 'work' }];
      assert.deepEqual(
        await client.session.init({
          tools: [{ name: 'work' }, { name: 'rest' }],
          policies,
          client_id: 'chosen by the client',
        }),
        {
          session_id: clientId,
          tools_registered: 2,
          policies_registered: 1,
        },
      );
      assert.equal((await client.tools.list({})).count, 3);
      assert.deepEqual(await run(client, [call('a', 'work')]), [['a', 'rejected', "tool 'work' denied"]]);
      assert.equal(daemon.state.sessions.has('chosen by the client'), false);
    });

    // req: e2e.session-init
    test('session.init with one bad tool or policy registers nothing', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect();
      const good = { name: 'p', rule: 'deny_tool', target: 'work' };
      const bad = [
        { policies: [good, { name: 'q', rule: 'allow_everything' }] },
        { policies: [good, { ...good, session_id: 'nobody' }] },
        { policies: [good], tools: [{ name: 'work', parameters: { type: 'nonsense' } }] },
      ];
      for (const params of bad)
        await assert.rejects(client.session.init({ tools: [{ name: 'work' }], ...params }), CarError);
      assert.deepEqual((await client.policy.list({})).policies, []);
      assert.equal((await client.tools.list({})).count, 1);
    });

    // req: journal.file
    test('the journal is made at the first event, private, one JSON object a line, named by the client id', async () => {
      await using daemon = await openDaemon(transport);
      const [one, two] = [await daemon.connect(), await daemon.connect()];
      const clientId = await clientIdOf(one);
      const session = daemon.state.sessions.get(clientId);
      assert.ok(session);
      const path = daemon.state.journalPathOf(session);
      assert.equal(path, `${daemon.state.journalDir}/${clientId}.jsonl`);
      await one.state.set({ key: 'k', value: 1 });
      assert.throws(() => statSync(path), { code: 'ENOENT' });
      await run(one, [
        { id: 'w', type: 'state_write', parameters: { key: 'secret', value: 'line\nbreak \u2028 "quoted"' } },
      ]);
      assert.deepEqual([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777], [0o600, 0o700]);
      const text = readFileSync(path, 'utf8');
      assert.ok(text.endsWith('}\n'));
      const events = text
        .slice(0, -1)
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(
        events.flatMap(({ kind, action_id }) =>
          String(kind).endsWith('_decision') ? [] : [[kind, action_id ?? null]],
        ),
        [
          ['proposal_received', null],
          ['action_validated', 'w'],
          ['action_executing', 'w'],
          ['state_snapshot', null],
          ['state_changed', 'w'],
          ['action_succeeded', 'w'],
        ],
      );
      for (const event of events) {
        assert.deepEqual(
          Object.keys(event).filter((key) => !['kind', 'action_id', 'proposal_id', 'data', 'timestamp'].includes(key)),
          [],
        );
        assert.match(String(event['timestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      }
      await run(two, [{ id: 'r', type: 'state_read', parameters: { key: 'k' } }]);
      assert.equal(daemon.journal(clientId).length, events.length, "another connection's events are elsewhere");
    });

    // req: journal.acknowledged
    test('every event of a plan is in the journal when its answer arrives', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect();
      const clientId = await clientIdOf(client);
      for (let plan = 1; plan <= 20; plan++) {
        await run(client, [{ id: `a${plan}`, type: 'state_write', parameters: { key: 'k', value: plan } }]);
        const done = daemon.journal(clientId).filter(({ kind }) => kind === 'action_succeeded');
        assert.equal(done.at(-1)?.action_id, `a${plan}`);
      }
    });

    // req: e2e.reconnect
    test('a client that lost its connection comes back as a new session, its tools with it', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect({ reconnect: { baseDelayMs: 1, maxDelayMs: 5 } });
      await client.registerTool('work', undefined, () => 'still here');
      await client.state.set({ key: 'k', value: 1 });
      const before = await clientIdOf(client);
      const changes = client.connectionChanges();
      await daemon.state.removeSession(before);
      for await (const { state } of changes) if (state === 'connected') break;
      const after = await clientIdOf(client);
      assert.notEqual(after, before);
      assert.deepEqual([...daemon.state.sessions.keys()], [after]);
      assert.equal(await client.state.get({ key: 'k' }), null);
      assert.deepEqual(await run(client, [call('a', 'work')]), [['a', 'succeeded', 'still here']]);
    });

    // req: e2e.discovery
    test('a client can ask for one declaration, for all, and for the whole interface', async () => {
      await using daemon = await openDaemon(transport);
      const client = await daemon.connect();
      const { methods } = await client.server.schema({ method: 'state.get' });
      assert.deepEqual(
        methods.map(({ name, access, effect }) => [name, access, effect]),
        [['state.get', 'session', 'read']],
      );
      const all = (await client.server.schema({})).methods.map(({ name }) => String(name));
      assert.ok(all.includes('session.auth') && all.includes('proposal.submit'));
      for (const method of ['nope', 'toString', '__proto__'])
        await assert.rejects(client.server.schema({ method }), {
          message: `Cannot describe "${method}": unknown method`,
        });
      const document = (await client.rpc.discover({})) as { openrpc: string; methods: { name: string }[] };
      assert.equal(document.openrpc, '1.3.2');
      assert.deepEqual(
        document.methods.map(({ name }) => name),
        all.toSorted(),
      );
    });

    // req: session.drain
    test('a daemon that drains answers what runs, refuses what is new, and closes with 1001', async () => {
      await using daemon = await openDaemon(transport);
      const wire = await daemon.peer({ as: 'client' });
      await wire.result('tools.register', [{ name: 'slow' }]);
      wire.sendJson({
        jsonrpc: '2.0',
        id: 'run',
        method: 'proposal.submit',
        params: { proposal: { actions: [call('a', 'slow')] } },
      });
      const { id } = await wire.nextRequest();
      const drained = daemon.state.drain(10_000);
      assert.equal((await wire.error('state.keys')).message, 'Cannot call state.keys: the daemon is shutting down');
      wire.sendJson({ jsonrpc: '2.0', id, result: 'finished' });
      const reply = await wire.next();
      assert.deepEqual(
        [reply.id, (reply.result as { results: { output: unknown }[] }).results[0]?.output],
        ['run', 'finished'],
      );
      assert.deepEqual(await wire.closed, { code: 1001, reason: 'shutting down' });
      await drained;
    });

    // req: session.remove
    test('removing a session ends it for both sides, and only it', async () => {
      await using daemon = await openDaemon(transport);
      const [one, two] = [await daemon.peer({ as: { agent: 'a1' } }), await daemon.peer({ as: 'client' })];
      const clientId = daemon.state.attachedAgents.get('a1') ?? '';
      const removed = await daemon.state.removeSession(clientId);
      assert.equal(removed?.id, clientId);
      assert.equal((await one.closed).code, 1000);
      await turnOver();
      assert.deepEqual([daemon.state.sessions.size, daemon.state.attachedAgents.size], [1, 0]);
      assert.equal(await daemon.state.removeSession(clientId), undefined);
      await two.expectQuiet();
    });
  });
}
