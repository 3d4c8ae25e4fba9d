// Agents that speak the Agent Client Protocol, with a small one written on the agent side of its SDK.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ExternalHealth, ExternalResult } from '@car-runtime/protocol';
import { ExternalRig, streamed, type Said } from './external-rig.ts';

const acp = {
  helper: { command: process.execPath, args: [join(import.meta.dirname, 'stand-ins', 'acp-agent.ts')] },
};

function openRig(external: object = {}): ExternalRig {
  return new ExternalRig({ tools: [], external: { acp, ...external } });
}

// req: external.acp-permission, external.acp
test('what an agent asks permission for is decided by a person, who reads its words in quotes', async () => {
  await using rig = openRig();
  const client = await rig.daemon.connect();
  const host = await rig.daemon.connect({ as: 'host' });
  const events = client.events('agents.chat.event')[Symbol.asyncIterator]();
  const next = async () => (await events.next()).value as Said;
  for (const [decision, answer] of [
    ['approve', 'Let me see. yes, 0 images'],
    ['deny', 'Let me see. no, 0 images'],
  ] as const) {
    await client.agents.invoke_external({ id: 'helper', task: 'go', stream: true });
    const said = [await next(), await next(), await next()];
    assert.deepEqual(
      said.map(({ kind }) => kind),
      ['token', 'tool_call', 'approval_pending'],
    );
    assert.deepEqual([said[1]?.['tool'], said[1]?.['params']], ['execute', { command: 'rm -rf build' }]);
    const approval_id = String(said[2]?.['approval_id']);
    const { approvals } = await host.host.approvals({ status: 'pending' });
    assert.deepEqual(
      approvals.map(({ id, kind, agent_id }) => [id, kind, agent_id]),
      [[approval_id, 'external', 'helper']],
    );
    const card = approvals[0]?.card ?? '';
    assert.match(card, /^Let external agent helper use a tool\nIn its words: "Quite harmless.*\\"approve\\".*"\n/);
    assert.match(card, /command: "rm -rf build"/);
    assert.ok(!card.includes('\u202E') && !card.includes('\u001B'));
    await assert.rejects(client.host.resolve_approval({ approval_id, resolution: decision }), /needs the host role/);
    await host.host.resolve_approval({ approval_id, resolution: decision });
    assert.equal((await next()).kind, 'token');
    const done = await next();
    assert.deepEqual([done.kind, done['text']], ['done', answer]);
  }
});

// req: external.acp-permission
test('what nobody decides is a no, and so is what waits when its task ends', async () => {
  await using rig = openRig({ permissionTimeoutMs: 50 });
  const client = await rig.daemon.connect();
  const result = (await client.agents.invoke_external({ id: 'helper', task: 'go' })) as ExternalResult;
  assert.deepEqual([result.is_error, result.answer], [false, 'Let me see. no, 0 images']);
  const host = await rig.daemon.connect({ as: 'host' });
  const { approvals } = await host.host.approvals({});
  assert.equal(approvals[0]?.outcome, 'expired');
  await using patient = openRig();
  const [caller, watcher] = [await patient.daemon.connect(), await patient.daemon.connect({ as: 'host' })];
  const events = caller.events('agents.chat.event')[Symbol.asyncIterator]();
  const accepted = await caller.agents.invoke_external({ id: 'helper', task: 'go', stream: true });
  while (((await events.next()).value as Said).kind !== 'approval_pending');
  await caller.agents.chat.cancel({ session_id: (accepted as { session_id: string }).session_id });
  for (;;) {
    const [asked] = (await watcher.host.approvals({})).approvals;
    if (asked?.outcome === undefined) continue;
    assert.equal(asked.outcome, 'requester_gone');
    break;
  }
});

// req: external.acp
test('an agent gets its folder, the MCP endpoint and images; how it stops is how the task ends', async () => {
  await using rig = openRig({ permissionTimeoutMs: 50, mcpUrl: () => 'http://127.0.0.1:9102/mcp' });
  const client = await rig.daemon.connect();
  const path = rig.folder.join('a.png');
  writeFileSync(path, Buffer.from('89504e470d0a1a0a', 'hex'));
  const run = async (task: string, more: object = {}) =>
    (await client.agents.invoke_external({ id: 'helper', task, ...more })) as ExternalResult;
  const good = await run('go', { cwd: rig.folder.path, attachments: [{ path }] });
  const servers = '[{"name":"car","url":"http://127.0.0.1:9102/mcp","headers":[],"type":"http"}]';
  assert.deepEqual([good.session_id, good.answer], [`of ${rig.folder.path} ${servers}`, 'Let me see. no, 1 images']);
  assert.deepEqual(good.tool_uses, [{ id: 'call-1', name: 'execute', input: { command: 'rm -rf build' } }]);
  const [crashed, refused] = [await run('crash'), await run('refuse')];
  assert.match(crashed.error ?? '', /out of luck/);
  assert.deepEqual([crashed.is_error, crashed.answer], [true, 'Let me see. ']);
  assert.deepEqual([refused.is_error, refused.error], [true, 'it stopped: refusal']);
  assert.ok((await run('flood')).is_error);
  const late = await run('hang', { timeout_secs: 8 });
  assert.match(late.error ?? '', /^it did not end within 8 s/);
  assert.equal(late.answer, 'Let me see. cancelled true');
  assert.match((await run('go', { allowed_tools: [] })).error ?? '', /cannot be held to allowed_tools/);
  assert.equal(rig.audit().length, 6);
  const [first] = await streamed(client, { id: 'helper', task: 'refuse' });
  assert.equal(first?.kind, 'token');
});

// req: external.acp-config
test('an agent of the operator is listed and asked by its own handshake', async () => {
  await using rig = openRig({ acp: { ...acp, gone: { command: '/not/there' } } });
  const client = await rig.daemon.connect();
  const list = await client.agents.list_external();
  assert.deepEqual(
    list.map(({ id, execution }) => [id, execution?.state]),
    [
      ['gone', 'unusable'],
      ['helper', 'runnable'],
    ],
  );
  const health = (await client.agents.health_external({ id: 'helper' })) as ExternalHealth;
  assert.deepEqual([health.status, health.details], ['ready', { protocol_version: 1, version: '1.2.3' }]);
  await using future = openRig({ acp: { helper: { ...acp.helper, env: { STAND_IN_ACP: 'future' } } } });
  const other = await future.daemon.connect();
  const unknown = (await other.agents.health_external({ id: 'helper' })) as ExternalHealth;
  assert.deepEqual([unknown.status, unknown.reason], ['unknown', 'it speaks version 99 of the protocol, not 1']);
  assert.throws(() => new ExternalRig({ external: { acp: { codex: acp.helper } } }), /"codex": that is another agent/);
});
