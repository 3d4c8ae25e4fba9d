import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActionProposal } from '@car-runtime/protocol';
import { serve, type TestDaemon } from '@car-runtime/testkit';

type Action = ActionProposal['actions'][number];

const call = (tool: string, parameters: Record<string, unknown> = {}, more: Partial<Action> = {}): Action => ({
  id: tool,
  type: 'tool_call',
  tool,
  parameters,
  ...more,
});
const plan = (...actions: Action[]): ActionProposal => ({ id: 'p', source: 'tests', actions });

/** A client whose tools count their calls. */
async function agentWith(daemon: TestDaemon, as: 'client' | { agent: string }, ...tools: string[]) {
  const client = await daemon.connect({ as });
  const calls: string[] = [];
  for (const tool of tools) await client.registerTool(tool, undefined, () => calls.push(tool));
  const submit = async (proposal: ActionProposal) => await client.proposal.submit({ proposal });
  return { client, calls, submit };
}

const statuses = ({ results }: { results: { status: string }[] }) => results.map(({ status }) => status);

// req: permission.default-tier, permission.set-tier
test('a session is granted sandbox_edit, and what a host grants it counts at once and for it alone', async () => {
  await using daemon = serve();
  const { client, submit } = await agentWith(daemon, 'client', 'write_file', 'read_file');
  const host = await daemon.connect({ as: 'host' });
  const { session_id } = await client.session.init();
  assert.deepEqual(await client.permission.get_tier(), { granted_tier: 'sandbox_edit' });
  const both = plan(call('write_file'), call('read_file'));
  assert.deepEqual(statuses(await submit(both)), ['succeeded', 'succeeded']);
  assert.deepEqual(await host.permission.set_tier({ tier: 'read_only', session_id }), { granted_tier: 'read_only' });
  assert.deepEqual(await host.permission.get_tier(), { granted_tier: 'sandbox_edit' });
  assert.deepEqual(await host.permission.get_tier({ session_id }), { granted_tier: 'read_only' });
  assert.deepEqual(statuses(await submit(both)), ['rejected', 'rejected'], 'all of it or nothing');
  assert.deepEqual(statuses(await submit(plan(call('read_file')))), ['succeeded']);
  await assert.rejects(
    host.permission.set_tier({ tier: 'read_only', session_id: 'nobody' }),
    /unknown session "nobody"/,
  );
});

// req: permission.classify
test('permission.classify answers tier, reversibility and what is missing, and the contract that was declared', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const proposal = plan(
    call('read_secret', {}, { reversibility: 'reversible' }),
    call('db_insert', {}, { reversibility: 'compensable' }),
    { id: 'w', type: 'state_write', parameters: { key: 'k' }, reversibility: 'reversible' },
  );
  assert.deepEqual(await client.permission.classify({ proposal }), {
    classifications: [
      {
        action_id: 'read_secret',
        tool: 'read_secret',
        required_tier: 'full_access',
        reversibility: 'reversible',
        missing_compensation: false,
        signals: ['tool name: secret'],
      },
      {
        action_id: 'db_insert',
        tool: 'db_insert',
        required_tier: 'sandbox_edit',
        reversibility: 'compensable',
        missing_compensation: true,
      },
      {
        action_id: 'w',
        tool: null,
        required_tier: 'sandbox_edit',
        reversibility: 'reversible',
        missing_compensation: false,
      },
    ],
    declared_rollback_contract: 'compensable',
  });
  const { declared_rollback_contract } = await client.permission.classify({ proposal: { actions: [] } });
  assert.equal(declared_rollback_contract, 'reversible');
});

// req: permission.verdicts, permission.same-question, permission.refusal
test('evaluate, pending and submit give the same answer, before and after a person decided', async () => {
  await using daemon = serve();
  const { client, calls, submit } = await agentWith(daemon, 'client', 'read_file', 'deploy', 'send_mail');
  const host = await daemon.connect({ as: 'host' });
  const { session_id } = await client.session.init();
  const proposal = plan(call('read_file'), call('deploy', { to: 'staging' }), call('send_mail', { to: 'ann' }));
  const decide = async () => (await client.permission.evaluate({ proposal })).decisions.map(({ decision }) => decision);

  assert.deepEqual(await decide(), ['allow', 'needs_approval', 'needs_approval']);
  const { pending } = await client.permission.pending({ proposal });
  assert.deepEqual(
    pending.map(({ action_id, required, granted, reversibility }) => [action_id, required, granted, reversibility]),
    [
      ['deploy', 'full_access', 'sandbox_edit', 'compensable'],
      ['send_mail', 'full_access', 'sandbox_edit', 'irreversible'],
    ],
  );
  const refused = await submit(proposal);
  assert.deepEqual(statuses(refused), ['rejected', 'rejected', 'rejected']);
  for (const { error } of refused.results)
    for (const { action_id, fingerprint } of pending)
      assert.match(
        String(error),
        new RegExp(
          `'${action_id}' needs approval .*requires full_access, granted sandbox_edit, fingerprint ${fingerprint}`,
        ),
      );
  assert.equal(refused.admission?.reason, 'needs_approval');
  assert.deepEqual(refused.admission?.decisions, pending);
  assert.equal(calls.length, 0);

  const [deploy, mail] = pending;
  const record = await host.permission.approve({
    fingerprint: deploy!.fingerprint,
    required_tier: 'full_access',
    reason: 'tested',
    evidence: 'ci/77',
  });
  assert.deepEqual(
    { ...record, decided_at: undefined, reviewer: record.reviewer.replace(/:.*/, '') },
    {
      fingerprint: deploy!.fingerprint,
      required_tier: 'full_access',
      decision: 'approved',
      reviewer: 'conn',
      reason: 'tested',
      evidence: 'ci/77',
      decided_at: undefined,
      tool: 'deploy',
    },
  );
  assert.deepEqual(await decide(), ['allow', 'allow', 'needs_approval']);
  assert.deepEqual(statuses(await submit(plan(call('deploy', { to: 'staging' }, { id: 'other-id' })))), ['succeeded']);
  assert.deepEqual(statuses(await submit(plan(call('deploy', { to: 'production' })))), ['rejected']);

  await host.permission.reject({ action: call('send_mail', { to: 'ann' }), reason: 'spam' });
  assert.deepEqual(await decide(), ['allow', 'allow', 'deny']);
  const denied = await submit(proposal);
  assert.deepEqual([denied.admission?.reason, denied.admission?.approval_ids], ['permission_denied', []]);
  await host.permission.approve({ fingerprint: mail!.fingerprint, required_tier: 'full_access' });
  assert.deepEqual(statuses(await submit(proposal)), ['succeeded', 'succeeded', 'succeeded'], 'the last record counts');
  assert.deepEqual(calls, ['deploy', 'read_file', 'deploy', 'send_mail']);

  const kinds = daemon
    .journal(session_id)
    .map(({ kind, data }) => [kind, data['decision'], data['tool'] ?? data['gate']]);
  assert.ok(
    kinds.some(
      ([kind, decision, tool]) => kind === 'permission_decision' && decision === 'deny' && tool === 'send_mail',
    ),
  );
  assert.ok(
    kinds.some(
      ([kind, decision, gate]) =>
        kind === 'admission_gate_decision' && decision === 'refuse' && gate === 'permission_tier',
    ),
  );
});

// req: permission.verdicts
test('full_access asks in a full_access session too, and an approval at a lower tier is not enough', async () => {
  await using daemon = serve();
  const host = await daemon.connect({ as: 'host' });
  await host.permission.set_tier({ tier: 'full_access' });
  const proposal = plan(call('deploy'));
  const decision = async () => (await host.permission.evaluate({ proposal })).decisions[0]!;
  const { fingerprint, decision: first } = await decision();
  assert.equal(first, 'needs_approval');
  await host.permission.approve({ fingerprint, required_tier: 'sandbox_edit' });
  assert.equal((await decision()).decision, 'needs_approval');
  await host.permission.approve({ fingerprint, required_tier: 'full_access' });
  assert.equal((await decision()).decision, 'allow');
});

// req: permission.skill
test('a skill caps what counts as granted; one that nobody knows may read', async () => {
  await using daemon = serve({ config: { skillTierOf: (skill) => (skill === 'editor' ? 'sandbox_edit' : undefined) } });
  const client = await daemon.connect();
  const proposal = plan(call('read_file'), call('write_file'));
  const of = async (skill?: string) => {
    const { decisions, skill_ceiling } = await client.permission.evaluate({ proposal, skill });
    return [skill_ceiling, ...decisions.map(({ decision, granted }) => `${decision} ${granted}`)];
  };
  assert.deepEqual(await of(), [undefined, 'allow sandbox_edit', 'allow sandbox_edit']);
  assert.deepEqual(await of('editor'), ['sandbox_edit', 'allow sandbox_edit', 'allow sandbox_edit']);
  assert.deepEqual(await of('unheard-of'), ['read_only', 'allow read_only', 'needs_approval read_only']);
});

// req: permission.roles
test('with a host token only hosts grant and decide; without one clients do; agents never', async () => {
  const decisive = [
    ['permission.set_tier', { tier: 'full_access' }],
    ['permission.approve', { action: { type: 'tool_call', tool: 'deploy' } }],
    ['permission.reject', { action: { type: 'tool_call', tool: 'deploy' } }],
    ['permission.approve_plan', { digest: 'x', proposal: { actions: [] } }],
  ] as const;
  await using daemon = serve();
  for (const as of ['client', { agent: 'a1' }] as const) {
    const wire = await daemon.peer({ as });
    for (const [method, params] of decisive)
      assert.match((await wire.error(method, params)).message, /needs the host role/);
    await wire.result('permission.get_tier');
  }
  await using open = serve({ auth: false });
  const client = await open.peer({ as: 'client' });
  assert.deepEqual(await client.result('permission.set_tier', { tier: 'read_only' }), { granted_tier: 'read_only' });
});

test('a decision names what it is about, by fingerprint and tier or as an action', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'host' });
  for (const [params, text] of [
    [{}, /fingerprint/],
    [{ fingerprint: 'f'.repeat(64) }, /fingerprint/],
    [{ fingerprint: 'nope', required_tier: 'full_access' }, /64 hexadecimal digits/],
    [{ fingerprint: 'f'.repeat(64), required_tier: 'everything' }, /required_tier/],
    [{ action: { tool: 'x' } }, /action\.type/],
  ] as const) {
    const { code, message } = await wire.error('permission.approve', params);
    assert.equal(code, -32602);
    assert.match(message, text);
  }
});

// req: permission.recorded
test('whoever decides has it in the journal, with the reviewer the daemon saw', async () => {
  await using daemon = serve();
  const host = await daemon.connect({ as: 'host' });
  const { session_id } = await host.session.init();
  const action = call('deploy', { token_note: 'x' });
  const { reviewer, fingerprint } = await host.permission.approve({ action, ...{ reviewer: 'conn:somebody' } });
  assert.equal(reviewer, `conn:${session_id}`);
  const recorded = daemon.journal(session_id).filter(({ kind }) => kind === 'approval_recorded');
  assert.deepEqual(
    recorded.map(({ data }) => data),
    [{ fingerprint, required_tier: 'full_access', decision: 'approved', reviewer }],
  );
});

// req: postures.resolution, postures.presets, postures.submit
test('postures count for agents once they are set: their own, then the default, then asking', async () => {
  await using daemon = serve();
  const { submit } = await agentWith(daemon, { agent: 'a1' }, 'read_file', 'write_file');
  const client = await agentWith(daemon, 'client', 'write_file');
  const host = await daemon.connect({ as: 'host' });
  const write = plan(call('write_file', { path: 'a' }));
  assert.deepEqual(statuses(await submit(write)), ['succeeded'], 'nobody ever said anything');

  const balanced = { read_only: 'always_allow', sandbox_edit: 'require_approval', full_access: 'require_approval' };
  assert.deepEqual(await host.agent_permissions.get(), { default: balanced, agents: {} });
  assert.deepEqual(await host.agent_permissions.set({ agent_id: 'a2', mode: 'deny', tier: 'full_access' }), {
    default: balanced,
    agents: { a2: { full_access: 'deny' } },
  });
  assert.deepEqual(statuses(await submit(write)), ['rejected']);
  assert.deepEqual(statuses(await client.submit(write)), ['succeeded'], 'a client is no agent');
  assert.deepEqual(statuses(await submit(plan(call('read_file')))), ['succeeded']);
  await host.permission.approve({ action: write.actions[0]! });
  assert.deepEqual(statuses(await submit(write)), ['succeeded'], 'asked and approved');

  const of = async (agent_id: string, tier: 'read_only' | 'sandbox_edit' | 'full_access') => {
    const { mode, has_override } = await host.agent_permissions.evaluate({ agent_id, tier });
    return [mode, has_override];
  };
  assert.deepEqual(await of('a2', 'full_access'), ['deny', true]);
  assert.deepEqual(await of('a2', 'read_only'), ['always_allow', false]);
  await host.agent_permissions.set({ agent_id: 'a1', mode: 'deny' });
  assert.deepEqual(statuses(await submit(write)), ['rejected'], 'no approval is past a denial');
  await host.agent_permissions.set({ agent_id: 'a1', mode: 'always_allow' });
  assert.deepEqual(statuses(await submit(write)), ['succeeded']);
  const { agents } = await host.agent_permissions.reset({ agent_id: 'a1' });
  assert.deepEqual(Object.keys(agents), ['a2']);
  for (const [preset, modes] of [
    ['cautious', ['require_approval', 'require_approval', 'require_approval']],
    ['trusting', ['always_allow', 'always_allow', 'require_approval']],
    ['balanced', ['always_allow', 'require_approval', 'require_approval']],
  ] as const) {
    assert.deepEqual(Object.values((await host.agent_permissions.set_default({ preset })).default), modes);
  }
  const { default: byDefault } = await host.agent_permissions.set_default({ tier: 'read_only', mode: 'deny' });
  assert.deepEqual(byDefault, { ...balanced, read_only: 'deny' });
});

// req: postures.roles
test('no agent changes what agents may do', async () => {
  await using daemon = serve();
  const agent = await daemon.peer({ as: { agent: 'a1' } });
  for (const [method, params] of [
    ['agent_permissions.set', { agent_id: 'a1', mode: 'always_allow' }],
    ['agent_permissions.set_default', { preset: 'trusting' }],
    ['agent_permissions.reset', { agent_id: 'a1' }],
  ] as const)
    assert.match((await agent.error(method, params)).message, /not available to agents/);
  await agent.result('agent_permissions.get');
});
