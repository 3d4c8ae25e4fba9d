// Everything a client can get wrong, what it gets for it, and that nobody else notices.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  openDaemon,
  transports,
  turnOver,
  type DaemonOptions,
  type TestDaemon,
  type Transport,
  type Wire,
} from '@car-runtime/testkit';

const request = (id: unknown, method: string, params?: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

const status = (id: string): string => `{"jsonrpc":"2.0","id":${id},"method":"state.keys","params":{}}`;

/** A daemon, a client that misbehaves, and another that is in the middle of a plan and must not notice. */
async function withBystander(
  transport: Transport,
  misbehave: (wire: Wire, daemon: TestDaemon) => Promise<void>,
  options: DaemonOptions = {},
): Promise<void> {
  await using daemon = await openDaemon(transport, options);
  const bystander = await daemon.peer({ as: 'client' });
  await bystander.result('tools.register', [{ name: 'slow' }]);
  bystander.send(
    request('plan', 'proposal.submit', { proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'slow' }] } }),
  );
  const { id } = await bystander.nextRequest();
  await misbehave(await daemon.peer({ as: 'client' }), daemon);
  await bystander.result('state.set', { key: 'k', value: 1 });
  bystander.sendJson({ jsonrpc: '2.0', id, result: 'undisturbed' });
  const reply = await bystander.next();
  assert.deepEqual(
    [reply.id, (reply.result as { results: { output: unknown }[] }).results[0]?.output],
    ['plan', 'undisturbed'],
  );
  assert.equal(bystander.unread, 0);
  assert.deepEqual(({} as { isAdmin?: boolean }).isAdmin, undefined, 'no prototype was touched');
}

for (const transport of transports) {
  suite(transport, { concurrency: 4 }, () => {
    const bad = (title: string, misbehave: Parameters<typeof withBystander>[1], options?: DaemonOptions): void =>
      void test(title, () => withBystander(transport, misbehave, options));

    // req: rpc.parse-error
    bad('a frame that is not JSON gets -32700 with id null', async (wire) => {
      for (const text of [
        '{',
        '',
        'hello',
        '{"jsonrpc":"2.0","id":1,"method":"state.keys"',
        '[1,2',
        '\u0000',
        'undefined',
      ]) {
        const { id, error } = await wire.exchange(text);
        assert.deepEqual([id, error?.code, error?.data], [null, -32700, { reason: 'parse_error' }], text);
      }
      await wire.expectQuiet();
    });

    // req: rpc.depth-limit
    bad('JSON of 128 levels is served, 129 and 100 000 levels get -32700', async (wire) => {
      // The frame is one level, its params another.
      const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
      const set = (levels: number): string =>
        `{"jsonrpc":"2.0","id":1,"method":"state.set","params":{"key":"deep","value":${nested(levels)}}}`;
      assert.equal((await wire.exchange(set(126))).result, 'ok');
      assert.equal(JSON.stringify(await wire.result('state.get', { key: 'deep' })), nested(126));
      for (const levels of [127, 1_000, 100_000]) {
        const { id, error } = await wire.exchange(set(levels));
        assert.deepEqual([id, error?.code], [null, -32700]);
        assert.equal(error?.message, 'Cannot parse frame: nested deeper than 128 levels');
      }
      assert.equal((await wire.exchange(nested(100_000))).error?.code, -32700);
      assert.equal((await wire.exchange('['.repeat(100_000))).error?.code, -32700);
      await wire.expectQuiet();
    });

    // req: rpc.invalid-request
    bad('a wrong jsonrpc, method or envelope gets -32600', async (wire) => {
      const frames = [
        '{"jsonrpc":"1.0","id":1,"method":"state.keys"}',
        '{"id":1,"method":"state.keys"}',
        '{"jsonrpc":"2.0","id":1,"method":5}',
        '{"jsonrpc":"2.0","method":null}',
        '7',
        '"text"',
        'null',
        '{}',
      ];
      for (const frame of frames) assert.equal((await wire.exchange(frame)).error?.code, -32600, frame);
      await wire.expectQuiet();
    });

    // req: dispatch.unknown-method
    bad('an unknown method gets -32601 and the exact text', async (wire) => {
      for (const method of [
        'nope',
        'state.Get',
        'toString',
        '__proto__',
        'tools.execute',
        'rpc.',
        '',
        'x'.repeat(10_000),
      ]) {
        assert.deepEqual(await wire.error(method, {}), {
          code: -32601,
          message: `unknown method: ${method}`,
          data: { reason: 'method_not_found' },
        });
      }
      await wire.expectQuiet();
    });

    // req: dispatch.params-named
    bad('params of the wrong type get -32602, the field and what was expected named', async (wire) => {
      const wrong: [method: string, params: unknown, message: string][] = [
        ['state.get', { key: 5 }, 'key: expected string, received number'],
        ['state.get', {}, 'key: expected string, but it is missing'],
        ['state.get', [], 'params: expected object, received array'],
        [
          'state.set',
          { key: null, value: 1, tenant_id: 7 },
          'key: expected string, received null; tenant_id: expected string, received number',
        ],
        ['tools.register', { name: 'x' }, 'params: expected array, received object'],
        ['tools.register', [{ name: 'x', idempotent: 'yes' }], '[0].idempotent: expected boolean, received string'],
        ['proposal.submit', {}, 'proposal: expected object, but it is missing'],
        ['proposal.submit', { proposal: {} }, 'proposal.actions: expected array, but it is missing'],
        [
          'proposal.submit',
          { proposal: { actions: [{ type: 'dance' }] } },
          'proposal.actions[0].type: Invalid option: expected one of "tool_call"|"state_write"|"state_read"|"assertion"',
        ],
        [
          'proposal.submit',
          { proposal: { actions: [{ type: 'tool_call', timeout_ms: -1 }] } },
          'proposal.actions[0].timeout_ms: Too small: expected number to be >=0',
        ],
      ];
      for (const [method, params, message] of wrong) {
        const error = await wire.error(method, params);
        assert.deepEqual([error.code, error.message], [-32602, `Invalid params for ${method}: ${message}`]);
      }
      for (const params of ['5', '"text"', 'true']) {
        const { error } = await wire.exchange(`{"jsonrpc":"2.0","id":1,"method":"state.keys","params":${params}}`);
        assert.equal(error?.code, -32602);
      }
      await wire.expectQuiet();
    });

    // req: dispatch.params-named
    bad('a plan that contradicts itself gets -32602 and the action named', async (wire) => {
      const write = { type: 'state_write', parameters: { key: 'k', value: 1 } };
      const plans: [actions: object[], reason: string, field: string][] = [
        [
          [
            { ...write, id: 'a' },
            { ...write, id: 'a' },
          ],
          'duplicate_action_id',
          'actions[1].id',
        ],
        [[{ ...write, id: 'a', dependencies: ['a'] }], 'self_dependency', 'actions[0].dependencies[0]'],
        [Array.from({ length: 10_001 }, () => write), 'too_many_actions', 'actions'],
      ];
      for (const [actions, reason, field] of plans) {
        const { code, data } = await wire.error('proposal.submit', { proposal: { actions } });
        assert.deepEqual([code, data?.['reason'], data?.['field']], [-32602, reason, field]);
      }
      assert.deepEqual(await wire.result('state.keys', {}), []);
    });

    // req: dispatch.params-bounded
    bad('millions of wrong values in one frame are answered like one', async (wire) => {
      const frame = `{"jsonrpc":"2.0","id":1,"method":"proposal.submit","params":{"proposal":{"actions":[${'0,'.repeat(2_000_000)}0]}}}`;
      const { error } = await wire.exchange(frame);
      assert.deepEqual(
        [error?.code, error?.message],
        [-32602, 'Invalid params for proposal.submit: proposal.actions[0]: expected object, received number'],
      );
      await wire.expectQuiet();
    });

    // req: rpc.proto-key
    bad('a __proto__ key at any depth, however it is escaped, gets -32602', async (wire) => {
      for (const key of [
        '__proto__',
        '\\u005f_proto__',
        '\\u005F\\u005Fproto__',
        '__\\u0070roto__',
        '__prot\\u006f__',
        '__pro\\u0074o__',
      ]) {
        const frames = [
          `{"jsonrpc":"2.0","id":1,"method":"state.set","params":{"key":"k","value":{"a":[{"${key}":{"isAdmin":true}}]}}}`,
          `{"jsonrpc":"2.0","id":1,"method":"state.set","params":{"key":"k","value":1,"${key}":{"isAdmin":true}}}`,
          `{"jsonrpc":"2.0","id":1,"method":"state.keys","${key}":{"isAdmin":true}}`,
          `{"jsonrpc":"2.0","id":1,"method":"state.set","params":{"key":"k","value":["${'x'.repeat(500)}",{"${key}":1}]}}`,
        ];
        for (const frame of frames) {
          const { id, error } = await wire.exchange(frame);
          assert.deepEqual(
            [id, error?.code, error?.message],
            [1, -32602, 'Invalid params: a key named "__proto__" is not allowed'],
            frame,
          );
        }
      }
      assert.deepEqual(await wire.result('state.keys', {}), []);
      await wire.result('state.set', { key: '__proto__', value: 'as a value it is text' });
      assert.deepEqual(await wire.result('state.keys', {}), ['__proto__']);
      assert.equal(await wire.result('state.get', { key: '__proto__' }), 'as a value it is text');
    });

    // req: rpc.lone-surrogates
    bad('lone surrogates are kept as they are, in keys and values', async (wire) => {
      wire.send('{"jsonrpc":"2.0","id":"\\ud800","method":"state.set","params":{"key":"\\udfff","value":"a\\ud83d"}}');
      assert.equal(await wire.nextText(), '{"jsonrpc":"2.0","id":"\\ud800","result":"ok"}');
      wire.send('{"jsonrpc":"2.0","id":2,"method":"state.snapshot"}');
      assert.equal(await wire.nextText(), '{"jsonrpc":"2.0","id":2,"result":{"\\udfff":"a\\ud83d"}}');
    });

    // req: rpc.notification
    bad('a notification is never answered, whatever its method and params', async (wire) => {
      wire.send('{"jsonrpc":"2.0","method":"nope"}');
      wire.send('{"jsonrpc":"2.0","method":"agent.chat.event","params":{}}');
      wire.send('{"jsonrpc":"2.0","method":"state.set","params":{"key":"k","value":1}}');
      wire.send('{"jsonrpc":"2.0","method":"nope","params":5}');
      wire.send('{"jsonrpc":"2.0","method":"nope","params":{"__proto__":1}}');
      assert.deepEqual(
        await wire.result('state.keys', {}),
        [],
        'a request without an id is a notification, and is not one of those known',
      );
      assert.equal(wire.unread, 0);
    });

    // req: rpc.unknown-answer
    bad('answers to ids that are not waited for are dropped', async (wire) => {
      for (const id of ['"cb-1"', '"cb-999"', '1', 'null', '{}', '[]', 'true']) {
        wire.send(`{"jsonrpc":"2.0","id":${id},"result":1}`);
        wire.send(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32000,"message":"x"}}`);
        wire.send(`{"id":${id}}`);
      }
      await wire.expectQuiet();
    });

    // req: rpc.late-answer
    bad('an answer after the wait has ended is dropped', async (wire) => {
      await wire.result('tools.register', [{ name: 'late' }]);
      wire.send(
        request(1, 'proposal.submit', {
          proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'late', timeout_ms: 20 }] },
        }),
      );
      const { id } = await wire.nextRequest();
      const frames = [await wire.next(), await wire.next()];
      assert.deepEqual(
        new Set(frames.map(({ method, id: replied }) => method ?? replied)),
        new Set([1, 'tools.cancel']),
      );
      wire.sendJson({ jsonrpc: '2.0', id, result: 'late' });
      wire.sendJson({ jsonrpc: '2.0', id, error: { code: 1, message: 'later' } });
      await wire.expectQuiet();
    });

    // req: rpc.id-in-flight
    bad('an id already in flight gets -32600 and the first call goes on', async (wire) => {
      await wire.result('tools.register', [{ name: 'mine' }]);
      const submit = request('dup', 'proposal.submit', {
        proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'mine' }] },
      });
      wire.send(submit);
      const { id } = await wire.nextRequest();
      for (const frame of [submit, request('dup', 'state.keys', {}), request('dup', 'nope')]) {
        const refused = await wire.exchange(frame);
        assert.deepEqual(
          [refused.id, refused.error?.code, refused.error?.message],
          ['dup', -32600, 'Invalid request: id "dup" is already in flight'],
        );
      }
      wire.sendJson({ jsonrpc: '2.0', id, result: 'first' });
      const reply = await wire.next();
      assert.equal((reply.result as { results: { output: unknown }[] }).results[0]?.output, 'first');
      assert.deepEqual((await wire.exchange(request('dup', 'state.keys', {}))).result, []);
    });

    // req: rpc.id-echo
    bad('ids of every legal kind are echoed digit for digit', async (wire) => {
      const ids = [
        '0',
        '-1',
        '1.50',
        '0.1',
        '-0.5',
        '9007199254740993',
        '18446744073709551615',
        '-9223372036854775808',
        '1e400',
        '""',
        '"ü €😀"',
        '" "',
        'null',
        '"null"',
      ];
      for (const id of ids) {
        wire.send(status(id));
        assert.equal(await wire.nextText(), `{"jsonrpc":"2.0","id":${id},"result":[]}`);
      }
      wire.send(`[${ids.map(status).join(',')}]`);
      assert.equal(await wire.nextText(), `[${ids.map((id) => `{"jsonrpc":"2.0","id":${id},"result":[]}`).join(',')}]`);
      wire.send(
        '{"jsonrpc":"2.0","id":9007199254740993,"method":"state.set","params":{"key":"k","value":{"id":9007199254740992}}}',
      );
      assert.equal(await wire.nextText(), '{"jsonrpc":"2.0","id":9007199254740993,"result":"ok"}');
    });

    // req: rpc.id-illegal
    bad('ids of any other kind get -32600 with id null', async (wire) => {
      for (const id of ['true', 'false', '{}', '[]', '{"id":1}', '[1]']) {
        const reply = await wire.exchange(status(id));
        assert.deepEqual(
          [reply.id, reply.error?.code, reply.error?.message],
          [null, -32600, 'Invalid request: "id" must be a string, a number or null'],
        );
      }
      await wire.expectQuiet();
    });

    // req: rpc.batch
    bad('batches: empty, of notifications alone, nested, mixed', async (wire) => {
      const empty = await wire.exchange('[]');
      assert.deepEqual([empty.id, empty.error?.code], [null, -32600]);
      wire.send('[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b"}]');
      wire.send('[{"jsonrpc":"2.0","id":"cb-9","result":1}]');
      await wire.expectQuiet();
      wire.send(
        `[${status('1')},{"jsonrpc":"2.0","method":"x"},5,[],${request(2, 'nope')},{"jsonrpc":"2.0","id":3},${request(4, 'state.get', {})},${status('"5"')}]`,
      );
      const replies = JSON.parse(await wire.nextText()) as {
        id: unknown;
        result?: unknown;
        error?: { code: number };
      }[];
      assert.deepEqual(
        replies.map(({ id, result, error }) => [id, error?.code ?? result]),
        [
          [1, []],
          [null, -32600],
          [null, -32600],
          [2, -32601],
          [4, -32602],
          ['5', []],
        ],
      );
      await wire.expectQuiet();
    });

    // req: rpc.batch-limit
    bad('a batch of 100 is served, one of 101 gets one -32600', async (wire) => {
      const entries = (count: number): string =>
        `[${Array.from({ length: count }, (_, id) => status(String(id))).join(',')}]`;
      wire.send(entries(100));
      assert.equal((JSON.parse(await wire.nextText()) as unknown[]).length, 100);
      const refused = await wire.exchange(entries(101));
      assert.deepEqual(
        [refused.id, refused.error?.code, refused.error?.message],
        [null, -32600, 'Invalid request: a batch of 101 entries, limit 100'],
      );
      assert.equal((await wire.exchange(`[${'0,'.repeat(1_000_000)}0]`)).error?.code, -32600);
      await wire.expectQuiet();
    });

    // req: rpc.binary-frame
    bad('a binary frame of an unknown type is ignored, before and after authentication', async (wire, daemon) => {
      const stranger = await daemon.peer();
      for (const each of [wire, stranger]) {
        each.sendBinary(new Uint8Array(0));
        each.sendBinary(Uint8Array.of(0xff));
        each.sendBinary(new Uint8Array(26).fill(1));
        each.sendBinary(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"state.keys"}'));
      }
      await wire.expectQuiet();
      await stranger.result('session.auth', { token: daemon.authToken });
      await stranger.expectQuiet();
    });

    // req: rpc.in-flight-limit
    bad(
      'more requests in flight than the limit get -32008 with a time to come back',
      async (wire) => {
        await wire.result('tools.register', [{ name: 'mine' }]);
        const submit = (id: number): string =>
          request(id, 'proposal.submit', { proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'mine' }] } });
        for (let id = 0; id < 8; id++) wire.send(submit(id));
        const callbacks = [];
        for (let n = 0; n < 8; n++) callbacks.push(await wire.nextRequest());
        const refused = await wire.exchange(submit(99));
        assert.deepEqual(
          [refused.error?.code, refused.error?.data],
          [-32008, { reason: 'overloaded', retry_after_ms: 100 }],
        );
        for (const { id } of callbacks) wire.sendJson({ jsonrpc: '2.0', id, result: 1 });
        for (let n = 0; n < 8; n++) await wire.next();
        await wire.expectQuiet();
      },
      { peer: { maxInFlight: 8 } },
    );

    // req: dispatch.auth-gate
    bad(
      'a method before authentication gets -32001 and then the close, in a batch behind the whole answer',
      async (_wire, daemon) => {
        for (const method of ['state.keys', 'server.handshake', 'nope', 'rpc.discover']) {
          const stranger = await daemon.peer();
          const error = await stranger.error(method);
          assert.deepEqual(
            [error.code, error.message],
            [-32001, `auth required: call session.auth before "${method}"`],
          );
          assert.deepEqual(await stranger.closed, { code: 1008, reason: 'auth required' });
        }
        const stranger = await daemon.peer();
        stranger.send(`[${status('1')},${request(2, 'session.auth', { token: 'wrong' })},${request(3, 'nope')}]`);
        const replies = JSON.parse(await stranger.nextText()) as { id: number; error: { code: number } }[];
        assert.deepEqual(
          new Map(replies.map(({ id, error }) => [id, error.code])),
          new Map([
            [1, -32001],
            [2, -32603],
            [3, -32001],
          ]),
        );
        assert.equal((await stranger.closed).code, 1008);
      },
    );

    // req: dispatch.auth-gate
    bad('what comes behind a method before authentication in the same breath is not served', async (_wire, daemon) => {
      const stranger = await daemon.peer();
      stranger.send(status('1'));
      stranger.send(request(2, 'session.auth', { token: daemon.authToken }));
      stranger.send(request(3, 'state.set', { key: 'k', value: 1 }));
      assert.equal((await stranger.next()).error?.code, -32001);
      assert.equal((await stranger.closed).code, 1008);
      assert.equal(stranger.unread, 0);
    });

    // req: auth.wrong-token
    bad(
      'before authentication a malformed frame is answered and closes nothing, and a notification is ignored',
      async (_wire, daemon) => {
        const stranger = await daemon.peer();
        assert.equal((await stranger.exchange('{')).error?.code, -32700);
        assert.equal((await stranger.exchange('{"id":1,"method":"x"}')).error?.code, -32600);
        stranger.send('{"jsonrpc":"2.0","method":"state.set","params":{"key":"k","value":1}}');
        assert.equal((await stranger.error('session.auth', { token: 'wrong' })).message, 'auth failed: token mismatch');
        await stranger.result('session.auth', { token: daemon.authToken });
        assert.deepEqual(await stranger.result('state.keys', {}), []);
      },
    );

    // req: auth.single-claim
    bad('a second connection of one agent is refused, and the first goes on', async (_wire, daemon) => {
      const first = await daemon.peer({ as: { agent: 'a1' } });
      const second = await daemon.peer();
      const error = await second.error('session.auth', daemon.credential({ agent: 'a1' }));
      assert.deepEqual([error.code, error.message], [-32603, 'agent "a1" is already attached on another connection']);
      await first.expectQuiet();
    });

    // req: callback.channel-closed
    bad('a client that vanishes in the middle of a reverse call ends its own plan only', async (wire, daemon) => {
      await wire.result('tools.register', [{ name: 'mine' }]);
      for (let id = 0; id < 5; id++)
        wire.send(
          request(id, 'proposal.submit', { proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'mine' }] } }),
        );
      for (let n = 0; n < 5; n++) await wire.nextRequest();
      assert.equal(daemon.state.sessions.size, 2);
      wire.channel.terminate();
      await wire.closed;
      while (daemon.state.sessions.size > 1) await turnOver();
    });

    // req: auth.timeout
    bad(
      'a connection that says nothing is closed, one that authenticated is not',
      async (wire, daemon) => {
        const stranger = await daemon.peer();
        assert.deepEqual(await stranger.closed, { code: 1008, reason: 'authentication timed out' });
        await wire.expectQuiet();
      },
      { authTimeoutMs: 60 },
    );
  });
}

for (const transport of ['tcp', 'unix'] as const) {
  // req: rpc.frame-limit
  test(`${transport}: a frame over 16 MiB closes its connection with 1009`, () =>
    withBystander(transport, async (wire) => {
      const limit = 16 * 1024 * 1024;
      const frame = request(1, 'state.set', { key: 'k', value: '' });
      const fill = (bytes: number): string =>
        frame.replace('"value":""', `"value":"${'x'.repeat(bytes - frame.length)}"`);
      assert.equal((await wire.exchange(fill(limit))).result, 'ok');
      wire.send(fill(limit + 1));
      assert.equal((await wire.closed).code, 1009);
    }));
}
