import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActionProposal } from '@car-runtime/protocol';
import { serve } from '@car-runtime/testkit';

const proposal: ActionProposal = {
  id: 'p',
  source: 'tests\u202e',
  actions: [
    { id: 'r1', type: 'tool_call', tool: 'read_file', parameters: { path: 'a' } },
    { id: 'r2', type: 'tool_call', tool: 'read_file', parameters: { path: 'b' } },
    { id: 'd', type: 'tool_call', tool: 'deploy', parameters: {}, dependencies: ['r1'], metadata: { title: 'safe!' } },
    { id: 'w', type: 'state_write', parameters: { key: 'k', value: 1 } },
  ],
};

// req: review.card, review.digest
test('a review groups a plan, says what needs approval, how far a failure reaches, and what is new since the last one', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  for (const tool of ['read_file', 'deploy']) await client.registerTool(tool, undefined, () => 'ok');
  const host = await daemon.connect({ as: 'host' });
  const first = await client.permission.review({ proposal });
  assert.deepEqual(
    first.groups.map(({ tool, type, required_tier, count, needs_approval, new: added }) => [
      tool ?? type,
      required_tier,
      count,
      needs_approval,
      added,
    ]),
    [
      ['deploy', 'full_access', 1, 1, 1],
      ['state_write', 'sandbox_edit', 1, 0, 1],
      ['read_file', 'read_only', 2, 0, 2],
    ],
  );
  assert.deepEqual(
    [first.required_tier, first.reversibility, first.needs_approval, first.denied, first.since],
    ['full_access', 'compensable', 1, 0, null],
  );
  assert.ok(first.blast_radius.worst.some(({ mean_blast_radius }) => mean_blast_radius > 0));
  assert.match(first.card, /^Plan of 4 actions from "tests \[1 hidden character removed\]": full_access/);
  assert.match(first.card, /1 need approval/);
  assert.doesNotMatch(first.card, /safe!|\u202e/, 'nothing that its author says about it');

  const { digest, approved } = await host.permission.approve_plan({ digest: first.digest, reason: 'looks right' });
  assert.deepEqual([digest, approved], [first.digest, 4]);
  const { results } = await client.proposal.submit({ proposal });
  assert.ok(results.every(({ status }) => status === 'succeeded'));

  const renamed = { ...proposal, id: 'q', actions: proposal.actions.map((action) => ({ ...action, timeout_ms: 9 })) };
  assert.equal((await client.permission.review({ proposal: renamed })).digest, first.digest, 'of what it does');
  const more = {
    ...proposal,
    actions: [...proposal.actions.slice(1), { id: 'n', type: 'tool_call' as const, tool: 'publish' }],
  };
  const second = await client.permission.review({
    proposal: { ...more, actions: more.actions.map((action) => ({ ...action, dependencies: [] })) },
  });
  assert.notEqual(second.digest, first.digest);
  assert.deepEqual([second.since?.digest, second.since?.new_action_ids, second.since?.gone], [first.digest, ['n'], 1]);
  assert.match(second.card, /1 new, 1 gone/);
});

// req: review.approve-plan
test('a plan is approved by the digest of what was reviewed, or with the plan whose digest it is', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const host = await daemon.connect({ as: 'host' });
  const other = { ...proposal, actions: proposal.actions.slice(0, 1) };
  const { digest } = await client.permission.review({ proposal: other });
  await assert.rejects(host.permission.approve_plan({ digest: 'sha256:0' }), /unknown plan "sha256:0"/);
  await assert.rejects(host.permission.approve_plan({ digest, proposal }), /the proposal given is sha256:/);
  assert.equal((await host.permission.approve_plan({ digest, proposal: other })).approved, 1);
});
