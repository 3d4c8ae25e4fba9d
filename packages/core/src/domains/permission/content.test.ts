// Approve, then change: what an approval covers is what runs, or somebody is asked again.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ActionProposal } from '@car-runtime/protocol';
import { serve, TempFolder, type TestDaemon } from '@car-runtime/testkit';

async function agentWithShell(daemon: TestDaemon, onCall: (parameters: Record<string, unknown>) => unknown) {
  const client = await daemon.connect({ as: { agent: 'a1' } });
  await client.registerTool('shell', undefined, (parameters) => onCall(parameters));
  return client;
}

function scriptIn(folder: TempFolder) {
  const work = folder.join('work');
  mkdirSync(work);
  const write = (name: string, text: string): void => {
    writeFileSync(`${work}/${name}`, text);
    chmodSync(`${work}/${name}`, 0o755);
  };
  write('deploy.sh', '#!/bin/sh\necho one\n');
  return { work, write };
}

const runs = (command: string, cwd: string): ActionProposal => ({
  actions: [{ id: 'a', type: 'tool_call', tool: 'shell', parameters: { command, cwd } }],
});

// req: content.covered, security.s11-approve-then-change
test('an approval covers the bytes of programs and scripts and the folder; each change is asked about again and shown', async () => {
  using folder = new TempFolder();
  const { work, write } = scriptIn(folder);
  await using daemon = serve();
  let ran = 0;
  const client = await agentWithShell(daemon, () => ++ran);
  const host = await daemon.connect({ as: 'host' });
  const submit = async (proposal: ActionProposal) => await client.proposal.submit({ proposal });
  const approve = async () => {
    const { approvals } = await host.host.approvals({ status: 'pending' });
    for (const { id } of approvals) await host.host.resolve_approval({ approval_id: id, resolution: 'approve' });
  };

  for (const command of ['./deploy.sh', 'bash deploy.sh']) {
    const proposal = runs(command, work);
    const before = ran;
    await submit(proposal);
    await approve();
    assert.equal((await submit(proposal)).results[0]?.status, 'succeeded', command);
    write('deploy.sh', `#!/bin/sh\necho changed for ${command}\n`);
    const { admission, results } = await submit(proposal);
    assert.equal(results[0]?.status, 'rejected');
    const name = command === './deploy.sh' ? './deploy.sh' : 'deploy.sh';
    assert.deepEqual(Object.keys(admission?.decisions[0]?.changed ?? {}), [`content of ${name}`]);
    const { approvals } = await host.host.approvals({ status: 'pending' });
    assert.match(String(approvals[0]?.card), /changed/);
    await approve();
    assert.equal((await submit(proposal)).results[0]?.status, 'succeeded', 'approved as it is now');
    assert.equal(ran, before + 2);
  }

  // The same words, another folder behind them.
  const linked = folder.join('linked');
  symlinkSync(work, linked);
  await submit(runs('./deploy.sh', linked));
  await approve();
  assert.equal((await submit(runs('./deploy.sh', linked))).results[0]?.status, 'succeeded');
  mkdirSync(folder.join('other'));
  writeFileSync(folder.join('other', 'deploy.sh'), readFileSync(`${work}/deploy.sh`), { mode: 0o755 });
  unlinkSync(linked);
  symlinkSync(folder.join('other'), linked);
  const { admission } = await submit(runs('./deploy.sh', linked));
  assert.deepEqual(Object.keys(admission?.decisions[0]?.changed ?? {}), ['working_directory', 'path of ./deploy.sh']);
});

// req: content.at-run, security.s11-approve-then-change
test('what changes after a plan was admitted does not run: neither by an earlier action of it nor by anybody else', async () => {
  using folder = new TempFolder();
  const { work, write } = scriptIn(folder);
  await using daemon = serve();
  const ran: unknown[] = [];
  const client = await agentWithShell(daemon, ({ command }) => ran.push(command));
  await client.registerTool('write_file', undefined, () => write('deploy.sh', '#!/bin/sh\necho two\n'));
  const host = await daemon.connect({ as: 'host' });
  const proposal: ActionProposal = {
    actions: [
      { id: 'w', type: 'tool_call', tool: 'write_file', parameters: { path: 'deploy.sh' } },
      { id: 'd', type: 'tool_call', tool: 'shell', parameters: { command: './deploy.sh', cwd: work } },
    ],
  };
  const { digest } = await client.permission.review({ proposal });
  await host.permission.approve_plan({ digest });
  const { results } = await client.proposal.submit({ proposal });
  assert.deepEqual(
    results.map(({ status, error }) => [status, error ?? null]),
    [
      ['succeeded', null],
      [
        'rejected',
        'permission tier: needs approval (changed since it was approved: content of ./deploy.sh): requires full_access, fingerprint ' +
          (await fingerprintOf(client, proposal)),
      ],
    ],
  );
  assert.deepEqual(ran, []);
});

async function fingerprintOf(client: Awaited<ReturnType<typeof agentWithShell>>, proposal: ActionProposal) {
  return (await client.permission.evaluate({ proposal })).decisions[1]?.fingerprint;
}

// req: content.references
test('an action filled in by an earlier one may not become more than what was admitted', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  let answer: unknown = '';
  const ran: unknown[] = [];
  await client.registerTool('read_note', undefined, () => answer);
  await client.registerTool('run_step', undefined, (parameters) => ran.push(parameters));
  await client.registerTool('read_file', undefined, (parameters) => ran.push(parameters));
  const submit = async (tool: string, parameters: Record<string, unknown>) => {
    const note = { id: 'n', type: 'tool_call' as const, tool: 'read_note' };
    const { results } = await client.proposal.submit({
      proposal: { actions: [note, { id: 's', type: 'tool_call', tool, parameters }] },
    });
    return results[1];
  };
  answer = '~/.ssh/id_rsa';
  assert.match(String((await submit('read_file', { path: '$n.output' }))?.error), /needs approval/);
  answer = 'notes.md';
  assert.equal((await submit('read_file', { path: '$n.output' }))?.status, 'succeeded');
  answer = 'DROP TABLE users';
  assert.match(String((await submit('run_step', { text: '$n.output' }))?.error), /needs approval/);
  assert.deepEqual(ran, [{ path: 'notes.md' }]);
});

// req: content.replans
test('a plan that takes the place of another is asked about as if it had been submitted', async () => {
  using folder = new TempFolder();
  await using daemon = serve({
    config: {
      journalDir: folder.join('journals'),
      replanProvider: () => Promise.resolve({ actions: [{ type: 'tool_call', tool: 'deploy' }] }),
    },
  });
  const client = await daemon.connect();
  let deployed = 0;
  await client.registerTool('build', undefined, () => Promise.reject(new Error('no')));
  await client.registerTool('deploy', undefined, () => ++deployed);
  await client.replan.set_config({ max_replans: 1 });
  const { results } = await client.proposal.submit({ proposal: { actions: [{ type: 'tool_call', tool: 'build' }] } });
  assert.deepEqual([results[0]?.status, deployed], ['rejected', 0]);
  assert.match(String(results[0]?.error), /needs approval/);
});

// req: content.by-fingerprint
test('approving by fingerprint covers the files that were there when it was refused', async () => {
  using folder = new TempFolder();
  const { work, write } = scriptIn(folder);
  await using daemon = serve();
  const client = await agentWithShell(daemon, () => 'ran');
  const host = await daemon.connect({ as: 'host' });
  const proposal = runs('./deploy.sh', work);
  const { admission } = await client.proposal.submit({ proposal });
  renameSync(`${work}/deploy.sh`, `${work}/old.sh`);
  write('deploy.sh', '#!/bin/sh\nrm -r /\n');
  const { fingerprint } = admission!.decisions[0]!;
  await host.permission.approve({ fingerprint, required_tier: 'full_access' });
  assert.equal((await client.proposal.submit({ proposal })).results[0]?.status, 'rejected');
});
