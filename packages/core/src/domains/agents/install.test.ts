// agents.install: what is checked of a manifest, what is stored of it, and what its signature means.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { canonicalJson } from '@car-runtime/engine';
import type { AgentManifest } from '@car-runtime/protocol';
import { serve, type TestDaemon } from '@car-runtime/testkit';
import { parse } from 'smol-toml';
import { accepts } from './version-requirement.ts';

const node = process.execPath;
const root = (daemon: TestDaemon): string => dirname(daemon.state.journalDir);
const idle = ['-e', 'setInterval(() => {}, 1000)'];
const manifestOf = (more: object = {}): AgentManifest => ({
  agent: { id: 'm', name: 'M', version: '1.2.3' },
  transport: { kind: 'external_process', command: node, args: idle },
  ...more,
});

// req: agents.install
test('a process manifest is stored in both files with a token of its own, and started when it says so', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const capabilities = {
    required: { storage: ['temporary'] },
    optional: { storage: ['holographic'], vr: ['headset'] },
  };
  const first = await client.agents.install(manifestOf({ capabilities }));
  assert.deepEqual(first.report, {
    missingOptional: [
      { namespace: 'storage', feature: 'holographic' },
      { namespace: 'vr', feature: 'headset' },
    ],
  });
  assert.deepEqual([first.agent?.status, first.agent?.args, first.signature], ['stopped', idle, 'unsigned']);
  const stored = (): AgentManifest =>
    // Without the prototypes that the parser leaves out.
    JSON.parse(JSON.stringify(parse(readFileSync(join(root(daemon), 'agents', 'm', 'manifest.toml'), 'utf8'))));
  const file = stored();
  assert.deepEqual([file.agent.version, file.capabilities], ['1.2.3', capabilities]);
  const list = JSON.parse(readFileSync(join(root(daemon), 'agents.json'), 'utf8')) as { agents: { token: string }[] };
  assert.equal(list.agents[0]?.token, file.transport.token);
  await client.agents.upsert({ id: 'm', name: 'Renamed', command: node });
  const after = stored();
  assert.deepEqual(
    [after.agent.name, after.agent.version, after.transport.token],
    ['Renamed', '1.2.3', file.transport.token],
  );
  const transport = {
    kind: 'external_process' as const,
    interpreter: 'sh',
    args: ['-c', 'sleep 100'],
    auto_start: true,
  };
  const second = await client.agents.install(manifestOf({ transport }));
  assert.equal(second.agent?.status, 'running');
});

// req: agents.install-data
test('data, and what runs elsewhere, is stored and supervises nothing', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  for (const transport of [
    { kind: 'pure_data' },
    { kind: 'external_process', health_url: 'http://127.0.0.1:1/health' },
  ]) {
    const { agent } = await client.agents.install(manifestOf({ transport }));
    assert.equal(agent, null);
  }
  assert.deepEqual(await client.agents.list(), []);
  assert.match(readFileSync(join(root(daemon), 'agents', 'm', 'manifest.toml'), 'utf8'), /health_url/);
  assert.deepEqual(await client.agents.remove({ id: 'm' }), { removed: true });
});

// req: agents.install-refused
test('a manifest that this daemon cannot serve is refused with what to change, and leaves nothing', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const refused: [more: object, why: RegExp][] = [
    [{ runtime: { car_min_version: '99.0.0' } }, /needs car 99\.0\.0/],
    [{ runtime: { car_min_version: '>=0.1, <0.1' } }, /needs car >=0\.1, <0\.1/],
    [{ runtime: { car_min_version: 'new' } }, /"new" is no version requirement/],
    [{ runtime: { bundle_format_version: 2 } }, /bundle_format_version is 2/],
    [{ capabilities: { required: { storage: ['holographic'] } } }, /requires storage holographic/],
    [{ capabilities: { required: { constructor: ['name'] } } }, /requires constructor name/],
    [{ transport: { kind: 'external_process', command: node, interpreter: 'sh' } }, /exclude each other/],
    [{ transport: { kind: 'external_process', binary_url: 'a', health_url: 'b' } }, /exclude each other/],
    [{ transport: { kind: 'external_process' } }, /neither a command/],
    [{ transport: { kind: 'external_process', binary_url: 'https://x.example/a' } }, /not downloaded/],
    [{ transport: { kind: 'external_process', command: 'node' } }, /not an absolute path/],
    [{ agent: { id: '../m', name: 'M' } }, /agent\.id/],
  ];
  for (const [more, why] of refused) await assert.rejects(client.agents.install(manifestOf(more)), why);
  assert.deepEqual(await client.agents.list(), []);
});

// req: agents.signature
test('a signature that does not match is not rejected, but nothing it says is started unasked', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  mkdirSync(join(root(daemon), 'publishers'));
  writeFileSync(join(root(daemon), 'publishers', 'acme.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  const auto = { kind: 'external_process' as const, command: node, args: idle, auto_start: true };
  const signed = (key_id: string): AgentManifest => {
    const manifest = manifestOf({ transport: auto, publisher: { key_id, signature: '' } });
    const signature = sign(null, Buffer.from(canonicalJson(manifest)), privateKey).toString('base64');
    return { ...manifest, publisher: { key_id, signature } };
  };
  const rows: [manifest: AgentManifest, signature: string, status: string][] = [
    [{ ...signed('acme'), agent: { id: 'm', name: 'Not what was signed' } }, 'invalid', 'stopped'],
    [signed('stranger'), 'unknown_key', 'running'],
    [signed('../acme'), 'unknown_key', 'running'],
    [signed('acme'), 'valid', 'running'],
    [manifestOf({ transport: auto }), 'unsigned', 'running'],
  ];
  for (const [manifest, signature, status] of rows) {
    const answer = await client.agents.install(manifest);
    assert.deepEqual([answer.signature, answer.agent?.status], [signature, status]);
    await client.agents.remove({ id: 'm' });
  }
  const warnings = daemon.log.records.filter(({ message }) => /agent manifest/.test(message));
  assert.equal(warnings.length, 4);
});

// req: agents.signature-strict
test('under strict roles only what its publisher signed is started unasked', async () => {
  await using daemon = serve({ config: { strictRoles: true } });
  const host = await daemon.connect({ as: 'host' });
  const transport = { kind: 'external_process' as const, command: node, args: idle, auto_start: true };
  assert.equal((await host.agents.install(manifestOf({ transport }))).agent?.status, 'stopped');
});

// req: agents.version-requirement
test('a version requirement is a minimum, or comparisons parted by commas', () => {
  const rows: [requirement: string, version: string, isMet: boolean | undefined][] = [
    ['0.8.1', '0.8.1', true],
    ['0.8.1', '1.0.0', true],
    ['0.8.1', '0.8.0', false],
    ['>=0.8, <0.9', '0.8.7', true],
    ['>=0.8, <0.9', '0.9.0', false],
    ['^1.2', '1.9.0', true],
    ['^1.2', '2.0.0', false],
    ['^0.2', '0.3.0', false],
    ['~1.2.3', '1.2.9', true],
    ['~1.2.3', '1.3.0', false],
    ['=1.0.0', '1.0.0', true],
    ['> 1', '1.0.0', false],
    ['<=1.0.0', '1.0.0', true],
    ['', '1.0.0', undefined],
    ['latest', '1.0.0', undefined],
    ['>=1,,', '1.0.0', undefined],
  ];
  for (const [requirement, version, isMet] of rows)
    assert.equal(accepts(requirement, version), isMet, `${requirement} ${version}`);
});
