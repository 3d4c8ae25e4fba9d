import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '@car-runtime/client';
import { ServerState, type ServerStateConfig } from '@car-runtime/core';
import { createMemoryPair } from '@car-runtime/rpc';
import { serve, TempFolder } from '@car-runtime/testkit';

// req: proposal.admission-recorded
test('every gate a plan passes leaves its decision in the journal, with what the static check found', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const { session_id } = await client.session.init();
  await client.registerTool('t', {}, () => 1);
  const repeat = { type: 'tool_call' as const, tool: 't', parameters: { same: true } };
  const { results } = await client.proposal.submit({ proposal: { id: 'p', actions: [repeat, repeat, repeat] } });
  assert.deepEqual(
    results.map(({ status }) => status),
    ['succeeded', 'succeeded', 'succeeded'],
    'findings refuse nothing',
  );
  const decisions = daemon.journal(session_id).filter(({ kind }) => kind === 'admission_gate_decision');
  assert.deepEqual(
    decisions.map(({ proposal_id, data }) => [proposal_id, data['gate'], data['decision'], data['errors']]),
    [
      ['p', 'static_check', 'allow', 1],
      ['p', 'permission_tier', 'allow', undefined],
    ],
  );
});

// req: proposal.replan
test('where the program makes plans, an aborted plan is replaced as often as the connection allows', async () => {
  using folder = new TempFolder();
  const asked: string[] = [];
  const config: ServerStateConfig = {
    journalDir: folder.join('journals'),
    replanProvider: ({ attempt, result }) => {
      asked.push(`${attempt}: ${result.results[0]?.error}`);
      return Promise.resolve({
        id: `plan-${attempt}`,
        actions: [{ type: 'tool_call', tool: attempt < 2 ? 'bad' : 'good' }],
      });
    },
  };
  await using state = ServerState.withConfig(config);
  const [ours, theirs] = createMemoryPair();
  state.createSession(ours);
  await using client = await connect({ channel: () => theirs, reconnect: false });
  await client.registerTool('bad', {}, () => Promise.reject(new Error('no')));
  await client.registerTool('good', {}, () => 'yes');
  const proposal = { actions: [{ type: 'tool_call' as const, tool: 'bad' }] };

  assert.equal((await client.proposal.submit({ proposal })).results[0]?.status, 'failed');
  assert.deepEqual(asked, [], 'off until the connection asks for it');
  assert.equal(await client.replan.set_config({ max_replans: 2 }), null);
  const { proposal_id, results } = await client.proposal.submit({ proposal });
  assert.deepEqual([proposal_id, results[0]?.output], ['plan-2', 'yes']);
  assert.deepEqual(asked, ['1: no', '2: no']);
});
