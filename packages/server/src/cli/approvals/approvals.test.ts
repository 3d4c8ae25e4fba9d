// The commands on approvals, as processes of their own, against a real daemon.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connect, type Client } from '@car-runtime/client';
import type { HostApproval } from '@car-runtime/protocol';
import { startDaemon, type DaemonProcess } from '../../../test/daemon-process.ts';
import { plain, runCar, startCar } from '../../../test/run-car.ts';

let daemon: DaemonProcess;
let client: Client;

before(async () => {
  daemon = await startDaemon();
  client = await connect({
    socketPath: daemon.ready.socket,
    tokenFile: join(daemon.root, 'ai.parslee.car', 'auth-token'),
    reconnect: false,
  });
});

after(async () => {
  await client.close();
  await daemon[Symbol.asyncDispose]();
});

const car = (...args: string[]) => runCar(['approvals', ...args], { root: daemon.root });
const ask = (action: string, more: object = {}): Promise<HostApproval> =>
  client.host.request_approval({ action, system_level: true, ...more });

// req: cli.approvals
test('ls, show, approve and deny work on what the daemon has, by id or the beginning of it', async () => {
  const [one, two] = [await ask('first \u001B[2J', { details: { a: 1 } }), await ask('second')];
  const listed = await car('ls');
  assert.deepEqual(
    listed.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
      .map(([id, , kind, , standing]) => [id, kind, standing]),
    [
      [one.id, 'request', 'pending'],
      [two.id, 'request', 'pending'],
    ],
  );
  assert.ok(!listed.stdout.includes('\u001B'));
  const shown = await car('show', one.id.slice(9, 17));
  assert.match(
    shown.stdout,
    /^Somebody asks you to decide. In their words:\n {2}"first \[2J \[1 hidden character removed\]"\n {2}a: 1\n/,
  );
  assert.match(shown.stdout, /standing +pending/);
  assert.deepEqual(await car('approve', one.id, '--notes', 'go'), {
    code: 0,
    stdout: `${one.id.slice(9, 17)}: approved\n`,
    stderr: '',
  });
  assert.deepEqual(await car('deny', two.id.slice(0, 20)), {
    code: 0,
    stdout: `${two.id.slice(9, 17)}: denied_by_human\n`,
    stderr: '',
  });
  const late = await car('deny', one.id);
  assert.deepEqual([late.code, late.stderr], [1, `${one.id.slice(9, 17)}: too late, it is approved\n`]);
  const json = JSON.parse((await car('show', '--json', one.id)).stdout) as HostApproval;
  assert.deepEqual([json.outcome, json.notes], ['approved', 'go']);
  assert.equal((await car('ls')).stdout, '');
  const ended = JSON.parse((await car('ls', '--json', '--status', 'ended')).stdout) as { total: number };
  assert.equal(ended.total, 2);
  const unknown = await car('show', 'nope');
  assert.deepEqual([unknown.code, unknown.stderr], [1, 'car: Cannot find approval "nope": there is none of that id\n']);
  assert.equal((await car('ls', '--status', 'odd')).code, 2);
});

// req: cli.approvals
test('a decision on what another client owns is handed to it', async () => {
  await client.host.subscribe();
  await using events = client.events('host.event');
  const { id } = await client.host.request_approval({ action: 'mine' });
  const { code, stderr } = await car('approve', id);
  assert.deepEqual([code, stderr], [1, `${id.slice(9, 17)}: its owner was told and decides itself\n`]);
  for await (const { kind, payload } of events) {
    if (kind !== 'approval.resolve_requested') continue;
    assert.deepEqual(payload, { approval_id: id, resolution: 'approve' });
    break;
  }
  await client.host.resolve_approval({ approval_id: id, resolution: 'deny' });
});

// req: cli.approvals-watch
test('watch without a terminal prints a line for what waits and for each change', async () => {
  const earlier = await ask('was there');
  await using watching = startCar(['approvals', 'watch'], { root: daemon.root });
  await watching.until('stdout', (text) => text.includes('was there'));
  const asked = await ask('came later');
  await watching.until('stdout', (text) => text.includes('came later'));
  await client.host.resolve_approval({ approval_id: asked.id, resolution: 'approve' });
  await client.host.resolve_approval({ approval_id: earlier.id, resolution: 'deny' });
  const printed = await watching.until('stdout', (text) => text.includes('denied_by_human'));
  assert.deepEqual(printed.trimEnd().split('\n'), [
    `waiting\t${earlier.id}\trequest\t-\twas there`,
    `asked\t${asked.id}\trequest\t-\tcame later`,
    `approved\t${asked.id}\trequest\t-\tcame later`,
    `denied_by_human\t${earlier.id}\trequest\t-\twas there`,
  ]);
  await using json = startCar(['approvals', 'watch', '--json'], { root: daemon.root });
  const other = await ask('third');
  const line = await json.until('stdout', (text) => text.includes('\n'));
  assert.equal((JSON.parse(line) as { approval: HostApproval }).approval.id, other.id);
  await client.host.resolve_approval({ approval_id: other.id, resolution: 'deny' });
});

/** Runs the rest of its arguments on a terminal of its own, hands on what is typed, and prints what the terminal shows. */
const onTerminal = `
import os, pty, select, signal, sys
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
ends = [fd, 0]
while True:
    try:
        ready, _, _ = select.select(ends, [], [])
        if 0 in ready:
            data = os.read(0, 1024)
            if data: os.write(fd, data)
            else: ends.remove(0)
        if fd in ready:
            data = os.read(fd, 65536)
            if not data: break
            os.write(1, data)
    except OSError: break
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
`;

// req: cli.approvals-watch
test('watch on a terminal shows the card, takes one key, and leaves the terminal as it was', async () => {
  const program = fileURLToPath(new URL('../../car.ts', import.meta.url));
  const env = { ...process.env, CAR_HOME: daemon.root, TERM: 'xterm', CAR_AUTH_TOKEN: undefined, NO_COLOR: '1' };
  const child = spawn('python3', ['-c', onTerminal, process.execPath, program, 'approvals', 'watch'], { env });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const until = async (fits: (text: string) => boolean): Promise<void> => {
    while (!fits(plain(printed))) await once(child.stdout, 'data');
  };
  const ended = once(child, 'close');
  await until((text) => text.includes('Nothing waits for you'));
  const call = client.messages.send({ recipient: 'r', body: 'hello' });
  await until((text) => text.includes('body: "hello"') && text.includes('a approve'));
  // The time that is left is drawn every second: by the fourth picture the card has been there long enough for any key.
  await until((text) => text.split('a approve').length > 4);
  child.stdin.write('a');
  await until((text) => text.includes('y approve, any other key goes back'));
  child.stdin.write('y');
  await until((text) => text.includes('✓ messages.send approved'));
  child.stdin.write('q');
  const [code] = (await ended) as [number];
  assert.equal(code, 0);
  child.stdin.end();
  assert.equal((await call).available, false);
});

// req: cli.approvals-watch
test('watch ends with Ctrl-C also while its daemon is gone', async () => {
  const other = await startDaemon();
  await using watching = startCar(['approvals', 'watch'], { root: other.root });
  const own = await connect({
    socketPath: other.ready.socket,
    tokenFile: join(other.root, 'ai.parslee.car', 'auth-token'),
  });
  await own.host.request_approval({ action: 'seen', system_level: true });
  await watching.until('stdout', (text) => text.includes('seen'));
  await own.close();
  await other[Symbol.asyncDispose]();
  await watching.until('stderr', (text) => text.includes('lost'));
  watching.child.kill('SIGINT');
  assert.equal((await watching.result).code, 0);
});

// req: approvals.whole
test('show --full prints all of what an approval covers, escapes what would not be seen, and says what was cut', async () => {
  const value = `${'x'.repeat(5_000)}the end \u202E`;
  const { id } = await ask('long', { details: { value } });
  const card = await car('show', id);
  assert.match(card.stdout, / {2}value: "x{300}…" \(4709 more characters\)\n/);
  const { stdout } = await car('show', id, '--full');
  const json = stdout.slice(stdout.indexOf('{'));
  assert.deepEqual(JSON.parse(json), { action: 'long', details: { value } });
  assert.ok(json.includes(String.raw`the end \u202e`) && !json.includes('\u202E'));
  const { action } = JSON.parse((await car('show', id, '--full', '--json')).stdout) as {
    action: { hidden_chars: number };
  };
  assert.equal(action.hidden_chars, 0);
  const large = await ask('large', { details: { value: 'y'.repeat(100_000) } });
  assert.match((await car('show', large.id, '--full')).stdout, /\[… 3\d{4} characters are not kept and not shown …\]/);
});
