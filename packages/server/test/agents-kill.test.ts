// A real daemon with agents and goals, killed with SIGKILL, and the one that comes after it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type Client } from '@car-runtime/client';
import { TempFolder } from '@car-runtime/testkit';
import { startDaemon, type DaemonProcess, type StartOptions } from './daemon-process.ts';

function clientOf(daemon: DaemonProcess, more: object = {}): Promise<Client> {
  const tokenFile = join(daemon.root, 'ai.parslee.car', 'auth-token');
  return connect({ socketPath: daemon.ready.socket, tokenFile, reconnect: false, ...more });
}

async function killed(daemon: DaemonProcess): Promise<void> {
  daemon.kill('SIGKILL');
  await daemon.exit;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(20);
}

/** Dead ones whose parent has gone too may stay for nobody to collect. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** A coding agent whose task never ends, with a child in its group and one in a session of its own. */
function installAgent(folder: TempFolder): { program: string; pids: () => number[] } {
  const program = folder.join('claude');
  const log = folder.join('pids');
  const write = `echo $$ >> '${log}'; trap '' TERM; while :; do sleep 600; done`;
  writeFileSync(
    program,
    `#!/bin/sh\nif [ "$1" = --version ]; then echo 1.0.0; exit; fi\n` +
      `sh -c "${write.replaceAll('$', '\\$')}" &\nsetsid sh -c "${write.replaceAll('$', '\\$')}" &\n${write}\n`,
  );
  chmodSync(program, 0o755);
  const pids = (): number[] => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').map(Number) : []);
  return { program, pids };
}

const isLinux = process.platform === 'linux';

// req: external.killed-daemon
test('what an external agent of a killed daemon left is ended by the next one, and nothing else is', async () => {
  assert.ok(isLinux, 'processes are known by their variables on Linux alone');
  using folder = new TempFolder();
  const { program, pids } = installAgent(folder);
  const root = folder.join('state');
  mkdirSync(root);
  const records = join(root, 'run', 'children');
  const options: StartOptions = { root, env: { CAR_CLAUDE_CODE_BIN: program } };
  await using first = await startDaemon(options);
  await using client = await clientOf(first);
  await client.agents.invoke_external({ id: 'claude-code', task: 'hang', stream: true });
  await until(() => pids().length === 3);
  await killed(first);
  assert.deepEqual(pids().map(isAlive), [true, true, true]);
  const [record = ''] = readdirSync(records);
  // A process that has the id of one of old, and links and rubbish in the folder.
  const bystander = spawn('sleep', ['600'], {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], CAR_CHILD_ID: 'none' },
  });
  const kept = JSON.parse(readFileSync(join(records, record), 'utf8')) as { child: { pid: number; identity: string } };
  const reused = { ...kept, child: { ...kept.child, pid: bystander.pid } };
  writeFileSync(join(records, 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'), JSON.stringify(reused));
  writeFileSync(join(records, 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb'), '{"supervisor":');
  symlinkSync('/dev/zero', join(records, 'cccccccc-cccc-4ccc-8ccc-cccccccccccc'));
  await using second = await startDaemon(options);
  await until(() => pids().every((pid) => !isAlive(pid)));
  await until(() => !existsSync(join(records, record)));
  assert.equal(bystander.exitCode ?? bystander.signalCode, null);
  bystander.kill('SIGKILL');
  assert.ok(second.pid);
});

// req: external.killed-daemon
test('a daemon that starts beside one that runs leaves the agents of that one alone', async () => {
  using folder = new TempFolder();
  const { program, pids } = installAgent(folder);
  const root = folder.join('state');
  mkdirSync(root);
  const options: StartOptions = { root, env: { CAR_CLAUDE_CODE_BIN: program } };
  await using first = await startDaemon(options);
  await using client = await clientOf(first);
  const { session_id } = (await client.agents.invoke_external({ id: 'claude-code', task: 'hang', stream: true })) as {
    session_id: string;
  };
  await until(() => pids().length === 3);
  {
    await using beside = await startDaemon({ ...options, args: ['--log-level', 'debug'] });
    await until(() => beside.stderr().includes('storage swept'));
  }
  assert.deepEqual(pids().map(isAlive), [true, true, true]);
  // Also what left its group goes with the task itself.
  await client.agents.chat.cancel({ session_id });
  await until(() => pids().every((pid) => !isAlive(pid)));
  await until(() => readdirSync(join(root, 'run', 'children')).length === 0);
});

// req: goal.killed-daemon
test('goals that were acknowledged are there after a kill, and one that was pursued stands again', async () => {
  using folder = new TempFolder();
  const root = folder.join('state');
  mkdirSync(root);
  const acknowledged = new Map<string, string>();
  const token = 'agent-token-of-this-test-0123456789';
  {
    await using first = await startDaemon({ root });
    await using client = await clientOf(first);
    await client.agents.upsert({ id: 'helper', name: 'Helper', command: process.execPath, token });
    await using agent = await clientOf(first, { tokenFile: undefined, token, agentId: 'helper' });
    agent.onCallback('agent.chat', () => ({ accepted: true }));
    await client.goal.set({ session_id: 'pursued', check: 'make test' });
    await client.agents.chat({ agent_id: 'helper', prompt: 'go', session_id: 'pursued' });
    agent.notify('agent.chat.event', {
      session_id: 'pursued',
      kind: 'goal_evaluated',
      iteration: 3,
      met: false,
      grounded: true,
      reason: 'one test fails',
    });
    const stored = (): string => readFileSync(join(root, 'chat-goals.json'), 'utf8');
    await until(() => stored().includes('one test fails'));
    const setting = (async () => {
      for (let index = 0; ; index++) {
        const session_id = `s${index}`;
        await client.goal.set({ session_id, check: `test ${index}` });
        acknowledged.set(session_id, `test ${index}`);
      }
    })();
    await until(() => acknowledged.size >= 25);
    first.kill('SIGKILL');
    await assert.rejects(setting);
    await first.exit;
  }
  await using second = await startDaemon({ root });
  await using client = await clientOf(second);
  for (const [session_id, check] of acknowledged) {
    const { goal } = (await client.goal.status({ session_id })) as { goal: { check: string; status: string } | null };
    assert.deepEqual([goal?.check, goal?.status], [check, 'active'], session_id);
  }
  const { goal } = (await client.goal.status({ session_id: 'pursued' })) as { goal: Record<string, unknown> | null };
  const { updated_at: _, ...kept } = goal ?? {};
  assert.deepEqual(kept, {
    session_id: 'pursued',
    check: 'make test',
    max_iterations: 8,
    status: 'active',
    last_iteration: 3,
    last_met: false,
    last_grounded: true,
    last_reason: 'one test fails',
  });
});

// req: chat.config
test('a chat whose agent says nothing ends with an error after the time that the settings file gives it', async () => {
  using folder = new TempFolder();
  const root = folder.join('state');
  mkdirSync(root);
  await using quiet = await startDaemon({ root, config: '[chat]\nstale_after_seconds = 0.2\n' });
  await using client = await clientOf(quiet);
  const token = 'agent-token-of-this-test-0123456789';
  await client.agents.upsert({ id: 'helper', name: 'Helper', command: process.execPath, token });
  await using agent = await clientOf(quiet, { tokenFile: undefined, token, agentId: 'helper' });
  agent.onCallback('agent.chat', () => ({ accepted: true }));
  const events = client.events('agents.chat.event')[Symbol.asyncIterator]();
  const { session_id } = await client.agents.chat({ agent_id: 'helper', prompt: 'hello' });
  const { value } = (await events.next()) as { value: Record<string, unknown> };
  assert.deepEqual([value['session_id'], value['kind'], value['reason']], [session_id, 'error', 'stale']);
});
