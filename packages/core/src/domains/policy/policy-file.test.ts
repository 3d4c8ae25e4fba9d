import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizeProposal, StateStore, type ActionInput } from '@car-runtime/engine';
import { parsePolicyFile, PolicyFileError } from './policy-file.ts';
import { RateWindow } from './rate-window.ts';

const state = new StateStore();

/** Names of the policies of `toml` that deny a call of `tool` with these parameters. */
function denials(toml: string, tool: string, parameters: Record<string, unknown> = {}): string[] {
  const input: ActionInput = { type: 'tool_call', tool, parameters };
  const [action] = normalizeProposal({ actions: [input] }).actions;
  assert.ok(action);
  return parsePolicyFile('p.toml', toml)()
    .filter((policy) => policy.check(action, state) !== null)
    .map(({ name }) => name);
}

// req: policy.file-rules
test('each rule of a policy file denies what it says and nothing else', () => {
  const cases: [string, string, Record<string, unknown>, string[]][] = [
    ['deny_tool = ["deploy"]', 'deploy', {}, ['deny_tool:deploy']],
    ['deny_tool = ["deploy"]', 'build', {}, []],
    ['deny_keyword = ["prod"]', 'any', { where: { list: ['x', 'eu-prod-1'] } }, ['deny_keyword:prod']],
    ['deny_keyword = ["prod"]', 'any', { prod: 'staging' }, []],
    ['[[deny_tool_param]]\ntool="http"\nparam="url"', 'http', { url: 'x' }, ['deny_tool_param:http.url']],
    ['[[deny_tool_param]]\ntool="http"\nparam="url"', 'http', {}, []],
    ['[[deny_tool_param]]\ntool="http"\nparam="url"\nequals="a"', 'http', { url: 'ab' }, []],
    ['[[deny_tool_param]]\ntool="http"\nparam="port"\nequals=22', 'http', { port: 22 }, ['deny_tool_param:http.port']],
    [
      '[[deny_tool_param]]\ntool="http"\nparam="url"\ncontains="b"',
      'http',
      { url: 'abc' },
      ['deny_tool_param:http.url'],
    ],
    ['[[allow_tool_param]]\ntool="run"\nparam="cmd"\nallow=["ls"]', 'run', { cmd: 'ls' }, []],
    ['[[allow_tool_param]]\ntool="run"\nparam="cmd"\nallow=["ls"]', 'run', { cmd: 'rm' }, ['allow_tool_param:run.cmd']],
    ['[[allow_tool_param]]\ntool="run"\nparam="cmd"\nallow=["ls"]', 'run', {}, ['allow_tool_param:run.cmd']],
    [
      '[[allow_tool_param]]\ntool="run"\nparam="cmd"\nallow=["", "ls"]',
      'run',
      { cmd: '' },
      ['allow_tool_param:run.cmd'],
    ],
    [
      '[[deny_tool_param_matching]]\ntool="t"\nparam="p"\nmatches="^/etc/"',
      't',
      { p: '/etc/passwd' },
      ['deny_tool_param_matching:t.p'],
    ],
    [
      '[[deny_tool_param_matching]]\ntool="t"\nparam="p"\nmatches="secret"',
      't',
      { p: 'my secrets' },
      ['deny_tool_param_matching:t.p'],
    ],
    ['[[deny_tool_param_matching]]\ntool="t"\nparam="p"\nmatches="("', 't', {}, ['deny_tool_param_matching:t.p']],
    ['[[rate_limit_tool]]\ntool="t"\nmax_calls=0\ninterval_secs=1', 't', {}, ['rate_limit_tool:t']],
    ['[[rate_limit_tool]]\ntool="t"\nmax_calls=1\ninterval_secs=1', 't', {}, []],
  ];
  for (const [toml, tool, parameters, expected] of cases)
    assert.deepEqual(denials(toml, tool, parameters), expected, toml);
});

// req: policy.file-never-prints-values
test('a denial names its rule and never the value that matched', () => {
  const rules =
    '[[deny_tool_param]]\ntool="t"\nparam="p"\ncontains="hunter"\n[[deny_tool_param_matching]]\ntool="t"\nparam="p"\nmatches="h.nter"';
  const [action] = normalizeProposal({
    actions: [{ type: 'tool_call', tool: 't', parameters: { p: 'hunter2-the-password' } }],
  }).actions;
  assert.ok(action);
  const reasons = parsePolicyFile('p.toml', rules)().map((policy) => policy.check(action, state));
  assert.equal(reasons.length, 2);
  for (const reason of reasons) assert.doesNotMatch(reason ?? '', /hunter2/);
});

// req: policy.file-malformed
test('a file that cannot be used is named, with what is wrong in it', () => {
  const cases: [string, RegExp][] = [
    ['deny_tool = [', /^bad\.toml: not valid TOML: /],
    ['deny_tools = ["x"]', /^bad\.toml: .*deny_tools/],
    ['[[trace_rule]]\nx=1', /^bad\.toml: trace_rule is not supported$/],
    ['[[rate_limit_tool]]\ntool="t"\nmax_calls=-1\ninterval_secs=1', /^bad\.toml: rate_limit_tool\.0\.max_calls: /],
  ];
  for (const [toml, message] of cases) {
    assert.throws(
      () => parsePolicyFile('bad.toml', toml),
      (error) => error instanceof PolicyFileError && message.test(error.message),
      toml,
    );
  }
});

test('a pattern that would hang a backtracking engine is matched in linear time', () => {
  const toml = '[[deny_tool_param_matching]]\ntool="t"\nparam="p"\nmatches="(a+)+$"';
  assert.deepEqual(denials(toml, 't', { p: `${'a'.repeat(50_000)}b` }), []);
});

// req: policy.file-rate-window
test('a rate limit slides: a slot is free again when its call is older than the interval', () => {
  let now = 0;
  const window = new RateWindow(2, 1_000, () => now);
  assert.deepEqual([window.take(), window.take(), window.take()], [true, true, false]);
  now = 999;
  assert.equal(window.take(), false);
  now = 1_000;
  assert.deepEqual([window.take(), window.take(), window.take()], [true, true, false]);
});
