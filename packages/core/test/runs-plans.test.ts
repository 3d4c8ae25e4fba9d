// What a run says of its plans: while they are under way, and in their turns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '@car-runtime/testkit';

const call = (id: string, more: object = {}) => ({ id, type: 'tool_call' as const, tool: 'work', ...more });

// req: runs.turn-action
test('each turn of a plan says which action it is, what it waited for, how it ended and how long it took', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  await agent.registerTool('work', undefined, ({ fails }) => {
    if (fails) throw new Error('no luck');
    return 'done';
  });
  await agent.policy.register({
    name: 'no secrets',
    rule: 'deny_tool_param',
    target: 'work',
    key: 'text',
    pattern: 'secret',
  });
  const { run_id } = await agent.runs.start({ intent: 'plan' });
  await agent.proposal.submit({
    proposal: {
      id: 'p1',
      actions: [
        call('a', { expected_effects: { found: 1 } }),
        call('b', { state_dependencies: ['found'], parameters: { text: 'secret' }, failure_behavior: 'skip' }),
        call('c', {
          dependencies: ['a', 'b', 'a'],
          parameters: { fails: true },
          failure_behavior: 'retry',
          max_retries: 1,
        }),
        call('d', { parameters: { of: '$a.output' } }),
      ],
    },
  });
  await agent.runs.record_turns({ run_id, turns: [{ tool: 'own', action: { id: 'made up' } } as object] });
  const trace = await agent.runs.get_trace({ run_id });
  assert.ok('records' in trace);
  const turns = trace.records.filter((record) => record.record === 'turn');
  const timed = turns.map(({ action }) => action?.duration_ms !== undefined && action.started_at !== undefined);
  assert.deepEqual(timed, [true, false, true, true, false]);
  const actions = turns.map(({ action }) => {
    const { duration_ms: _duration, started_at: _start, submitted_at: _submitted, ...rest } = action ?? {};
    return action && rest;
  });
  const of = { proposal_id: 'p1', type: 'tool_call' };
  assert.deepEqual(actions, [
    { ...of, id: 'a', after: [], status: 'succeeded' },
    { ...of, id: 'b', after: ['a'], status: 'rejected', refused_by: ['policy no secrets'] },
    { ...of, id: 'c', after: ['a', 'b'], status: 'failed', attempts: 2 },
    { ...of, id: 'd', after: ['a'], status: 'succeeded' },
    undefined,
  ]);
});

// req: runs.plans
test('while a plan is under way its actions are seen as they come along; afterwards they are turns and nothing else', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const host = await daemon.connect({ as: 'host' });
  const begun = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string>();
  await agent.registerTool('work', undefined, ({ waits }) => {
    if (!waits) return 'at once';
    begun.resolve();
    return answer.promise;
  });
  const { run_id } = await agent.runs.start({ intent: 'plan' });
  assert.deepEqual(await host.runs.plans({ run_id }), { run_id, plans: [] });
  const submitted = agent.proposal.submit({
    proposal: {
      id: 'p1',
      actions: [call('a'), call('b', { dependencies: ['a'], parameters: { waits: true } }), call('c')],
    },
  });
  await begun.promise;
  const { plans } = await host.runs.plans({ run_id });
  assert.deepEqual(
    plans.map(({ proposal_id, actions }) => [
      proposal_id,
      actions.map(({ id, tool, after, status }) => [id, tool, after, status]),
    ]),
    [
      [
        'p1',
        [
          ['a', 'work', [], 'succeeded'],
          ['b', 'work', ['a'], 'executing'],
          ['c', 'work', [], 'succeeded'],
        ],
      ],
    ],
  );
  assert.ok(plans[0]?.actions[1]?.started_at);
  answer.resolve('at last');
  await submitted;
  assert.deepEqual(await host.runs.plans({ run_id }), { run_id, plans: [] });
  const trace = await host.runs.get_trace({ run_id });
  assert.equal('records' in trace && trace.records.length, 4);
});

// req: runs.plans
test('plans of a run are for its agent and for hosts; of a run nobody knows there are none', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const other = await daemon.connect({ as: { agent: 'other' } });
  const { run_id } = await agent.runs.start({ intent: 'plan' });
  await assert.rejects(other.runs.plans({ run_id }), /Cannot read run/);
  await assert.rejects(agent.runs.plans({ run_id: 'nobody' }), /unknown run_id/);
});

// req: runs.plans
test('an answer about plans leaves out the actions it has no room for, and says how many', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const begun = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string>();
  await agent.registerTool('work', undefined, () => {
    begun.resolve();
    return answer.promise;
  });
  const { run_id } = await agent.runs.start({ intent: 'plan' });
  const actions = Array.from({ length: 5 }, (_, index) => call(`${index}${'x'.repeat(300_000)}`));
  const submitted = agent.proposal.submit({ proposal: { actions } });
  await begun.promise;
  const [plan] = (await agent.runs.plans({ run_id })).plans;
  assert.deepEqual([plan?.actions.length, plan?.actions_omitted], [3, 2]);
  answer.resolve('');
  await submitted;
  const trace = await agent.runs.get_trace({ run_id });
  const turns = 'records' in trace ? trace.records.filter((record) => record.record === 'turn') : [];
  assert.deepEqual(
    [turns.length, turns[0]?.action, turns[0]?.tool],
    [5, undefined, 'work'],
    'recorded without what is too long',
  );
});
