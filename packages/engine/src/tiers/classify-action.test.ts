import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { normalizeProposal } from '../normalize-proposal.ts';
import type { ActionInput } from '../proposal.ts';
import { classifyAction, declaredRollbackContract, isMissingCompensation } from './classify-action.ts';
import { fingerprintOf } from './fingerprint.ts';
import { maxScanned, ScanBudget } from './scan-budget.ts';

interface Labelled {
  tool: string;
  parameters?: Record<string, unknown>;
  tier: string;
  reversibility?: string;
}

const labelled = JSON.parse(
  readFileSync(new URL('../../test/labelled-actions.json', import.meta.url), 'utf8'),
) as Labelled[];

const classify = (tool: string, parameters = {}) => classifyAction({ type: 'tool_call', tool, parameters });

// req: tiers.corpus, tiers.fixed-points, tiers.near-misses
test('every labelled action gets the tier a person gave it, and the reversibility where one was given', () => {
  assert.ok(labelled.length >= 300);
  const wrong = labelled.flatMap(({ tool, parameters, tier, reversibility }) => {
    const got = classify(tool, parameters);
    const isRight = got.tier === tier && (reversibility ?? got.reversibility) === got.reversibility;
    return isRight ? [] : [{ tool, parameters, wanted: [tier, reversibility], got }];
  });
  assert.deepEqual(wrong, []);
});

test('what reaches nothing outside the session is judged by its type', () => {
  const of = (action: ActionInput) => {
    const { tier, reversibility } = classifyAction(normalizeProposal({ actions: [action] }).actions[0]!);
    return [tier, reversibility];
  };
  assert.deepEqual(of({ type: 'state_read', parameters: { key: 'password' } }), ['read_only', 'reversible']);
  assert.deepEqual(of({ type: 'assertion', parameters: { key: 'a' } }), ['read_only', 'reversible']);
  assert.deepEqual(of({ type: 'state_write', parameters: { key: 'a', value: 'drop table x' } }), [
    'sandbox_edit',
    'reversible',
  ]);
});

// req: tiers.no-values
test('what was found is told in words of the tables, never in values of the action', () => {
  const { signals } = classify('send_report', {
    password: 'hunter2',
    command: 'curl https://u:hunter2@example.com',
    path: '/home/ann/.ssh/id_rsa',
    note: 'DROP TABLE hunter2',
  });
  assert.deepEqual(signals, [
    'tool name: send',
    'parameter key: a secret',
    'command: curl',
    'path: .ssh',
    'phrase: drop table',
  ]);
});

test('programs and their scripts are listed as they are named, for those who look them up', () => {
  assert.deepEqual(classify('shell', { command: 'cd x && bash deploy.sh; /opt/tool', cwd: '/srv' }).uses, [
    { program: 'cd' },
    { program: 'bash' },
    { program: 'bash', script: 'deploy.sh' },
    { program: '/opt/tool' },
  ]);
  assert.equal(classify('shell', { command: 'ls', cwd: '/srv' }).folder, '/srv');
});

// req: tiers.rollback-contract
test('the rollback contract is the worst declared reversibility, and a compensation is missed where one was promised', () => {
  const plan = (...actions: Partial<ActionInput>[]) =>
    normalizeProposal({ actions: actions.map((action) => ({ type: 'tool_call', tool: 't', ...action })) });
  assert.equal(declaredRollbackContract(plan()), 'reversible');
  assert.equal(declaredRollbackContract(plan({ reversibility: 'reversible' })), 'reversible');
  assert.equal(
    declaredRollbackContract(plan({ reversibility: 'reversible' }, { reversibility: 'compensable' })),
    'compensable',
  );
  assert.equal(declaredRollbackContract(plan({ reversibility: 'compensable' }, {})), 'irreversible');
  const undo = { type: 'tool', tool: 'undo' } as const;
  const { actions } = plan(
    { reversibility: 'compensable' },
    { reversibility: 'compensable', compensation: undo },
    { reversibility: 'irreversible' },
  );
  assert.deepEqual(actions.map(isMissingCompensation), [true, false, false]);
});

// req: tiers.fingerprint
test('a fingerprint is of type, tool and parameters in canonical form, and of nothing else', () => {
  const action = (input: Partial<ActionInput>) =>
    normalizeProposal({ actions: [{ type: 'tool_call', tool: 't', ...input }] }).actions[0]!;
  const one = fingerprintOf(action({ id: 'a', parameters: { a: 1, b: { 10: 1, 9: 2 } }, timeout_ms: 5 }));
  assert.match(one, /^[0-9a-f]{64}$/);
  assert.equal(fingerprintOf(action({ id: 'z', parameters: { b: { 9: 2, 10: 1 }, a: 1.0 } })), one);
  for (const other of [{ parameters: { a: 2, b: { 10: 1, 9: 2 } } }, { tool: 'u' }, { type: 'state_write' as const }]) {
    assert.notEqual(fingerprintOf(action({ parameters: { a: 1, b: { 10: 1, 9: 2 } }, ...other })), one);
  }
});

// req: tiers.linear
test('what reading costs grows with the length of the parameters alone', () => {
  const hostile: [string, string][] = [
    ['content', 'x '],
    ['content', '"rm -'],
    ['content', '/*'],
    ['content', '%41\\x41&#65;'],
    ['content', 'rm -a'],
    ['content', '${IFS'],
    ['content', 'жé漢'],
    ['path', '/..'],
    ['command', 'bash -c "'],
    ['command', '$('],
    ['command', '`'],
    ['args', 'env '],
  ];
  const timeOf = (key: string, piece: string, chars: number): number => {
    const parameters = { [key]: piece.repeat(Math.ceil(chars / piece.length)) };
    const startedAt = process.cpuUsage();
    classify('write_file', parameters);
    const { user, system } = process.cpuUsage(startedAt);
    return (user + system) / 1_000;
  };
  for (const [key, piece] of hostile) {
    timeOf(key, piece, 10_000);
    const small = timeOf(key, piece, 12_000);
    const large = timeOf(key, piece, 120_000);
    // Ten times the text: a square would take a hundred times as long.
    assert.ok(large < 50 * Math.max(small, 5), `${key} of ${piece}: ${small} ms for 12 kB, ${large} ms for 120 kB`);
  }
});

const room = 256 * 1024;
const workOf = (
  parameters: object,
): { work: number; tier: string; reversibility: string; signals: readonly string[] } => {
  const budget = new ScanBudget(room);
  const { tier, reversibility, signals } = classifyAction(
    { type: 'tool_call', tool: 'write_note', parameters: parameters as Record<string, unknown> },
    budget,
  );
  return { work: budget.work, tier, reversibility, signals };
};

// req: tiers.bounded
test('however large the parameters are, so much is read and no more; what is not read makes the action the worst there is', () => {
  const many = (of: (index: number) => unknown): unknown[] => Array.from({ length: 300_000 }, (_, index) => of(index));
  const large: Record<string, object> = {
    text: { body: 'calm words '.repeat(500_000) },
    'one list': { body: many((index) => `calm ${index}`) },
    'a list of nothing': { body: many(() => 0) },
    'lists in lists': { body: many(() => [[]]) },
    records: { body: many((index) => ({ [`key${index}`]: 1 })) },
    members: { body: Object.fromEntries(many((index) => [`member${index}`, null]) as [string, null][]) },
    command: { command: 'ls '.repeat(1_000_000) },
    words: { argv: many(() => 'ls') },
    arguments: { command: 'ls', args: many(() => 'a') },
    'a name': { ['k'.repeat(5_000_000)]: 1 },
  };
  for (const [what, parameters] of Object.entries(large)) {
    const { work, tier, reversibility, signals } = workOf(parameters);
    assert.ok(work <= room, what);
    assert.deepEqual([tier, reversibility], ['full_access', 'irreversible'], what);
    assert.equal(signals[0], `not read: what is beyond ${maxScanned} characters of the action`, what);
  }
});

// req: tiers.bounded
test('nothing is hidden behind what is large: it is found where it is read, and else the action is the worst anyway', () => {
  const padding = 'calm words '.repeat(10_000);
  const hidden = workOf({ note: padding, later: 'rm -rf /' });
  assert.ok(hidden.work < room && hidden.signals.includes('phrase: rm -rf'));
  for (const parameters of [
    { note: padding.repeat(10), later: 'rm -rf /' },
    { a: padding.repeat(2), b: padding.repeat(2), c: 'rm -rf /' },
    { [`${'x'.repeat(990)}_password`]: 1 },
    { [`${'x'.repeat(2_000)}_password`]: 1 },
  ])
    assert.equal(workOf(parameters).tier, 'full_access');
  const within = workOf({ note: padding });
  assert.deepEqual([within.tier, within.signals.length], [classify('write_note', { note: 'calm' }).tier, 0]);
});

// req: tiers.bounded
test('a large action is read once, whoever asks', () => {
  const action = { type: 'tool_call' as const, tool: 'write_note', parameters: { note: 'calm words '.repeat(10_000) } };
  const [first, second] = [new ScanBudget(), new ScanBudget()];
  assert.equal(classifyAction(action, first), classifyAction(action, second));
  assert.deepEqual([first.work > 100_000, second.work], [true, 0]);
});
