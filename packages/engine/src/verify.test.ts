import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, write } from '../test/support.ts';
import { findIssues, normalizeProposal, StateStore, ToolRegistry, verify } from './index.ts';
import type { ActionInput, JsonObject, VerifyReport } from './index.ts';

async function registry(): Promise<ToolRegistry> {
  const tools = new ToolRegistry();
  await tools.register([
    { name: 'ok' },
    { name: 'typed', parameters: { properties: { n: { type: 'number' } }, required: ['n'] } },
  ]);
  return tools;
}

/** The report; `findIssues`, which looks at the same state in a store, must find the same. */
async function check(actions: ActionInput[], initialState: JsonObject = {}): Promise<VerifyReport> {
  const proposal = normalizeProposal({ id: 'p', actions });
  const tools = await registry();
  const report = await verify(proposal, { tools, initialState });
  const state = new StateStore();
  for (const [key, value] of Object.entries(initialState)) state.set(key, value);
  assert.deepEqual(await findIssues(proposal, { tools, state }), report.issues);
  return report;
}

/** `error a: message`, without the findings about calls that repeat. */
function issuesOf({ issues }: VerifyReport): string[] {
  return issues.map(({ severity, action_id, message }) => `${severity} ${action_id}: ${message}`);
}

const skip = { failure_behavior: 'skip' } as const;
const needs = (...keys: string[]): Partial<ActionInput> => ({ state_dependencies: keys });
const requires = (key: string, operator: string, value: unknown = null): Partial<ActionInput> => ({
  preconditions: [{ key, operator, value }],
});

// req: engine.verify.valid, engine.verify.tiers
test('a sound proposal is valid and tells levels, final state and evidence', async () => {
  const report = await check(
    [write('a', 'k', 1), call('b', 'typed', { parameters: { n: 2 }, ...needs('k'), expected_effects: { j: 2 } })],
    { i: 0 },
  );
  assert.deepEqual([report.valid, report.issues, report.conflicts], [true, [], []]);
  assert.deepEqual(report.simulated_state, { i: 0, k: 1, j: 2 });
  assert.deepEqual(report.execution_levels, [['a'], ['b']]);
  assert.deepEqual(
    report.evidence.checks.map(({ name, ran, findings, tier }) => [name, ran, findings, tier]),
    [
      ['tools', true, 0, 'decision_procedure'],
      ['parameters', true, 0, 'decision_procedure'],
      ['preconditions', true, 0, 'decision_procedure'],
      ['state_dependencies', true, 0, 'decision_procedure'],
      ['assertions', true, 0, 'decision_procedure'],
      ['ordering', true, 0, 'decision_procedure'],
      ['write_conflicts', true, 0, 'decision_procedure'],
      ['repeated_calls', true, 0, 'heuristic'],
      ['action_count', true, 0, 'decision_procedure'],
    ],
  );
  assert.deepEqual(report.evidence.untested_regions, []);
  assert.deepEqual(report.evidence.residual_risks, [
    '1 tool call is declared irreversible',
    '1 tool call has no time limit of its own',
  ]);
  assert.equal(report.evidence.confidence, 1);
});

// req: engine.verify.errors
test('unknown tools, bad parameters and missing names are errors', async () => {
  const report = await check([
    call('a', 'nope', skip),
    call('b', 'typed', { parameters: { n: 'x' } }),
    { id: 'c', type: 'tool_call' },
    { id: 'd', type: 'state_read' },
  ]);
  assert.equal(report.valid, false);
  assert.deepEqual(issuesOf(report), [
    "error a: tool 'nope' is not registered",
    "error b: parameter 'n' must be number",
    'error c: tool_call action has no tool specified',
    'error d: state_read action has no key specified',
  ]);
  assert.deepEqual(
    report.evidence.checks.slice(0, 2).map(({ findings }) => findings),
    [2, 2],
  );
});

test('without tools nothing is held against them, and the evidence says so', async () => {
  const report = await verify(normalizeProposal({ actions: [call('a', 'nope')] }));
  assert.equal(report.valid, true);
  assert.deepEqual(
    report.evidence.checks.filter(({ ran }) => !ran).map(({ name }) => name),
    ['tools', 'parameters'],
  );
});

// req: engine.verify.errors
test('preconditions are checked against the state at their turn', async () => {
  const report = await check(
    [
      call('a', 'ok', requires('n', 'gt', 5)),
      write('b', 'n', 6),
      { id: 'c', type: 'state_read', parameters: { key: 'n' }, ...requires('n', 'gt', 5) },
      { id: 'd', type: 'state_read', parameters: { key: 'n' }, ...requires('n', 'about', 5) },
    ],
    { n: 5 },
  );
  assert.deepEqual(issuesOf(report), [
    "error a: precondition will fail: state['n'] gt 5",
    "error d: precondition will fail: state['n'] about 5: unknown operator 'about'",
  ]);
});

// req: engine.verify.errors
test('a state dependency that nobody met is an error, and a later writer is pointed out', async () => {
  const report = await check([call('a', 'ok', needs('k', 'j')), write('b', 'k', 1)]);
  assert.deepEqual(issuesOf(report), [
    "error a: state dependency 'k' not found: 'b' writes it, but only later",
    "error a: state dependency 'j' not found",
  ]);
});

// req: engine.verify.blocked-effects
test('effects of a blocked action are applied, so what follows is judged on its own', async () => {
  const report = await check([call('a', 'nope', { expected_effects: { k: 1 } }), call('b', 'ok', needs('k'))]);
  assert.deepEqual(issuesOf(report), ["error a: tool 'nope' is not registered"]);
  assert.deepEqual(report.simulated_state, { k: 1 });
});

test('what depends on which sibling ends first is an error when they overlap and none when they do not', async () => {
  const siblings = (rest: Partial<ActionInput>): ActionInput[] => [
    call('a', 'ok', { expected_effects: { k: 1 }, ...rest }),
    call('b', 'ok', { ...rest, ...requires('k', 'exists'), parameters: { x: 1 } }),
  ];
  assert.deepEqual(issuesOf(await check(siblings({}))), []);
  assert.deepEqual(issuesOf(await check(siblings(skip))), [
    "error b: precondition may fail: state['k'] exists depends on which action of the same level ends first",
  ]);
  const own = await check([
    call('a', 'ok', { ...skip, ...requires('k', 'not_exists'), expected_effects: { k: 1 } }),
    call('b', 'ok', { ...skip, parameters: { x: 1 } }),
  ]);
  assert.deepEqual(issuesOf(own), []);
});

// req: engine.verify.warnings
test('two writers of one key in no declared order are a conflict, ordered ones are not', async () => {
  const report = await check([
    call('a', 'ok', { expected_effects: { k: 1 } }),
    call('b', 'ok', { expected_effects: { k: 2 }, parameters: { x: 1 } }),
    call('c', 'ok', { expected_effects: { k: 3 }, parameters: { x: 2 }, dependencies: ['a'] }),
    write('d', 's', 1),
    write('e', 's', 2),
  ]);
  assert.deepEqual(report.conflicts, [['a', 'b', 'k']]);
  assert.deepEqual(issuesOf(report), ["warning b: writes 'k', as does 'a', in no declared order"]);
  assert.equal(report.valid, true);
});

test('after an unordered write both values are possible', async () => {
  const racing = [
    call('a', 'ok', { ...skip, expected_effects: { k: 1 } }),
    call('b', 'ok', { ...skip, expected_effects: { k: 2 }, parameters: { x: 1 } }),
  ];
  const after = (value: number) => call('c', 'ok', { dependencies: ['a', 'b'], ...requires('k', 'gte', value) });
  assert.equal((await check([...racing, after(1)])).valid, true);
  assert.equal((await check([...racing, after(2)])).valid, false);
});

// req: engine.verify.warnings, engine.verify.tiers
test('identical calls are a warning when there are two and an error from three on, as a rule of thumb', async () => {
  const times = (count: number) =>
    check(Array.from({ length: count }, (_, n) => call(`a${n}`, 'ok', { parameters: { x: 1, y: n - n } })));
  const two = await times(2);
  assert.deepEqual(two.issues, [
    {
      action_id: 'a1',
      severity: 'warning',
      tier: 'heuristic',
      message: "tool 'ok' is called 2 times with the same parameters, first by 'a0'",
    },
  ]);
  assert.equal(two.valid, true);
  const three = await times(3);
  assert.deepEqual([three.valid, three.issues.length, three.issues[0]!.severity], [false, 1, 'error']);
});

// req: engine.verify.warnings
test('more actions than the limit are a warning about the proposal', async () => {
  const report = await check(Array.from({ length: 31 }, (_, n) => write(`a${n}`, `k${n}`, n)));
  assert.deepEqual(issuesOf(report), ['warning : 31 actions, more than 30']);
  assert.equal(report.valid, true);
});

test('cycles and names that nothing has are reported without making the proposal invalid', async () => {
  const report = await check([
    call('a', 'ok', { dependencies: ['b', 'nobody'], parameters: { x: '$gone.output' } }),
    call('b', 'ok', { dependencies: ['a'] }),
  ]);
  assert.deepEqual(issuesOf(report), [
    'warning a: is part of a cycle of dependencies and runs before what it waits for',
    "info a: depends on 'nobody', which is no action here",
    "info a: '$gone.output' refers to no action here and stays as it is",
  ]);
  assert.equal(report.valid, true);
});

test('what only executing can tell is listed and lowers the confidence', async () => {
  const report = await check([
    call('a', 'ok'),
    call('b', 'typed', { parameters: { n: '$a.output' } }),
    write('w', 'k', '$a.output'),
    call('c', 'ok', { parameters: { x: 1 }, ...needs('k'), ...requires('k', 'eq', 1) }),
  ]);
  assert.equal(report.valid, true);
  assert.deepEqual(report.evidence.untested_regions, [
    "action 'b': its parameters hold the output of another action",
    "action 'c': whether state['k'] eq 1 is only known when it runs",
  ]);
  assert.equal(report.evidence.confidence, 0.5);
});

test('a tool that is not registered is found also when its parameters hold an output', async () => {
  const report = await check([call('a', 'ok'), call('b', 'nope', { parameters: { x: '$a.output' } })]);
  assert.deepEqual(issuesOf(report), ["error b: tool 'nope' is not registered"]);
});

test('an assertion that fails is a warning, and what it then does not write may be missing', async () => {
  const report = await check([
    { id: 'a', type: 'assertion', parameters: { key: 'k', value: 1 }, expected_effects: { j: 1 }, ...skip },
    call('b', 'ok', needs('j')),
  ]);
  assert.deepEqual(issuesOf(report), [
    "warning a: assertion will fail: state['k'] eq 1",
    "error b: state dependency 'j' not found: it is written on the same level and may not be there yet",
  ]);
});

test('a repeated idempotent call may be answered from the cache and write nothing', async () => {
  const report = await check([
    call('a', 'ok', { idempotent: true, expected_effects: { k: 1 } }),
    write('b', 'k', 2, { dependencies: ['a'] }),
    call('c', 'ok', { idempotent: true, expected_effects: { k: 1 }, dependencies: ['b'] }),
    call('d', 'ok', { parameters: { x: 1 }, dependencies: ['c'], ...requires('k', 'eq', 1) }),
  ]);
  assert.equal(report.valid, false);
  assert.deepEqual(report.simulated_state, { k: 2 });
});

test('a key written by very many siblings is left undecided rather than compared with each', async () => {
  const many = Array.from({ length: 5_000 }, (_, n) =>
    call(`a${n}`, 'ok', { ...skip, parameters: { n }, expected_effects: { k: n }, ...requires('k', 'not_exists') }),
  );
  const report = await check(many);
  assert.equal(report.conflicts.length, 1_000);
  assert.equal(report.evidence.untested_regions.length, 5_000);
});

test('keys named like members of every object are ordinary keys', async () => {
  const effects = JSON.parse('{"__proto__":1,"constructor":2}') as JsonObject;
  const report = await check([call('a', 'ok', { expected_effects: effects, ...requires('toString', 'not_exists') })]);
  assert.equal(report.valid, true);
  assert.equal(JSON.stringify(report.simulated_state), '{"__proto__":1,"constructor":2}');
});
