// Goals of chat sessions, end to end.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { serve, TempFolder, type TestDaemon } from '@car-runtime/testkit';

async function openAgent(daemon: TestDaemon, agentId: string) {
  const client = await daemon.connect({ as: { agent: agentId } });
  const prompts: { goal?: unknown }[] = [];
  client.onCallback('agent.chat', (params) => {
    prompts.push(params);
    return { accepted: true };
  });
  const say = (event: { session_id: string; kind: string; [field: string]: unknown }) =>
    client.notify('agent.chat.event', event);
  return { client, prompts, say };
}

// req: goal.set, goal.status, goal.clear
test('a goal is set, shown and cleared, trimmed and within bounds', async () => {
  await using daemon = serve();
  const { goal } = await daemon.connect();
  const before = Math.floor(Date.now() / 1_000);
  const first = await goal.set({
    session_id: 's',
    goal: { check: '  make test ' },
    check: 'ignored',
    max_iterations: 3,
  });
  assert.ok(first.goal.updated_at >= before && first.goal.updated_at <= Date.now() / 1_000);
  const { updated_at: _at, ...shown } = first.goal;
  assert.deepEqual(shown, { session_id: 's', check: 'make test', max_iterations: 8, status: 'active' });
  const iterationsOf = async (wanted: number) =>
    (await goal.set({ session_id: 't', check: 'true', max_iterations: wanted })).goal.max_iterations;
  assert.deepEqual(await Promise.all([-5, 0, 1, 7.9, 50, 51].map(iterationsOf)), [1, 1, 1, 7, 50, 50]);
  assert.deepEqual(await goal.status({ session_id: 's' }), { session_id: 's', goal: first.goal });
  assert.deepEqual(await goal.status({ session_id: 'none' }), { session_id: 'none', goal: null });
  const { goals } = (await goal.status({})) as { goals: { session_id: string }[] };
  assert.deepEqual(
    goals.map(({ session_id }) => session_id),
    ['s', 't'],
  );
  assert.deepEqual(await goal.clear({ session_id: 's' }), { session_id: 's', cleared: true });
  assert.deepEqual(await goal.clear({ session_id: 's' }), { session_id: 's', cleared: false });
  assert.deepEqual([await goal.clear({}), await goal.clear({})], [{ cleared: 1 }, { cleared: 0 }]);
});

// req: goal.set, goal.bounds
test('a goal that cannot be one is refused, and names what is wrong', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  const refused: [object, RegExp][] = [
    [{ session_id: 's' }, /goal or check is required/],
    [{ session_id: 's', check: ' \n' }, /goal\.check must not be empty/],
    [{ session_id: 's', goal: { check: '' }, check: 'true' }, /goal\.check must not be empty/],
    [{ session_id: 's', check: 'a\0b' }, /NUL/],
    [{ session_id: '', check: 'true' }, /session_id/],
    [{ session_id: 's', check: 'x'.repeat(8_193) }, /check/],
    [{ session_id: 's', check: 'true', max_iterations: 'many' }, /max_iterations/],
    [{ session_id: 's', goal: { check: 'true', working_dir: 'relative' } }, /working_dir must be an absolute path/],
  ];
  for (const [params, message] of refused) {
    const error = await wire.error('goal.set', params);
    assert.equal(error.code, -32602);
    assert.match(error.message, message);
  }
});

// req: goal.turns, goal.journal
test('a standing goal goes with every prompt of its session, and what is said of it is kept', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const host = await daemon.connect();
  const session_id = 's';
  await host.goal.set({ session_id, check: 'make test', max_iterations: 3 });
  const said = host.events('agents.chat.event')[Symbol.asyncIterator]();
  const status = async () => {
    const { goal } = (await host.goal.status({ session_id })) as { goal: Record<string, unknown> };
    delete goal['updated_at'];
    return goal;
  };
  const standing = { session_id, check: 'make test', max_iterations: 3 };
  await host.agents.chat({ agent_id: 'helper', prompt: 'go', session_id });
  assert.deepEqual(agent.prompts[0]?.goal, { check: 'make test', max_iterations: 3 });
  assert.deepEqual(await status(), { ...standing, status: 'running' });
  const evaluated = { kind: 'goal_evaluated', iteration: 1, met: false, grounded: true, reason: 'r'.repeat(3_000) };
  agent.say({ session_id, ...evaluated });
  await said.next();
  const verdict = { last_iteration: 1, last_met: false, last_grounded: true, last_reason: 'r'.repeat(2_000) };
  assert.deepEqual(await status(), { ...standing, status: 'running', ...verdict });
  agent.say({ session_id, kind: 'error', error: 'budget exhausted' });
  await said.next();
  const failed = { status: 'failed', terminal_kind: 'error', terminal_message: 'budget exhausted' };
  assert.deepEqual(await status(), { ...standing, ...verdict, ...failed });
  await host.agents.chat({ agent_id: 'helper', prompt: 'again', session_id });
  assert.deepEqual(await status(), { ...standing, status: 'running' });
  agent.say({ session_id, kind: 'goal_evaluated', iteration: 1, met: true, grounded: true, reason: 'passed' });
  agent.say({ session_id, kind: 'done', finish_reason: 'stop', text: 'It works' });
  await said.next();
  await said.next();
  assert.deepEqual(await status(), {
    ...standing,
    ...{ last_iteration: 1, last_met: true, last_grounded: true, last_reason: 'passed' },
    ...{ status: 'met', terminal_kind: 'done', terminal_message: 'It works' },
  });
  const { goal_evaluations, goals_met } = await host.metrics.summary();
  assert.deepEqual([goal_evaluations, goals_met], [2, 1]);
});

// req: goal.turns
test('a goal that comes with a prompt counts for that turn, and leaves one that stands as it is', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const host = await daemon.connect();
  const said = host.events('agents.chat.event')[Symbol.asyncIterator]();
  const turn = async (session_id: string, goal?: { check: string }) => {
    await host.agents.chat({ agent_id: 'helper', prompt: 'x', session_id, ...(goal && { goal }) });
    agent.say({ session_id, kind: 'goal_evaluated', iteration: 1, met: true, grounded: true, reason: 'ok' });
    agent.say({ session_id, kind: 'done' });
    await said.next();
    await said.next();
    const { goal: kept } = (await host.goal.status({ session_id })) as { goal: { check: string; status: string } };
    return [kept.check, kept.status];
  };
  assert.deepEqual(await turn('a', { check: 'inline' }), ['inline', 'met']);
  await host.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 'a' });
  assert.equal(agent.prompts.at(-1)?.goal, undefined, 'it does not stand');
  await host.goal.set({ session_id: 'b', check: 'standing' });
  assert.deepEqual(await turn('b', { check: 'inline' }), ['standing', 'active']);
  assert.deepEqual(agent.prompts.at(-1)?.goal, { check: 'inline', max_iterations: 8 });
  assert.deepEqual(await turn('b'), ['standing', 'met']);
});

// req: goal.turns
test('a turn that is cancelled, refused or loses its agent leaves its goal active', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const refusing = await daemon.connect({ as: { agent: 'refusing' } });
  refusing.onCallback('agent.chat', () => ({ accepted: false }));
  const host = await daemon.connect();
  const statusOf = async (session_id: string) =>
    ((await host.goal.status({ session_id })) as { goal: { status: string } }).goal.status;
  for (const session_id of ['cancelled', 'refused', 'lost']) await host.goal.set({ session_id, check: 'true' });
  await host.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 'cancelled' });
  assert.equal(await statusOf('cancelled'), 'running');
  await host.agents.chat.cancel({ session_id: 'cancelled' });
  await assert.rejects(host.agents.chat({ agent_id: 'refusing', prompt: 'x', session_id: 'refused' }));
  await host.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 'lost' });
  const { client_id } = (await agent.client.server.status()).connection;
  await agent.client[Symbol.asyncDispose]();
  await daemon.state.removeSession(client_id);
  assert.deepEqual(await Promise.all(['cancelled', 'refused', 'lost'].map(statusOf)), ['active', 'active', 'active']);
});

// req: goal.store
test('goals outlive the daemon: running becomes active, verdicts stay, and a broken file is set aside', async () => {
  using folder = new TempFolder();
  const path = folder.join('chat-goals.json');
  const goal = { check: 'true', max_iterations: 8, updated_at: 5 };
  const running = {
    session_id: 'a',
    ...goal,
    status: 'running',
    last_iteration: 2,
    last_met: false,
    last_reason: 'no',
  };
  const met = { session_id: 'b', ...goal, status: 'met', terminal_kind: 'done' };
  writeFileSync(path, JSON.stringify({ goals: [running, met] }));
  {
    await using daemon = serve({ config: { goalsFile: path } });
    const client = await daemon.connect();
    assert.deepEqual(await client.goal.status({}), { goals: [{ ...running, status: 'active' }, met] });
    await client.goal.clear({ session_id: 'b' });
    // What was answered is in the file: nothing that happens to the daemon now undoes it.
    const stored = JSON.parse(readFileSync(path, 'utf8')) as { goals: { session_id: string }[] };
    assert.deepEqual(
      stored.goals.map(({ session_id }) => session_id),
      ['a'],
    );
  }
  for (const broken of ['{"goals":[', '{}', '{"goals":[{"session_id":1}]}', '']) {
    writeFileSync(path, broken);
    await using daemon = serve({ config: { goalsFile: path } });
    assert.equal(daemon.log.takeErrors().length, 1);
    const client = await daemon.connect();
    assert.deepEqual(await client.goal.status({}), { goals: [] });
    assert.equal(readFileSync(`${path}.unreadable`, 'utf8'), broken);
  }
});

// req: goal.store
test('a goal that the disk refuses is not set', async (context) => {
  if (process.getuid?.() === 0)
    context.diagnostic('root may write anywhere; a folder in the way stands for the refusal');
  using folder = new TempFolder();
  mkdirSync(folder.join('taken'));
  const path = folder.join('taken', 'chat-goals.json');
  await using daemon = serve({ config: { goalsFile: path } });
  const client = await daemon.connect();
  await client.goal.set({ session_id: 's', check: 'one' });
  const kept = readFileSync(path, 'utf8');
  // A folder of that name cannot be replaced by a file.
  rmSync(path);
  mkdirSync(path);
  await assert.rejects(client.goal.set({ session_id: 's', check: 'two' }), {
    code: -32603,
    message: /Cannot store goals/,
  });
  await assert.rejects(client.goal.clear({}), { message: /Cannot store goals/ });
  const { goal } = (await client.goal.status({ session_id: 's' })) as { goal: { check: string } };
  assert.equal(goal.check, 'one');
  assert.match((await client.server.status()).degraded.join(), /chat goals/);
  rmdirSync(path);
  await client.goal.set({ session_id: 't', check: 'three' });
  assert.notEqual(readFileSync(path, 'utf8'), kept);
  assert.deepEqual((await client.server.status()).degraded, []);
  assert.deepEqual(readdirSync(folder.join('taken')), ['chat-goals.json'], 'nothing half-written is left');
});

// req: goal.bounds
test('there is room for so many goals; those of ended turns make room first', async () => {
  using folder = new TempFolder();
  const path = folder.join('chat-goals.json');
  const agentSays = { check: 'x', max_iterations: 8, updated_at: 5 };
  const standing = (count: number, check: string) =>
    Array.from({ length: count }, (_, index) => ({ session_id: `s-${index}`, ...agentSays, check, status: 'active' }));
  const ofTurn = { session_id: 'turn', ...agentSays, status: 'met', is_of_turn: true };
  for (const [goals, next] of [
    [standing(999, 'x'), 'x'],
    [standing(127, 'x'.repeat(8_192)), 'x'.repeat(7_660)],
  ] as const) {
    writeFileSync(path, JSON.stringify({ goals: [ofTurn, ...goals] }));
    await using daemon = serve({ config: { goalsFile: path } });
    const { goal } = await daemon.connect();
    await goal.set({ session_id: 'last', check: next });
    assert.deepEqual(await goal.status({ session_id: 'turn' }), { session_id: 'turn', goal: null });
    const tooMany = { code: -32008, message: /the limit is 1000 of 1048576/ };
    await assert.rejects(goal.set({ session_id: 'more', check: 'x'.repeat(8_000) }), tooMany);
    await goal.set({ session_id: 's-5', check: 'false' });
    // A turn whose goal nobody asked to keep goes on without a record.
    await openAgent(daemon, 'helper');
    const host = await daemon.connect();
    await host.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 'own', goal: { check: 'y'.repeat(8_192) } });
  }
});

// req: goal.roles
test('agents set, see and clear no goals; under strict roles only hosts set them', async () => {
  await using daemon = serve({ config: { strictRoles: true } });
  await openAgent(daemon, 'helper');
  const agent = await daemon.peer({ as: { agent: 'other' } });
  const client = await daemon.peer({ as: 'client' });
  const host = await daemon.peer({ as: 'host' });
  const goal = { session_id: 's', check: 'true' };
  const inline = { agent_id: 'helper', prompt: 'x', goal: { check: 'true' } };
  const suggestion = { prompt: 'create a.txt', session_id: 's' };
  const forAgents: [string, object][] = [
    ['goal.set', goal],
    ['goal.status', {}],
    ['goal.clear', {}],
    ['goal.suggest', { ...suggestion, set: true }],
    ['goal.suggest', { ...suggestion, working_dir: '/' }],
    ['goal.suggest', { ...suggestion, cwd: '/' }],
    ['agents.chat', inline],
  ];
  for (const [method, params] of forAgents)
    assert.equal((await agent.error(method, params)).data?.['reason'], 'forbidden', method);
  for (const [method, params] of forAgents.filter(([name]) => name !== 'goal.status' && name !== 'goal.clear'))
    assert.equal((await client.error(method, params)).data?.['reason'], 'forbidden', method);
  assert.equal(((await agent.result('goal.suggest', suggestion)) as { suggested: boolean }).suggested, true);
  assert.deepEqual(await host.result('goal.status', {}), { goals: [] }, 'nothing was set');
  await host.result('goal.set', goal);
  await host.result('agents.chat', inline);
});
