// How external agents are found and how they say they are.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ExternalHealth } from '@car-runtime/protocol';
import { ExternalRig } from './external-rig.ts';

// req: external.list, external.sorted
test('list shows what is there by id, and keeps it until somebody looks again', async () => {
  await using rig = new ExternalRig();
  const client = await rig.daemon.connect();
  const list = await client.agents.list_external();
  assert.deepEqual(
    list.map(({ id, version, execution, health }) => [id, version, execution?.state, health]),
    [
      ['claude-code', '2.1.42', 'runnable', undefined],
      ['codex', '0.98.0', 'runnable', undefined],
      ['gemini', '0.27.3', 'runnable', undefined],
    ],
  );
  const path = list[1]?.binary_path ?? '';
  assert.equal(path, rig.folder.join('bin', 'codex'));
  rmSync(path);
  assert.equal((await client.agents.list_external())[1]?.execution?.state, 'runnable');
  const looked = (await client.agents.detect_external())[1];
  assert.deepEqual([looked?.execution?.state, looked?.health?.status], ['unusable', 'not_executable']);
  // Nor does asking how it is change what detection found.
  rig.install('codex');
  const health = (await client.agents.health_external({ id: 'codex', force: true })) as ExternalHealth;
  assert.equal(health.status, 'not_executable');
  assert.equal((await client.agents.list_external())[1]?.execution?.state, 'unusable');
  assert.equal((await client.agents.detect_external())[1]?.execution?.state, 'runnable');
});

// req: external.health
test('health is what the tool says of itself, without what identifies anybody', async () => {
  await using rig = new ExternalRig({ env: { GEMINI_API_KEY: 'g-secret' } });
  await using out = new ExternalRig({ tools: ['claude', 'codex'], env: { STAND_IN_STATUS: 'out' } });
  await using odd = new ExternalRig({ tools: ['claude'], env: { STAND_IN_STATUS: 'odd' } });
  const healthOf = async (each: ExternalRig) => {
    const list = (await (await each.daemon.connect()).agents.health_external()) as ExternalHealth[];
    return list.map(({ id, status, details }) => [id, status, details]);
  };
  const login = { authMethod: 'claude.ai', apiProvider: 'firstParty', subscriptionType: 'max' };
  assert.deepEqual(await healthOf(rig), [
    ['claude-code', 'ready', { loggedIn: true, ...login }],
    ['codex', 'ready', { method: 'api_key' }],
    ['gemini', 'ready', { variable: 'GEMINI_API_KEY' }],
  ]);
  assert.deepEqual(await healthOf(out), [
    ['claude-code', 'not_configured', { loggedIn: false, ...login }],
    ['codex', 'not_configured', null],
  ]);
  assert.deepEqual(await healthOf(odd), [['claude-code', 'unknown', null]]);
  const [claude] = await (await out.daemon.connect()).agents.list_external({ include_health: true });
  assert.deepEqual([claude?.auth_kind, claude?.health?.status], ['unauthenticated', 'not_configured']);
});

// req: external.health-gemini
test('of gemini the shape of its credentials is looked at, which the reason says', async () => {
  await using rig = new ExternalRig({ tools: ['gemini'] });
  const client = await rig.daemon.connect();
  const folder = rig.folder.join('home', '.gemini');
  mkdirSync(folder);
  const statuses: string[] = [];
  for (const text of [undefined, '{"refresh_token":"r"}', '{"access_token":"a","expiry_date":1}', '{"x":1}', 'no']) {
    if (text !== undefined) writeFileSync(join(folder, 'oauth_creds.json'), text);
    const health = (await client.agents.health_external({ id: 'gemini', force: true })) as ExternalHealth;
    assert.match(health.reason ?? '', /judged by the shape of/);
    statuses.push(health.status);
  }
  assert.deepEqual(statuses, ['not_configured', 'ready', 'expired', 'unknown', 'unknown']);
});

// req: external.health-cache
test('health is asked again after 30 s or when that is forced; who asks meanwhile shares the answer', async () => {
  let nowMs = Date.now();
  await using rig = new ExternalRig({ tools: ['codex'], external: { now: () => nowMs } });
  const client = await rig.daemon.connect();
  const asked = () => rig.ran().length;
  const ask = (force = false) => client.agents.health_external({ id: 'codex', force });
  await Promise.all([ask(), ask(), client.agents.list_external({ include_health: true })]);
  nowMs += 29_999;
  await ask();
  assert.equal(asked(), 1);
  nowMs += 1;
  await ask();
  assert.equal(asked(), 2);
  await ask(true);
  assert.equal(asked(), 3);
  await client.agents.detect_external();
  assert.equal(asked(), 3);
  await client.agents.detect_external({ include_health: true });
  assert.equal(asked(), 4);
});

// req: external.health-unknown
test('health of what is unknown or not installed is an error', async () => {
  await using rig = new ExternalRig({ tools: [] });
  const wire = await rig.daemon.peer({ as: 'client' });
  const reasons = [];
  for (const id of ['nobody', 'codex']) {
    const { code, data } = await wire.error('agents.health_external', { id });
    reasons.push([code, data?.['reason']]);
  }
  assert.deepEqual(reasons, [
    [-32603, 'unknown_external_agent'],
    [-32603, 'not_installed'],
  ]);
});
