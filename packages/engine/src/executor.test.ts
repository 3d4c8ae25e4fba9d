import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, settled, statuses, testEnv, write } from '../test/support.ts';
import { normalizeProposal, refuseProposal } from './index.ts';
import type { ToolCall } from './index.ts';

// req: engine.result-shape
test('one tool call answers its output and leaves the events of its life', async () => {
  const env = testEnv();
  assert.deepEqual(await env.run([call('a', 'echo', { parameters: { x: 1 } })]), {
    proposal_id: 'p',
    results: [
      {
        action_id: 'a',
        status: 'succeeded',
        output: { x: 1 },
        error: null,
        state_changes: {},
        duration_ms: 0,
        timestamp: '2026-01-01T00:00:00.000Z',
      },
    ],
    cost: {
      tool_calls: 1,
      actions_executed: 1,
      actions_rejected: 0,
      actions_skipped: 0,
      total_duration_ms: 0,
      retries: 0,
    },
  });
  assert.deepEqual(env.calls, [{ action_id: 'a', tool: 'echo', parameters: { x: 1 }, attempt: 1 }]);
  assert.deepEqual(env.log(), ['proposal_received', 'action_validated a', 'action_executing a', 'action_succeeded a']);
  for (const { event } of env.events.slice(1)) assert.equal(event.data['tool'], 'echo');
});

test('a tool that answers nothing answers null, at once or later', async () => {
  const env = testEnv(({ action_id }) => (action_id === 'a' ? undefined : Promise.resolve(undefined)));
  const { results } = await env.run([call('a', 'ok'), call('b', 'ok')]);
  assert.deepEqual(
    results.map(({ output }) => output),
    [null, null],
  );
});

// req: engine.pipeline.state-actions
test('state actions read and write without a dispatch', async () => {
  const env = testEnv();
  const { results } = await env.run([
    write('w', 'k', { a: 1 }),
    { id: 'r', type: 'state_read', parameters: { key: 'k' }, state_dependencies: ['k'] },
    { id: 'n', type: 'state_read', parameters: { key: 'nothing' } },
    write('z', 'z', undefined),
  ]);
  assert.deepEqual(
    results.map(({ output, state_changes }) => [output, state_changes]),
    [
      [null, { k: { a: 1 } }],
      [{ a: 1 }, {}],
      [null, {}],
      [null, { z: null }],
    ],
  );
  assert.deepEqual(env.calls, []);
  assert.equal(env.state.has('z'), true);
});

// req: engine.pipeline.assertion
test('an assertion compares state with expected or value, by default for equality', async () => {
  const env = testEnv();
  env.state.set('n', 5);
  const check = (id: string, parameters: Record<string, unknown>) =>
    ({ id, type: 'assertion', parameters, failure_behavior: 'skip' }) as const;
  const result = await env.run([
    check('a', { key: 'n', expected: 5 }),
    check('b', { key: 'n', value: 5 }),
    check('c', { key: 'n', operator: 'gt', value: 5 }),
    check('d', { key: 'n', operator: 'resembles', value: 5 }),
  ]);
  assert.equal(statuses(result), 'a:succeeded b:succeeded c:failed d:failed');
  assert.equal(result.results[2]!.error, "assertion failed: state['n'] gt 5");
});

// req: engine.pipeline.commit
test('declared effects are committed, and a state_write has the last word on its own key', async () => {
  const env = testEnv();
  const { results } = await env.run([
    call('a', 'ok', { expected_effects: { x: 1, y: 2 } }),
    write('w', 'k', 'written', { expected_effects: { k: 'declared', j: 1 } }),
  ]);
  assert.deepEqual(results[0]!.state_changes, { x: 1, y: 2 });
  assert.deepEqual(results[1]!.state_changes, { k: 'written', j: 1 });
  assert.deepEqual({ ...env.state.snapshot() }, { j: 1, k: 'written', x: 1, y: 2 });
  const changed = env.events.filter(({ kind }) => kind === 'state_changed');
  assert.deepEqual(changed[0]!.event.data, { tool: 'ok', keys: ['x', 'y'] });
});

test('an effect on a key named __proto__ is a change like any other', async () => {
  const env = testEnv();
  const effects = JSON.parse('{"__proto__":{"polluted":1}}') as Record<string, unknown>;
  const { results } = await env.run([call('a', 'ok', { expected_effects: effects })]);
  assert.equal(JSON.stringify(results[0]!.state_changes), '{"__proto__":{"polluted":1}}');
  assert.deepEqual(env.state.get('__proto__'), { polluted: 1 });
  assert.equal('polluted' in {}, false);
});

// req: engine.cost, engine.pipeline.validation
test('validation names what is wrong, everything at once, and rejects', async () => {
  const env = testEnv();
  const { results, cost } = await env.run([
    call('a', 'nope', { failure_behavior: 'skip' }),
    { id: 'b', type: 'tool_call', failure_behavior: 'skip' },
    call('c', 'ok', { failure_behavior: 'skip', state_dependencies: ['k'] }),
    { id: 'd', type: 'state_write', failure_behavior: 'skip', parameters: {} },
    call('e', 'ok', {
      failure_behavior: 'skip',
      state_dependencies: ['k', 'j'],
      preconditions: [{ key: 'n', operator: 'exists' }],
    }),
  ]);
  assert.deepEqual(
    results.map(({ status, error }) => [status, error]),
    [
      ['rejected', "tool 'nope' is not registered"],
      ['rejected', 'tool_call action has no tool specified'],
      ['rejected', "state dependency 'k' not found"],
      ['rejected', 'state_write action has no key specified'],
      [
        'rejected',
        "precondition failed: state['n'] exists; state dependency 'k' not found; state dependency 'j' not found",
      ],
    ],
  );
  assert.deepEqual([cost.actions_rejected, cost.actions_executed, env.calls.length], [5, 0, 0]);
  assert.deepEqual(env.log().slice(1, 3), ['action_rejected a', 'action_rejected b']);
});

// req: engine.pipeline.schema
test('parameters are checked against the schema, which is compiled when it is first needed', async () => {
  const env = testEnv();
  const parameters = { properties: { n: { type: 'number' } }, required: ['n'], title: 'for this test' };
  env.tools.add({ name: 'typed', description: '', parameters, idempotent: false });
  const { results } = await env.run([
    call('a', 'typed', { failure_behavior: 'skip' }),
    call('b', 'typed', { parameters: { n: 1, more: 2 } }),
  ]);
  assert.deepEqual([results[0]!.error, results[1]!.status], ["parameter 'n' is required", 'succeeded']);
});

// req: engine.pipeline.capabilities
test('of the capability sets deny wins and an empty allow set allows everything', async () => {
  const run = async (allow: string[], deny: string[]) => {
    const env = testEnv(undefined, { capabilities: { allow: new Set(allow), deny: new Set(deny) } });
    const skip = { failure_behavior: 'skip' as const };
    return statuses(await env.run([call('a', 'ok', skip), call('b', 'echo', skip), write('c', 'k', 1, skip)]));
  };
  assert.equal(await run([], []), 'a:succeeded b:succeeded c:succeeded');
  assert.equal(await run(['ok'], []), 'a:succeeded b:rejected c:succeeded');
  assert.equal(await run(['ok'], ['ok']), 'a:rejected b:rejected c:succeeded');
});

// req: engine.pipeline.policies
test('policy violations are all told, logged and reject before anything is dispatched', async () => {
  const env = testEnv();
  env.policies.register({ name: 'no-ok', rule: 'deny_tool', target: 'ok' });
  env.policies.register({ name: 'mode', rule: 'require_state', key: 'mode', value: 'on' });
  const { results } = await env.run([call('a', 'ok')]);
  assert.equal(results[0]!.error, "tool 'ok' denied; state['mode'] must be \"on\"");
  assert.deepEqual(env.log(), ['proposal_received', 'policy_violation a', 'policy_violation a', 'action_rejected a']);
  assert.deepEqual(env.events[1]!.event.data, { tool: 'ok', policy_name: 'no-ok', reason: "tool 'ok' denied" });
  assert.deepEqual(env.calls, []);
});

// req: policy.session
test('a policy session adds its denials; one that is not open rejects every action', async () => {
  const env = testEnv();
  const session = env.policies.openSession();
  env.policies.register({ name: 'p', rule: 'deny_tool', target: 'fail', session_id: session });
  const plan = [call('a', 'ok', { failure_behavior: 'skip' }), call('b', 'fail', { failure_behavior: 'skip' })];
  assert.equal(statuses(await env.run(plan, { sessionId: session })), 'a:succeeded b:rejected');
  assert.equal(env.calls[0]!.session_id, session);
  const refused = await env.run([write('a', 'k', 1), write('b', 'k', 2)], { sessionId: 'nobody' });
  assert.equal(statuses(refused), 'a:rejected b:rejected');
  assert.equal(refused.results[1]!.error, "unknown policy session 'nobody'");
  assert.deepEqual([refused.cost.actions_rejected, env.state.has('k')], [2, false]);
});

// req: engine.order.checked-as-run
test('references are replaced before the checks, so checks see what the tool will get', async () => {
  const env = testEnv();
  env.policies.register({ name: 'p', rule: 'deny_tool_param', target: 'echo', key: 'text', pattern: 'secret' });
  const { results } = await env.run([
    call('a', 'echo', { parameters: { password: 'secret' }, failure_behavior: 'skip' }),
    call('b', 'echo', { parameters: { text: '$a.output' }, failure_behavior: 'skip' }),
    call('c', 'echo', { parameters: { list: ['$a.output', '$none.output'] }, failure_behavior: 'skip' }),
  ]);
  assert.equal(results[1]!.error, "param 'text' matches 'secret'");
  assert.deepEqual(results[2]!.output, { list: [{ password: 'secret' }, '$none.output'] });
});

test('a reference to an action that brought no output is null', async () => {
  const { results } = await testEnv().run([
    call('a', 'fail', { failure_behavior: 'skip' }),
    call('b', 'echo', { parameters: { x: '$a.output' } }),
  ]);
  assert.deepEqual(results[1]!.output, { x: null });
});

// req: engine.order.concurrency
test('levels run one after another; an abort action makes its level sequential, without one it overlaps', async () => {
  const run = async (failure_behavior: 'abort' | 'skip') => {
    let inFlight = 0;
    let most = 0;
    const env = testEnv(async () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await settled();
      inFlight -= 1;
    });
    await env.run([
      call('a', 'ok', { failure_behavior: 'skip' }),
      call('b', 'ok', { failure_behavior: 'retry' }),
      call('c', 'ok', { failure_behavior }),
      call('d', 'ok', { failure_behavior: 'skip', dependencies: ['a'] }),
    ]);
    return most;
  };
  assert.deepEqual([await run('skip'), await run('abort')], [3, 1]);
});

// req: engine.order.concurrency
test('no more than maxInFlight actions of a level run at once', async () => {
  let inFlight = 0;
  let most = 0;
  const env = testEnv(async () => {
    inFlight += 1;
    most = Math.max(most, inFlight);
    await settled();
    inFlight -= 1;
  });
  const plan = Array.from({ length: 1_000 }, (_, n) => call(`a${n}`, 'ok', { failure_behavior: 'skip' }));
  assert.equal((await env.run(plan)).cost.actions_executed, 1_000);
  assert.equal(most, 100);
  most = 0;
  await env.run(plan.slice(0, 50), { maxInFlight: 7 });
  assert.equal(most, 7);
});

// req: engine.result-shape, engine.cost, engine.abort
test('an abort that fails skips the rest and puts the state back', async () => {
  const env = testEnv();
  env.state.set('k', 'before');
  const result = await env.run([
    write('a', 'k', 'after'),
    call('b', 'ok', { expected_effects: { new: 1 } }),
    call('c', 'fail'),
    call('d', 'ok'),
  ]);
  assert.equal(statuses(result), 'a:succeeded b:succeeded c:failed d:skipped');
  assert.deepEqual(
    result.results.map(({ error, state_changes, rolled_back }) => [error, state_changes, rolled_back]),
    [
      [null, {}, true],
      [null, {}, true],
      ['it broke', {}, undefined],
      ["skipped: action 'c' failed", {}, undefined],
    ],
  );
  assert.equal('rolled_back' in result.results[2]!, false);
  assert.deepEqual({ ...env.state.snapshot() }, { k: 'before' });
  assert.deepEqual([result.cost.actions_executed, result.cost.actions_skipped, result.cost.tool_calls], [3, 1, 2]);
  const log = env.log();
  assert(log.indexOf('state_snapshot') < log.indexOf('state_changed a'));
  assert.deepEqual(log.slice(-3), ['action_failed c', 'state_rollback', 'action_skipped d']);
  assert.deepEqual(env.events.at(-2)!.event.data, { caused_by: 'c', restored: ['k', 'new'] });
});

// req: engine.retry
test('a retry that fails for good stops like an abort but takes nothing back', async () => {
  const env = testEnv();
  const result = await env.run([
    write('a', 'k', 1),
    call('b', 'fail', { failure_behavior: 'retry', max_retries: 0 }),
    call('c', 'ok'),
  ]);
  assert.equal(statuses(result), 'a:succeeded b:failed c:skipped');
  assert.equal(env.state.get('k'), 1);
  assert.equal(env.log().includes('state_rollback'), false);
});

// req: engine.skip
test('a skip that fails is reported and the proposal goes on', async () => {
  const env = testEnv();
  const result = await env.run([
    call('a', 'fail', { failure_behavior: 'skip', expected_effects: { never: 1 } }),
    write('b', 'k', 1),
  ]);
  assert.equal(statuses(result), 'a:failed b:succeeded');
  assert.deepEqual(env.state.keys(), ['k']);
});

// req: engine.rejected
test('a rejection stops unless the action says skip, and takes nothing back', async () => {
  for (const failure_behavior of ['abort', 'retry'] as const) {
    const env = testEnv();
    const result = await env.run([write('a', 'k', 1), call('b', 'nope', { failure_behavior }), call('c', 'ok')]);
    assert.equal(statuses(result), 'a:succeeded b:rejected c:skipped');
    assert.equal(result.results[2]!.error, "skipped: action 'b' was rejected");
    assert.equal(env.state.get('k'), 1);
  }
  const skipped = await testEnv().run([call('b', 'nope', { failure_behavior: 'skip' }), call('c', 'ok')]);
  assert.equal(statuses(skipped), 'b:rejected c:succeeded');
});

// req: engine.retry
test('a concurrent level ends as a whole before a failed retry in it stops the proposal', async () => {
  const result = await testEnv().run([
    call('a', 'fail', { failure_behavior: 'retry', max_retries: 0 }),
    call('b', 'ok', { failure_behavior: 'skip' }),
    call('c', 'ok', { failure_behavior: 'skip', dependencies: ['a'] }),
  ]);
  assert.equal(statuses(result), 'a:failed b:succeeded c:skipped');
});

// req: engine.pipeline.idempotency
test('an idempotent success is remembered by operation and tenant and not run again', async () => {
  const env = testEnv();
  const plan = [call('a', 'echo', { idempotent: true, parameters: { x: 1, y: 2 } })];
  await env.run(plan);
  const again = await env.run([call('b', 'echo', { idempotent: true, parameters: { y: 2, x: 1 } })]);
  assert.deepEqual(
    [again.results[0]!.output, again.cost.tool_calls, again.cost.actions_executed],
    [{ x: 1, y: 2 }, 0, 1],
  );
  assert.equal(env.log().at(-1), 'action_deduplicated b');
  await env.run(plan, { tenantId: 't' });
  await env.run([call('a', 'echo', { idempotent: true, parameters: { x: 2 } })]);
  assert.equal(env.calls.length, 3);
});

// req: engine.abort-forgets
test('what a rolled back proposal remembered is forgotten, what was known before is not', async () => {
  const env = testEnv();
  const known = call('known', 'echo', { idempotent: true, parameters: { n: 0 } });
  const fresh = call('fresh', 'echo', { idempotent: true, parameters: { n: 1 } });
  await env.run([known]);
  await env.run([known, fresh, call('c', 'fail')]);
  env.calls.length = 0;
  await env.run([known, fresh]);
  assert.deepEqual(
    env.calls.map(({ action_id }) => action_id),
    ['fresh'],
  );
});

// req: engine.pipeline.idempotency
test('a failure is not remembered', async () => {
  const env = testEnv();
  for (let n = 0; n < 2; n += 1) await env.run([call('a', 'fail', { idempotent: true })]);
  assert.equal(env.calls.length, 2);
});

// req: engine.detached-refused
test('detached modes are refused by the action, without a dispatch or a retry', async () => {
  for (const invocation_mode of ['streaming', 'long_running'] as const) {
    const env = testEnv();
    const { results, cost } = await env.run([call('a', 'ok', { invocation_mode, failure_behavior: 'retry' })]);
    assert.equal(results[0]!.status, 'failed');
    assert.match(results[0]!.error!, /does not support streaming\/long-running invocation/);
    assert.deepEqual([env.calls.length, cost.retries, cost.tool_calls], [0, 0, 0]);
  }
});

test('a tenant works on its own state', async () => {
  const env = testEnv();
  env.state.set('k', 'unscoped');
  const scoped = { tenantId: 't' };
  const result = await env.run(
    [{ id: 'r', type: 'state_read', parameters: { key: 'k' } }, write('w', 'k', 'scoped')],
    scoped,
  );
  assert.equal(result.results[0]!.output, null);
  assert.deepEqual([env.state.get('k'), env.state.view('t').get('k')], ['unscoped', 'scoped']);
  assert.deepEqual(env.events[0]!.event.data, { source: 'unknown', actions: 2, tenant: 't' });
});

// req: engine.abort-own-writes
test('two proposals at once take back only their own writes', async () => {
  const gate = Promise.withResolvers<void>();
  const env = testEnv(async ({ tool }: ToolCall) => {
    await gate.promise;
    if (tool === 'fail') throw new Error('it broke');
  });
  const first = env.run([write('a', 'x', 1), write('b', 'shared', 1), call('c', 'fail')]);
  const second = env.run([write('a', 'y', 2), write('b', 'shared', 2), call('c', 'ok')]);
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual({ ...env.state.snapshot() }, { shared: 2, y: 2 });
});

test('a proposal without actions answers no results', async () => {
  const env = testEnv();
  assert.deepEqual((await env.run([])).results, []);
});

// req: engine.refusal
test('a refused proposal has every action rejected and nothing run', () => {
  const env = testEnv();
  const proposal = normalizeProposal({ id: 'p', actions: [write('a', 'k', 1), call('b', 'ok')] });
  const result = refuseProposal(proposal, env, (action) => `not ${action.id}`);
  assert.equal(statuses(result), 'a:rejected b:rejected');
  assert.deepEqual(
    result.results.map(({ error }) => error),
    ['not a', 'not b'],
  );
  assert.deepEqual([result.cost.actions_rejected, env.state.has('k'), env.calls.length], [2, false, 0]);
  assert.deepEqual(env.log(), ['proposal_received', 'action_rejected a', 'action_rejected b']);
});

// req: engine.gives-way
test('a long run of actions that answer at once lets other work in between', async () => {
  let monotonic = 0;
  const env = testEnv(undefined, {
    clock: { now: () => 0, monotonic: () => (monotonic += 1), setTimeout: () => 0, clearTimeout: () => undefined },
  });
  let turns = 0;
  const ticking = setInterval(() => (turns += 1), 0);
  const other = setImmediate(() => (turns += 1));
  await env.run(Array.from({ length: 500 }, (_, n) => write(`a${n}`, 'k', n)));
  clearInterval(ticking);
  clearImmediate(other);
  assert(turns > 0);
});

// req: engine.detached-refused
test('a tool that can be started detached is dispatched with its mode, and not remembered', async () => {
  const env = testEnv(() => ({ tool_handle: 'h', status: 'running' }), { canDetach: (tool) => tool === 'ok' });
  const plan = [call('a', 'ok', { invocation_mode: 'streaming', idempotent: true }), write('b', 'k', 1)];
  for (let n = 0; n < 2; n += 1) assert.equal(statuses(await env.run(plan)), 'a:succeeded b:succeeded');
  assert.deepEqual(
    env.calls.map(({ mode }) => mode),
    ['streaming', 'streaming'],
  );
  const refused = await env.run([call('a', 'echo', { invocation_mode: 'long_running' })]);
  assert.equal(refused.results[0]!.error, "tool 'echo' does not support streaming/long-running invocation");
});

test('a tool that is registered anew while its schema is compiled is checked against the new one', async () => {
  const env = testEnv();
  const schema = (title: string, type: string) => ({
    name: 'typed',
    description: '',
    parameters: { title, properties: { n: { type } } },
    idempotent: false,
  });
  env.tools.add(schema('first version of this test', 'string'));
  const running = env.run([call('a', 'typed', { parameters: { n: 1 } })]);
  env.tools.add(schema('second version of this test', 'number'));
  assert.equal(statuses(await running), 'a:succeeded');
});

// req: engine.outputs-bounded
test('a result has room for so many characters of outputs; an action beyond them fails, or is rejected if it would only repeat', async () => {
  const env = testEnv(({ parameters }) => ({ text: parameters['text'] }));
  env.state.set('k', 'x'.repeat(100));
  const skip = { failure_behavior: 'skip' as const };
  const read = (id: string) => ({ id, type: 'state_read', parameters: { key: 'k' }, ...skip }) as const;
  const remembered = (id: string) =>
    call(id, 'ok', { ...skip, idempotent: true, parameters: { text: 'y'.repeat(90) } });
  const result = await env.run(
    [read('a'), read('b'), remembered('c'), remembered('d'), read('e'), write('f', 'n', 1)],
    {
      maxOutputChars: 320,
    },
  );
  assert.equal(statuses(result), 'a:succeeded b:succeeded c:succeeded d:rejected e:failed f:succeeded');
  const error = 'output left out: the outputs of a proposal may have 320 characters together';
  assert.deepEqual(
    result.results.map((one) => one.error),
    [null, null, null, error, error, null],
  );
  const alone = await env.run([call('g', 'ok', { ...skip, parameters: { text: 'z'.repeat(400) } })], {
    maxOutputChars: 320,
  });
  assert.deepEqual([statuses(alone), alone.results[0]!.output], ['g:failed', null]);
});
