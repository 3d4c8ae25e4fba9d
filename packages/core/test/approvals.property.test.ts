// Many hosts decide at once: one decision counts, and everybody is told the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostApproval } from '@car-runtime/protocol';
import { openDaemon, serve, type TestDaemon } from '@car-runtime/testkit';
import fc from 'fast-check';
import { HostWire } from './host-wire.ts';

const numRuns = process.env['CAR_TEST_LONG'] ? 1_000 : 60;
const hosts = 4;

interface Decision {
  host: number;
  /** Of the approvals in turn. */
  approval: number;
  resolution: string;
}

const decisions = fc.array(
  fc.record({
    host: fc.nat(hosts - 1),
    approval: fc.nat(2),
    resolution: fc.constantFrom('approve', 'deny', 'approve ', 'Approve'),
  }),
  { minLength: 1, maxLength: 20 },
);

async function attack(daemon: TestDaemon, wires: HostWire[], plan: Decision[]): Promise<void> {
  const asker = await HostWire.connect(daemon, { agent: 'a1' });
  const asked: string[] = [];
  for (let index = 0; index < 3; index++) {
    const approval = await asker.call<HostApproval>('host.request_approval', { action: 'x', system_level: true });
    asked.push(approval.id);
  }
  // All at once, each host in an order of its own.
  const answers = await Promise.all(
    plan.map(async ({ host, approval, resolution }) => ({
      id: asked[approval] as string,
      answer: await (wires[host] as HostWire).resolve(asked[approval] as string, resolution),
    })),
  );
  const rows = new Map((await asker.approvals()).map((row) => [row.id, row]));
  for (const { id, answer } of answers) assert.deepEqual(answer, rows.get(id), 'every answer is the one record');
  const decided = asked.filter((id) => rows.get(id)?.status === 'resolved');
  assert.equal(new Set(answers.map(({ id }) => id)).size, decided.length);
  for (const id of decided) {
    const row = rows.get(id);
    const made = plan.filter(({ approval }) => asked[approval] === id).map(({ resolution }) => resolution);
    assert.ok(made.includes(row?.resolution ?? ''), 'a decision that somebody made');
    assert.equal(row?.outcome, row?.resolution === 'approve' ? 'approved' : 'denied_by_human');
  }
  for (const wire of wires) {
    const told: unknown[] = [];
    for (const _id of decided) told.push(await wire.nextApproval('approval.resolved'));
    const byId = (left: unknown, right: unknown) => ((left as HostApproval).id < (right as HostApproval).id ? -1 : 1);
    assert.deepEqual(told.toSorted(byId), decided.map((id) => rows.get(id)).toSorted(byId));
    await wire.call('host.notify', { kind: 'round.over' });
  }
  for (const wire of wires) for (let index = 0; index < hosts; index++) await wire.next('round.over');
  for (const wire of wires) assert.equal(wire.events.size, 0, 'told once');
  for (const id of asked) await wires[0]?.resolve(id, 'deny');
  for (const wire of wires)
    for (let index = decided.length; index < asked.length; index++) await wire.next('approval.resolved');
  asker[Symbol.dispose]();
}

async function connectAll(daemon: TestDaemon): Promise<HostWire[]> {
  const wires: HostWire[] = [];
  for (let index = 0; index < hosts; index++) {
    const wire = await HostWire.connect(daemon, index % 2 === 0 ? 'host' : 'client');
    await wire.subscribe();
    wires.push(wire);
  }
  return wires;
}

// req: host.resolve-race
test('of decisions made at once one counts, every answer and every event is that one, and each host is told once', async () => {
  await using daemon = serve();
  const wires = await connectAll(daemon);
  await fc.assert(
    fc.asyncProperty(decisions, (plan) => attack(daemon, wires, plan)),
    { numRuns },
  );
});

// req: host.resolve-race
test('over TCP it is the same', async () => {
  await using daemon = await openDaemon('tcp');
  const wires = await connectAll(daemon);
  await fc.assert(
    fc.asyncProperty(decisions, (plan) => attack(daemon, wires, plan)),
    { numRuns: 10 },
  );
});
