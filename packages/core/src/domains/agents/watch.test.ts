// The feed of agents, how agents are drained, and what other domains and hosts are told of them.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { AgentChange } from '@car-runtime/protocol';
import { serve, TempFolder, type Wire } from '@car-runtime/testkit';

const node = process.execPath;
const js = (source: string): string[] => ['-e', source];
const idle = js('setInterval(() => {}, 1000)');
const quick = { config: { agentStopGraceMs: 300 } };
interface Watching {
  cursor: { epoch: string; seq: number };
  delivery: string;
  agents?: unknown[];
  changes?: AgentChange[];
}

async function changes(wire: Wire, count: number): Promise<AgentChange[]> {
  const received: AgentChange[] = [];
  while (received.length < count) {
    const { method, params } = await wire.next();
    assert.equal(method, 'agents.watch.event');
    received.push(params as AgentChange);
  }
  return received;
}

// req: agents.watch
test('who watches gets a snapshot and then every change, numbered without a gap', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  await client.agents.upsert({ id: 'a', name: 'A', command: node, args: idle });
  const watcher = await daemon.peer({ as: 'client' });
  const { cursor, delivery, agents } = (await watcher.result('agents.watch')) as Watching;
  assert.deepEqual([delivery, agents?.length], ['snapshot', 1]);
  await client.agents.start({ id: 'a' });
  await client.agents.stop({ id: 'a' });
  await client.agents.remove({ id: 'a' });
  const seen = await changes(watcher, 4);
  assert.deepEqual(
    seen.map(({ kind, agent }) => [kind, agent?.status]),
    [
      ['status', 'starting'],
      ['status', 'running'],
      ['status', 'stopped'],
      ['removed', undefined],
    ],
  );
  assert.deepEqual(
    seen.map((change) => change.cursor),
    [1, 2, 3, 4].map((n) => ({ epoch: cursor.epoch, seq: cursor.seq + n })),
  );
  const late = await daemon.peer({ as: 'client' });
  const second = seen[1]?.cursor;
  const replay = (await late.result('agents.watch', { after: second })) as Watching;
  assert.deepEqual([replay.delivery, replay.changes], ['replayed', seen.slice(2)]);
  assert.deepEqual(await late.result('agents.unwatch'), { removed: true });
  assert.deepEqual(await late.result('agents.unwatch'), { removed: false });
  for (const after of [
    { epoch: 'another', seq: 1 },
    { epoch: cursor.epoch, seq: 999_999 },
  ])
    assert.equal(((await late.result('agents.watch', { after })) as Watching).delivery, 'reset');
});

// req: agents.watch-private
test('an agent that watches sees no environment but its own', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  const agent = await daemon.peer({ as: { agent: 'spy' } });
  await agent.result('agents.watch');
  await client.agents.upsert({ id: 'a', name: 'A', command: node, env: { KEY: 'secret' } });
  const [change] = await changes(agent, 1);
  assert.deepEqual(change?.agent?.env, {});
  const host = await daemon.connect({ as: 'host' });
  const { changes: all } = await host.agents.watch({ after: { ...change?.cursor, seq: 0 } });
  assert.deepEqual(all?.[0]?.agent?.env, { KEY: 'secret' });
});

// req: agents.links
test('other domains are told when an agent is attached, is detached and has ended', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  const watcher = await daemon.peer({ as: 'client' });
  await client.agents.upsert({ id: 'a1', name: 'A', command: node });
  await watcher.result('agents.watch');
  const agent = await daemon.peer({ as: { agent: 'a1' } });
  await agent.close();
  const seen = await changes(watcher, 2);
  assert.deepEqual(
    seen.map(({ kind, agent: shown }) => [kind, shown?.attached]),
    [
      ['attached', true],
      ['detached', false],
    ],
  );
});

// req: agents.drain
test('drain asks an attached agent over its connection, another by SIGTERM, and stops who has not ended in time', async () => {
  await using daemon = serve(quick);
  using folder = new TempFolder();
  const client = await daemon.connect();
  const ready = folder.join('ready');
  const mark = `require('fs').writeFileSync(${JSON.stringify(ready)}, '');`;
  await client.agents.upsert({ id: 'plain', name: 'P', command: node, args: idle, restart: 'always' });
  await client.agents.upsert({
    id: 'deaf',
    name: 'D',
    command: node,
    args: js(`process.on('SIGTERM', () => {}); ${mark} setInterval(() => {}, 1000)`),
    restart: 'always',
  });
  // Ends by itself when its file is there, which is what its connection is told to do below.
  const go = folder.join('go');
  await client.agents.upsert({
    id: 'attached',
    name: 'T',
    command: node,
    args: js(
      `process.on('SIGTERM', () => {}); setInterval(() => { if (require('fs').existsSync(${JSON.stringify(go)})) process.exit(0) }, 10)`,
    ),
    restart: 'always',
  });
  for (const id of ['plain', 'deaf', 'attached']) await client.agents.start({ id });
  const agent = await daemon.peer({ as: { agent: 'attached' } });
  while (!existsSync(ready)) await new Promise((resolve) => setTimeout(resolve, 10));
  const draining = client.agents.drain({ timeout_secs: 2 });
  const { method, params } = await agent.next();
  assert.deepEqual([method, params], ['agent.drain', { timeout_secs: 2 }]);
  writeFileSync(go, '');
  const { agents, forced } = await draining;
  assert.deepEqual(
    agents.map(({ id, status, last_exit_code, last_signal }) => [id, status, last_exit_code, last_signal ?? null]),
    [
      ['plain', 'stopped', null, 'SIGTERM'],
      ['deaf', 'stopped', null, 'SIGKILL'],
      ['attached', 'stopped', 0, null],
    ],
  );
  assert.deepEqual(forced, ['deaf']);
});

// req: agents.host-list
test('host.agents shows supervised agents that say what they can do, with their state as it is', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  await client.agents.upsert({ id: 'chatty', name: 'C', command: node, args: idle, capabilities: ['chat'] });
  await client.agents.upsert({ id: 'mute', name: 'M', command: node, args: idle });
  const shown = async (): Promise<unknown[]> =>
    (await client.host.agents()).map(({ id, kind, status, pid, capabilities }) => [
      id,
      kind,
      status,
      pid,
      capabilities,
    ]);
  assert.deepEqual(await shown(), [['chatty', 'supervised', 'stopped', null, ['chat']]]);
  const { pid } = await client.agents.start({ id: 'chatty' });
  assert.deepEqual(await shown(), [['chatty', 'supervised', 'running', pid, ['chat']]]);
});

// req: agents.identity
test('asking who owns the manifest takes and makes nothing', async () => {
  await using daemon = serve(quick);
  const host = await daemon.connect({ as: 'host' });
  const { identity } = await host.host.subscribe();
  assert.deepEqual([identity?.manifest_path, identity?.manifest_role], [null, 'none']);
  await host.host.agents();
  assert.ok(!existsSync(join(dirname(daemon.state.journalDir), 'agents.json.lock')));
  await host.agents.list();
  assert.equal((await host.host.subscribe()).identity?.manifest_role, 'owner');
});

// req: agents.observer-once
test('the observer marker is set once; another path is refused and the first stays', async () => {
  await using daemon = serve(quick);
  const client = await daemon.connect();
  assert.deepEqual(daemon.state.installAgentsObserver('/first/agents.json'), { installed: true });
  assert.deepEqual(daemon.state.installAgentsObserver('/second/agents.json'), {
    installed: false,
    rejected: '/second/agents.json',
  });
  await assert.rejects(client.agents.start({ id: 'a' }), /holds the supervisor lock for \/first\/agents\.json\. Mut/);
  assert.deepEqual(daemon.state.agentsManifest, { path: '/first/agents.json', role: 'observer' });
});
