// What is published works where it is installed: built, packed, installed in an empty project, and used from there.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');

/** The core in a program of one's own. */
const embedding = `
import { connect } from '@car-runtime/client';
import { ServerState } from '@car-runtime/core';
import { createMemoryPair } from '@car-runtime/rpc';

const state = ServerState.standalone('journals');
const [ours, theirs] = createMemoryPair();
state.createSession(ours);
const car = await connect({ channel: () => theirs });
await car.registerTool('double', { type: 'object' }, ({ n }) => n * 2);
const action = { id: 'a', type: 'tool_call', tool: 'double', parameters: { n: 21 } };
const { results } = await car.proposal.submit({ proposal: { actions: [action] } });
console.log(results[0].output);
await car[Symbol.asyncDispose]();
await state[Symbol.asyncDispose]();
`;

let folder = '';
let project = '';
/** What a program can import: every entry point of every package. */
let entries: string[] = [];

before(
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'car-pack-'));
    project = join(folder, 'project');
    const built = join(folder, 'built');
    const packed = join(folder, 'packed');
    await mkdir(project);
    await mkdir(packed);
    await run(root, process.execPath, 'scripts/build.ts', '--out', built);
    const packages = (await readdir(built)).map((name) => join(built, name));
    const manifests = await Promise.all(packages.map((path) => readManifest(path)));
    entries = manifests.flatMap(({ name, exports }) => Object.keys(exports).map((subpath) => join(name, subpath)));
    await run(packed, 'npm', 'pack', '--silent', ...packages);
    await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
    const tarballs = (await readdir(packed)).map((name) => join(packed, name));
    await run(
      project,
      'npm',
      'install',
      '--ignore-scripts',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      ...tarballs,
    );
    // Compiling and bundling everything takes its time on a busy machine.
  },
  { timeout: 6 * 60_000 },
);

after(() => rm(folder, { recursive: true, force: true }));

test('every entry point of the published packages can be imported', async () => {
  assert.ok(entries.includes('@car-runtime/core') && entries.includes('@car-runtime/rpc/node'));
  const program = entries.map((entry, index) => `import * as e${index} from '${entry}'; void e${index};`).join('\n');
  await writeFile(join(project, 'all.ts'), program);
  await writeFile(join(project, 'all.js'), program);
  await run(project, process.execPath, 'all.js');
});

test('the published declarations are complete, with the types of Node beside them', async () => {
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')];
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--skipLibCheck', 'false'];
  await run(project, join(root, 'node_modules', '.bin', 'tsc'), ...flags, ...types, 'all.ts');
});

test('the published core runs a proposal in a program of ten lines', async () => {
  await writeFile(join(project, 'embedding.js'), embedding);
  assert.equal(await run(project, process.execPath, 'embedding.js'), '42');
});

test('the published programs start and say their version', async () => {
  const { version } = await readManifest(join(root, 'packages', 'server'));
  for (const program of ['car-server', 'car']) {
    assert.match(await run(project, 'npx', '--no-install', program, '--version'), new RegExp(`\\b${version}$`));
  }
});

test('the published daemon starts, answers the published command line, and stops', async (t) => {
  const env = { ...process.env, CAR_HOME: join(folder, 'home') };
  const program = join(project, 'node_modules', '.bin', 'car-server');
  const daemon = spawn(process.execPath, [program, '--port', '0', '--ready-json'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => daemon.kill('SIGKILL'));
  const [ready] = await once(daemon.stdout, 'data');
  const { ws } = JSON.parse(String(ready)) as { ws: string };
  const car = join(project, 'node_modules', '.bin', 'car');
  const { stdout } = await promisify(execFile)(process.execPath, [car, 'call', 'state.keys', '--url', ws], { env });
  assert.equal(stdout, '[]\n');
  daemon.kill('SIGTERM');
  assert.deepEqual(await once(daemon, 'exit'), [0, null]);
});

async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) };
  const { stdout } = await promisify(execFile)(command, args, { cwd, env });
  return stdout.trim();
}

interface Manifest {
  name: string;
  version: string;
  exports: object;
}

async function readManifest(home: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
}
