import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { createMemoryPair } from '@car-runtime/rpc';
import { serve, turnOver, Wire, type TestDaemon } from '@car-runtime/testkit';

type Intent = Awaited<ReturnType<Client['supervision']['pending']>>['intents'][number];
type Submit = Parameters<Client['proposal']['submit']>[0];

const write = { id: 'w', type: 'state_write' as const, parameters: { key: 'k', value: 's3cret-value' } };
const plan = (...actions: Submit['proposal']['actions']): Submit => ({ proposal: { actions } });

/** A supervisor and its inbox. */
async function supervise(daemon: TestDaemon, filter?: object) {
  const client = await daemon.connect();
  const intents = client.events('supervision.intent')[Symbol.asyncIterator]();
  const subscription = await client.supervision.subscribe(filter === undefined ? {} : { filter });
  const next = async (): Promise<Intent> => (await intents.next()).value as Intent;
  const decide = (intent_id: string, kind: 'allow' | 'deny' | 'escalate', reason = 'because') =>
    client.supervision.decide({ intent_id, decision: { kind, reason } });
  return { client, subscription, next, decide };
}

const outcome = async (submitted: ReturnType<Client['proposal']['submit']>) =>
  (await submitted).results.map(({ status, error }) => [status, error]);

function gateEvents(daemon: TestDaemon, clientId: string) {
  return daemon
    .journal(clientId)
    .filter(({ kind, data }) => kind === 'admission_gate_decision' && data['gate'] === 'supervision')
    .map(({ data }) => data);
}

// req: supervision.subscribe, supervision.allow
test('an allowed plan runs, and the journal says which supervisor allowed it', async () => {
  await using daemon = serve();
  const { client, subscription, next, decide } = await supervise(daemon);
  assert.deepEqual(subscription, { subscribed: true, decision_timeout_ms: 30_000, supervisors: 1 });
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  const { session_id } = await agent.session.init();
  const submitted = agent.proposal.submit(plan(write));
  const intent = await next();
  assert.equal(await agent.state.exists({ key: 'k' }), false, 'nothing ran yet');
  assert.deepEqual(await decide(intent.id, 'allow'), { decided: true });
  assert.deepEqual(await outcome(submitted), [['succeeded', null]]);
  const supervisor = (await client.session.init()).session_id;
  assert.deepEqual(
    gateEvents(daemon, session_id).map(({ waited_ms, ...data }) => [typeof waited_ms, data]),
    [['number', { gate: 'supervision', decision: 'allow', intent_id: intent.id, supervisor, verdict: 'allow' }]],
  );
});

// req: supervision.intent-shape, supervision.no-values
test('an intent tells names and a digest of parameters, and never a value', async () => {
  await using daemon = serve();
  const supervisor = await daemon.peer({ as: 'client' });
  await supervisor.result('supervision.subscribe', {});
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  const { session_id: client_id } = await agent.session.init();
  const parameters = { zebra: { deep: 's3cret-value' }, alpha: ['s3cret-value'] };
  const submitted = agent.proposal.submit({
    proposal: {
      id: 'p1',
      source: 'planner',
      actions: [
        { id: 'r', type: 'state_read', parameters: { key: 's3cret-value' }, reversibility: 'reversible' },
        // Worse than it says of itself.
        { id: 't', type: 'tool_call', tool: 'db_insert', parameters, reversibility: 'reversible' },
      ],
      context: { note: 's3cret-value' },
    },
    scope: { callerId: 'c', tenantId: 't1' },
  });
  const text = await supervisor.nextText();
  assert.doesNotMatch(text, /s3cret/);
  const digest = (json: string): string => `sha256:${createHash('sha256').update(json).digest('hex')}`;
  const { method, params } = JSON.parse(text) as { method: string; params: Intent };
  const { id, created_at, ...rest } = params;
  assert.equal(method, 'supervision.intent');
  assert.match(id, /^intent-[0-9a-f-]{36}$/);
  assert.ok(!Number.isNaN(Date.parse(created_at)));
  assert.deepEqual(rest, {
    proposal_id: 'p1',
    source: 'planner',
    scope: { callerId: 'c', tenantId: 't1' },
    reversibility: 'compensable',
    client_id,
    agent_id: 'a1',
    actions: [
      {
        id: 'r',
        action_type: 'state_read',
        reversibility: 'reversible',
        parameter_keys: ['key'],
        parameters_digest: digest('{"key":"s3cret-value"}'),
      },
      {
        id: 't',
        action_type: 'tool_call',
        tool: 'db_insert',
        reversibility: 'compensable',
        parameter_keys: ['zebra', 'alpha'],
        parameters_digest: digest('{"alpha":["s3cret-value"],"zebra":{"deep":"s3cret-value"}}'),
      },
    ],
  });
  await supervisor.result('supervision.decide', { intent_id: id, decision: { kind: 'deny', reason: 'no' } });
  await submitted;
});

// req: supervision.deny, supervision.escalate
test('a denied or escalated plan is refused whole, with the reason', async () => {
  await using daemon = serve();
  const { next, decide } = await supervise(daemon);
  const client = await daemon.connect();
  for (const [kind, text] of [
    ['deny', /^denied by a supervisor: too late$/],
    ['escalate', /needs approval: escalated by a supervisor: too late/],
  ] as const) {
    const submitted = client.proposal.submit(plan(write, { ...write, id: 'w2' }));
    await decide((await next()).id, kind, 'too late');
    const results = await outcome(submitted);
    assert.deepEqual(
      results.map(([status]) => status),
      ['rejected', 'rejected'],
    );
    assert.match(String(results[0]?.[1]), text);
    assert.equal(await client.state.exists({ key: 'k' }), false);
  }
});

// req: supervision.admission
test('a refusal says for programs why, which intent it was and which approval waits', async () => {
  await using daemon = serve({ supervisionLimits: { decisionTimeoutMs: 50, maxIntentChars: 2_000 } });
  const { next } = await supervise(daemon);
  const client = await daemon.connect();
  const base = { gate: 'supervision', decisions: [] };
  const late = await client.proposal.submit(plan(write));
  const { id: lateId } = await next();
  assert.deepEqual(late.admission, {
    ...base,
    reason: 'supervision_timeout',
    intent_id: lateId,
    approval_ids: [],
  });
  const large = await client.proposal.submit(
    plan(...Array.from({ length: 50 }, (_, at) => ({ ...write, id: `w${at}` }))),
  );
  assert.deepEqual(large.admission, { ...base, reason: 'supervision_overloaded', approval_ids: [] });
});

// req: supervision.admission
test('a denied plan names its intent, an escalated one the approval it waits for', async () => {
  await using daemon = serve();
  const { next, decide } = await supervise(daemon);
  const client = await daemon.connect();
  const denied = client.proposal.submit(plan(write));
  const { id: intent_id } = await next();
  await decide(intent_id, 'deny', 'no');
  assert.deepEqual((await denied).admission, {
    gate: 'supervision',
    reason: 'supervision_denied',
    decisions: [],
    approval_ids: [],
    intent_id,
  });
  const submitted = client.proposal.submit(plan(write));
  const { id } = await next();
  await decide(id, 'escalate', 'look at it');
  const { admission } = await submitted;
  const [approval] = (await client.host.approvals({ status: 'pending' })).approvals;
  assert.deepEqual(admission, {
    gate: 'supervision',
    reason: 'needs_approval',
    decisions: [],
    approval_ids: [approval?.id],
    intent_id: id,
  });
});

// req: supervision.escalated-approved
test('an escalated plan waits for a host; once approved the very same plan passes once, and no other', async () => {
  await using daemon = serve();
  const { next, decide } = await supervise(daemon);
  const host = await daemon.connect({ as: 'host' });
  const agent = await daemon.connect({ as: { agent: 'a1' } });
  const { session_id } = await agent.session.init();
  const same = plan({ ...write, id: undefined });
  const escalate = async (): Promise<string> => {
    const submitted = agent.proposal.submit(same);
    await decide((await next()).id, 'escalate', 'ask somebody');
    const [, text] = (await outcome(submitted))[0] ?? [];
    return /\((approval-[0-9a-f-]+);/.exec(String(text))?.[1] ?? '';
  };
  const id = await escalate();
  const [row] = (await host.host.approvals()).approvals;
  assert.deepEqual([row?.id, row?.kind, row?.agent_id, row?.status], [id, 'supervision', 'a1', 'pending']);
  assert.match(String(row?.card), /a supervisor escalated/);
  assert.doesNotMatch(JSON.stringify(row), /s3cret/);
  const approve = { approval_id: id, resolution: 'approve' };
  await assert.rejects(agent.host.resolve_approval(approve), /agents/);
  await host.host.resolve_approval(approve);
  const other = agent.proposal.submit(plan({ ...write, id: undefined, parameters: { key: 'k', value: 'other' } }));
  await decide((await next()).id, 'deny', 'another plan');
  assert.equal((await outcome(other))[0]?.[0], 'rejected');
  assert.deepEqual(await outcome(agent.proposal.submit(same)), [['succeeded', null]]);
  assert.deepEqual(gateEvents(daemon, session_id).at(-1), {
    gate: 'supervision',
    decision: 'allow',
    verdict: 'approved',
    approval_id: id,
  });
  const denied = await escalate();
  await host.host.resolve_approval({ approval_id: denied, resolution: 'deny' });
  const again = agent.proposal.submit(same);
  await decide((await next()).id, 'deny', 'still not');
  assert.equal((await outcome(again))[0]?.[0], 'rejected');
});

// req: supervision.other-gates
test('an allowed plan is still held to policies', async () => {
  await using daemon = serve();
  const { next, decide } = await supervise(daemon);
  const client = await daemon.connect();
  await client.registerTool('build', {}, () => 'done');
  await client.policy.register({ name: 'no', rule: 'deny_tool', target: 'build' });
  const submitted = client.proposal.submit(plan({ type: 'tool_call', tool: 'build' }));
  await decide((await next()).id, 'allow');
  assert.deepEqual(await outcome(submitted), [['rejected', "tool 'build' denied"]]);
});

// req: supervision.filter, supervision.no-subscribers
test('only plans that fit a filter wait, and no others leave a trace', async () => {
  await using daemon = serve();
  const agent = await daemon.connect();
  const { session_id } = await agent.session.init();
  await agent.registerTool('store', {}, () => 'sent');
  const tool = { type: 'tool_call' as const, tool: 'store' };
  const read = { type: 'state_read' as const, parameters: { key: 'k' }, reversibility: 'reversible' as const };
  const { client, next, decide } = await supervise(daemon, { min_reversibility: 'compensable' });
  const waits = async (submission: Submit): Promise<boolean> => {
    const submitted = agent.proposal.submit(submission);
    const first = await Promise.race([submitted.then(() => undefined), next()]);
    if (first) await decide(first.id, 'allow');
    await submitted;
    return first !== undefined;
  };
  const filtered = async (filter: object, submission: Submit): Promise<boolean> => {
    assert.equal((await client.supervision.subscribe({ filter })).supervisors, 1, 'it takes the place of the other');
    return await waits(submission);
  };
  assert.equal(await waits(plan({ ...read, reversibility: 'compensable' })), true, 'that level');
  assert.equal(await waits(plan(read, tool)), true, 'and worse');
  assert.equal(await filtered({ min_reversibility: 'whatever' }, plan(tool)), true, 'an unknown level is the worst');
  assert.equal(await filtered({ tools: [], sessions: [] }, plan(read)), true, 'empty is everything');
  assert.equal(await filtered({ tools: ['store'] }, plan(read, tool)), true);
  assert.equal(await filtered({ sessions: [session_id] }, plan(read)), true, 'its connection');
  const { session_id: policySession } = await agent.session.policy.open({});
  const inSession = { ...plan(read), session_id: policySession };
  assert.equal(await filtered({ sessions: [policySession] }, inSession), true, 'or its policy session');
  const asked = gateEvents(daemon, session_id).length;

  // Whatever is asked from here on would wait for 30 s and be refused.
  const runs = async (filter: object, submission: Submit): Promise<void> => {
    await client.supervision.subscribe({ filter });
    assert.equal((await agent.proposal.submit(submission)).results[0]?.status, 'succeeded');
  };
  await runs({ min_reversibility: 'compensable' }, plan(read));
  await runs({ min_reversibility: 'whatever' }, plan({ ...read, reversibility: 'compensable' }));
  await runs({ tools: ['other'] }, plan(tool));
  await runs({ sessions: ['other'] }, plan(tool));
  await runs({ tools: ['store'], sessions: ['other'] }, plan(tool));
  assert.deepEqual(await client.supervision.unsubscribe(), { subscribed: false, was_subscribed: true });
  assert.deepEqual(await client.supervision.unsubscribe(), { subscribed: false, was_subscribed: false });
  assert.equal((await agent.proposal.submit(plan(tool))).results[0]?.status, 'succeeded');
  assert.equal(gateEvents(daemon, session_id).length, asked);
  assert.deepEqual((await client.supervision.pending()).intents, []);
});

// req: supervision.pending, supervision.disconnect
test('plans outlive the supervisor they were sent to: one that comes later finds and decides them, oldest first', async () => {
  await using daemon = serve();
  const first = await supervise(daemon);
  const agent = await daemon.connect();
  const submitted = [1, 2, 3].map((n) => agent.proposal.submit({ proposal: { id: `p${n}`, actions: [write] } }));
  for (const _ of submitted) await first.next();
  await first.client[Symbol.asyncDispose]();
  const second = await daemon.connect();
  const { intents } = await second.supervision.pending();
  assert.deepEqual(
    intents.map(({ proposal_id }) => proposal_id),
    ['p1', 'p2', 'p3'],
  );
  for (const { id } of intents) await second.supervision.decide({ intent_id: id, decision: { kind: 'allow' } });
  for (const one of submitted) assert.deepEqual(await outcome(one), [['succeeded', null]]);
});

// req: supervision.first-decision, supervision.decide-errors
test('of several supervisors the first to decide is heard; unknown, decided and expired intents are errors', async () => {
  await using daemon = serve();
  const [one, two] = [await supervise(daemon), await supervise(daemon)];
  assert.equal(two.subscription.supervisors, 2);
  const agent = await daemon.connect();
  const { session_id } = await agent.session.init();
  const submitted = agent.proposal.submit(plan(write));
  const { id } = await one.next();
  assert.equal((await two.next()).id, id);
  const [a, b] = await Promise.allSettled([two.decide(id, 'deny', 'mine'), one.decide(id, 'allow')]);
  assert.deepEqual([a.status, b.status], ['fulfilled', 'rejected']);
  assert.deepEqual(await outcome(submitted), [['rejected', 'denied by a supervisor: mine']]);
  assert.equal(gateEvents(daemon, session_id)[0]?.['supervisor'], (await two.client.session.init()).session_id);
  await assert.rejects(one.decide(id, 'allow'), /Cannot decide intent ".*": already decided \(deny\)/);
  await assert.rejects(one.decide('intent-0', 'allow'), /Cannot decide intent "intent-0": there is no such intent/);
});

// req: supervision.timeout, supervision.decide-errors
test('a plan nobody decides in time is refused, and a decision that comes later is an error', async () => {
  await using daemon = serve({ supervisionLimits: { decisionTimeoutMs: 50 } });
  const { next, decide } = await supervise(daemon);
  const agent = await daemon.connect();
  const { session_id } = await agent.session.init();
  const submitted = agent.proposal.submit(plan(write));
  const { id } = await next();
  assert.deepEqual(await outcome(submitted), [['rejected', 'no supervisor decided within 0.05 s']]);
  await assert.rejects(decide(id, 'allow'), /Cannot decide intent ".*": expired/);
  assert.deepEqual(
    gateEvents(daemon, session_id).map(({ decision, verdict }) => [decision, verdict]),
    [['refuse', 'timeout']],
  );
});

// req: supervision.reason-required
test('denying and escalating need a reason', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: 'client' });
  for (const decision of [
    { kind: 'deny' },
    { kind: 'escalate', reason: ' ' },
    { kind: 'deny', reason: 'x'.repeat(2_001) },
    { kind: 'maybe' },
  ]) {
    const error = await wire.error('supervision.decide', { intent_id: 'i', decision });
    assert.equal(error.code, -32602, JSON.stringify(decision));
    assert.match(error.message, /decision/);
  }
});

// req: supervision.roles
test('an agent is told nothing and decides nothing', async () => {
  await using daemon = serve();
  const wire = await daemon.peer({ as: { agent: 'a1' } });
  const decision = { intent_id: 'i', decision: { kind: 'allow' } };
  for (const [method, params] of [
    ['supervision.subscribe', {}],
    ['supervision.unsubscribe', {}],
    ['supervision.pending', {}],
    ['supervision.decide', decision],
  ] as const)
    assert.equal((await wire.error(method, params)).data?.['reason'], 'forbidden', method);
});

// req: supervision.withdrawn
test('a plan whose connection has gone waits no longer', async () => {
  await using daemon = serve();
  const { client, next, decide } = await supervise(daemon);
  const agent = await daemon.peer({ as: 'client' });
  agent.sendJson({ jsonrpc: '2.0', id: 1, method: 'proposal.submit', params: plan(write) });
  const { id } = await next();
  await agent.close();
  await turnOver();
  assert.deepEqual((await client.supervision.pending()).intents, []);
  await assert.rejects(decide(id, 'allow'), /withdrawn/);
});

// req: supervision.bounds
test('more plans than may wait are refused, of one connection and of all, and their room comes back', async () => {
  await using daemon = serve({
    supervisionLimits: { maxParkedPerConnection: 2, maxParked: 3, maxIntentChars: 4_000, maxSupervisors: 2 },
  });
  const { client, next, decide } = await supervise(daemon);
  await supervise(daemon, { tools: ['none'] });
  await assert.rejects(supervise(daemon), /2 supervisors are subscribed, the limit/);
  const [one, two] = [await daemon.connect(), await daemon.connect()];
  const submitted = [one, one, two].map((from) => from.proposal.submit(plan(write)));
  const ids: string[] = [];
  for (const _ of submitted) ids.push((await next()).id);
  assert.match(String((await outcome(one.proposal.submit(plan(write))))[0]?.[1]), /2 plans of this connection wait/);
  assert.match(String((await outcome(two.proposal.submit(plan(write))))[0]?.[1]), /3 plans wait for a decision/);
  for (const id of ids) await decide(id, 'allow');
  await Promise.all(submitted);
  const many = Array.from({ length: 40 }, (_, index) => ({ ...write, id: `w${index}` }));
  assert.match(String((await outcome(one.proposal.submit(plan(...many))))[0]?.[1]), /more than 4000/);
  assert.deepEqual((await client.supervision.pending()).intents, []);
});

// req: supervision.bounds
test('of a great many parameters the first names are told, and how many are left out', async () => {
  await using daemon = serve();
  const { next, decide } = await supervise(daemon);
  const agent = await daemon.connect();
  const parameters = Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`${n}-${'x'.repeat(200)}`, n]));
  const submitted = agent.proposal.submit(plan({ type: 'tool_call', tool: 't', parameters }));
  const { id, actions } = await next();
  assert.equal(actions[0]?.parameter_keys.length, 64);
  assert.equal(actions[0]?.parameter_keys_omitted, 6);
  assert.ok(actions[0]?.parameter_keys.every((key) => key.length <= 128));
  await decide(id, 'deny');
  await submitted;
});

// req: supervision.slow-reader
test('a supervisor that does not read holds nothing up, and gets what still waits when it reads again', async () => {
  await using daemon = serve({ peer: { softQueueBytes: 2_000 } });
  const [near, far] = createMemoryPair();
  daemon.state.createSession(far);
  const slow = new Wire(near);
  await slow.result('session.auth', { token: daemon.authToken });
  await slow.result('supervision.subscribe', {});
  near.pause();
  const { next, decide } = await supervise(daemon);
  const agent = await daemon.connect();
  const submitted = Array.from({ length: 60 }, () => agent.proposal.submit(plan(write)));
  const ids: string[] = [];
  for (const _ of submitted) ids.push((await next()).id);
  for (const id of ids.slice(0, 50)) await decide(id, 'allow');
  near.resume();
  const seen = new Set<string>();
  while (!ids.slice(50).every((id) => seen.has(id))) seen.add(String((await slow.next()).params?.['id']));
  assert.ok(seen.size < 60, 'of those decided meanwhile it is told no more');
  for (const id of ids.slice(50)) await decide(id, 'deny');
  await Promise.all(submitted);
});
