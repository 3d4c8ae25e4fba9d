import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startDaemon } from '../../test/daemon-process.ts';
import { plain, runCar } from '../../test/run-car.ts';

interface Report {
  code: number | null;
  worst: string;
  checks: { id: string; severity: string; summary: string; fix?: string; details?: Record<string, unknown> }[];
}

const ids = [
  'node-version',
  'state-root',
  'state-root-mode',
  'token-files',
  'socket-path',
  'daemon-reachable',
  'daemon-version',
  'daemon-health',
  'ports',
  'clock',
  'disk-space',
  'journals',
];

async function report(root: string, ...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await runCar(['doctor', '--json', ...args], { root });
  assert.equal(stderr, '');
  return { code, ...(JSON.parse(stdout) as Omit<Report, 'code'>) };
}

/** The finding of one check. */
async function finding(root: string, id: string, ...args: string[]): Promise<[string | undefined, string | undefined]> {
  const { checks } = await report(root, '--only', id, ...args);
  return [checks[0]?.severity, checks[0]?.summary];
}

function rootFor(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'car-doctor-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

// req: cli.doctor
test('a healthy daemon: every check by its id, exit 0', async () => {
  await using daemon = await startDaemon();
  // Another daemon of this machine may have the standard ports.
  const healthy = await report(daemon.root, '--skip', 'ports,disk-space');
  assert.deepEqual(
    healthy.checks.map(({ id }) => id),
    ids.filter((id) => id !== 'ports' && id !== 'disk-space'),
  );
  assert.deepEqual(
    healthy.checks.filter(({ severity }) => severity !== 'ok'),
    [],
  );
  assert.deepEqual([healthy.code, healthy.worst], [0, 'ok']);
  const reachable = healthy.checks.find(({ id }) => id === 'daemon-reachable');
  assert.equal(reachable?.details?.['pid'], daemon.pid);
  const { stdout, stderr } = await runCar(['doctor', '--only', 'node-version,journals'], {
    root: daemon.root,
    terminal: ['stdout'],
  });
  assert.match(plain(stdout), /^✓ node-version {2}Node [\d.]+\n✓ journals {6}\d+ files?, /);
  assert.equal(stderr, '2 checks: 0 errors, 0 warnings\n');
});

// req: cli.doctor
test('nothing running is a warning, exit 1; a credential that does not fit is an error, exit 2', async (t) => {
  const root = rootFor(t);
  const nobody = ['--url', 'ws://127.0.0.1:1'];
  const stopped = await report(root, '--skip', 'ports,disk-space', ...nobody);
  assert.deepEqual([stopped.code, stopped.worst], [1, 'warning']);
  const warnings = stopped.checks.filter(({ severity }) => severity !== 'ok');
  assert.deepEqual(
    warnings.map(({ id }) => id),
    ['daemon-reachable'],
  );
  assert.match(warnings[0]?.fix ?? '', /^start one: .*car-server/);
  await using daemon = await startDaemon();
  writeFileSync(join(daemon.root, 'ai.parslee.car', 'auth-token'), 'another token', { mode: 0o600 });
  assert.deepEqual(await finding(daemon.root, 'daemon-reachable'), ['error', 'auth failed: token mismatch']);
  rmSync(join(daemon.root, 'ai.parslee.car', 'auth-token'));
  const [severity, summary] = await finding(daemon.root, 'token-files');
  assert.equal(severity, 'warning');
  assert.match(summary ?? '', /^A daemon runs, and .*auth-token is missing$/);
});

// req: cli.doctor-modes
test('what others can read or change is found, with what to do', async (t) => {
  const root = rootFor(t);
  const nobody = ['--url', 'ws://127.0.0.1:1'];
  const folder = join(root, 'ai.parslee.car');
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(join(folder, 'auth-token'), 'secret value', { mode: 0o600 });
  assert.equal((await finding(root, 'token-files', ...nobody))[0], 'ok');
  chmodSync(join(folder, 'auth-token'), 0o644);
  assert.deepEqual(await finding(root, 'token-files', ...nobody), [
    'error',
    `others can read ${folder}/auth-token (mode 0644)`,
  ]);
  rmSync(join(folder, 'auth-token'));
  symlinkSync('/etc/hostname', join(folder, 'auth-token'));
  assert.deepEqual(await finding(root, 'token-files', '--socket', join(root, 'none')), [
    'error',
    `${folder}/auth-token is a symbolic link`,
  ]);
  chmodSync(root, 0o755);
  assert.deepEqual(await finding(root, 'state-root-mode'), ['warning', `Others can look into ${root} (mode 0755)`]);
  chmodSync(root, 0o777);
  assert.deepEqual(await finding(root, 'state-root-mode'), ['error', `Others can change ${root} (mode 0777)`]);
});

// req: cli.doctor
test('a state root that is missing or no folder, a socket path too long, large journals', async (t) => {
  const root = rootFor(t);
  assert.deepEqual(await finding(join(root, 'none'), 'state-root'), ['warning', `${root}/none is not there yet`]);
  writeFileSync(join(root, 'file'), '');
  assert.deepEqual(await finding(join(root, 'file'), 'state-root'), ['error', `${root}/file is no folder`]);
  const long = join(root, 'x'.repeat(120));
  assert.match((await finding(long, 'socket-path'))[1] ?? '', /bytes, and the system allows 10[37]$/);
  mkdirSync(join(root, 'run'));
  writeFileSync(join(root, 'run', 'car-server.sock'), '');
  assert.equal((await finding(root, 'socket-path'))[0], 'error');
  mkdirSync(join(root, 'journals'));
  const journal = join(root, 'journals', 'a.jsonl');
  writeFileSync(journal, '');
  // Takes no room on the disk.
  truncateSync(journal, 2 * 1024 ** 3);
  assert.deepEqual(await finding(root, 'journals'), ['warning', '1 file, 2.0 GiB']);
});

// req: cli.doctor
test('checks are chosen by id, an unknown id is exit 2, and --list names them all', async (t) => {
  const root = rootFor(t);
  const list = await runCar(['doctor', '--list', '--json'], { root });
  assert.deepEqual(
    (JSON.parse(list.stdout) as { id: string }[]).map(({ id }) => id),
    ids,
  );
  const chosen = await report(root, '--only', 'clock, journals', '--skip', 'clock');
  assert.deepEqual(
    chosen.checks.map(({ id }) => id),
    ['journals'],
  );
  for (const flag of ['--only', '--skip']) {
    const { code, stderr } = await runCar(['doctor', flag, 'clock,nope'], { root });
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`${flag} names no check: "nope"`));
  }
});
