// The folder of the built-in file tools, as the program sets it.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { connect, type Client } from '@car-runtime/client';
import { openWebSocket } from '@car-runtime/rpc/node';
import { TempFolder } from '@car-runtime/testkit';
import { startServer, type RunningServer } from './start-server.ts';

async function open(server: RunningServer, as: 'client' | 'host' = 'client'): Promise<Client> {
  const { authToken, hostToken } = server.tokens ?? { authToken: '', hostToken: '' };
  const credential = as === 'host' ? { hostToken } : { token: authToken };
  const client = await connect({ channel: () => openWebSocket({ url: server.ws }), reconnect: false, ...credential });
  await client.agents.register_basics();
  return client;
}

async function run(client: Client, tool: string, parameters: Record<string, unknown>): Promise<unknown> {
  const action = { id: 'a', type: 'tool_call' as const, tool, parameters };
  const { results } = await client.proposal.submit({ proposal: { actions: [action] } });
  return results[0]?.output ?? results[0]?.error;
}

// req: builtins.daemon-root
test('the file tools work in the folder of the daemon, and not in its state root and configuration', async () => {
  using folder = new TempFolder();
  const stateRoot = folder.join('state');
  mkdirSync(stateRoot, { mode: 0o700 });
  writeFileSync(folder.join('a.txt'), 'one');
  writeFileSync(folder.join('car.toml'), '');
  await using server = await startServer({
    stateRoot,
    socketPath: null,
    port: 0,
    toolRoot: folder.path,
    privatePaths: [folder.join('car.toml')],
  });
  await using client = await open(server);
  assert.deepEqual(await run(client, 'find_files', { pattern: '*.txt' }), { files: ['a.txt'], folders_skipped: 1 });
  const own = "it is one of the daemon's own files";
  for (const path of ['state/ai.parslee.car/host-token', 'state/policies/own.toml', 'car.toml'])
    assert.equal(await run(client, 'write_file', { path, content: '' }), `Cannot write "${path}": ${own}`);
  assert.equal(
    await run(client, 'read_file', { path: 'state/ai.parslee.car/host-token' }),
    `Cannot read "state/ai.parslee.car/host-token": ${own}`,
  );
  const tokens = `${stateRoot}/ai.parslee.car`;
  await assert.rejects(client.agents.register_basics({ root: tokens }), /it lies in the daemon's own files$/);
});

test('under strict roles a client names no folder of the host, and a host does', async () => {
  using folder = new TempFolder();
  mkdirSync(folder.join('work'));
  await using server = await startServer({
    stateRoot: folder.join('state'),
    socketPath: null,
    port: 0,
    hasStrictRoles: true,
  });
  await using client = await open(server);
  await assert.rejects(client.agents.register_basics({ root: folder.join('work') }), /needs the host role/);
  await using host = await open(server, 'host');
  await host.agents.register_basics({ root: folder.join('work') });
  assert.deepEqual(await run(host, 'list_dir', {}), { path: '.', entries: [], total: 0 });
});
