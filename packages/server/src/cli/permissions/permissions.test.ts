// The commands on permissions, as processes of their own, against a real daemon.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon, type DaemonProcess } from '../../../test/daemon-process.ts';
import { plain, runCar, type RunOptions } from '../../../test/run-car.ts';

let daemon: DaemonProcess;
const folder = mkdtempSync(join(tmpdir(), 'car-permissions-'));
const planPath = join(folder, 'plan.json');

before(async () => {
  daemon = await startDaemon();
  const actions = [
    { id: 'read', type: 'tool_call', tool: 'read_file', parameters: { path: 'a' } },
    {
      id: 'ship',
      type: 'tool_call',
      tool: 'deploy',
      parameters: { to: 'x\u001B[2J\u202E' },
      reversibility: 'compensable',
    },
    { id: 'tell', type: 'tool_call', tool: 'send_mail', parameters: { to: 'ann' } },
  ];
  writeFileSync(planPath, JSON.stringify({ actions }));
});

after(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const permissions = (args: readonly string[], options: Partial<RunOptions> = {}) =>
  runCar(['permissions', ...args], { root: daemon.root, ...options });

// req: cli.permissions
test('a plan is classified, evaluated, approved and rejected from the command line', async () => {
  const classified = await permissions(['classify', planPath], { terminal: ['stdout'] });
  assert.equal(classified.code, 0, classified.stderr);
  const lines = plain(classified.stdout).trimEnd().split('\n');
  assert.match(lines[0]!, /^ACTION {2,}TOOL {2,}NEEDS {2,}UNDONE {2,}FOUND$/);
  assert.match(
    lines[2]!,
    /^ship {2,}deploy {2,}full_access {2,}compensable {2,}tool name: deploy; says it can be made up/,
  );
  assert.equal(lines.at(-1), 'declared as irreversible at worst');

  const evaluated = await permissions(['evaluate', planPath]);
  assert.equal(evaluated.code, 1);
  const rows = evaluated.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  assert.deepEqual(
    rows.map(([id, decision]) => [id, decision]),
    [
      ['read', 'allow'],
      ['ship', 'needs_approval'],
      ['tell', 'needs_approval'],
    ],
  );
  const fingerprint = rows[2]![4]!;
  const rejected = await permissions(['reject', fingerprint, '--reason', 'spam']);
  assert.match(rejected.stdout, new RegExp(`^rejected  up to full_access  ${fingerprint}\n$`));
  const approved = await permissions(['approve', planPath, '--action', 'ship', '--json']);
  assert.equal(approved.code, 0, approved.stderr);
  assert.equal((JSON.parse(approved.stdout) as { records: { decision: string }[] }).records[0]?.decision, 'approved');
  const pending = await permissions(['pending', planPath]);
  assert.equal(pending.stdout, 'nothing needs approval\n');
  const again = JSON.parse((await permissions(['evaluate', planPath, '--json'])).stdout) as {
    decisions: { decision: string }[];
  };
  assert.deepEqual(
    again.decisions.map(({ decision }) => decision),
    ['allow', 'allow', 'deny'],
  );
});

// req: cli.permissions
test('a plan is reviewed on one card and approved by what was shown', async () => {
  const other = join(folder, 'other.json');
  writeFileSync(
    other,
    JSON.stringify({ source: 'x\u001B[2J\u202E', actions: [{ id: 'p', type: 'tool_call', tool: 'publish' }] }),
  );
  const card = await permissions(['review', other]);
  assert.match(
    card.stdout,
    /^Plan of 1 action from "x\[2J \[2 hidden characters removed\]": full_access, irreversible at worst\n/,
  );
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  assert.doesNotMatch(card.stdout, /[\u0000-\u0009\u000B-\u001F\u202E]/);
  const approved = await permissions(['review', other, '--approve', '--reason', 'fine']);
  assert.match(approved.stdout, /approved 1 operation\n$/);
  assert.equal((await permissions(['evaluate', other])).code, 0);
});

// req: cli.permissions
test('car plan run says what people have to do, and waits for them where it is told to', async () => {
  const secret = join(folder, 'secret.json');
  writeFileSync(join(folder, 'a.pem'), 'x');
  writeFileSync(
    secret,
    JSON.stringify({ actions: [{ id: 's', type: 'tool_call', tool: 'read_file', parameters: { path: 'a.pem' } }] }),
  );
  const run = (args: readonly string[]) =>
    runCar(['plan', 'run', secret, '--root', folder, ...args], { root: daemon.root });
  const refused = await run([]);
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(
    refused.stdout,
    /needs approval: 1 action to approve\n {2}see and approve it: {2}car permissions review .*secret\.json --approve\n/,
  );
  const [ran, approved] = await Promise.all([run(['--wait', '60']), permissions(['approve', secret])]);
  assert.equal(approved.code, 0, approved.stderr);
  assert.equal(ran.code, 0, ran.stdout);
});

// req: cli.permissions
test('tiers and what agents may do are shown and set', async () => {
  assert.equal((await permissions(['tier'])).stdout, 'sandbox_edit\n');
  assert.equal((await permissions(['tier', 'read_only', '--json'])).stdout, '{"granted_tier":"read_only"}\n');
  const set = await permissions(['agents', 'set', 'reviewer', 'deny', '--tier', 'full_access']);
  assert.equal(set.stdout, '(default)\talways_allow\trequire_approval\trequire_approval\nreviewer\t-\t-\tdeny\n');
  assert.match(
    (await permissions(['agents', 'default', 'trusting'])).stdout,
    /^\(default\)\talways_allow\talways_allow\trequire_approval\n/,
  );
  assert.match(
    (await permissions(['agents', 'default', 'deny', '--tier', 'read_only'])).stdout,
    /^\(default\)\tdeny\t/,
  );
  const { stdout } = await permissions(['agents', 'reset', 'reviewer', '--json']);
  assert.deepEqual((JSON.parse(stdout) as { agents: object }).agents, {});
});

test('what makes no sense is told, with the exit status of a wrong call', async () => {
  for (const [args, text] of [
    [['tier', 'everything'], /the tier is read_only, sandbox_edit, full_access, not "everything"/],
    [['approve', planPath, '--action', 'nobody'], /there is no action "nobody" in the plan/],
    [['approve', 'f'.repeat(64), '--action', 'x'], /--action goes with a plan/],
    [['agents', 'set', 'a', 'sometimes'], /a mode is always_allow/],
    [['agents', 'default', 'deny'], /a mode and --tier/],
  ] as const) {
    const { code, stderr } = await permissions(args);
    assert.equal(code, 2);
    assert.match(stderr, text);
  }
});
