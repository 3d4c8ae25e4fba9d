// What needs approval waits as an approval that every host sees; submits may wait for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActionProposal, HostApproval } from '@car-runtime/protocol';
import { serve, type TestDaemon } from '@car-runtime/testkit';

const deploy: ActionProposal = {
  id: 'p',
  actions: [{ id: 'd', type: 'tool_call', tool: 'deploy', parameters: { to: 'staging\u202e\u200b' } }],
};

async function agentWithDeploy(daemon: TestDaemon) {
  const client = await daemon.connect({ as: { agent: 'a1' } });
  let calls = 0;
  await client.registerTool('deploy', undefined, () => ++calls);
  return { client, calls: () => calls };
}

/** Approvals of operations that wait, once there are so many. */
async function open(daemon: TestDaemon, count: number): Promise<HostApproval[]> {
  const host = await daemon.connect({ as: 'host' });
  for (;;) {
    const { approvals } = await host.host.approvals({ status: 'pending' });
    if (approvals.length >= count) return approvals;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

// req: asking.durable-row, asking.card
test('a submit that needs approval leaves one approval, however often it comes, and approving it lets it run', async () => {
  await using daemon = serve();
  const { client, calls } = await agentWithDeploy(daemon);
  const host = await daemon.connect({ as: 'host' });
  const { session_id } = await host.session.init();
  const first = await client.proposal.submit({ proposal: deploy });
  const second = await client.proposal.submit({ proposal: deploy });
  assert.deepEqual(first.admission?.approval_ids, second.admission?.approval_ids);
  const [approval, ...others] = await open(daemon, 1);
  assert.ok(approval);
  assert.deepEqual(others, []);
  assert.deepEqual([approval.kind, approval.agent_id, approval.status], ['permission', 'a1', 'pending']);
  assert.match(String(approval.card), /Run "deploy": full_access, compensable/);
  assert.match(String(approval.card), /parameters\.to: "staging \[2 hidden characters removed\]"/);
  assert.doesNotMatch(String(approval.card), /[\u202e\u200b]/);

  await host.host.resolve_approval({ approval_id: approval.id, resolution: 'approve', notes: 'go' });
  const { decisions } = await client.permission.evaluate({ proposal: deploy });
  assert.deepEqual([decisions[0]?.decision, decisions[0]?.reason], ['allow', `approved by conn:${session_id}`]);
  assert.equal((await client.proposal.submit({ proposal: deploy })).results[0]?.status, 'succeeded');
  assert.equal(calls(), 1);
});

// req: asking.host-role
test('only a host resolves the approval of an operation', async () => {
  await using daemon = serve();
  const { client } = await agentWithDeploy(daemon);
  const { admission } = await client.proposal.submit({ proposal: deploy });
  const params = { approval_id: admission?.approval_ids[0], resolution: 'approve' };
  for (const as of ['client', { agent: 'a2' }] as const)
    await (await daemon.peer({ as })).error('host.resolve_approval', params);
  assert.equal((await client.permission.evaluate({ proposal: deploy })).decisions[0]?.decision, 'needs_approval');
});

// req: asking.wait
test('a submit that waits runs when it is approved, and comes back with the outcome when it is not', async () => {
  await using daemon = serve();
  const { client, calls } = await agentWithDeploy(daemon);
  const host = await daemon.connect({ as: 'host' });
  const decide = async (resolution: string) => {
    const waiting = client.proposal.submit({ proposal: deploy, approval_wait_ms: 60_000 });
    const [approval] = await open(daemon, 1);
    await host.host.resolve_approval({ approval_id: approval!.id, resolution });
    return await waiting;
  };
  const denied = await decide('deny');
  assert.deepEqual([denied.results[0]?.status, denied.admission?.outcome], ['rejected', 'denied_by_human']);
  assert.equal(denied.admission?.reason, 'permission_denied', 'and stays denied');
  await host.permission.approve({ action: deploy.actions[0]! });
  await host.permission.reject({ action: { ...deploy.actions[0]!, tool: 'other' } });
  assert.equal((await client.proposal.submit({ proposal: deploy })).results[0]?.status, 'succeeded');
  assert.equal(calls(), 1);

  await client.registerTool('publish', undefined, () => 'out');
  const publish: ActionProposal = { actions: [{ id: 'x', type: 'tool_call', tool: 'publish' }] };
  const waiting = client.proposal.submit({ proposal: publish, approval_wait_ms: 60_000 });
  const [approval] = await open(daemon, 1);
  await host.host.resolve_approval({ approval_id: approval!.id, resolution: 'approve' });
  assert.deepEqual([(await waiting).results[0]?.status, (await waiting).admission], ['succeeded', undefined]);
});

// req: asking.denied-stays
test('what a person denied is denied to every later submit without asking again, until it is approved', async () => {
  await using daemon = serve();
  const { client, calls } = await agentWithDeploy(daemon);
  const host = await daemon.connect({ as: 'host' });
  await client.proposal.submit({ proposal: deploy });
  const [asked] = await open(daemon, 1);
  await host.host.resolve_approval({ approval_id: asked!.id, resolution: 'deny' });
  for (let again = 0; again < 2; again++) {
    const { admission } = await client.proposal.submit({ proposal: deploy, approval_wait_ms: 60_000 });
    assert.deepEqual([admission?.reason, admission?.approval_ids], ['permission_denied', []]);
  }
  assert.equal((await host.host.approvals({ status: 'pending' })).total, 0);
  // Another operation is another question.
  const other = { actions: [{ ...deploy.actions[0]!, parameters: { to: 'elsewhere' } }] };
  assert.equal((await client.proposal.submit({ proposal: other })).admission?.approval_ids.length, 1);
  await host.permission.approve({ action: deploy.actions[0]! });
  assert.equal((await client.proposal.submit({ proposal: deploy })).results[0]?.status, 'succeeded');
  assert.equal(calls(), 1);
});

// req: asking.expired
test('a submit whose time to wait is over is refused as expired, and its approval goes on waiting', async () => {
  await using daemon = serve();
  const { client } = await agentWithDeploy(daemon);
  const { admission, results } = await client.proposal.submit({ proposal: deploy, approval_wait_ms: 1 });
  assert.deepEqual([results[0]?.status, admission?.outcome], ['rejected', 'expired']);
  const [approval] = await open(daemon, 1);
  assert.deepEqual([approval?.id, approval?.outcome], [admission?.approval_ids[0], undefined]);
});

// req: asking.requester-gone
test('an approval that only a connection that is gone waited for ends as requester_gone', async () => {
  await using daemon = serve();
  const { client } = await agentWithDeploy(daemon);
  const host = await daemon.connect({ as: 'host' });
  const waiting = client.proposal.submit({ proposal: deploy, approval_wait_ms: 60_000 });
  waiting.catch(() => undefined);
  const [approval] = await open(daemon, 1);
  await client[Symbol.asyncDispose]();
  for (;;) {
    const { approvals } = await host.host.approvals({});
    const found = approvals.find(({ id }) => id === approval?.id);
    if (found?.status === 'resolved') {
      assert.equal(found.outcome, 'requester_gone');
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { decisions } = await host.permission.evaluate({ proposal: deploy });
  assert.equal(decisions[0]?.decision, 'needs_approval', 'which decides nothing');
});

// req: asking.decided-elsewhere
test('deciding by fingerprint ends the approval that waits for it', async () => {
  await using daemon = serve();
  const { client } = await agentWithDeploy(daemon);
  const host = await daemon.connect({ as: 'host' });
  const { admission } = await client.proposal.submit({ proposal: deploy });
  const { fingerprint } = admission!.decisions[0]!;
  await host.permission.approve({ fingerprint, required_tier: 'full_access', reason: 'fine' });
  const { approvals } = await host.host.approvals({});
  assert.deepEqual(
    approvals.map(({ id, outcome }) => [id, outcome]),
    [[admission?.approval_ids[0], 'approved']],
  );
});

// req: asking.bounded
test('a plan of very many operations asks for some, and names the rest as a plan', async () => {
  await using daemon = serve();
  const { client } = await agentWithDeploy(daemon);
  const actions = Array.from({ length: 300 }, (_, index) => ({
    id: `d${index}`,
    type: 'tool_call' as const,
    tool: 'deploy',
    parameters: { index },
  }));
  const { admission, results } = await client.proposal.submit({ proposal: { actions } });
  assert.deepEqual(
    [admission?.approval_ids.length, admission?.decisions.length, admission?.left_out],
    [50, 100, 200 + 250],
  );
  assert.ok(String(results[0]?.error).length < 10_000);
  const host = await daemon.connect({ as: 'host' });
  const { approved } = await host.permission.approve_plan({ digest: admission!.plan_digest! });
  assert.equal(approved, 300);
  const { results: ran } = await client.proposal.submit({ proposal: { actions } });
  assert.ok(ran.every(({ status }) => status === 'succeeded'));
});

// req: asking.fair
test('nobody takes all the room there is for asking', async () => {
  await using daemon = serve();
  const { client } = await agentWithDeploy(daemon);
  const submit = async (index: number) => {
    const actions = Array.from({ length: 50 }, (_, at) => ({
      type: 'tool_call' as const,
      tool: 'deploy',
      parameters: { index, at },
    }));
    return (await client.proposal.submit({ proposal: { actions } })).admission;
  };
  for (let index = 0; index < 10; index++) assert.equal((await submit(index))?.approval_ids.length, 50);
  const full = await submit(10);
  assert.deepEqual([full?.approval_ids, full?.left_out], [[], 50]);
  const other = await daemon.connect({ as: { agent: 'a2' } });
  await other.registerTool('publish', undefined, () => 'out');
  const publish = { actions: [{ type: 'tool_call' as const, tool: 'publish' }] };
  assert.equal((await other.proposal.submit({ proposal: publish })).admission?.approval_ids.length, 1);
  const host = await daemon.connect({ as: 'host' });
  const [first] = await open(daemon, 1);
  await host.host.resolve_approval({ approval_id: first!.id, resolution: 'deny' });
  assert.equal((await submit(11))?.approval_ids.length, 1, 'where one was decided there is room for one');
});
