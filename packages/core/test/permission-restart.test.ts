// What people decided survives the daemon, however it ends, and a plan runs once or not at all on it.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { HostApproval, PermissionDecision } from '@car-runtime/protocol';
import { ChannelClosedError, Peer } from '@car-runtime/rpc';
import { openWebSocket } from '@car-runtime/rpc/node';
import { RestartableDaemon, TempFolder } from '@car-runtime/testkit';

const kills = process.env['CAR_TEST_LONG'] ? 100 : 4;

// req: permission.survives-restart
test('decisions and postures count after a restart, and what waited for somebody still does', async () => {
  await using daemon = await RestartableDaemon.start('memory');
  const call = (tool: string) => ({ id: tool, type: 'tool_call' as const, tool });
  const proposal = { actions: [call('deploy'), call('publish'), call('send_mail')] };
  {
    await using host = await daemon.connectHost();
    await host.permission.approve({ action: call('deploy') });
    await host.permission.reject({ action: call('publish') });
    await host.agent_permissions.set({ agent_id: 'a1', mode: 'deny', tier: 'read_only' });
    await host.proposal.submit({ proposal: { actions: [call('send_mail')] } });
  }
  await daemon.stop();
  await daemon.start();
  await using host = await daemon.connectHost();
  const { decisions } = await host.permission.evaluate({ proposal });
  assert.deepEqual(
    decisions.map(({ decision }) => decision),
    ['allow', 'deny', 'needs_approval'],
  );
  assert.deepEqual((await host.agent_permissions.get()).agents, { a1: { read_only: 'deny' } });
  const { approvals } = await host.host.approvals({ status: 'pending' });
  assert.deepEqual(
    approvals.map(({ kind }) => kind),
    ['permission'],
  );
  const again = await host.proposal.submit({ proposal: { actions: [call('send_mail')] } });
  assert.deepEqual(again.admission?.approval_ids, [approvals[0]?.id], 'not asked twice');
  await host.host.resolve_approval({ approval_id: approvals[0]!.id, resolution: 'approve' });
  const { decisions: after } = await host.permission.evaluate({ proposal });
  assert.equal(after[2]?.decision, 'allow');
});

async function start(folder: string) {
  const child = fork(join(import.meta.dirname, 'runs-daemon.ts'), [folder, 'buffered']);
  const [ready] = (await once(child, 'message')) as [{ port: number; hostToken: string; agentToken: string }];
  let calls = 0;
  const connect = async (as: 'host' | 'worker'): Promise<Peer> => {
    const peer = new Peer(await openWebSocket({ url: `ws://127.0.0.1:${ready.port}` }), {
      onRequest: (call) => {
        calls++;
        call.resolve('done');
      },
      onNotification: () => undefined,
    });
    peer.start();
    const { hostToken, agentToken } = ready;
    await peer.request(
      'session.auth',
      as === 'host' ? { host_token: hostToken } : { token: agentToken, agent_id: 'worker' },
    );
    return peer;
  };
  const kill = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return { connect, kill, calls: () => calls };
}

/** What the journals of all sessions say of a plan. */
function journalOf(folder: string, proposalId: string): string[] {
  const journals = join(folder, 'journals');
  return readdirSync(journals).flatMap((name) =>
    readFileSync(join(journals, name), 'utf8')
      .split('\n')
      .filter((line) => line.includes(`"${proposalId}"`) && line.endsWith('}'))
      .map((line) => (JSON.parse(line) as { kind: string }).kind),
  );
}

// req: permission.crash
test('killed between a decision and what runs on it, the daemon has the decision, and the plan ran once or not at all', async () => {
  using folder = new TempFolder();
  let undecided = 0;
  for (let round = 0; round < kills; round++) {
    const daemon = await start(folder.path);
    const id = `plan-${round}`;
    const plan = { id, actions: [{ id: 'd', type: 'tool_call', tool: 'deploy', parameters: { round } }] };
    const worker = await daemon.connect('worker');
    const host = await daemon.connect('host');
    await worker.request('tools.register', [{ name: 'deploy' }]);
    const submitted = worker.request('proposal.submit', { proposal: plan, approval_wait_ms: 60_000 }).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof ChannelClosedError)) throw error;
        return false;
      },
    );
    let approval: HostApproval | undefined;
    while (!approval) {
      const { approvals } = (await host.request('host.approvals', { status: 'pending' })) as {
        approvals: HostApproval[];
      };
      approval = approvals.find(({ details }) => details?.['parameters.round'] === round);
    }
    const resolved = host.request('host.resolve_approval', { approval_id: approval.id, resolution: 'approve' }).then(
      () => true,
      () => false,
    );
    if (round % 2 === 1) await resolved;
    else await delay(round % 3);
    await daemon.kill();
    const [wasResolved, wasAnswered] = await Promise.all([resolved, submitted]);

    const next = await start(folder.path);
    const peer = await next.connect('host');
    const { decisions } = (await peer.request('permission.evaluate', { proposal: plan })) as {
      decisions: PermissionDecision[];
    };
    const isApproved = decisions[0]?.decision === 'allow';
    if (wasResolved) assert.ok(isApproved, 'what was answered is stored');
    const kinds = journalOf(folder.path, id);
    const began = kinds.filter((kind) => kind === 'action_executing').length;
    assert.ok(daemon.calls() <= began && began <= 1, `called ${daemon.calls()} times, ${began} in the journal`);
    if (began === 1) assert.ok(isApproved, 'nothing runs that is not approved');
    if (wasAnswered) assert.deepEqual([daemon.calls(), kinds.includes('action_succeeded')], [1, true]);
    if (!isApproved) undecided++;
    await next.kill();
  }
  assert.ok(undecided < kills);
});
