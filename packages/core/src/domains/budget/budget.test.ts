import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Connection } from '../../kernel/connection.ts';
import type { ToolSchema } from '@car-runtime/engine';
import { TempFolder } from '@car-runtime/testkit';

import { parseBudgetFile } from './budget-file.ts';
import { call, createRig } from './budget-rig.ts';
import { ForeignLedger } from './ledger.ts';
import { priceOf, usageOf, usedBy, type Price } from './prices.ts';
import type { BudgetService, Held } from './service.ts';

const two = '[[budget]]\nname = "two"\nper = "day"\nagent = "*"\ntool_calls = 2\n';

function taken(service: BudgetService, options: Parameters<typeof call>[0] = {}): Held {
  const answer = service.hold(call(options));
  assert.ok(answer && !('error' in answer), JSON.stringify(answer));
  return answer;
}

function refused(service: BudgetService, options: Parameters<typeof call>[0] = {}): Record<string, unknown> {
  const answer = service.hold(call(options));
  assert.ok(answer && 'error' in answer, 'it is refused');
  return { ...answer.data, error: answer.error };
}

// req: budget.file-malformed
test('a file that cannot be used is refused with its line and what is wrong there', () => {
  const head = '# money\n[[budget]]\nname = "a"\nper = "day"\n';
  const cases: [string, RegExp][] = [
    ['[[budget]\nname = 1', /^b\.toml:1: not valid TOML: /],
    [`${head}tokens = -1`, /^b\.toml:5: budget\.0\.tokens: /],
    [`${head}tokens = 1\ntoken = 2`, /^b\.toml:6: budget\.0: .*token/],
    [`${head}\n\n`, /^b\.toml:2: budget "a" limits none of/],
    [`${head}tokens = 1\n${head}tokens = 2`, /^b\.toml:8: budget "a" is there twice/],
    ['[[budget]]\nname = "A b"\nper = "day"\ntokens = 1', /^b\.toml:2: budget\.0\.name: /],
    ['[[budget]]\nname = "a"\nper = "week"\ntokens = 1', /^b\.toml:3: budget\.0\.per: /],
    ['[[budget]]\nname = "a"\ntokens = 1', /^b\.toml:1: budget\.0\.per: /],
    ['\n[[price]]\ntool = "t"\ncost_usd = "free"', /^b\.toml:4: price\.0\.cost_usd: /],
    ['[[price]]\ntool = "t"\n[[price]]\ntool = "t"', /^b\.toml:4: tool "t" has two prices/],
    ['budgets = 1', /^b\.toml:1: .*budgets/],
  ];
  for (const [toml, message] of cases) assert.throws(() => parseBudgetFile('b.toml', toml), { message }, toml);
});

// req: budget.limits
test('a call beyond a limit is refused with the numbers, and one that fits again goes through', () => {
  using folder = new TempFolder();
  const { service, announced } = createRig({ folder: folder.path, toml: two });
  taken(service).end({ tokens: 0, cost_usd: 0 });
  const second = taken(service);
  const { error, ...data } = refused(service);
  assert.deepEqual(data, {
    reason: 'budget_exceeded',
    budget: 'two',
    agent: 'a1',
    run_id: null,
    meter: 'tool_calls',
    limit: 2,
    spent: 1,
    reserved: 1,
    requested: 1,
    resets_at: '2026-03-02T00:00:00.000Z',
  });
  assert.match(
    String(error),
    /^tool 't' not called: budget 'two' has no room for 1 more tool_calls: limit 2, spent 1, /,
  );
  refused(service);
  assert.deepEqual(
    announced.map(({ kind, payload }) => [kind, payload['agent']]),
    [['budget.exceeded', 'a1']],
    'hosts are told once',
  );
  taken(service, { agent: 'a2' });
  second.release();
  taken(service);
  service[Symbol.dispose]();
});

// req: budget.scopes
test('a budget counts for one agent, for each or for all, and by run, day or in total', () => {
  using folder = new TempFolder();
  const toml = [
    '[[budget]]\nname = "everyone"\nper = "total"\ntool_calls = 6',
    '[[budget]]\nname = "a1-only"\nagent = "a1"\nper = "total"\ntool_calls = 2',
    '[[budget]]\nname = "each-run"\nper = "run"\ntool_calls = 3',
  ].join('\n');
  const { service } = createRig({ folder: folder.path, toml });
  taken(service, { agent: 'a1', run: 'r1' });
  taken(service, { agent: 'a1', run: 'r1' });
  assert.equal(refused(service, { agent: 'a1', run: 'r2' })['budget'], 'a1-only');
  taken(service, { agent: 'a2', run: 'r1' });
  assert.equal(refused(service, { agent: 'a2', run: 'r1' })['budget'], 'each-run');
  taken(service, { agent: 'a2', run: 'r2' });
  taken(service, { agent: null, run: 'session:c1' });
  taken(service, { agent: null, run: 'session:c1' });
  assert.equal(refused(service, { agent: null, run: 'session:c2' })['budget'], 'everyone');
  service[Symbol.dispose]();
});

// req: budget.price-unknown, budget.not-metered
test('what cannot be counted is refused: an unknown price, and time nobody measures', () => {
  using folder = new TempFolder();
  const toml = [
    '[[budget]]\nname = "money"\nagent = "a1"\nper = "day"\ncost_usd = 0.5',
    '[[budget]]\nname = "words"\nagent = "a2"\nper = "day"\ntokens = 100',
    '[[budget]]\nname = "time"\nagent = "a3"\nper = "day"\nwall_time_ms = 100',
  ].join('\n');
  const { service } = createRig({ folder: folder.path, toml });
  assert.deepEqual([refused(service)['reason'], refused(service)['meter']], ['price_unknown', 'cost_usd']);
  assert.equal(refused(service, { agent: 'a2', micros: 1 })['meter'], 'tokens');
  assert.equal(refused(service, { agent: 'a3', isDetached: true })['reason'], 'not_metered');
  taken(service, { micros: 400_000 });
  const { limit, reserved, requested } = refused(service, { micros: 100_001 });
  assert.deepEqual([limit, reserved, requested], [0.5, 0.4, 0.100001]);
  taken(service, { micros: 100_000 });
  taken(service, { micros: 0 });
  assert.deepEqual(
    [...service.refusals],
    [
      ['price_unknown', 3],
      ['not_metered', 1],
      ['budget_exceeded', 1],
    ],
  );
  service[Symbol.dispose]();
});

// req: budget.wall-time
test('a call gets no more time than is left, and only what it took is booked', () => {
  using folder = new TempFolder();
  const toml = '[[budget]]\nname = "time"\nper = "total"\nwall_time_ms = 1000\n';
  const { service, clock } = createRig({ folder: folder.path, toml });
  const first = taken(service, { timeoutMs: 600 });
  const second = taken(service);
  assert.deepEqual([first.timeoutMs, second.timeoutMs], [600, 400]);
  assert.equal(refused(service)['meter'], 'wall_time_ms');
  clock.pass(100);
  assert.equal(first.end({ tokens: 0, cost_usd: 0 }).wall_time_ms, 100);
  clock.pass(9_000);
  assert.equal(second.end({ tokens: 0, cost_usd: 0 }).wall_time_ms, 400, 'nobody waited longer');
  assert.equal(taken(service).timeoutMs, 500);
  service[Symbol.dispose]();
});

// req: budget.prices
test('the operator prices first; a tool prices itself unless an agent registered it; built-in ones are free', () => {
  const tool = (rest: Partial<ToolSchema> = {}): ToolSchema => ({
    name: 't',
    description: '',
    parameters: {},
    idempotent: false,
    source: 'user_defined',
    ...rest,
  });
  const usage = { max_tokens: 10, max_cost_usd: 0.1, reported: true };
  const prices = new Map<string, Price>([['t', { tool: 't', tokens: 5, cost_usd: 0.25, reported: true }]]);
  const fallback = new Map<string, Price>([['*', { tool: '*', tokens: 7, reported: false }]]);
  const of = (given: ToolSchema | undefined, list = new Map<string, Price>(), isAgent = false) => {
    const { tokens, cost_usd, isReported } = priceOf('t', given, list, isAgent);
    return [tokens, cost_usd, isReported];
  };
  assert.deepEqual(of(tool()), [undefined, undefined, false]);
  assert.deepEqual(of(tool({ usage })), [10, 100_000, true]);
  assert.deepEqual(of(tool({ usage }), prices), [5, 250_000, true]);
  assert.deepEqual(of(tool({ usage }), new Map(), true), [undefined, undefined, false], 'an agent prices nothing');
  assert.deepEqual(of(tool({ usage }), prices, true), [5, 250_000, false], 'nor reports it');
  assert.deepEqual(of(tool(), fallback), [7, undefined, false]);
  assert.deepEqual(of(tool({ usage }), fallback), [10, 100_000, true]);
  assert.deepEqual(of(tool({ source: 'builtin' }), fallback), [0, 0, false]);
  assert.deepEqual(of(tool({ source: 'builtin' }), prices), [5, 250_000, true]);
});

// req: budget.reported
test('an output says what was used under the names that model APIs use; what cannot be is not believed', () => {
  const said = (output: unknown) => {
    const { tokens, cost_usd } = usageOf(output);
    return [tokens, cost_usd];
  };
  assert.deepEqual(said({ usage: { tokens: 3, cost_usd: 0.1 } }), [3, 100_000]);
  assert.deepEqual(said({ usage: { total_tokens: 3.2 } }), [4, undefined]);
  assert.deepEqual(said({ usage: { tokens_in: 1, tokens_out: 2 } }), [3, undefined]);
  assert.deepEqual(said({ usage: { input_tokens: 1, output_tokens: 2 } }), [3, undefined]);
  assert.deepEqual(said({ usage: { prompt_tokens: 1, completion_tokens: 2 } }), [3, undefined]);
  for (const output of [
    null,
    'x',
    [],
    {},
    { usage: 4 },
    { usage: { tokens: -1, cost_usd: 'a' } },
    { usage: { tokens_in: 1 } },
  ])
    assert.deepEqual(said(output), [undefined, undefined], JSON.stringify(output));
  const price = { tokens: 10, cost_usd: 1_000, wallTimeMs: undefined, isReported: true };
  const output = { usage: { tokens: 4 } };
  assert.deepEqual(usedBy(price, output), { tokens: 4, cost_usd: 1_000 });
  assert.deepEqual(usedBy(price, { usage: { tokens: 40 } }), { tokens: 40, cost_usd: 1_000 }, 'more is more');
  assert.deepEqual(usedBy({ ...price, isReported: false }, output), { tokens: 10, cost_usd: 1_000 });
});

// req: budget.durable, budget.crash
test('what was used is known to the next life; a call whose end is not known counts in full', () => {
  using folder = new TempFolder();
  const toml = '[[budget]]\nname = "t"\nper = "total"\ntool_calls = 10\ntokens = 100\n';
  const first = createRig({ folder: folder.path, toml });
  taken(first.service, { tokens: 30 }).end({ tokens: 7, cost_usd: 0 });
  taken(first.service, { tokens: 30 }).release();
  taken(first.service, { tokens: 30 });
  // Killed here: nothing is closed. A line that was being written is cut off.
  appendFileSync(first.ledgerPath, '{"reserve":9,"of":[["t",nul');
  const { service } = createRig({ folder: folder.path });
  const { spent, reserved } = service.book.account(['t', null, 'total']);
  assert.equal(reserved.tool_calls, 0);
  assert.deepEqual([spent.tokens, spent.tool_calls], [37, 2]);
  service[Symbol.dispose]();
  first.service[Symbol.dispose]();
});

// req: budget.ledger-corrupt
test('a ledger that cannot be read refuses the start, with its line', () => {
  using folder = new TempFolder();
  const { service, ledgerPath } = createRig({ folder: folder.path, toml: two });
  taken(service);
  service[Symbol.dispose]();
  writeFileSync(ledgerPath, `${readFileSync(ledgerPath, 'utf8')}garbage\n{"day":"2026-03-01"}\n`);
  assert.throws(() => createRig({ folder: folder.path }), /ledger\.jsonl:2: not a line of the ledger of budgets/);
});

// req: budget.ledger-refused
test('while the ledger cannot be written, calls under a budget are refused, and none of them counts later', () => {
  using folder = new TempFolder();
  mkdirSync(folder.join('d'));
  const { service, health } = createRig({ folder: folder.path, toml: two, ledgerName: 'd/ledger.jsonl' });
  renameSync(folder.join('d'), folder.join('away'));
  writeFileSync(folder.join('d'), 'a file where the folder was');
  assert.equal(refused(service)['reason'], 'ledger_unavailable');
  assert.equal(refused(service)['reason'], 'ledger_unavailable');
  assert.equal(health.problems.length, 1);
  rmSync(folder.join('d'));
  renameSync(folder.join('away'), folder.join('d'));
  taken(service).end({ tokens: 0, cost_usd: 0 });
  assert.deepEqual(health.problems, []);
  service[Symbol.dispose]();
  const again = createRig({ folder: folder.path, ledgerName: 'd/ledger.jsonl' });
  assert.equal(again.service.book.account(['two', 'a1', 'day:2026-03-01']).spent.tool_calls, 1);
  again.service[Symbol.dispose]();
});

// req: budget.day, budget.clock-back
test('a day ends at midnight of UTC, and a clock that goes back gives nothing back, also over a restart', () => {
  using folder = new TempFolder();
  const { service, clock } = createRig({ folder: folder.path, toml: two });
  clock.epochMs = Date.parse('2026-03-01T23:59:59.999Z');
  taken(service);
  const late = taken(service);
  refused(service);
  clock.epochMs += 1;
  taken(service);
  late.release();
  clock.epochMs -= 24 * 3_600_000;
  taken(service).end({ tokens: 0, cost_usd: 0 });
  assert.equal(refused(service)['resets_at'], '2026-03-03T00:00:00.000Z');
  service[Symbol.dispose]();
  const again = createRig({ folder: folder.path, clock });
  refused(again.service);
  again.service[Symbol.dispose]();
});

// req: budget.bounds
test('accounts are bounded: those that ended make room, and without room a call is refused', () => {
  using folder = new TempFolder();
  const open = new Set(['r1', 'r2', 'r3']);
  const { service } = createRig({
    folder: folder.path,
    toml: '[[budget]]\nname = "run"\nper = "run"\ntool_calls = 5\n',
    maxAccounts: 3,
    runOf: (id) => ({ agentId: 'a1', isEnded: !open.has(id) }),
  });
  for (const run of open) taken(service, { run }).end({ tokens: 0, cost_usd: 0 });
  assert.equal(refused(service, { run: 'r4' })['reason'], 'too_many_accounts');
  taken(service, { run: 'r1' });
  open.delete('r2');
  taken(service, { run: 'r4' });
  assert.equal(service.book.accounts.size, 3);
  service[Symbol.dispose]();
});

// req: budget.compaction
test('the ledger stays short however many calls there are, and says the same', () => {
  using folder = new TempFolder();
  const toml = '[[budget]]\nname = "t"\nper = "total"\ntool_calls = 100000\n';
  const { service, ledgerPath } = createRig({ folder: folder.path, toml, compactBytes: 10_000 });
  const open = taken(service);
  for (let n = 0; n < 2_000; n++) taken(service).end({ tokens: 0, cost_usd: 0 });
  assert.ok(statSync(ledgerPath).size < 30_000, `${statSync(ledgerPath).size} bytes`);
  assert.equal(statSync(ledgerPath).mode & 0o777, 0o600);
  const copy = createRig({ folder: folder.path });
  assert.equal(copy.service.book.account(['t', null, 'total']).spent.tool_calls, 2_001, 'the open one counts');
  copy.service[Symbol.dispose]();
  open.release();
  service[Symbol.dispose]();
});

// req: budget.hot-reload
test('an edit of the file holds from the next look on; a broken one leaves what held before', () => {
  using folder = new TempFolder();
  const { service, configPath } = createRig({ folder: folder.path });
  assert.equal(service.hold(call({})), undefined, 'no file, no budget');
  writeFileSync(configPath, two);
  service.refresh();
  taken(service);
  writeFileSync(configPath, `${two}tool_calls = "many"\n`);
  assert.throws(() => service.refresh(), /^BudgetFileError: budgets\.toml:6: /);
  taken(service);
  refused(service);
  writeFileSync(configPath, two.replace('= 2', '= 3'));
  service.refresh();
  taken(service);
  refused(service);
  rmSync(configPath);
  service.refresh();
  assert.equal(service.hold(call({})), undefined);
  service[Symbol.dispose]();
});

// req: budget.secondary
test('a daemon that shares its folder with another knows the budgets and refuses what they limit', () => {
  using folder = new TempFolder();
  const { service, ledgerPath } = createRig({ folder: folder.path });
  const second = createRig({ folder: folder.path, ledger: new ForeignLedger(ledgerPath) });
  assert.equal(second.service.hold(call({})), undefined);
  service.record({ define: { name: 'w', per: 'total', limits: { tool_calls: 5 } } });
  second.service.refresh();
  assert.equal(refused(second.service)['reason'], 'ledger_unavailable');
  taken(service);
  service.record({ remove: 'w' });
  second.service.refresh();
  assert.equal(second.service.hold(call({})), undefined);
  second.service[Symbol.dispose]();
  service[Symbol.dispose]();
});

// req: budget.no-cost
test('without a budget a call is not looked at: no account, no file', () => {
  using folder = new TempFolder();
  const { service, ledgerPath } = createRig({ folder: folder.path });
  const meter = service.meterOf({} as Connection);
  assert.equal(meter.reserve({} as Parameters<typeof meter.reserve>[0], 1, undefined), undefined);
  service[Symbol.dispose]();
  assert.equal(statSync(ledgerPath, { throwIfNoEntry: false }), undefined);
});
