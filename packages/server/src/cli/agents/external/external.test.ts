// `car agents external` against a real daemon, with stand-ins for the agents.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon, type DaemonProcess } from '../../../../test/daemon-process.ts';
import { plain, runCar, startCar } from '../../../../test/run-car.ts';

const program = join(import.meta.dirname, '../../../../../core/test/stand-ins/coding-agent.ts');
let daemon: DaemonProcess;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'car-external-'));
  const claude = join(folder, 'claude');
  writeFileSync(claude, `#!/bin/sh\nexec '${process.execPath}' '${program}' claude "$@"\n`);
  chmodSync(claude, 0o755);
  daemon = await startDaemon({ env: { CAR_CLAUDE_CODE_BIN: claude, CAR_CODEX_BIN: '/not/there', PATH: '' } });
});

after(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

const car = (args: string[], terminal?: ('stdout' | 'stderr')[]) =>
  runCar(['agents', 'external', ...args], { root: daemon.root, ...(terminal && { terminal }) });

// req: cli.agents-external
test('ls and health say what is there and how it is', async () => {
  const listed = await car(['ls']);
  const rows = listed.stdout.trimEnd().split('\n');
  assert.equal(listed.code, 0);
  assert.deepEqual(rows[0]?.split('\t').slice(0, 3), ['claude-code', 'runnable', '2.1.42']);
  assert.match(rows[1] ?? '', /^codex\tunusable\t-\tCAR_CODEX_BIN names "\/not\/there"/);
  const health = await car(['health', 'claude-code']);
  assert.deepEqual([health.code, health.stdout], [0, 'claude-code\tready\t\n']);
  assert.equal((await car(['health'])).code, 1);
  assert.match((await car(['health', 'nobody'])).stderr, /unknown external agent "nobody"/);
});

// req: cli.agents-external
test('run prints the answer alone in a pipe, what is said on a terminal, and events as JSON', async () => {
  const piped = await car(['run', 'claude-code', 'what is it?']);
  assert.deepEqual([piped.code, piped.stdout], [0, 'It is 42.\n']);
  const shown = await car(['run', 'claude-code', 'what is it?'], ['stdout', 'stderr']);
  assert.equal(plain(shown.stdout), 'Let me see.\nIt is 42.\n');
  assert.match(plain(shown.stderr), /→ Read \{ file_path: "\/a\.txt" \}\n/);
  const json = await car(['--json', 'run', 'claude-code', 'what is it?']);
  const events = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string });
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['token', 'tool_call', 'tool_call', 'token', 'done'],
  );
  const failed = await car(['run', 'codex', 'x']);
  assert.deepEqual([failed.code, failed.stdout], [1, '']);
  assert.match(failed.stderr, /^failed: external agent "codex" cannot be run/);
});

// req: cli.agents-external
test('Ctrl-C cancels the task', async () => {
  await using running = startCar(['agents', 'external', 'run', 'claude-code', 'hang'], {
    root: daemon.root,
    terminal: ['stdout', 'stderr'],
  });
  const text = await running.until('stdout', (printed) => printed.includes('\n'));
  const [pid = 0] = text.match(/\d+/g)?.map(Number) ?? [];
  running.child.kill('SIGINT');
  const { code, stderr } = await running.result;
  assert.equal(code, 130);
  assert.match(stderr, /cancelled/);
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});
