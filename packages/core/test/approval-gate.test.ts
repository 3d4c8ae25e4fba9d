import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { methods, type HostApproval, type MethodDeclaration } from '@car-runtime/protocol';
import { serve, TempFolder, type DaemonOptions } from '@car-runtime/testkit';
import { HostWire } from './host-wire.ts';

const send = { recipient: '+1 555', body: 'hello' };
const sample = join(import.meta.dirname, '../src/domains/desktop/sample-image.png');

const gate = (approvalGate: object): DaemonOptions => ({ config: { approvalGate } });

/** A daemon with a host that follows, and a caller. */
async function scene(options: DaemonOptions = {}) {
  const daemon = serve(options);
  const host = await HostWire.connect(daemon, 'host');
  await host.subscribe();
  return {
    daemon,
    host,
    caller: await HostWire.connect(daemon),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

// req: gate.methods
test('the methods that ask are the six of the contract', () => {
  const declared: [string, MethodDeclaration][] = Object.entries(methods);
  assert.deepEqual(
    declared
      .filter(([, { approval }]) => approval)
      .map(([name]) => name)
      .toSorted(),
    [
      'automation.run_applescript',
      'automation.run_powershell',
      'automation.shortcuts.run',
      'mail.send',
      'messages.send',
      'vision.ocr',
    ],
  );
});

// req: gate.flow
test('a gated call waits for a decision while other calls of its connection go on; approved, it runs and answers', async () => {
  await using at = await scene();
  const { host, caller } = at;
  const call = caller.call<{ available: boolean }>('messages.send', send);
  const asked = await host.nextApproval();
  assert.deepEqual(
    [asked.action, asked.client_id, asked.options, asked.details, asked.kind],
    [
      'ws.method:messages.send',
      undefined,
      ['approve', 'deny'],
      { method: 'messages.send', params_preview: JSON.stringify(send) },
      'gate',
    ],
  );
  assert.equal(
    asked.card?.split('\n').slice(0, 3).join('\n'),
    'Call messages.send\n  recipient: "+1 555"\n  body: "hello"',
  );
  assert.equal(await caller.call('state.set', { key: 'k', value: 1 }), 'ok');
  const other = await HostWire.connect(at.daemon);
  assert.equal((await other.resolve(asked.id, 'approve')).outcome, 'approved');
  assert.equal((await call).available, false);
  const [row] = await host.approvals();
  assert.deepEqual([row?.status, row?.execution], ['resolved', 'completed']);
});

// req: gate.refused
test('any resolution but approve refuses the call with -32003; the connection stays', async () => {
  await using at = await scene();
  for (const resolution of ['deny', 'APPROVE', 'approved', 'yes']) {
    const call = at.caller.refusal('mail.send', {});
    const { id } = await at.host.nextApproval();
    await at.host.resolve(id, resolution);
    const { code, message, reason } = await call;
    assert.deepEqual([code, message, reason], [-32003, 'Cannot call mail.send: it was denied', 'approval_denied']);
  }
  assert.deepEqual(
    (await at.host.approvals()).map(({ execution }) => execution),
    Array(4).fill(undefined),
    'nothing ran',
  );
});

// req: gate.timeout
test('nobody answers: the call gets -32003, its row stays pending, and a later yes only marks it', async () => {
  await using at = await scene(gate({ timeoutMs: 20 }));
  const { code, message } = await at.caller.refusal('messages.send', send);
  assert.deepEqual([code, message], [-32003, 'Cannot call messages.send: nobody approved it in 0.02 s']);
  const expired = await at.host.nextApproval('approval.ended');
  assert.deepEqual([expired.status, expired.outcome], ['pending', 'expired']);
  const late = await at.host.resolve(expired.id, 'approve');
  assert.deepEqual(
    [late.status, late.resolution, late.outcome, late.execution],
    ['resolved', 'approve', 'expired', undefined],
  );
});

// req: gate.config
test('an embedder chooses the methods, exactly as spelt, or asks about nothing', async () => {
  await using at = await scene(gate({ methods: ['state.set', 'state'] }));
  await at.caller.call('messages.send', send);
  await at.caller.call('state.get', { key: 'k' });
  const call = at.caller.call('state.set', { key: 'k', value: 1 });
  await at.host.resolve((await at.host.nextApproval()).id, 'approve');
  assert.equal(await call, 'ok');
  await using off = await scene(gate({ enabled: false }));
  await off.caller.call('messages.send', send);
  assert.deepEqual(await off.host.approvals(), []);
});

// req: gate.order
test('authentication, role and params are checked before anybody is asked', async () => {
  await using at = await scene();
  const stranger = await HostWire.connect(at.daemon, 'none');
  assert.equal((await stranger.refusal('messages.send', send)).code, -32001);
  const agent = await HostWire.connect(at.daemon, { agent: 'a1' });
  assert.equal((await agent.refusal('vision.ocr', { image_path: '/x.png' })).reason, 'forbidden');
  assert.equal((await at.caller.refusal('messages.send', {})).code, -32602);
  assert.deepEqual(await at.host.approvals(), []);
});

// req: gate.requester-gone
test('a caller that goes away while its call waits ends the approval, and nothing runs', async () => {
  await using at = await scene();
  const call = at.caller.call('messages.send', send);
  call.catch(() => undefined);
  const { id } = await at.host.nextApproval();
  at.caller[Symbol.dispose]();
  const ended = await at.host.nextApproval('approval.ended');
  assert.deepEqual([ended.id, ended.status, ended.outcome], [id, 'resolved', 'requester_gone']);
  assert.equal((await at.host.resolve(id, 'approve')).outcome, 'requester_gone');
});

// req: gate.preview
test('a long text is cut in the preview and in the card, whatever it holds', async () => {
  await using at = await scene();
  const call = at.caller.call('messages.send', { recipient: 'r', body: 'x'.repeat(100_000) });
  const { id, details, card = '' } = await at.host.nextApproval();
  const preview = (details as { params_preview: string }).params_preview;
  assert.ok(preview.length <= 501 && preview.endsWith('…'), `${preview.length} characters`);
  assert.ok(card.length < 1_000);
  await at.host.resolve(id, 'approve');
  await call;
});

// req: gate.content
test('an image that changed after the approval is asked about again, with the difference, and what was approved is not run', async () => {
  await using at = await scene();
  using folder = new TempFolder();
  const path = folder.join('image.png');
  writeFileSync(path, 'P1 1 1 0');
  const call = at.caller.call<{ available: boolean }>('vision.ocr', { image_path: path });
  const first = await at.host.nextApproval();
  copyFileSync(sample, path);
  await at.host.resolve(first.id, 'approve');
  const second = await at.host.nextApproval();
  assert.notEqual(second.digest, first.digest);
  assert.match(
    String(second.card),
    /Approved before, but since then this has changed:\n {2}before: .*bytes: 8.*\n {2}now: .*bytes: 3363/,
  );
  await at.host.resolve(second.id, 'approve');
  assert.equal((await call).available, true);
  assert.deepEqual(
    (await at.host.approvals()).map(({ execution }) => execution),
    ['not_run', 'completed'],
  );
});

// req: gate.shutdown
test('a daemon that stops while a call waits does not call it the requester going away', async () => {
  const daemon = serve();
  const host = await HostWire.connect(daemon, 'host');
  await host.subscribe();
  const caller = await HostWire.connect(daemon);
  const call = caller.call('messages.send', send);
  call.catch(() => undefined);
  const { id } = await host.nextApproval();
  const path = join(daemon.state.journalDir, '..', 'host-approvals.jsonl');
  await daemon.state.drain(0);
  const last = JSON.parse(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? '') as {
    id: string;
    set: Partial<HostApproval>;
  };
  assert.deepEqual([last.id, last.set.outcome], [id, 'daemon_restarted']);
  await daemon[Symbol.asyncDispose]();
});

// req: gate.asks-again
test('a denial is of one call: the very same call, made again, asks again', async () => {
  await using at = await scene();
  for (const resolution of ['deny', 'approve']) {
    const call = at.caller.call<{ available: boolean }>('messages.send', send).then(
      ({ available }) => available,
      (error: { code: number }) => error.code,
    );
    const { id } = await at.host.nextApproval();
    await at.host.call('host.resolve_approval', { approval_id: id, resolution });
    assert.equal(await call, resolution === 'deny' ? -32003 : false);
  }
});
