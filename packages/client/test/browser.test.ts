// The browser entry: what it loads, and that it works over the platform's own WebSocket.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { connect, InsecureEndpointError, UnprovenServerError } from '../src/browser.ts';
import * as nodeEntry from '@car-runtime/client';
import * as browserEntry from '../src/browser.ts';
import { ScriptedDaemon } from './scripted-daemon.ts';

const listLoaded = `
  import { registerHooks } from 'node:module';
  const loaded = [];
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
  await import('@car-runtime/client');
  console.log(JSON.stringify(loaded));
`;

// req: client.browser-imports
test('the browser entry loads no Node module, no library, and no schema of the contract', () => {
  const args = ['--conditions=browser', '--input-type=module', '--eval', listLoaded];
  const loaded = JSON.parse(
    execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: 'utf8' }),
  ) as string[];
  const root = new URL('../../', import.meta.url).href;
  const outside = loaded.filter((url) => !url.startsWith(`${root}client/src/`) && !url.startsWith(`${root}rpc/src/`));
  assert.deepEqual(outside, []);
  assert.ok(loaded.includes(`${root}client/src/browser.ts`));
  assert.ok(!loaded.some((url) => /client\/src\/(node-|index)/.test(url)));
});

// req: client.browser-imports
test('both entries offer the same names, but for what only Node has', () => {
  const nodeOnly = new Set(Object.keys(nodeEntry).filter((name) => !(name in browserEntry)));
  assert.deepEqual(
    [...nodeOnly].filter((name) => !/(Path|Folder|stateRoot|StateRootError)$/.test(name)),
    [],
  );
  assert.deepEqual(
    Object.keys(browserEntry).filter((name) => !(name in nodeEntry)),
    [],
  );
});

// req: client.browser
test('a client over the platform WebSocket authenticates, calls, serves tools and reconnects', async () => {
  const daemon = new ScriptedDaemon();
  await using listening = await daemon.listen();
  const options = { token: 'secret', allowUnproven: true, reconnect: { baseDelayMs: 1, maxDelayMs: 5 } };
  await using client = await connect({ url: listening.url, ...options });
  assert.equal(client.connection.transport, 'web');
  assert.deepEqual(daemon.calls[0]?.params, { token: 'secret' });
  await client.registerTool('add', { type: 'object' }, ({ a, b }) => Number(a) + Number(b));
  const changes = client.connectionChanges();
  daemon.last.channel.terminate();
  await changes.next();
  assert.deepEqual(await client.request('test.echo', ['ü']), ['ü']);
  const id = 'cb-1';
  const params = { action_id: '', tool: 'add', parameters: { a: 1, b: 2 }, attempt: 1, request_id: id };
  assert.equal(await daemon.last.peer.request('tools.execute', params, { id }), 3);
});

// req: client.browser
test('a page sends a token over plain ws:// only when told to, since it cannot see a proof', async () => {
  const daemon = new ScriptedDaemon();
  await using listening = await daemon.listen();
  await assert.rejects(connect({ url: listening.url, token: 'secret' }), UnprovenServerError);
  await assert.rejects(
    connect({ url: 'ws://127.evil.com', token: 'secret', allowUnproven: true }),
    InsecureEndpointError,
  );
  await assert.rejects(connect({ url: `${listening.url}?token=secret` }), InsecureEndpointError);
  assert.deepEqual(daemon.calls, []);
  await using _client = await connect({ url: listening.url });
  assert.deepEqual(daemon.methodsOf(1), ['server.handshake']);
});
