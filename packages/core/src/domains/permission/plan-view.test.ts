// A plan as people see it before they approve all of it at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActionProposal } from '@car-runtime/protocol';
import { serve } from '@car-runtime/testkit';

const call = (id: string, tool: string, parameters: Record<string, unknown> = {}) =>
  ({ id, type: 'tool_call', tool, parameters }) as const;
const plan: ActionProposal = {
  source: 'tests\u202e',
  actions: [
    call('read', 'read_file', { path: 'a' }),
    call('ship1', 'deploy', { to: 'staging\u202e' }),
    call('ship2', 'deploy', { to: 'staging\u202e' }),
    call('mail', 'send_email', { body: `${'x'.repeat(9_000)}the end` }),
  ],
};

async function agentWithTools(daemon: ReturnType<typeof serve>) {
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  for (const tool of ['read_file', 'deploy', 'send_email']) await agent.registerTool(tool, undefined, () => 'ok');
  return agent;
}

// req: plans.shown, plans.asked-with
test('a refused plan is shown with every operation, the gravest first, and its approvals name it', async () => {
  await using daemon = serve();
  const agent = await agentWithTools(daemon);
  const host = await daemon.connect({ as: 'host' });
  const { admission } = await agent.proposal.submit({ proposal: plan });
  const digest = admission?.plan_digest ?? '';
  const { approvals } = await host.host.approvals({ status: 'pending' });
  assert.deepEqual(
    approvals.map(({ details, reversibility }) => [details?.['plan'], reversibility]),
    [
      [{ digest, source: 'tests\u202e', actions: 4, action_id: 'ship1' }, 'compensable'],
      [{ digest, source: 'tests\u202e', actions: 4, action_id: 'mail' }, 'irreversible'],
    ],
  );
  const shown = await host.permission.plan({ digest });
  assert.deepEqual(
    shown.operations.map(({ tool, action_ids, count, decision, reversibility, is_new, approval_id }) => ({
      ...{ tool, action_ids, count, decision, reversibility, is_new },
      waits: approval_id === undefined ? null : approvals.findIndex(({ id }) => id === approval_id),
    })),
    [
      ['send_email', ['mail'], 1, 'needs_approval', 'irreversible', 1],
      ['deploy', ['ship1', 'ship2'], 2, 'needs_approval', 'compensable', 0],
      ['read_file', ['read'], 1, 'allow', 'reversible', null],
    ].map(([tool, action_ids, count, decision, reversibility, waits]) => ({
      ...{ tool, action_ids, count, decision, reversibility, is_new: true, waits },
    })),
  );
  assert.deepEqual(
    [shown.agent_id, shown.actions, shown.needs_approval, shown.denied, shown.required_tier, shown.since],
    ['a1', 4, 2, 0, 'full_access', null],
  );
  const [mail, ship] = shown.operations;
  assert.ok((mail?.parameters.length ?? 0) < 3_000, 'and no longer than a person reads');
  assert.doesNotMatch(ship?.parameters ?? '', /\u202e/);

  const { approved } = await host.permission.approve_plan({ digest });
  assert.equal(approved, 3);
  assert.deepEqual((await host.host.approvals({ status: 'pending' })).approvals, []);
  const after = await host.permission.plan({ digest });
  assert.deepEqual(
    after.operations.map(({ decision, is_new }) => [decision, is_new]),
    [
      ['allow', false],
      ['allow', false],
      ['allow', false],
    ],
  );
});

// req: plans.while-waiting
test('a plan whose submit waits is approved as a whole meanwhile, and runs', async () => {
  await using daemon = serve();
  const agent = await agentWithTools(daemon);
  const host = await daemon.connect({ as: 'host' });
  const waiting = agent.proposal.submit({ proposal: plan, approval_wait_ms: 60_000 });
  let digest: string | undefined;
  while (digest === undefined) {
    const { approvals } = await host.host.approvals({ status: 'pending' });
    digest = (approvals.at(1)?.details?.['plan'] as { digest?: string } | undefined)?.digest;
  }
  await host.permission.approve_plan({ digest });
  assert.deepEqual(
    (await waiting).results.map(({ status }) => status),
    ['succeeded', 'succeeded', 'succeeded', 'succeeded'],
  );
});

// req: plans.unknown
test('a plan nobody knows is an error, and agents are told of none', async () => {
  await using daemon = serve();
  const agent = await daemon.peer({ as: { agent: 'a1' } });
  assert.equal((await agent.error('permission.plan', { digest: 'sha256:0' })).data?.['reason'], 'forbidden');
  const host = await daemon.peer({ as: 'host' });
  assert.equal((await host.error('permission.plan', { digest: 'sha256:0' })).data?.['reason'], 'unknown_plan');
});
