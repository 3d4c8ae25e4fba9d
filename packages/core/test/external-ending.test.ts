// How tasks of external agents end before their time: cancelled, too late, left alone, or with the daemon.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import type { ExternalResult } from '@car-runtime/protocol';
import { ExternalRig, type Said } from './external-rig.ts';

/** Starts a task that ends by nothing but SIGKILL; answers with its session and the two processes of it. */
async function hang(client: Client): Promise<{ session_id: string; pids: number[] }> {
  const stream = client.events('agents.chat.event')[Symbol.asyncIterator]();
  const accepted = await client.agents.invoke_external({ id: 'claude-code', task: 'hang', stream: true });
  const said = (await stream.next()).value as Said;
  const pids = String(said['delta']).match(/\d+/g)?.map(Number) ?? [];
  assert.equal(pids.length, 2);
  assert.ok(pids.every(isAlive));
  return { session_id: (accepted as { session_id: string }).session_id, pids };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Dead ones whose parent has gone too may stay for nobody to collect.
    return process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Resolves once the record of a task is there, which is when its processes are gone. */
async function recorded(rig: ExternalRig): Promise<Record<string, unknown>> {
  for (;;) {
    const [record] = rig.audit();
    if (record) return record.result;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// req: external.cancel
test('a cancelled chat ends the whole process group, and is on record', async () => {
  await using rig = new ExternalRig({ tools: ['claude'] });
  const client = await rig.daemon.connect();
  const { session_id, pids } = await hang(client);
  assert.deepEqual(await client.agents.chat.cancel({ session_id }), { cancelled: true, session_id });
  const result = await recorded(rig);
  assert.deepEqual([result['is_error'], result['error']], [true, 'cancelled']);
  assert.deepEqual(pids.filter(isAlive), []);
});

// req: external.cancel
test('a task ends with the connection that gave it, streamed or not', async () => {
  await using rig = new ExternalRig({ tools: ['claude'] });
  const client = await rig.daemon.connect();
  const { pids } = await hang(client);
  await client[Symbol.asyncDispose]();
  assert.equal((await recorded(rig))['error'], 'cancelled');
  assert.deepEqual(pids.filter(isAlive), []);
  await using another = new ExternalRig({ tools: ['claude'] });
  const waiting = await another.daemon.connect();
  const called = waiting.agents.invoke_external({ id: 'claude-code', task: 'hang' });
  called.catch(() => undefined);
  while (another.ran().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await waiting[Symbol.asyncDispose]();
  assert.equal((await recorded(another))['error'], 'cancelled');
});

// req: external.timeout
test('a task that takes too long is ended with all its processes; times are clamped to 1..3600 s', async () => {
  await using rig = new ExternalRig({ tools: ['claude'] });
  const client = await rig.daemon.connect();
  const params = { id: 'claude-code', task: 'hang', timeout_secs: -5 };
  const result = (await client.agents.invoke_external(params)) as ExternalResult;
  assert.match(result.error ?? '', /^it did not end within 1 s/);
  const pids = result.answer.match(/\d+/g)?.map(Number) ?? [];
  assert.deepEqual(pids.filter(isAlive), []);
  await client.agents.invoke_external({ id: 'claude-code', task: 'x', timeout_secs: 1e9 });
  assert.deepEqual(
    rig.audit().map(({ options }) => options['timeout_secs']),
    [1, 3600],
  );
});

// req: external.cancel
test('a daemon that ends takes the agents with it', async () => {
  const rig = new ExternalRig({ tools: ['claude'] });
  const { pids } = await hang(await rig.daemon.connect());
  await rig[Symbol.asyncDispose]();
  assert.deepEqual(pids.filter(isAlive), []);
});

// req: external.bounds
test('at most 16 run at once; one more is refused and may be tried again', async () => {
  await using rig = new ExternalRig({ tools: ['claude'] });
  const client = await rig.daemon.connect();
  const calls = Array.from({ length: 17 }, () =>
    client.agents.invoke_external({ id: 'claude-code', task: 'x' }).then(
      (result) => (result as ExternalResult).answer,
      (error: Error & { data?: unknown }) => error.message,
    ),
  );
  const answers = await Promise.all(calls);
  assert.equal(answers.filter((answer) => answer === 'It is 42.').length, 16);
  assert.equal(answers.at(-1), 'Cannot run an external agent: 16 run already, the limit');
});
