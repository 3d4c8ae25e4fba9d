// Budgets as agents meet them: plans with real tools on a real daemon, and one that is killed.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { Peer } from '@car-runtime/rpc';
import { openWebSocket } from '@car-runtime/rpc/node';
import { RestartableDaemon, serve, TempFolder, type DaemonOptions, type TestDaemon } from '@car-runtime/testkit';
import { RunsProcess } from './runs-process.ts';

function serveWith(toml: string, options: DaemonOptions = {}): TestDaemon {
  const daemon = serve(options);
  // Read when the next connection opens.
  writeFileSync(join(dirname(daemon.state.journalDir), 'budgets.toml'), toml);
  return daemon;
}

const calls = (count: number, tool = 'work', rest: object = {}) =>
  Array.from({ length: count }, (_, n) => ({
    id: `c${n}`,
    type: 'tool_call' as const,
    tool,
    failure_behavior: 'skip' as const,
    ...rest,
  }));

async function submit(client: Client, actions: ReturnType<typeof calls>) {
  return (await client.proposal.submit({ proposal: { actions } })).results;
}

const tally = (results: { status: string }[]) =>
  results.reduce<Record<string, number>>((all, { status }) => ({ ...all, [status]: (all[status] ?? 0) + 1 }), {});

// req: budget.rejected
test('beyond its budget an action is rejected with a stable reason and the numbers, and the tool is not called', async () => {
  await using daemon = serveWith('[[budget]]\nname = "b"\nagent = "*"\nper = "day"\ntool_calls = 3\n');
  const client = await daemon.connect({ as: { agent: 'a1' } });
  const { session_id } = await client.session.init();
  let called = 0;
  await client.registerTool('work', {}, () => ++called);
  const results = [...(await submit(client, calls(3))), ...(await submit(client, calls(2)))];
  assert.deepEqual([tally(results), called], [{ succeeded: 3, rejected: 2 }, 3]);
  const { resets_at, ...data } = results[4]?.error_data ?? {};
  assert.match(String(resets_at), /T00:00:00\.000Z$/);
  const numbers = { meter: 'tool_calls', limit: 3, spent: 3, reserved: 0, requested: 1 };
  assert.deepEqual(data, { reason: 'budget_exceeded', budget: 'b', agent: 'a1', run_id: null, ...numbers });
  assert.match(String(results[4]?.error), /tool 'work' not called: budget 'b' has no room for 1 more tool_calls/);
  const events = daemon.journal(session_id);
  const rejected = events.filter(({ kind }) => kind === 'action_rejected');
  assert.deepEqual([rejected.length, rejected[0]?.data['reason']], [2, 'budget_exceeded']);
  const charged = events
    .filter(({ kind }) => kind === 'budget_charged')
    .map(({ data: { budgets, tool } }) => [budgets, tool]);
  assert.deepEqual(
    charged,
    [1, 2, 3].map(() => [['b'], 'work']),
  );
  const { accounts } = await client.budget.usage();
  assert.deepEqual(
    accounts.map(({ agent, spent, remaining }) => [agent, spent.tool_calls, remaining.tool_calls]),
    [['a1', 3, 0]],
  );
});

// req: budget.concurrent
test('actions at once, of many connections, use no more together than there is', async () => {
  await using daemon = serveWith('[[budget]]\nname = "b"\nper = "total"\ntool_calls = 20\n');
  let called = 0;
  const connect = async (agent: string): Promise<Client> => {
    const client = await daemon.connect({ as: { agent } });
    await client.registerTool('work', {}, async () => {
      called++;
      await new Promise((resolve) => setImmediate(resolve));
      return null;
    });
    return client;
  };
  const clients = await Promise.all(['a', 'b', 'c', 'd'].map(connect));
  const results = (await Promise.all(clients.map((client) => submit(client, calls(10))))).flat();
  assert.deepEqual([tally(results), called], [{ succeeded: 20, rejected: 20 }, 20]);
});

// req: budget.retries, budget.released
test('each attempt counts; an action that was never sent costs nothing', async () => {
  await using daemon = serveWith('[[budget]]\nname = "b"\nper = "total"\ntool_calls = 2\n');
  const client = await daemon.connect();
  let called = 0;
  await client.registerTool('work', {}, () => {
    called++;
    throw new Error('broken');
  });
  await submit(client, calls(1, 'work', { invocation_mode: 'streaming' }));
  assert.deepEqual((await client.budget.usage()).accounts[0]?.spent.tool_calls, 0);
  const [result] = await submit(client, calls(1, 'work', { failure_behavior: 'retry', max_retries: 5 }));
  assert.equal(called, 2);
  assert.equal(result?.status, 'failed');
  assert.match(String(result?.error), /^broken; not tried again: tool 'work' not called: budget 'b' has no room/);
});

// req: budget.cost
test('money: reserved at the price, booked as the output says, refused without a price', async () => {
  await using daemon = serveWith('[[budget]]\nname = "b"\nper = "total"\ncost_usd = 0.01\ntokens = 1000\n');
  const client = await daemon.connect();
  let used = { tokens_in: 50, tokens_out: 50, cost_usd: 0.001 };
  const usage = { max_tokens: 400, max_cost_usd: 0.004, reported: true };
  await client.registerTool({ name: 'model', usage }, () => ({ text: 'x', usage: used }));
  await client.registerTool('unpriced', {}, () => 1);
  const [unknown] = await submit(client, calls(1, 'unpriced'));
  assert.deepEqual([unknown?.status, unknown?.error_data?.['reason']], ['rejected', 'price_unknown']);
  const spent = async () => (await client.budget.usage()).accounts[0]?.spent;
  assert.equal((await submit(client, calls(1, 'model')))[0]?.status, 'succeeded');
  assert.deepEqual([(await spent())?.tokens, (await spent())?.cost_usd], [100, 0.001]);
  used = { tokens_in: 300, tokens_out: 100, cost_usd: 0.004 };
  assert.deepEqual(tally(await submit(client, calls(3, 'model'))), { succeeded: 2, rejected: 1 });
  assert.deepEqual([(await spent())?.tokens, (await spent())?.cost_usd], [900, 0.009]);
  assert.deepEqual((await client.tools.list()).tools.find(({ name }) => name === 'model')?.usage, usage);
});

// req: budget.roles
test('an agent sets and resets nothing, and sees its own accounts and those that all share', async () => {
  const toml =
    '[[budget]]\nname = "all"\nper = "day"\ntool_calls = 9\n[[budget]]\nname = "each"\nagent = "*"\nper = "day"\ntool_calls = 9\n';
  await using daemon = serveWith(toml);
  for (const name of ['a1', 'a2']) {
    const agent = await daemon.connect({ as: { agent: name } });
    await agent.registerTool('work', {}, () => 1);
    await submit(agent, calls(1));
    const seen = (await agent.budget.usage()).accounts.map(({ budget, agent: whose }) => `${budget} ${whose}`);
    assert.deepEqual(new Set(seen), new Set(['all null', `each ${name}`]));
  }
  const agent = await daemon.peer({ as: { agent: 'a3' } });
  const definition = { name: 'mine', per: 'day', limits: { tool_calls: 1 } };
  for (const [method, params] of [
    ['budget.set', definition],
    ['budget.remove', { name: 'all' }],
    ['budget.reset', { name: 'all' }],
    ['budget.extend', { name: 'each', agent: 'a2', add: { tool_calls: 1 } }],
    ['budget.extend', { name: 'each', run_id: 'r', add: { tool_calls: 1 } }],
  ] as const)
    assert.equal((await agent.error(method, params)).data?.['reason'], 'forbidden', method);
  const host = await daemon.connect({ as: 'host' });
  assert.equal((await host.budget.usage()).total, 3);
});

// req: budget.wire
test('a host sets, replaces, resets and removes budgets, which last; those of the file are left alone', async () => {
  await using daemon = serveWith('[[budget]]\nname = "file"\nper = "day"\ntool_calls = 99\n');
  const host = await daemon.connect({ as: 'host' });
  const definition = { name: 'w', agent: 'a1', per: 'total' as const, limits: { tool_calls: 1 } };
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  await agent.registerTool('work', {}, () => 1);
  assert.deepEqual(await host.budget.set(definition), { budget: { ...definition, source: 'wire' }, replaced: false });
  assert.deepEqual(tally(await submit(agent, calls(2))), { succeeded: 1, rejected: 1 });
  assert.equal((await host.budget.set({ ...definition, limits: { tool_calls: 2 } })).replaced, true);
  assert.deepEqual(tally(await submit(agent, calls(2))), { succeeded: 1, rejected: 1 }, 'what was used stays used');
  assert.deepEqual(await host.budget.reset({ name: 'w' }), { reset: 1 });
  assert.deepEqual(tally(await submit(agent, calls(3))), { succeeded: 2, rejected: 1 });
  assert.deepEqual(
    (await host.budget.list()).budgets.map(({ name, source }) => [name, source]),
    [
      ['file', 'file'],
      ['w', 'wire'],
    ],
  );
  assert.equal((await host.budget.get({ name: 'w' })).accounts[0]?.remaining.tool_calls, 0);
  await assert.rejects(host.budget.set({ ...definition, name: 'file' }), /it is in budgets\.toml/);
  await assert.rejects(host.budget.remove({ name: 'file' }), /it is in budgets\.toml/);
  await assert.rejects(host.budget.get({ name: 'none' }), /There is no budget "none"/);
  await assert.rejects(host.budget.set({ ...definition, limits: {} }), /names none of tool_calls/);
  await assert.rejects(host.budget.set({ ...definition, name: 'Ä' }), /name/);
  assert.deepEqual(
    [await host.budget.remove({ name: 'w' }), await host.budget.remove({ name: 'w' })],
    [{ removed: 1 }, { removed: 0 }],
  );
  assert.deepEqual(tally(await submit(agent, calls(3))), { succeeded: 3 });
});

// req: budget.extend
test('more of a budget is an approval: an agent asks, a host grants it, once, and only what was asked', async () => {
  await using daemon = serveWith('[[budget]]\nname = "b"\nagent = "*"\nper = "day"\ntool_calls = 1\n');
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  await agent.registerTool('work', {}, () => 1);
  const host = await daemon.connect({ as: 'host' });
  const client = await daemon.connect();
  await submit(agent, calls(1));
  const ask = () => agent.budget.extend({ name: 'b', add: { tool_calls: 2 }, reason: 'two more files' });
  const { status, approval_id = '', account } = await ask();
  assert.deepEqual([status, account.limits.tool_calls], ['pending', 1]);
  await assert.rejects(ask(), /somebody has been asked already/);
  await assert.rejects(agent.budget.extend({ name: 'b', add: { tokens: 2 } }), /it does not limit tokens/);
  const row = (await host.host.approvals()).approvals.find(({ id }) => id === approval_id);
  assert.equal(row?.kind, 'budget');
  assert.equal(row?.action, "extend budget 'b' of agent 'a1' by 2 tool_calls");
  assert.equal(row?.details?.['reason'], 'two more files');
  const approve = { approval_id, resolution: 'approve' };
  await assert.rejects(agent.host.resolve_approval(approve), /agents/);
  await assert.rejects(client.host.resolve_approval(approve), /host role/);
  assert.equal(tally(await submit(agent, calls(1)))['rejected'], 1, 'nothing is given before');
  await Promise.all([host.host.resolve_approval(approve), host.host.resolve_approval(approve)]);
  assert.deepEqual(tally(await submit(agent, calls(4))), { succeeded: 2, rejected: 2 });
  const [own] = (await agent.budget.usage()).accounts;
  assert.deepEqual([own?.limits.tool_calls, own?.extended_by], [3, { tool_calls: 2 }]);

  const denied = await ask();
  await host.host.resolve_approval({ approval_id: denied.approval_id ?? '', resolution: 'deny' });
  assert.equal(tally(await submit(agent, calls(1)))['rejected'], 1);
  const applied = await host.budget.extend({ name: 'b', agent: 'a1', add: { tool_calls: 1 } });
  assert.deepEqual([applied.status, applied.account.limits.tool_calls], ['applied', 4]);
  assert.deepEqual(tally(await submit(agent, calls(2))), { succeeded: 1, rejected: 1 });
});

// req: budget.extend-survives
test('an extension that was asked for before a restart can be granted after it', async () => {
  await using daemon = await RestartableDaemon.start('memory');
  const first = await daemon.connectHost();
  await first.budget.set({ name: 'b', agent: '*', per: 'total', limits: { tool_calls: 1 } });
  const agent = await daemon.connectAgent('a1');
  const { approval_id = '' } = await agent.budget.extend({ name: 'b', add: { tool_calls: 1 } });
  await daemon.stop();
  await daemon.start();
  const host = await daemon.connectHost();
  await host.host.resolve_approval({ approval_id, resolution: 'approve' });
  const { accounts } = await host.budget.get({ name: 'b' });
  assert.deepEqual(
    accounts.map(({ agent: whose, limits }) => [whose, limits.tool_calls]),
    [['a1', 2]],
  );
  await Promise.all([first.close(), host.close()]);
});

// req: budget.runs
test('a run has its own account; plans outside a run share that of their connection', async () => {
  await using daemon = serveWith('[[budget]]\nname = "b"\nper = "run"\ntool_calls = 2\n');
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  await agent.registerTool('work', {}, () => 1);
  assert.deepEqual(tally(await submit(agent, calls(3))), { succeeded: 2, rejected: 1 });
  const { run_id } = await agent.runs.start({ intent: 'work' });
  const results = await submit(agent, calls(3));
  assert.deepEqual(tally(results), { succeeded: 2, rejected: 1 });
  assert.equal(results[2]?.error_data?.['run_id'], run_id);
});

// req: budget.time-limit
test('a call under a budget of time is ended when the time is used up', async () => {
  await using daemon = serveWith('[[budget]]\nname = "b"\nper = "total"\nwall_time_ms = 60\n');
  const client = await daemon.connect();
  await client.registerTool('work', {}, () => new Promise(() => undefined));
  const results = await submit(client, calls(2));
  assert.deepEqual(
    results.map(({ status, error }) => [status, error?.slice(0, 27)]),
    [
      ['failed', 'action timed out after 60ms'],
      ['rejected', "tool 'work' not called: bud"],
    ],
  );
});

// req: budget.crash
test('a daemon killed again and again in the middle of calls never forgets one that was sent', async () => {
  using folder = new TempFolder();
  const limit = 40;
  writeFileSync(folder.join('budgets.toml'), `[[budget]]\nname = "b"\nper = "total"\ntool_calls = ${limit}\n`);
  let called = 0;
  let spent = 0;
  for (let life = 0; spent < limit; life++) {
    assert.ok(life < 30, `after ${life} lives ${spent} of ${limit} are spent`);
    await using daemon = await RunsProcess.start(folder.path);
    const killAt = called + 3 + (life % 4);
    const { port, agentToken: token } = daemon.ready;
    const reached = Promise.withResolvers<void>();
    const peer = new Peer(await openWebSocket({ url: `ws://127.0.0.1:${port}` }), {
      onRequest: (request) => {
        if (++called === killAt) reached.resolve();
        if (called % 3 !== 0) request.resolve(null);
      },
      onNotification: () => undefined,
    });
    peer.start();
    await peer.request('session.auth', { token, agent_id: 'worker' });
    const { accounts } = (await peer.request('budget.usage', {})) as { accounts: { spent: { tool_calls: number } }[] };
    spent = accounts[0]?.spent.tool_calls ?? 0;
    assert.ok(spent >= called, `${called} calls were sent, and ${spent} are booked`);
    await peer.request('tools.register', [{ name: 'work' }]);
    const submitted = peer.request('proposal.submit', { proposal: { actions: calls(10) } }).then(
      () => reached.resolve(),
      () => undefined,
    );
    await reached.promise;
    await daemon.kill();
    await submitted;
  }
  assert.equal(spent, limit);
  assert.ok(called <= limit, `${called} calls were sent`);
});

// req: budget.hot-reload
test('a file that cannot be used refuses the connection with its line, until it is mended', async () => {
  await using daemon = serveWith('[[budget]]\nname = "b"\n');
  const refused = await daemon.peer();
  const { code, reason } = await refused.closed;
  assert.deepEqual([code, reason.slice(0, 25)], [1008, 'budgets.toml:1: budget.0.']);
  writeFileSync(join(dirname(daemon.state.journalDir), 'budgets.toml'), '');
  assert.deepEqual((await (await daemon.connect()).budget.list()).budgets, []);
});
