// registry.*: services announce themselves in files that other programs may write too.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { serve, TempFolder, type TestDaemon } from '@car-runtime/testkit';

const folderOf = (daemon: TestDaemon): string => join(dirname(daemon.state.journalDir), 'registry');
const url = 'http://127.0.0.1:3000/';

// req: registry.register, registry.list
test('a service is announced in a file of its own, with the defaults of the contract, and listed by name', async () => {
  await using daemon = serve();
  const client = await daemon.connect({ as: { agent: 'a1' } });
  const before = Math.floor(Date.now() / 1_000);
  assert.equal(await client.registry.register({ entry: { name: 'b', dashboard_url: url, registered_at: 0 } }), null);
  const entry = { name: 'a', dashboard_url: url, status: 'running' as const, port: 3000, pid: 1, capability: 'maps' };
  await client.registry.register({ entry: { ...entry, registered_at: 10, last_heartbeat_at: 20 } });
  const [first, second] = await client.registry.list();
  assert.deepEqual(first, { ...entry, registered_at: 10, last_heartbeat_at: 20 });
  assert.deepEqual([second?.name, second?.status], ['b', 'idle']);
  assert.ok(second && second.registered_at >= before && second.last_heartbeat_at >= before);
  const path = join(folderOf(daemon), 'a.json');
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), first);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folderOf(daemon)), ['a.json', 'b.json'], 'no temporary file is left');
});

// req: registry.heartbeat, registry.reap
test('who is heard of stays; reap removes the others and names them', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  for (const name of ['alive', 'dead', 'gone'])
    await client.registry.register({ entry: { name, dashboard_url: url, last_heartbeat_at: 5 } });
  assert.deepEqual(await client.registry.heartbeat({ name: 'alive' }), { refreshed: true });
  assert.deepEqual(await client.registry.heartbeat({ name: 'never' }), { refreshed: false });
  assert.equal(await client.registry.unregister({ name: 'gone' }), null);
  assert.equal(await client.registry.unregister({ name: 'gone' }), null);
  assert.deepEqual(await client.registry.reap(), ['dead']);
  assert.deepEqual(await client.registry.reap({ max_age_secs: 60 }), []);
  assert.deepEqual(
    (await client.registry.list()).map(({ name }) => name),
    ['alive'],
  );
});

// req: registry.corrupt
test('what is no entry is left out of the list, and a link is not followed', async () => {
  await using daemon = serve();
  using elsewhere = new TempFolder();
  const client = await daemon.connect();
  await client.registry.register({ entry: { name: 'good', dashboard_url: url } });
  const folder = folderOf(daemon);
  const good = readFileSync(join(folder, 'good.json'), 'utf8');
  writeFileSync(join(folder, 'torn.json'), good.slice(0, 20));
  writeFileSync(join(folder, 'other-name.json'), good);
  writeFileSync(join(folder, 'huge.json'), good.replace('good', 'huge') + ' '.repeat(100_000));
  writeFileSync(join(folder, 'note.txt'), good);
  mkdirSync(join(folder, 'folder.json'));
  writeFileSync(elsewhere.join('linked.json'), good.replace('good', 'linked'));
  symlinkSync(elsewhere.join('linked.json'), join(folder, 'linked.json'));
  assert.deepEqual(
    (await client.registry.list()).map(({ name }) => name),
    ['good'],
  );
});

// req: registry.path-roles
test('another folder is used by clients that may name one, and never by an agent', async () => {
  await using daemon = serve();
  using folder = new TempFolder();
  const client = await daemon.connect();
  const registry_path = folder.join('own');
  await client.registry.register({ entry: { name: 'a', dashboard_url: url }, registry_path });
  assert.deepEqual(readdirSync(registry_path), ['a.json']);
  assert.deepEqual([await client.registry.list(), (await client.registry.list({ registry_path })).length], [[], 1]);
  await client.registry.register({ entry: { name: 'r', dashboard_url: url }, registry_path: '~/.car/more' });
  assert.deepEqual(readdirSync(join(dirname(daemon.state.journalDir), 'more')), ['r.json']);
  await assert.rejects(client.registry.list({ registry_path: 'relative' }), /not an absolute path/);
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  const calls: [string, object][] = [
    ['registry.register', { entry: { name: 'x', dashboard_url: url } }],
    ['registry.heartbeat', { name: 'a' }],
    ['registry.unregister', { name: 'a' }],
    ['registry.list', {}],
    ['registry.reap', { max_age_secs: 0 }],
  ];
  for (const [method, params] of calls)
    await assert.rejects(agent.request(method, { ...params, registry_path }), /not available to agents/, method);
  await using strict = serve({ config: { strictRoles: true } });
  await assert.rejects((await strict.connect()).registry.list({ registry_path }), /needs the host role/);
});

// req: registry.names
test('a name that is no safe file name is refused', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  for (const name of ['', '.', '..', 'a/b', '../a', 'a\0b', 'x'.repeat(129)]) {
    await assert.rejects(client.registry.heartbeat({ name }), /Invalid params/, name);
    await assert.rejects(client.registry.register({ entry: { name, dashboard_url: url } }), /Invalid params/, name);
  }
});

// req: registry.bound
test('there is a bound to services, and who is announced may still speak', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await client.registry.register({ entry: { name: 'known', dashboard_url: url } });
  for (let n = 0; n < 9_999; n++) writeFileSync(join(folderOf(daemon), `s${n}.json`), '');
  await assert.rejects(
    client.registry.register({ entry: { name: 'more', dashboard_url: url } }),
    /10000 services, the limit/,
  );
  assert.deepEqual(await client.registry.heartbeat({ name: 'known' }), { refreshed: true });
});
