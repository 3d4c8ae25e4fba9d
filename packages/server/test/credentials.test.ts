import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon, type DaemonProcess } from './daemon-process.ts';
import { exchange, openRpc, upgradeRequest } from './raw-client.ts';

// req: transport.no-leak
test('no credential is in any file, log line or HTTP answer, the token files excepted', async () => {
  await using daemon = await startDaemon({ args: ['--log-level', 'debug'] });
  const secrets = [daemon.token('auth-token'), daemon.token('host-token')];
  const answers: string[] = [];
  for (const secret of secrets) answers.push(...(await useEverywhere(daemon, secret)));
  await work(daemon, secrets[0] ?? '');
  daemon.kill('SIGTERM');
  assert.equal((await daemon.exit).code, 0);

  const files = globSync('**/*', { cwd: daemon.root, withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = new Map(
    files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'utf8')]),
  );
  assert.ok([...texts.keys()].some((path) => path.endsWith('logs/car-server.log')));
  assert.ok(
    [...texts.keys()].some((path) => /journals\/[^/]+\.jsonl$/.test(path)),
    'a plan was written down',
  );
  texts.set('standard error', daemon.stderr()).set('standard output', daemon.stdout());
  answers.forEach((answer, index) => texts.set(`answer ${index}`, answer));
  for (const [where, text] of texts) for (const secret of secrets) assert.ok(!text.includes(secret), where);
  assert.ok(answers.length > 30 && answers.every((answer) => answer !== ''));
});

/** Puts the secret where clients have been seen to put theirs, and returns what HTTP answered. */
async function useEverywhere({ ready }: DaemonProcess, secret: string): Promise<string[]> {
  const { host } = new URL(ready.http);
  const answers: string[] = [];
  for (const path of ['/', '/livez', '/readyz', '/metrics', '/auth-token', '/nothing', `/${secret}`]) {
    const heads = [`Host: ${host}`, `Host: ${host}\r\nAuthorization: Bearer ${secret}`, `Host: ${secret}`];
    for (const head of heads)
      answers.push(
        await exchange(ready.http, `GET ${path}?token=${secret} HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`),
      );
  }
  for (const headers of [{ Origin: `http://${secret}` }, { Host: secret }, { 'Sec-WebSocket-Key': secret }]) {
    answers.push(await exchange(ready.ws, upgradeRequest(ready.ws, headers, `/?token=${secret}`)));
  }
  using stranger = await openRpc(ready.ws);
  await stranger.call('session.auth', { token: `${secret}x` });
  await stranger.call(secret);
  return answers;
}

async function work({ ready }: DaemonProcess, token: string): Promise<void> {
  using client = await openRpc(ready.ws);
  await client.call('session.auth', { token });
  await client.call('session.auth', { token: [token] });
  await client.call(`session.auth.${token}`);
  await client.call('server.handshake', { protocol_version: token });
  const action = { id: 'a', type: 'state_write', parameters: { key: 'a', value: 1 } };
  assert.ok(
    (await client.call('proposal.submit', { proposal: { id: 'p', source: 'test', actions: [action] } })).result,
  );
}
