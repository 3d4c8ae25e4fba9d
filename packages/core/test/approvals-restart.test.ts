// Approvals across restarts of the daemon, clean and not.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ServerState, silentLogger } from '@car-runtime/core';
import type { HostApproval } from '@car-runtime/protocol';
import { createMemoryPair, Peer } from '@car-runtime/rpc';
import { TempFolder } from '@car-runtime/testkit';
import { createApprovals, type ApprovalParts } from '../src/domains/approvals/index.ts';
import type { Connection } from '../src/kernel/connection.ts';
import { Health } from '../src/kernel/health.ts';
import { HostWire } from './host-wire.ts';

const quiet = {
  publish: () => undefined,
  tell: () => undefined,
  isSubscribed: () => true,
  agentWaits: () => undefined,
};

function open(path: string): ApprovalParts {
  return createApprovals({
    path,
    host: quiet,
    health: new Health(),
    logger: silentLogger,
    mayGovern: () => true,
    isStopping: () => false,
  });
}

/** The daemon without authentication, in memory. */
function start(folder: TempFolder): { state: ServerState; connect: () => HostWire } {
  const state = ServerState.standalone(folder.join('journals'));
  const connect = () => {
    const [near, far] = createMemoryPair();
    state.createSession(far);
    return new HostWire(
      (onEvent) =>
        new Peer(near, {
          onRequest: (call) => call.resolve(null),
          onNotification: (_method, params) => onEvent(params as never),
        }),
    );
  };
  return { state, connect };
}

const somebody = { id: 'person' } as Connection;

// req: approvals.survive
test('system-level approvals are there after a restart, shown to whoever subscribes, and resolved exactly once', async () => {
  using folder = new TempFolder();
  const ids: string[] = [];
  for (let life = 0; life < 3; life++) {
    const { state, connect } = start(folder);
    const host = connect();
    const { approvals, approvals_pending } = await host.subscribe();
    assert.deepEqual(
      approvals.map(({ id }) => id),
      ids,
    );
    assert.equal(approvals_pending, ids.length - Math.max(0, life - 1));
    if (life === 2) assert.equal((await host.resolve(ids[0] as string, 'deny')).resolution, 'approve');
    if (life === 1) await host.resolve(ids[0] as string, 'approve');
    const asked = await host.call<HostApproval>('host.request_approval', {
      action: `of life ${life}`,
      system_level: true,
    });
    assert.equal(asked.number, life + 1);
    ids.push(asked.id);
    await state[Symbol.asyncDispose]();
  }
});

// req: approvals.survive
test('a daemon that is gone without a word leaves gate rows and owned rows ended as daemon_restarted, others pending', () => {
  using folder = new TempFolder();
  const path = folder.join('approvals.jsonl');
  const before = open(path);
  const ask = (kind: 'gate' | 'request' | 'permission' | 'plan' | 'budget', more: object = {}) =>
    before.request({ kind, action: kind, ...more }).id;
  const rows = {
    gate: ask('gate'),
    owned: ask('request', { owner: 'gone' }),
    system: ask('request'),
    permission: ask('permission', { subject: { fingerprint: 'f' } }),
    plan: ask('plan', { timeoutMs: 3_600_000 }),
    late: ask('budget', { timeoutMs: 0 }),
  };
  // Not disposed: the process is simply not there any more.
  const after = open(path);
  const outcomes = Object.fromEntries(
    Object.entries(rows).map(([name, id]) => [name, [after.find(id)?.status, after.find(id)?.outcome]]),
  );
  assert.deepEqual(outcomes, {
    gate: ['resolved', 'daemon_restarted'],
    owned: ['resolved', 'daemon_restarted'],
    system: ['pending', undefined],
    permission: ['pending', undefined],
    plan: ['pending', undefined],
    late: ['resolved', 'expired'],
  });
  const told: unknown[] = [];
  using _ = after.onResolved(
    'permission',
    ({ resolution }, by, subject) => void told.push([resolution, by.id, subject]),
  );
  after.resolve(rows.permission, { resolution: 'approve' }, somebody);
  assert.deepEqual(told, [['approve', 'person', { fingerprint: 'f' }]], 'what it was about is known in the next life');
  after[Symbol.dispose]();
  before[Symbol.dispose]();
});

// req: approvals.torn
test('a torn last line is cut off and never extended, and a line that is none costs no other', () => {
  using folder = new TempFolder();
  const path = folder.join('approvals.jsonl');
  const first = open(path);
  const { id } = first.request({ kind: 'request', action: 'kept' });
  first[Symbol.dispose]();
  const whole = readFileSync(path, 'utf8');
  writeFileSync(path, `not json\n${whole}{"set":{},"id":"unknown"}\n`);
  appendFileSync(path, '{"asked":{"approval":{"id":"torn');
  const second = open(path);
  assert.deepEqual(
    second.list({}).approvals.map((approval) => approval.id),
    [id],
  );
  second.request({ kind: 'request', action: 'behind' });
  second[Symbol.dispose]();
  const third = open(path);
  assert.deepEqual(
    third.list({}).approvals.map(({ action }) => action),
    ['kept', 'behind'],
  );
  third[Symbol.dispose]();
  assert.ok(!readFileSync(path, 'utf8').includes('torn'));
});

// req: approvals.compaction
test('what is no longer kept leaves the file, and whatever happens meanwhile is in it', async () => {
  using folder = new TempFolder();
  const path = folder.join('approvals.jsonl');
  const approvals = open(path);
  const kept = approvals.request({ kind: 'request', action: 'kept' });
  const late: string[] = [];
  let largest = 0;
  for (let index = 0; index < 16_000; index++) {
    const { id } = approvals.request({ kind: 'request', action: `number ${index}` });
    approvals.resolve(id, { resolution: 'approve' }, somebody);
    if (index % 500 !== 0) continue;
    // Others have their turn, and the file is written anew in between.
    await new Promise((resolve) => setImmediate(resolve));
    largest = Math.max(largest, statSync(path).size);
    late.push(approvals.request({ kind: 'request', action: 'late' }).id);
  }
  await approvals.stored();
  const size = statSync(path).size;
  assert.ok(size < largest, `${size} bytes after ${largest}`);
  const shown = approvals.list({ after: 0 }).approvals;
  approvals[Symbol.dispose]();
  const again = open(path);
  assert.deepEqual(again.list({ after: 0 }).approvals, shown);
  for (const id of [kept.id, ...late]) assert.equal(again.find(id)?.status, 'pending');
  again[Symbol.dispose]();
});

// req: approvals.degraded
test('when the disk refuses, hosts are told, approvals go on in memory, and nothing approved runs unrecorded', async () => {
  using folder = new TempFolder();
  // A folder in the place of the file refuses every write.
  const path = join(folder.path, 'host-approvals.jsonl');
  const { state, connect } = start(folder);
  mkdirSync(path);
  const host = connect();
  await host.subscribe();
  const caller = connect();
  const call = caller.refusal('messages.send', { recipient: 'r', body: 'b' });
  const asked = await host.nextApproval();
  await host.resolve(asked.id, 'approve');
  assert.deepEqual([(await call).reason], ['not_stored']);
  const { events } = await host.call<{ events: { kind: string; payload: object }[] }>('host.events');
  assert.ok(
    events.some(({ kind, payload }) => kind === 'store.degraded' && JSON.stringify(payload).includes('approvals')),
  );
  rmdirSync(path);
  const lasting = await host.call<HostApproval>('host.request_approval', { action: 'x', system_level: true });
  assert.equal((await host.next('store.recovered')).payload['component'], 'approvals');
  await state[Symbol.asyncDispose]();
  assert.ok(readFileSync(path, 'utf8').includes(lasting.id) && readFileSync(path, 'utf8').includes(asked.id));
});
