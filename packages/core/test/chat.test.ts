// Chats between hosts and agents, end to end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Client } from '@car-runtime/client';
import { openDaemon, serve, transports, type TestDaemon } from '@car-runtime/testkit';

type Said = { kind: string; session_id: string } & Record<string, unknown>;

/** An agent that acknowledges and says what the test gives it. */
async function openAgent(
  daemon: TestDaemon,
  agentId: string,
  answer: (params: never) => unknown = () => ({ accepted: true }),
) {
  const client = await daemon.connect({ as: { agent: agentId } });
  const prompts: Record<string, unknown>[] = [];
  client.onCallback('agent.chat', (params) => {
    prompts.push(params);
    return answer(params as never) as { accepted: boolean };
  });
  return { client, prompts, say: (event: Said) => client.notify('agent.chat.event', event) };
}

/** The next events of a host. */
function listen(host: Client): (count: number) => Promise<Said[]> {
  const stream = host.events('agents.chat.event')[Symbol.asyncIterator]();
  return async (count) => {
    const said: Said[] = [];
    while (said.length < count) said.push((await stream.next()).value as Said);
    return said;
  };
}

for (const transport of transports) {
  // req: chat.relay, chat.ack, chat.request
  test(`a prompt reaches the agent, and what it says the host that asked (${transport})`, async () => {
    await using daemon = await openDaemon(transport);
    const agent = await openAgent(daemon, 'helper');
    const host = await daemon.connect();
    const other = await daemon.connect({ as: 'host' });
    const next = listen(host);
    const nextOfOther = other.events('agents.chat.event')[Symbol.asyncIterator]().next();
    const { session_id } = await host.agents.chat({ agent_id: 'helper', prompt: 'hello', model: '  ' });
    assert.match(session_id, /^chat-[0-9a-f-]{36}$/);
    const hostId = (await host.server.status()).connection.client_id;
    assert.deepEqual(agent.prompts, [
      { session_id, prompt: 'hello', stream: true, context: { host_client_id: hostId, voice_input: false } },
    ]);
    const said: Said[] = [
      { session_id, kind: 'token', delta: 'Hi' },
      { session_id, kind: 'tool_call', tool: 'read', params: { path: 'a' }, detail: 'read' },
      { session_id, kind: 'approval_pending', approval_id: 'p1', action: 'delete' },
      { session_id, kind: 'thought', of: 'our own' },
      { session_id, kind: 'done', finish_reason: 'stop', text: 'Hi' },
    ];
    for (const event of said) agent.say({ ...event, agent_id: 'somebody else' });
    assert.deepEqual(
      await next(5),
      said.map((event) => ({ ...event, agent_id: 'helper' })),
    );
    agent.say({ session_id, kind: 'token', delta: 'late' });
    await agent.client.server.status();
    assert.deepEqual(await host.agents.chat.cancel({ session_id }), { cancelled: false, session_id });
    const isSilent = await Promise.race([nextOfOther.then(() => false), other.server.status().then(() => true)]);
    assert.ok(isSilent, 'only the host that asked is told');
  });
}

// req: chat.request
test('options reach the agent as they were given, and those left out not at all', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const host = await daemon.connect();
  const attachments = [
    { type: 'image_base64' as const, data: 'AAAA', media_type: 'image/png' as const },
    { type: 'image_url' as const, url: 'https://example.org/a.png', detail: 'low' },
  ];
  const options = { stream: false, voice_input: true, model: 'm', session_id: 's' };
  await host.agents.chat({ agent_id: 'helper', prompt: '', attachments, ...options });
  await host.agents.chat({
    agent_id: 'helper',
    prompt: '2',
    session_id: 't',
    goal: { check: ' true ', max_iterations: 99 },
  });
  const [first, second] = agent.prompts;
  assert.deepEqual(
    { ...first, context: undefined },
    { session_id: 's', prompt: '', stream: false, model: 'm', attachments, context: undefined },
  );
  assert.equal((first?.['context'] as { voice_input: boolean } | undefined)?.voice_input, true);
  assert.deepEqual(second?.['goal'], { check: 'true', max_iterations: 50 });
});

// req: chat.errors
test('a chat that cannot begin says why and leaves nothing behind', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper', ({ prompt }: { prompt: string }) => {
    if (prompt === 'no') return { accepted: false };
    if (prompt === 'busy') throw new Error('busy');
    return { accepted: true };
  });
  const host = await daemon.connect();
  const chat = (params: object) =>
    host.request('agents.chat', { agent_id: 'helper', prompt: 'x', session_id: 's', ...params });
  await assert.rejects(chat({ agent_id: 'nobody' }), { code: -32603, message: "agent 'nobody' is not attached" });
  await assert.rejects(chat({ prompt: 'no' }), { message: "agent 'helper' rejected the chat: it did not accept" });
  await assert.rejects(chat({ prompt: 'busy' }), { message: "agent 'helper' rejected the chat: busy" });
  const malformed: [object, RegExp][] = [
    [{ prompt: undefined }, /prompt: expected string/],
    [
      { attachments: [{ type: 'image_base64', data: 1, media_type: 'image/png' }] },
      /attachments\[0\]\.data: expected string/,
    ],
    [
      { attachments: [{ type: 'image_base64', data: '', media_type: 'image/svg+xml' }] },
      /attachments\[0\]\.media_type/,
    ],
    [{ attachments: [{ type: 'image_url', url: 'file:///etc/passwd' }] }, /must be an http or https URL/],
    [{ attachments: [{ type: 'video' }] }, /attachments\[0\]\.type/],
    [{ goal: { check: '  ' } }, /goal\.check must not be empty/],
    [
      { goal: { check: 'true' }, attachments: [{ type: 'image_url', url: 'http://a/b' }] },
      /goal and attachments exclude/,
    ],
    [{ session_id: '' }, /session_id/],
  ];
  for (const [params, message] of malformed) await assert.rejects(chat(params), { code: -32602, message });
  assert.equal(agent.prompts.length, 2, 'nothing malformed reached the agent');
  assert.deepEqual(await chat({}), { accepted: true, session_id: 's' }, 'none of them left the session behind');
  const other = await daemon.connect();
  await assert.rejects(other.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 's' }), {
    message: 'chat session "s" is in use',
  });
});

// req: chat.ack
test('an agent that does not acknowledge in time has no chat', async () => {
  await using daemon = serve({ config: { chat: { ackTimeoutMs: 100 } } });
  const wire = await daemon.peer({ as: { agent: 'slow' } });
  const host = await daemon.connect();
  const asked = host.agents.chat({ agent_id: 'slow', prompt: 'x', session_id: 's' });
  const request = await wire.nextRequest();
  await assert.rejects(asked, { code: -32603, message: "agent 'slow' did not acknowledge within 0.1 s" });
  wire.sendJson({ jsonrpc: '2.0', id: request.id, result: { accepted: true } });
  assert.deepEqual(await host.agents.chat.cancel({ session_id: 's' }), { cancelled: false, session_id: 's' });
});

// req: chat.bound
test('only the connection of the agent of a session speaks in it', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const [stranger, host] = [await openAgent(daemon, 'stranger'), await daemon.connect()];
  const next = listen(host);
  await host.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 's' });
  const forged: Said = { session_id: 's', kind: 'done', text: 'forged', agent_id: 'helper' };
  stranger.say(forged);
  host.notify('agent.chat.event', forged);
  for (const params of [null, [], 'x', { session_id: 's' }, { session_id: 7, kind: 'done' }, { kind: 'done' }])
    agent.client.notify('agent.chat.event', params);
  await Promise.all([stranger.client.server.status(), host.server.status()]);
  agent.say({ session_id: 's', kind: 'token', delta: 'true' });
  assert.deepEqual(await next(1), [{ session_id: 's', kind: 'token', delta: 'true', agent_id: 'helper' }]);
});

// req: chat.cancel
test('cancelling drops the route at once and tells the agent', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const [host, other] = [await daemon.connect(), await openAgent(daemon, 'other')];
  const told = agent.client.events('agent.chat.cancel')[Symbol.asyncIterator]();
  const next = listen(host);
  await host.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 's' });
  await assert.rejects(other.client.agents.chat.cancel({ session_id: 's' }), { message: /another connection's/ });
  assert.deepEqual(await host.agents.chat.cancel({ session_id: 's' }), { cancelled: true, session_id: 's' });
  assert.deepEqual((await told.next()).value, { session_id: 's' });
  agent.say({ session_id: 's', kind: 'token', delta: 'late' });
  await agent.client.server.status();
  await host.agents.chat({ agent_id: 'helper', prompt: 'y', session_id: 's' });
  agent.say({ session_id: 's', kind: 'token', delta: 'new' });
  assert.equal((await next(1))[0]?.['delta'], 'new');
});

// req: chat.approve
test('an approval goes to the agent word for word, from the host that asked or one of the host role', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const decisions: unknown[] = [];
  agent.client.onCallback('agent.chat.approve', ({ decision, approval_id }) => {
    decisions.push([approval_id, decision]);
    return { resolved: approval_id === 'known' };
  });
  const [owner, client, host] = [await daemon.connect(), await daemon.connect(), await daemon.connect({ as: 'host' })];
  await owner.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 's' });
  const of = { session_id: 's', approval_id: 'known' };
  assert.deepEqual(await owner.agents.chat.approve({ ...of, decision: 'Approve, please' }), {
    resolved: true,
    session_id: 's',
  });
  assert.deepEqual(await host.agents.chat.approve({ ...of, decision: true }), { resolved: true, session_id: 's' });
  assert.deepEqual(await owner.agents.chat.approve({ ...of, approval_id: 'other' }), {
    resolved: false,
    session_id: 's',
  });
  assert.deepEqual(decisions, [
    ['known', 'Approve, please'],
    ['known', true],
    ['other', false],
  ]);
  await assert.rejects(client.agents.chat.approve(of), { message: /it is another connection's/ });
  await assert.rejects(agent.client.agents.chat.approve(of), { message: /not available to agents/ });
  await assert.rejects(owner.agents.chat.approve({ ...of, session_id: 'none' }), {
    message: 'unknown chat session "none"',
  });
  agent.say({ session_id: 's', kind: 'token', delta: 'still here' });
  assert.equal((await listen(owner)(1))[0]?.['delta'], 'still here');
});

// req: chat.disconnect
test('a session ends without a word when either side disconnects', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const [first, second] = [await daemon.connect(), await daemon.connect()];
  await first.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 'a' });
  await first.close();
  await second.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 'a' });
  const next = listen(second);
  await agent.client.close();
  const respawned = await openAgent(daemon, 'helper');
  respawned.say({ session_id: 'a', kind: 'token', delta: 'stray' });
  await respawned.client.server.status();
  await second.agents.chat({ agent_id: 'helper', prompt: 'again', session_id: 'a' });
  respawned.say({ session_id: 'a', kind: 'token', delta: 'own' });
  assert.deepEqual((await next(1))[0]?.['delta'], 'own', 'and what it said before belongs to nobody');
});

// req: chat.resume
test('a resumable chat outlives its host, which goes on from its cursor, and others follow it', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const first = await daemon.connect();
  const next = listen(first);
  await first.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 's', resumable: true });
  for (const delta of ['a', 'b']) agent.say({ session_id: 's', kind: 'token', delta });
  const [, last] = (await next(2)) as { cursor?: { epoch: string; seq: number } }[];
  await first.close();
  for (const delta of ['c', 'd']) agent.say({ session_id: 's', kind: 'token', delta });
  await agent.client.server.status();
  const second = await daemon.connect();
  const nextOfSecond = listen(second);
  const resumed = await second.agents.chat.watch({ session_id: 's', after: last?.cursor });
  assert.deepEqual(
    [resumed.delivery, resumed.events.map(({ delta }) => delta), resumed.cursor.seq, resumed.ended],
    ['replayed', ['c', 'd'], 4, false],
  );
  const third = await daemon.connect({ as: 'host' });
  const nextOfThird = listen(third);
  const followed = await third.agents.chat.watch({ session_id: 's' });
  assert.deepEqual([followed.delivery, followed.events.length], ['snapshot', 4]);
  const foreign = await third.agents.chat.watch({ session_id: 's', after: { epoch: 'other', seq: 1 } });
  assert.deepEqual([foreign.delivery, foreign.events.length], ['reset', 4]);
  agent.say({ session_id: 's', kind: 'done', finish_reason: 'stop' });
  for (const [event] of [await nextOfSecond(1), await nextOfThird(1)])
    assert.deepEqual([event?.kind, (event?.['cursor'] as { seq: number } | undefined)?.seq], ['done', 5]);
  const late = await second.agents.chat.watch({ session_id: 's', after: last?.cursor });
  assert.deepEqual([late.events.map(({ kind }) => kind), late.ended], [['token', 'token', 'done'], true]);
  assert.deepEqual(await second.agents.chat.unwatch({ session_id: 's' }), { session_id: 's', removed: true });
  await assert.rejects(agent.client.agents.chat.watch({ session_id: 's' }), { message: /not available to agents/ });
});

// req: chat.resume
test('the host that asked and follows too is told everything once', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const host = await daemon.connect();
  const next = listen(host);
  await host.agents.chat({ agent_id: 'helper', prompt: 'x', session_id: 's' });
  await host.agents.chat.watch({ session_id: 's' });
  for (const delta of ['a', 'b']) agent.say({ session_id: 's', kind: 'token', delta });
  agent.say({ session_id: 's', kind: 'done' });
  assert.deepEqual(
    (await next(3)).map(({ kind }) => kind),
    ['token', 'token', 'done'],
  );
});

// req: chat.silent-agent
test('a resumable chat says so when its agent is gone, and one that went quiet is ended where that was asked for', async () => {
  await using daemon = serve({ config: { chat: { staleAfterMs: 100, resumeGraceMs: 50 } } });
  const [gone, quiet] = [await openAgent(daemon, 'gone'), await openAgent(daemon, 'quiet')];
  const host = await daemon.connect();
  const next = listen(host);
  const told = quiet.client.events('agent.chat.cancel')[Symbol.asyncIterator]();
  await host.agents.chat({ agent_id: 'gone', prompt: 'x', session_id: 'g', resumable: true });
  await gone.client.close();
  const [first] = await next(1);
  assert.deepEqual([first?.session_id, first?.kind, first?.['reason']], ['g', 'error', 'agent_gone']);
  await host.agents.chat({ agent_id: 'quiet', prompt: 'x', session_id: 'q' });
  const [second] = await next(1);
  assert.deepEqual([second?.session_id, second?.kind, second?.['reason']], ['q', 'error', 'stale']);
  assert.deepEqual((await told.next()).value, { session_id: 'q' });
  while (await host.agents.chat.watch({ session_id: 'g' }).then(Boolean, () => false)) await setTimeout(100);
  await assert.rejects(host.agents.chat.watch({ session_id: 'g' }), { message: /unknown chat session/ });
});

// req: chat.bounds
test('a connection has at most 1 000 chats, 256 of all can be resumed, and what is kept of one is bounded', async () => {
  await using daemon = serve();
  const agent = await openAgent(daemon, 'helper');
  const host = await daemon.connect();
  for (let index = 0; index < 256; index++)
    await host.agents.chat({ agent_id: 'helper', prompt: '', session_id: `r${index}`, resumable: true });
  await assert.rejects(host.agents.chat({ agent_id: 'helper', prompt: '', resumable: true }), {
    code: -32008,
    message: /256 can be resumed/,
  });
  for (let index = 256; index < 1_000; index++)
    await host.agents.chat({ agent_id: 'helper', prompt: '', session_id: `n${index}` });
  await assert.rejects(host.agents.chat({ agent_id: 'helper', prompt: '' }), {
    code: -32008,
    message: /has 1000, the limit/,
  });
  for (let index = 0; index < 1_100; index++) agent.say({ session_id: 'r0', kind: 'token', delta: String(index) });
  for (let index = 0; index < 40; index++) agent.say({ session_id: 'r1', kind: 'token', delta: 'x'.repeat(10_000) });
  await agent.client.server.status();
  const [many, large] = [
    await host.agents.chat.watch({ session_id: 'r0' }),
    await host.agents.chat.watch({ session_id: 'r1' }),
  ];
  assert.deepEqual([many.events.length, many.events[0]?.delta], [1_000, '100']);
  assert.ok(large.events.length > 20 && large.events.length < 27, `${large.events.length}`);
});
