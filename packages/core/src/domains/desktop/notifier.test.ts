import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { serve, TempFolder } from '@car-runtime/testkit';
import { maxPerWindow, Notifier, type Notification } from './notifier.ts';

const { signal } = new AbortController();
const note: Notification = {
  title: 'Done',
  body: 'All tests pass',
  subtitle: undefined,
  sound: false,
  agentId: undefined,
};

/** A program that stands for notify-send, and the variables it is found with. */
function createDesktop(folder: TempFolder, script: string) {
  const program = folder.join('notify-send');
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  return { PATH: `${folder.path}:/usr/bin:/bin`, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere', A_SECRET: 'secret' };
}

// req: desktop.notifications
test('a notification is handed to the desktop as words: no options, no markup, no hidden characters, no secrets', async () => {
  using folder = new TempFolder();
  const [args, env] = [folder.join('args'), folder.join('env')];
  const notifier = new Notifier({
    platform: 'linux',
    env: createDesktop(folder, `printf '%s\\n' "$@" > '${args}'; env > '${env}'`),
  });
  const hostile = {
    title: '--icon=/etc/passwd\u202e',
    body: '<a href="http://evil">x</a>\n\u001b[31mred',
    subtitle: 'a\nb',
    sound: '--urgency=critical',
    agentId: 'helper',
  };
  assert.deepEqual(await notifier.show(hostile, signal), {
    delivered: true,
    platform: 'linux',
    backend: 'notify-send',
  });
  assert.deepEqual(readFileSync(args, 'utf8').trim().split('\n'), [
    '--app-name=CAR',
    '--',
    '--icon=/etc/passwd [1 hidden character removed]',
    'agent helper:',
    'a b',
    '&lt;a href="http://evil"&gt;x&lt;/a&gt;',
    '[31mred [1 hidden character removed]',
  ]);
  assert.doesNotMatch(readFileSync(env, 'utf8'), /secret/);
  await notifier.show({ ...note, sound: true }, signal);
  assert.deepEqual(readFileSync(args, 'utf8').trim().split('\n'), [
    '--app-name=CAR',
    '--hint=string:sound-name:message',
    '--',
    'Done',
    'All tests pass',
  ]);
});

// req: desktop.notifications
test('without a platform, program or session bus, and when the program fails, delivered is false and says why', async () => {
  using folder = new TempFolder();
  const env = createDesktop(folder, 'echo "no server" >&2; exit 3');
  const { DBUS_SESSION_BUS_ADDRESS: _, ...noBus } = env;
  const reasonOf = async (
    options: ConstructorParameters<typeof Notifier>[0],
  ): Promise<[boolean, string | null, string]> => {
    const { delivered, backend, reason = '' } = await new Notifier(options).show(note, signal);
    return [delivered, backend, reason];
  };
  assert.deepEqual(await reasonOf({ platform: 'darwin', env }), [
    false,
    null,
    'notifications: there is no backend for it on darwin',
  ]);
  assert.deepEqual(await reasonOf({ platform: 'linux', env: { ...env, PATH: '/nowhere' } }), [
    false,
    null,
    'notify-send is not installed (Debian: apt-get install libnotify-bin)',
  ]);
  for (const bus of [{}, { XDG_RUNTIME_DIR: folder.path }])
    assert.deepEqual(await reasonOf({ platform: 'linux', env: { ...noBus, ...bus } }), [
      false,
      'notify-send',
      'there is no desktop: the daemon has no session bus',
    ]);
  const failing = [false, 'notify-send', 'notify-send ended with 3: no server'];
  assert.deepEqual(await reasonOf({ platform: 'linux', env }), failing);
  const bus = createServer().listen(folder.join('bus'));
  await once(bus, 'listening');
  assert.deepEqual(await reasonOf({ platform: 'linux', env: { ...noBus, XDG_RUNTIME_DIR: folder.path } }), failing);
  bus.close();
});

// req: desktop.notifications
test('so many notifications are shown in a time, then callers are told when there is room again', async () => {
  using folder = new TempFolder();
  let now = 0;
  const env = createDesktop(folder, 'exit 0');
  const notifier = new Notifier({ platform: 'linux', env, now: () => now });
  for (let count = 0; count < maxPerWindow; count++) assert.equal((await notifier.show(note, signal)).delivered, true);
  now = 4_000;
  await assert.rejects(notifier.show(note, signal), {
    data: { reason: 'too_many_notifications', retry_after_ms: 6_000 },
  });
  now = 10_000;
  assert.equal((await notifier.show(note, signal)).delivered, true);
});

// req: desktop.notifications
test('notifications.local answers whether it was delivered, on which platform and through what', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: { agent: 'a' } });
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    const answer = (await wire.result('notifications.local', { title: 't', body: 'b' })) as Record<string, unknown>;
    assert.deepEqual([answer['delivered'], answer['platform'], answer['backend']], [false, process.platform, null]);
  } finally {
    process.env['PATH'] = path;
  }
});
