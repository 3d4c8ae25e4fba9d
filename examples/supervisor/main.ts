// A daemon, a supervisor in a process of its own, and an agent whose plans it allows, denies and escalates.
// Checks itself and exits non-zero when something is not as it should be.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect } from '@car-runtime/client';
import { startDaemonProcess } from '../daemon-process.ts';

await using daemon = await startDaemonProcess();
const environment = { ...daemon.environment, CAR_DAEMON_URL: daemon.ready.ws };
const supervisor = spawn(process.execPath, [join(import.meta.dirname, 'supervisor.ts')], {
  env: environment,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const exited = once(supervisor, 'exit');
try {
  await once(createInterface(supervisor.stdout), 'line');
  await using agent = await connect({ url: daemon.ready.ws, env: environment, reconnect: false });
  await agent.agents.register_basics({});
  await agent.registerTool('send_mail', {}, () => 'sent');

  const outcome = async (
    id: string,
    ...actions: Parameters<typeof agent.proposal.submit>[0]['proposal']['actions']
  ) => {
    const { results } = await agent.proposal.submit({ proposal: { id, actions } });
    const [first] = results;
    console.log(`${id}: ${first?.status}${first?.error ? ` (${first.error})` : ''}`);
    return first;
  };
  const sum = await outcome('sum', {
    type: 'tool_call',
    tool: 'calculate',
    parameters: { expression: '6 * 7' },
    reversibility: 'reversible',
  });
  assert.equal(sum?.status, 'succeeded');
  const mail = await outcome('mail', { type: 'tool_call', tool: 'send_mail', parameters: { to: 'all@example.com' } });
  assert.match(String(mail?.error), /denied by a supervisor: send_mail cannot be undone/);
  const note = await outcome('note', {
    type: 'state_write',
    parameters: { key: 'note', value: 'hello' },
    reversibility: 'reversible',
  });
  assert.match(String(note?.error), /needs approval: .*1 of 1 actions change something/);
} finally {
  supervisor.kill();
  await exited;
}
console.log('supervisor: all checks passed');
