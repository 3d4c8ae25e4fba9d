// The launchers under an old Node (the machine's own where it is old, otherwise this one made to say so) and a new one.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const launchers = fileURLToPath(new URL('../bin', import.meta.url));

/** Reports what it was started with, then does what its first argument says. */
const program = `
const report = (line: object): void => console.log(JSON.stringify(line));
let terms: number = 0;
process.on('SIGTERM', () => {
  report({ signal: 'SIGTERM', count: ++terms });
  if (terms === 2) process.exit(7);
});
report({ node: process.versions.node, pid: process.pid, args: process.argv.slice(2), mark: process.env['CAR_LAUNCHED'] });
const order = process.argv[2];
if (order === 'exit') process.exit(Number(process.argv[3]));
else if (order === 'die') process.kill(process.pid, 'SIGABRT');
else if (order === 'wait') setInterval(() => {}, 1000);
`;

/** Makes a new Node say that it is an old one. The child that the launcher starts is left as it is. */
const pretendOld = `if (!process.env.CAR_LAUNCHED) {
  Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } });
}`;

test('an old Node starts the pinned one with the same arguments and exit status', async (t) => {
  const launched = launch(t, { node: 'old', args: ['exit', '42', '--flag', 'two words'] });
  const report = await launched.report();
  assert.deepEqual(report['args'], ['exit', '42', '--flag', 'two words']);
  assert.ok(!isOld(String(report['node'])));
  assert.equal(report['mark'], undefined);
  assert.deepEqual(await launched.ended, [42, null]);
});

test('a launcher whose program died of a signal dies of the same signal', async (t) => {
  const launched = launch(t, { node: 'old', args: ['die'] });
  assert.deepEqual(await launched.ended, [null, 'SIGABRT']);
});

test('a launcher hands on SIGTERM, the second one too', async (t) => {
  const launched = launch(t, { node: 'old', args: ['wait'] });
  await launched.report();
  process.kill(launched.pid, 'SIGTERM');
  assert.deepEqual(await launched.report(), { signal: 'SIGTERM', count: 1 });
  process.kill(launched.pid, 'SIGTERM');
  assert.deepEqual(await launched.ended, [7, null]);
});

test('a signal to the whole process group reaches the program once', async (t) => {
  const launched = launch(t, { node: 'old', args: ['wait'] });
  await launched.report();
  process.kill(-launched.pid, 'SIGTERM');
  assert.deepEqual(await launched.report(), { signal: 'SIGTERM', count: 1 });
  process.kill(-launched.pid, 'SIGTERM');
  assert.deepEqual(await launched.report(), { signal: 'SIGTERM', count: 2 });
  assert.deepEqual(await launched.ended, [7, null]);
});

test('a program ends when its launcher is killed', async (t) => {
  const launched = launch(t, { node: 'old', args: ['wait'] });
  await launched.report();
  process.kill(launched.pid, 'SIGKILL');
  assert.deepEqual(await launched.report(), {}, 'the program, which holds the other end, closes its output');
});

test('an old Node with no newer one beside it says so in one line', async (t) => {
  const launched = launch(t, { node: 'old', args: [], pinned: false });
  assert.deepEqual(await launched.ended, [1, null]);
  assert.match(launched.errors(), /^car: Node 24\.15 or newer is needed and this is \d+\.\d+\.\d+: [^\n]+\n$/);
});

test('a new Node runs the program in the process of its launcher', async (t) => {
  const launched = launch(t, { node: 'new', args: ['exit', '3'] });
  assert.equal((await launched.report())['pid'], launched.pid);
  assert.deepEqual(await launched.ended, [3, null]);
});

test('a published package runs the built program', async (t) => {
  const launched = launch(t, { node: 'new', args: [], built: true });
  assert.deepEqual(await launched.report(), { built: true });
  assert.deepEqual(await launched.ended, [0, null]);
});

interface Launch {
  node: 'old' | 'new';
  args: string[];
  /** Whether a new Node is installed beside the package. */
  pinned?: boolean;
  /** Whether the package is the published one. */
  built?: boolean;
}

/** Starts `car` of a package made for this test, in a process group of its own. */
function launch(t: TestContext, { node, args, pinned = true, built = false }: Launch) {
  const folder = mkdtempSync(join(tmpdir(), 'car-launcher-'));
  const home = join(folder, 'car-server');
  cpSync(launchers, join(home, 'bin'), { recursive: true });
  write(join(home, 'package.json'), '{ "type": "module" }');
  if (built) write(join(home, 'dist', 'car.js'), 'console.log(JSON.stringify({ built: true }));');
  else write(join(home, 'src', 'car.ts'), program);
  if (pinned) installThisNode(join(folder, 'node_modules', 'node'));

  const [executable, ...flags] = node === 'new' ? [process.execPath] : oldNode(folder);
  const child = spawn(executable, [...flags, join(home, 'bin', 'car.js'), ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid ?? assert.fail('the launcher did not start');
  const ended = once(child, 'close');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  return {
    pid,
    ended,
    errors: () => errors,
    /** The next line of output, or nothing when the output has ended. */
    async report(): Promise<Record<string, unknown>> {
      const { value = '{}' } = await lines.next();
      return JSON.parse(value);
    },
  };
}

/** The command of an old Node: one of this machine, or this Node pretending. */
function oldNode(folder: string): [string, ...string[]] {
  const installed = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((path) => join(path, 'node'))
    .find((path) => existsSync(path) && isOld(execFileSync(path, ['--version'], { encoding: 'utf8' }).slice(1)));
  if (installed) return [installed];
  const preload = join(folder, 'pretend-old.cjs');
  write(preload, pretendOld);
  return [process.execPath, '--require', preload];
}

/** Lays out the `node` package as npm installs it. */
function installThisNode(folder: string): void {
  write(join(folder, 'package.json'), JSON.stringify({ version: process.versions.node, bin: { node: 'bin/node' } }));
  mkdirSync(join(folder, 'bin'));
  symlinkSync(process.execPath, join(folder, 'bin', 'node'));
}

function isOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < 24 || (major === 24 && minor < 15);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
