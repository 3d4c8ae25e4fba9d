// The commands on plans, as processes of their own against a real daemon.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDaemon, type DaemonProcess } from '../../../test/daemon-process.ts';
import { plain, runCar, startCar, type RunOptions } from '../../../test/run-car.ts';

const repository = fileURLToPath(new URL('../../../../../', import.meta.url));
const examples = join(repository, 'examples', 'plans');
const example = (name: string): string => join(examples, `${name}.json`);

let daemon: DaemonProcess;
let folder: string;

before(async () => {
  daemon = await startDaemon();
  folder = mkdtempSync(join(tmpdir(), 'car-plan-'));
});

after(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const plan = (args: readonly string[], options: Partial<RunOptions> = {}) =>
  runCar(['plan', ...args], { root: daemon.root, ...options });

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return path;
}

const calculate = (id: string, expression: unknown, more: object = {}) => ({
  id,
  type: 'tool_call',
  tool: 'calculate',
  parameters: { expression },
  timeout_ms: 5_000,
  reversibility: 'reversible',
  ...more,
});

const broken = {
  id: 'broken',
  actions: [
    { id: 'a', type: 'tool_call', tool: 'nope' },
    calculate('b', 1),
    { id: 'c', type: 'state_write', parameters: { key: 'k', value: 1 }, failure_behavior: 'skip' },
    calculate('d', '2', { expected_effects: { k: 2 }, dependecies: ['a'] }),
  ],
};

// req: cli.plan-check
test('check finds the examples valid, offline and with the daemon', async () => {
  for (const name of ['repository-survey', 'release-check', 'announce']) {
    const nobody = ['--url', 'ws://127.0.0.1:1'];
    const offline = await plan(['check', example(name), ...nobody], { root: folder });
    assert.deepEqual([offline.code, offline.stderr], [0, ''], name);
    const online = await plan(['check', example(name), '--online']);
    assert.deepEqual([online.code, online.stdout, online.stderr], [0, offline.stdout, ''], name);
  }
  const unreachable = await plan(['check', example('announce'), '--online', '--url', 'ws://127.0.0.1:1']);
  assert.equal(unreachable.code, 1);
});

// req: cli.plan-check, cli.plan-ignored
test('check prints findings by action, the order, conflicts and risks, and what it does not know of the file', async () => {
  const { code, stdout, stderr } = await plan(['check', '-'], { input: JSON.stringify(broken) });
  assert.equal(code, 1);
  assert.equal(
    stdout,
    `✗ not valid  standard input: 4 actions, 2 errors, 1 warning, 100 % of the actions decided without running

a
  error    tool 'nope' is not registered

b
  error    parameter 'expression' must be string

d
  warning  writes 'k', as does 'c', in no declared order

Order
   1  a, b, c, d  one after another: a failure of one aborts the plan

Conflicts
  c and d both write k

Risks
  1 tool call is declared irreversible
  1 tool call has no time limit of its own
`,
  );
  assert.equal(stderr, 'car: standard input: actions[3].dependecies is no member of a plan and is ignored\n');
  const coloured = await plan(['check', write('broken.json', broken)], { terminal: ['stdout'] });
  assert.ok(coloured.stdout.includes('\u001B[31merror  \u001B[39m'));
  assert.equal(plain(coloured.stdout).split('\n').slice(1).join('\n'), stdout.split('\n').slice(1).join('\n'));
});

// req: cli.plan-check
test('check --json prints the raw report; --monte-carlo adds the sampled one, the same each time', async () => {
  const asJson = await plan(['check', write('broken.json', broken), '--json']);
  const report = JSON.parse(asJson.stdout) as { valid: boolean; issues: unknown[]; monte_carlo?: unknown };
  assert.deepEqual([asJson.code, report.valid, report.issues.length, report.monte_carlo], [1, false, 3, undefined]);
  const sampled = await plan(['check', example('announce'), '--monte-carlo']);
  assert.match(
    sampled.stdout,
    /\nSampled 1000 times, with assumed rates\n {2}No history says [^\n]+ give --rate TOOL=0\.9 [^\n]+\n {2}every effect landed {2}\d.* %\n {2}tool calls +\d/,
  );
  assert.match(sampled.stdout, /\n {2}post_message succeeds 50 % \(assumed\)\n/);
  assert.doesNotMatch(sampled.stdout, /confidence|decided without running/);
  const online = await plan(['check', example('announce'), '--monte-carlo', '--online', '--json']);
  const offline = await plan(['check', example('announce'), '--monte-carlo', '--json']);
  const sampleOf = (text: string) => {
    const { monte_carlo } = JSON.parse(text) as { monte_carlo: { trials: number; tool_calls: unknown } };
    return [monte_carlo.trials, monte_carlo.tool_calls];
  };
  assert.deepEqual(sampleOf(online.stdout), sampleOf(offline.stdout));
});

// req: cli.plan-check
test('check takes the rates of tools and the state to begin with, online as offline', async () => {
  const actions = [
    { ...calculate('sum', '1+1'), preconditions: [{ key: 'ready', operator: 'eq', value: true }] },
    { ...calculate('more', '2+2'), preconditions: [{ key: 'ready', operator: 'eq', value: true }] },
  ];
  const file = write('assuming.json', { actions });
  const state = write('state.json', { ready: true });
  assert.equal((await plan(['check', file])).code, 1);
  for (const where of [[], ['--online']]) {
    const args = ['check', file, '--state', state, '--monte-carlo', '--rate', 'calculate=1', ...where];
    const { code, stdout } = await plan(args);
    assert.equal(code, 0);
    assert.match(stdout, /\nSampled 1000 times\n {2}every effect landed {2}100 %\n/);
    assert.match(stdout, /\n {2}calculate succeeds 100 % \(given\)\n/);
  }
  for (const [args, message] of [
    [['--rate', 'calculate=1'], /--rate goes with --monte-carlo/],
    [['--monte-carlo', '--rate', 'calculate=2'], /--rate is TOOL=RATE with a rate from 0 to 1, not "calculate=2"/],
    [['--monte-carlo', '--rate', 'calculate'], /--rate is TOOL=RATE/],
    [['--monte-carlo', '--rate', 'other=1'], /--rate: no action of .* calls tool "other"/],
    [['--state', join(folder, 'missing.json')], /Cannot read the state in .*missing\.json: ENOENT/],
    [['--state', write('list.json', [])], /a JSON object of keys and values is wanted/],
  ] as const) {
    const { code, stderr } = await plan(['check', file, ...args]);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});

// req: cli.plan-graph
test('graph shows each level and why each action waits, as text, DOT and JSON', async () => {
  const text = await plan(['graph', example('announce')]);
  assert.deepEqual(
    [text.code, text.stdout],
    [
      0,
      `announce  4 actions, 3 levels
level 1  one after another: a failure of one aborts the plan
  changes   read_file
  approved  state_write announce.approved
level 2
  post      post_message  after changes (output, key changes.read), approved (key announce.approved)
level 3
  record    post_message  after post (dependency, key announced)
`,
    ],
  );
  const dot = await plan(['graph', '--dot', example('announce')]);
  assert.match(dot.stdout, /^digraph plan \{\n {2}label="announce";\n/);
  assert.match(dot.stdout, /\n {2}n0 -> n2 \[label="output\\nkey changes\.read", style=bold\];\n/);
  const asJson = JSON.parse((await plan(['graph', '--json', example('announce')])).stdout) as {
    levels: unknown;
    edges: unknown[];
  };
  assert.deepEqual(asJson.levels, [['changes', 'approved'], ['post'], ['record']]);
  assert.deepEqual(asJson.edges[2], {
    from: 'post',
    to: 'record',
    reasons: [{ kind: 'dependency' }, { kind: 'state', key: 'announced' }],
  });
});

// req: cli.plan-graph
test('DOT of hostile names stays DOT, and a cycle is drawn without holding anything up', async () => {
  const names = ['"];evil[label="', String.raw`back\slash\N\"`, '&lt;b&gt;', '\u001B[2J\n\u009B'];
  const actions = names.map((id, index) => calculate(id, '1', { dependencies: [names[(index + 1) % names.length]] }));
  const file = write('cycle.json', { id: 'x"y', actions });
  const { code, stdout } = await plan(['graph', '--dot', file]);
  assert.equal(code, 0);
  // Every line is of a known form once its quoted parts are taken out, with quotes read as DOT reads them.
  for (const line of stdout.trimEnd().split('\n')) {
    const bare = line.replaceAll(/"(?:[^"\\]|\\.)*"/g, 'Q');
    assert.match(
      bare,
      /^(digraph plan \{|\}| {2}(label=Q;|rankdir=LR;|(node|edge) \[.*\];|n\d \[label=Q\];|n\d -> n\d \[label=Q, style=\w+(, color=red, constraint=false)?\];|\{ rank=same;( n\d;)+ \}))$/,
    );
  }
  assert.ok(stdout.includes('label="&amp;lt;b&amp;gt;'));
  const text = await plan(['graph', file]);
  assert.match(text.stdout, /in a cycle: does not wait for all of these/);
});

// req: cli.plan-run
test('run executes a plan with the built-in tools in the root folder, and prints results, cost and the journal', async () => {
  const { code, stdout, stderr } = await plan(['run', example('release-check'), '--root', repository]);
  assert.equal(code, 0, stdout + stderr);
  const lines = stdout.trimEnd().split('\n');
  const rows = lines.slice(0, 7).map((line) => line.split('\t').slice(0, 3));
  assert.deepEqual(rows.at(-1), ['has-no-conflicts', 'assertion', 'succeeded']);
  assert.match(lines[1] ?? '', /^unreleased\tgrep_files\tsucceeded\t\d+ ms\t\{"matches":\[\{"path":"CHANGELOG\.md"/);
  assert.match(lines[7] ?? '', /^cost {5}7 actions executed, 3 tool calls, [\d.]+ m?s$/);
  const [, journal = ''] = /^journal {2}(.+\.jsonl)$/.exec(lines[8] ?? '') ?? [];
  assert.ok(journal.startsWith(join(daemon.root, 'journals')));
  assert.match(readFileSync(journal, 'utf8'), /"action_id":"has-no-conflicts"/);
  // Standard error has a line for each change: at least how every action ended.
  for (const [id = ''] of rows) assert.match(stderr, new RegExp(`^succeeded {2}${id} `, 'm'));
});

// req: cli.plan-run
test('run --json prints the result alone; failed, rejected and rolled back actions are exit 1', async () => {
  const file = write('failing.json', {
    actions: [calculate('sum', '1+1'), calculate('bad', '1+'), calculate('never', '3')],
  });
  const { code, stdout, stderr } = await plan(['run', file, '--json']);
  const { results } = JSON.parse(stdout) as { results: { status: string; rolled_back?: true; output: unknown }[] };
  assert.deepEqual([code, stderr], [1, '']);
  assert.deepEqual(
    results.map(({ status, rolled_back }) => [status, rolled_back]),
    [
      ['succeeded', true],
      ['failed', undefined],
      ['skipped', undefined],
    ],
  );
  const rejected = await plan(['run', '-'], { input: '{"actions":[{"id":"x","type":"tool_call","tool":"nope"}]}' });
  assert.equal(rejected.code, 1);
  assert.match(rejected.stdout, /^x\tnope\trejected\t-\ttool 'nope' is not registered\n/);
  const wrongRoot = await plan(['run', file, '--root', join(folder, 'nowhere')]);
  assert.equal(wrongRoot.code, 1);
  assert.match(wrongRoot.stderr, /^car: Cannot use folder /);
});

// req: cli.plan-run
test('run refuses a tool that only the file describes before anything runs; --dry-run checks', async () => {
  const { code, stdout, stderr } = await plan(['run', example('announce')]);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /action post, proposal\.actions\[2\]\.tool: cannot be run from here: nobody answers for tool/);
  const dry = await plan(['run', '--dry-run', example('announce')]);
  assert.equal(dry.stdout, (await plan(['check', example('announce')])).stdout);
  assert.equal((await plan(['run', '--dry-run', write('broken.json', broken)])).code, 1);
});

const endless = {
  id: 'endless',
  actions: [
    {
      id: 'retried',
      type: 'tool_call',
      tool: 'read_file',
      parameters: { path: 'no-such-file' },
      failure_behavior: 'retry',
      max_retries: 10,
    },
    calculate('never', '1'),
  ],
};

// req: cli.plan-run-cancel
test('Ctrl-C cancels the plan in the daemon and is exit 130', async () => {
  await using running = startCar(['plan', 'run', write('endless.json', endless), '--root', folder], {
    root: daemon.root,
  });
  await running.until('stderr', (text) => /^retrying /m.test(text));
  running.child.kill('SIGINT');
  const { code, stdout, stderr } = await running.result;
  assert.deepEqual([code, stdout], [130, '']);
  assert.match(stderr, /\ncar: interrupted; the plan was cancelled\n$/);
  const status = async (): Promise<number> =>
    (JSON.parse((await runCar(['status', '--json'], { root: daemon.root })).stdout) as { sessions: number }).sessions;
  while ((await status()) > 1) await wait(50);
});

// req: cli.plan-run-progress
test('on a terminal run shows every action on a line of its own, then the table in its place', async () => {
  await using running = startCar(['plan', 'run', write('endless.json', endless), '--root', folder], {
    root: daemon.root,
    terminal: ['stdout', 'stderr'],
  });
  const picture =
    /\n\r?[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] retried +retrying +[\d.]+ m?s {2}read_file {2}attempt \d\n· never +waiting +calculate\n0 of 2 done, 1 running\n/;
  await running.until('stderr', (text) => picture.test(plain(text)));
  running.child.kill('SIGINT');
  assert.equal((await running.result).code, 130);
  const done = await plan(['run', '-'], {
    input: JSON.stringify({ id: 'one', actions: [calculate('sum', '40+2')] }),
    terminal: ['stdout', 'stderr'],
  });
  assert.equal(done.code, 0);
  assert.match(
    plain(done.stdout),
    /^ACTION +TOOL +STATUS +TOOK +RESULT\nsum +calculate +succeeded +\d+ ms +\{"result":42\}\ncost /,
  );
});

// req: cli.plan-file
test('a file that holds no plan is one line with place, action and field, and exit 2', async () => {
  const cases: [name: string, content: string | Buffer, message: string][] = [
    ['syntax.json', '{\n  "actions": [\n    {"id": "a",}\n  ]\n}', ':3:16: not JSON: expected a key in double quotes'],
    ['empty.json', '', ':1:1: not JSON: expected a value, found the end'],
    ['list.json', '[1]', ':1:1: a plan is a JSON object'],
    ['other.json', '{"plan": {}}', ':1:1: a plan has "actions", or "proposal" and "tools"'],
    ['null.json', '{"proposal": null}', ':1:14: proposal: expected object, received null'],
    [
      'type.json',
      '{"actions": [\n  {"id": "a", "type": "tool-call"}]}',
      ':2:23: action a, actions[0].type: Invalid option: expected one of "tool_call"|"state_write"|"state_read"|"assertion"',
    ],
    [
      'wrapped.json',
      '{"proposal": {"actions": [{"type": "assertion"}, {"type": "assertion", "timeout_ms": "soon"}]}}',
      ':1:86: proposal.actions[1].timeout_ms: expected number, received string',
    ],
    [
      'twice.json',
      '{"id": "p", "actions": [{"id": "a", "type": "assertion"},\n{"id": "a", "type": "assertion"}]}',
      ':2:8: action a, actions[1].id: Cannot accept proposal "p": actions[1].id "a" is already used by actions[0]',
    ],
    [
      'self.json',
      '{"id": "p", "actions": [{"id": "a", "type": "assertion", "dependencies": ["a"]}]}',
      ':1:75: action a, actions[0].dependencies[0]: Cannot accept proposal "p": actions[0].dependencies[0] makes action "a" depend on itself',
    ],
    [
      'tools.json',
      '{"proposal": {"actions": []}, "tools": [{"name": "x"}, {"name": ""}]}',
      ':1:65: tools[1].name: Too small: expected string to have >=1 characters',
    ],
    [
      'proto.json',
      '{"actions": [{"id": "a", "type": "state_write", "parameters": {"__proto__": {"x": 1}}}]}',
      ':1:77: action a, actions[0].parameters.__proto__: no member may be named "__proto__"',
    ],
    ['binary.json', Buffer.from([0x7b, 0xff, 0x7d]), ': not UTF-8'],
  ];
  for (const [name, content, message] of cases) {
    const path = write(name, content);
    for (const command of ['check', 'graph', 'run']) {
      const { code, stdout, stderr } = await plan([command, path]);
      assert.deepEqual([code, stdout, stderr], [2, '', `car: ${path}${message}\n`]);
      if (name !== 'type.json') break;
    }
  }
  const schema = await plan([
    'check',
    write('schema.json', '{"proposal":{"actions":[]},"tools":[{"name":"x","parameters":{"type":"nope"}}]}'),
  ]);
  assert.equal(schema.code, 2);
  assert.match(
    schema.stderr,
    /^car: .*schema\.json: Cannot register tool "x": its parameters are no valid JSON Schema: /,
  );
  const missing = await plan(['check', join(folder, 'missing.json')]);
  assert.deepEqual([missing.code, missing.stdout], [2, '']);
  assert.match(missing.stderr, /^car: .*missing\.json: cannot be read: ENOENT[^\n]*\n$/);
  const asJson = await plan(['check', join(folder, 'twice.json'), '--json']);
  const { error } = JSON.parse(asJson.stderr) as { error: Record<string, unknown> };
  assert.deepEqual([error['line'], error['column'], error['action'], error['field']], [2, 8, 'a', 'actions[1].id']);
});

// req: cli.plan-hostile
test('a huge, a deep and an endless file are refused in bounded memory', async () => {
  const memory = { env: { NODE_OPTIONS: '--max-old-space-size=256' } };
  const deep = await plan(
    [
      'check',
      write(
        'deep.json',
        `{"actions":[{"type":"assertion","parameters":{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}}]}`,
      ),
    ],
    memory,
  );
  assert.equal(deep.code, 2);
  assert.match(deep.stderr, /^car: .*deep\.json:1:\d+: actions\[0\]\.parameters\.a: nested deeper than 126 levels\n$/);
  const wrong = await plan(['check', write('wrong.json', `{"actions":[${'1,'.repeat(3_000_000)}1]}`)], memory);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^car: .*wrong\.json:1:13: actions\[0\]: expected object, received number/);
  const endlessFile = await plan(['check', '/dev/zero'], memory);
  assert.deepEqual(
    [endlessFile.code, endlessFile.stderr],
    [2, 'car: /dev/zero: larger than 16777216 bytes, more than the daemon accepts\n'],
  );
});

// req: cli.plan-hostile
test('control characters of a plan reach the terminal from no command', async () => {
  const evil = 'a\u001B[2J\u009B2J\u202E\u0007\r\n\tb';
  const file = write('evil.json', {
    id: evil,
    actions: [
      {
        id: evil,
        type: 'tool_call',
        tool: evil,
        parameters: { [evil]: evil },
        state_dependencies: [evil],
        failure_behavior: 'skip',
      },
      {
        id: `${evil}2`,
        type: 'state_write',
        parameters: { key: evil, value: evil },
        [evil]: 1,
        failure_behavior: 'skip',
      },
      {
        id: `${evil}3`,
        type: 'state_read',
        parameters: { key: evil },
        state_dependencies: [evil],
        dependencies: [evil],
      },
    ],
  });
  for (const args of [
    ['check'],
    ['check', '--monte-carlo'],
    ['check', '--json'],
    ['graph'],
    ['graph', '--dot'],
    ['run'],
    ['run', '--json'],
  ]) {
    for (const terminal of [[], ['stdout', 'stderr']] as const) {
      const { stdout, stderr } = await plan([...args, file], { ...(terminal.length > 0 && { terminal }) });
      // What the live view itself does: up, clear, return.
      const text = plain(stdout + stderr).replaceAll('\r', '');
      // oxlint-disable-next-line no-control-regex -- they are what must not be there
      assert.doesNotMatch(text.replaceAll('\t', ''), /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/, args.join(' '));
      assert.ok(!(stdout + stderr).includes('\u001B[2J'), args.join(' '));
    }
  }
});

// req: cli.reader-gone
test('a reader that goes away ends graph quietly', async () => {
  const actions = Array.from({ length: 9_000 }, (_, index) => calculate(`action-${index}`, `${index}`));
  const { child, result } = startCar(['plan', 'graph', write('long.json', { actions })], { root: folder });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  child.stdout?.destroy();
  const { code, stderr } = await result;
  assert.deepEqual([code, stderr], [0, '']);
});
