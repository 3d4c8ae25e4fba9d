// Ten thousand approvals that wait and a hundred hosts: answers stay small, memory stays bounded, everybody can page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostApproval } from '@car-runtime/protocol';
import { createMemoryPair, Peer } from '@car-runtime/rpc';
import { serve } from '@car-runtime/testkit';
import { heldMb } from './held-heap.ts';
import { HostWire, type Snapshot } from './host-wire.ts';

const pending = 10_000;
const hosts = 100;
const mib = 1024 * 1024;

// req: host.load
test('with 10 000 pending approvals 100 hosts subscribe, page through all of them, and hold a bounded part of memory', async () => {
  await using daemon = serve();
  const asker = await HostWire.connect(daemon);
  const before = await heldMb();
  const details = { text: 'x'.repeat(1_000) };
  for (let from = 0; from < pending; from += 100) {
    const asked = Array.from({ length: 100 }, (_, index) =>
      asker.call('host.request_approval', { action: `number ${from + index}`, details, system_level: true }),
    );
    await Promise.all(asked);
  }
  const wires: HostWire[] = [];
  for (let index = 0; index < hosts; index++) {
    const wire = await HostWire.connect(daemon, 'host');
    const snapshot = await wire.subscribe();
    const size = JSON.stringify(snapshot).length;
    assert.ok(size < 3 * mib, `a snapshot of ${size} bytes`);
    assert.equal(snapshot.approvals_pending, pending);
    assert.equal(snapshot.approvals_next, snapshot.approvals.at(-1)?.number);
    wires.push(wire);
  }
  const last = wires.at(-1) as HostWire;
  let seen = 0;
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: { approvals: HostApproval[]; next?: number } = await last.call('host.approvals', {
      status: 'pending',
      after,
    });
    for (const { action } of page.approvals) assert.equal(action, `number ${seen++}`);
    after = page.next;
  }
  assert.equal(seen, pending);
  const { id } = (await last.approvals({ limit: 1 }))[0] as HostApproval;
  await last.resolve(id, 'approve');
  for (const wire of wires) assert.equal((await wire.nextApproval('approval.resolved')).id, id);
  const held = (await heldMb()) - before;
  assert.ok(held < 120, `${Math.round(held)} MB held`);
});

// req: host.approval-bounds
test('so many may wait, of one connection and in all; the daemon itself can ask beyond that', async () => {
  await using daemon = serve();
  const ask = async (client: HostWire, count: number): Promise<unknown[]> => {
    const refusals: unknown[] = [];
    for (let from = 0; from < count; from += 500) {
      const calls = Array.from({ length: Math.min(500, count - from) }, () =>
        client
          .call('host.request_approval', { action: 'x' })
          .catch((error: { code: number; data: { reason: string } }) =>
            refusals.push(`${error.code} ${error.data.reason}`),
          ),
      );
      await Promise.all(calls);
    }
    return refusals;
  };
  const clients = [
    await HostWire.connect(daemon),
    await HostWire.connect(daemon),
    await HostWire.connect(daemon),
  ] as const;
  assert.deepEqual(await ask(clients[0], 10_001), ['-32008 too_many_approvals']);
  assert.deepEqual(await ask(clients[1], 10_000), []);
  assert.deepEqual(await ask(clients[2], 1), ['-32008 too_many_approvals']);
  const host = await HostWire.connect(daemon, 'host');
  await host.subscribe();
  const call = host.refusal('messages.send', { recipient: 'r', body: 'b' });
  await host.resolve((await host.nextApproval()).id, 'deny');
  assert.equal((await call).code, -32003);
});

// req: host.slow-host
test('a host that stops reading loses events, not its connection, delays nobody, and is told of the gap if it asked', async () => {
  await using daemon = serve({ peer: { softQueueBytes: 20_000 } });
  const [near, far] = createMemoryPair();
  daemon.state.createSession(far);
  const events: { kind: string; sequence: number; payload: Record<string, number> }[] = [];
  const seenAll = Promise.withResolvers<void>();
  const slow = new Peer(near, {
    onRequest: (call) => call.resolve(null),
    onNotification: (_method, params) => {
      events.push(params as (typeof events)[number]);
      if ((params as { kind: string }).kind === 'last') seenAll.resolve();
    },
  });
  slow.start();
  await slow.request('session.auth', { token: daemon.authToken });
  const { cursor } = (await slow.request('host.subscribe', {})) as Snapshot;
  await slow.request('host.subscribe', { after: cursor });
  const talker = await HostWire.connect(daemon);
  await talker.subscribe();
  near.pause();
  const text = 'x'.repeat(1_000);
  for (let index = 0; index < 400; index++) {
    await talker.call('host.notify', { payload: { text } });
    await talker.next('host.notification');
  }
  near.resume();
  await slow.request('host.agents', {});
  await talker.call('host.notify', { kind: 'last' });
  await seenAll.promise;
  let at = cursor.seq;
  let gaps = 0;
  for (const { kind, sequence, payload } of events) {
    if (kind === 'gap') {
      gaps++;
      assert.equal(payload['after'], at);
    } else assert.equal(sequence, at + 1);
    at = sequence;
  }
  assert.ok(gaps > 0 && at === cursor.seq + 401, `${gaps} gaps, up to ${at}`);
  slow.close();
});
