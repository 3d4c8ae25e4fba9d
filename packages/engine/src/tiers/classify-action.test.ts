import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { normalizeProposal } from '../normalize-proposal.ts';
import type { ActionInput } from '../proposal.ts';
import { classifyAction, declaredRollbackContract, isMissingCompensation } from './classify-action.ts';
import { fingerprintOf } from './fingerprint.ts';

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
test('ten megabytes of parameters are read in time that grows with their length alone', () => {
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
    timeOf(key, piece, 20_000);
    const small = timeOf(key, piece, 200_000);
    const large = timeOf(key, piece, 2_000_000);
    // Ten times the text: a square would take a hundred times as long.
    assert.ok(large < 50 * Math.max(small, 5), `${key} of ${piece}: ${small} ms for 200 kB, ${large} ms for 2 MB`);
  }
  assert.equal(classify('write_file', { content: `${'x "y" '.repeat(1_700_000)}rm -rf /` }).tier, 'full_access');
  for (const word of ['bash', ''])
    for (const key of ['args', 'command'])
      assert.equal(classify('shell', { [key]: Array.from({ length: 500_000 }, () => word) }).tier, 'full_access');
});
