// Proactive memory over the wire: banks, status, one reminder at a time, and how well it would have been chosen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryEngine } from '@car-runtime/core';
import { serve } from '@car-runtime/testkit';

/** What a memory is, as far as anybody can tell. */
function stateOf({ graph, factCount }: MemoryEngine): string {
  return JSON.stringify([factCount, [...graph.nodes()]]);
}

// req: memory.status
test('a status is one slot of a tenant, overwritten, and found by no retrieval', async () => {
  const memory = new MemoryEngine();
  await using daemon = serve({ sharedMemory: memory });
  const client = await daemon.connect();
  assert.deepEqual(await client.memory.update_status({ body: 'first' }), {
    id: 'proactive-status:global',
    body: 'first',
  });
  await client.memory.update_status({ body: 'porting the scheduler' });
  assert.deepEqual(await client.memory.update_status({ body: 'of t', tenant_id: 't' }), {
    id: 'proactive-status:t',
    body: 'of t',
    tenant_id: 't',
  });
  assert.equal(memory.graph.size, 0);
  assert.deepEqual(await client.memory.query({ query: 'porting the scheduler' }), []);
  const silent = await client.memory.intervene({ query: 'porting the scheduler' });
  assert.deepEqual(silent, {
    decision: 'silent',
    reason: 'nothing_relevant',
    candidates: [],
    bank: { knowledge: 0, procedural: 0, status: 1 },
  });
  assert.equal((await client.memory.maintain({})).status, 'porting the scheduler');
  assert.deepEqual(await client.memory.delete({ id: 'proactive-status:global' }), {
    id: 'proactive-status:global',
    deleted: true,
    kind: 'status',
    fact_count: 0,
  });
  assert.equal((await client.memory.maintain({})).status, undefined);
  for (let nth = 0; nth < 255; nth++) await client.memory.update_status({ body: 'b', tenant_id: `t${nth}` });
  await assert.rejects(client.memory.update_status({ body: 'b', tenant_id: 'one more' }), { reason: 'overloaded' });
});

// req: memory.save, memory.delete
test('what is saved gets an id of its own each time, and is removed by it', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const save = { id: 'k', subject: 'port', body: 'the daemon listens on 9100' };
  assert.deepEqual(await client.memory.save_knowledge(save), { id: 'k', kind: 'knowledge', fact_count: 1 });
  assert.deepEqual(await client.memory.save_procedural(save), { id: 'k-2', kind: 'procedural', fact_count: 2 });
  await client.memory.save_knowledge({ subject: 'rule', body: 'ask first', is_constraint: true });
  assert.match(
    await client.memory.build_context({ query: 'x' }),
    /## Constraints\n⚠ proactive-knowledge rule: ask first/,
  );
  const found = await client.memory.query({ query: 'daemon listens' });
  assert.deepEqual(found.map(({ kind }) => kind).toSorted(), ['knowledge', 'procedural']);
  await client.memory.add_fact({ subject: 's', body: 'b', fact_id: 'plain' });
  assert.deepEqual(await client.memory.delete({ id: 'k' }), {
    id: 'k',
    deleted: true,
    kind: 'knowledge',
    fact_count: 3,
  });
  for (const id of ['k', 'nothing', 'plain', 'proactive-status:nobody']) {
    assert.equal((await client.memory.delete({ id })).deleted, false);
  }
  assert.equal(await client.memory.fact_count(), 3);
});

// req: memory.maintain
test('what went wrong in this session becomes entries once, and a trigger', async () => {
  await using daemon = serve();
  const [client, other] = [await daemon.connect(), await daemon.connect()];
  let calls = 0;
  await client.registerTool('flaky', { type: 'object' }, () => {
    calls++;
    throw new Error('disk is full');
  });
  await client.proposal.submit({
    proposal: { actions: [{ id: 'a', type: 'tool_call', tool: 'flaky', parameters: {}, max_retries: 1 }] },
  });
  assert.ok(calls > 0);
  assert.equal((await other.memory.maintain({})).saved, 0, 'another session has a log of its own');
  const first = await client.memory.maintain({});
  assert.ok(first.saved > 0 && first.trigger.tool_error === true);
  const again = await client.memory.maintain({ max_recent: 1_000 });
  assert.deepEqual([again.saved, again.skipped_existing], [0, first.saved]);
  assert.equal(await client.memory.fact_count(), first.saved);
  const advice = await client.memory.intervene({ query: 'flaky disk', trigger: first.trigger });
  assert.ok(advice.decision === 'inject' && advice.reminder.includes('disk is full'));
  const journal = daemon.journal([...daemon.state.sessions.keys()][0] ?? '');
  const maintained = journal.filter(({ kind }) => kind === 'proactive_memory_maintained');
  assert.deepEqual(
    maintained.map(({ data }) => [data['saved'], data['skipped_existing']]),
    [
      [first.saved, 0],
      [0, first.saved],
    ],
  );
  assert.ok(!JSON.stringify(maintained).includes('disk is full'), 'counts and trigger, never bodies');
});

// req: memory.intervene
test('one reminder at most, biased by triggers, not repeated at once, and counted alone', async () => {
  const memory = new MemoryEngine({ now: () => 7 });
  await using daemon = serve({ sharedMemory: memory });
  const client = await daemon.connect();
  await client.memory.save_knowledge({ id: 'know', subject: 'release branch', body: 'needs a signed tag' });
  await client.memory.save_procedural({ id: 'proc', subject: 'release branch', body: 'push fails without a rebase' });
  const before = stateOf(memory);
  const silent = await client.memory.intervene({ query: 'what is for lunch today' });
  assert.deepEqual([silent.decision, stateOf(memory)], ['silent', before]);
  const request = { query: 'release branch push' };
  const calm = await client.memory.intervene(request);
  assert.ok(calm.decision === 'inject' && calm.selected.id === 'proc');
  assert.deepEqual(
    calm.candidates.map(({ id }) => id),
    ['proc', 'know'],
  );
  assert.equal(stateOf(memory), before.replace('"counters":{}}]]', '"counters":{"injections":1}}]]'));
  const next = await client.memory.intervene(request);
  assert.ok(next.decision === 'inject' && next.selected.id === 'know', 'not the same again');
  assert.equal((await client.memory.intervene(request)).decision, 'silent');
  const forced = await client.memory.intervene({ ...request, force: true });
  assert.ok(forced.decision === 'inject' && forced.selected.id === 'proc');
  const risky = await client.memory.intervene({ query: 'release', trigger: { high_risk_action: true }, force: true });
  assert.ok(risky.decision === 'inject' && risky.selected.id === 'know' && risky.selected.reasons.includes('trigger'));
});

// req: memory.evaluate
test('an evaluation scores four modes and changes nothing', async () => {
  const memory = new MemoryEngine({ now: () => 7 });
  await using daemon = serve({ sharedMemory: memory });
  const client = await daemon.connect();
  await client.memory.save_knowledge({ id: 'tag', subject: 'release branch', body: 'needs a signed tag' });
  await client.memory.save_procedural({ id: 'soup', subject: 'lunch', body: 'soup is at noon' });
  const before = stateOf(memory);
  const journal = (): unknown => [...daemon.state.sessions.keys()].map((id) => daemon.journal(id).length);
  const lines = JSON.stringify(journal());
  const cases = [
    { id: 'hit', request: { query: 'tag the release branch' }, relevant_fact_ids: ['tag'] },
    { id: 'faint', request: { query: 'one lunch among many other unrelated subjects' }, relevant_fact_ids: [] },
    { id: 'none', request: { query: 'weather' }, relevant_fact_ids: ['tag'] },
  ];
  const report = await client.memory.evaluate({ cases });
  assert.deepEqual(report.selective, {
    interventions: 1,
    true_positives: 1,
    false_positives: 0,
    false_negatives: 1,
    precision: 1,
    recall: 0.5,
    interruption_rate: 1 / 3,
    avg_candidates_exposed: 1 / 3,
  });
  assert.deepEqual(
    [report.cases, report.always_inject.interventions, report.passive_retrieval.false_positives],
    [3, 2, 1],
  );
  assert.deepEqual(report.no_memory, {
    interventions: 0,
    true_positives: 0,
    false_positives: 0,
    false_negatives: 2,
    precision: 0,
    recall: 0,
    interruption_rate: 0,
    avg_candidates_exposed: 0,
  });
  assert.deepEqual(
    [await client.memory.evaluate({ cases }), stateOf(memory), JSON.stringify(journal())],
    [report, before, lines],
  );
  const { no_memory } = await client.memory.evaluate({ cases: [] });
  assert.equal(no_memory.interruption_rate, 0);
});

// req: memory.consolidate
test('consolidation removes what expired and deep chains, keeps six turns, and reports it', async () => {
  let nowMs = Date.parse('2026-01-01');
  const memory = new MemoryEngine({ now: () => nowMs });
  await using daemon = serve({ sharedMemory: memory });
  const client = await daemon.connect();
  await client.memory.add_fact({ subject: 'pass', body: 'p', expires_at: '2026-01-02T00:00:00Z' });
  await client.memory.add_fact({ subject: 'k', body: '0', fact_id: 'f0' });
  for (let nth = 1; nth <= 6; nth++) {
    await client.memory.add_fact({ subject: 'k', body: String(nth), fact_id: `f${nth}`, supersedes: `f${nth - 1}` });
  }
  for (let nth = 0; nth < 10; nth++) memory.addTurn({ speaker: 'ann', text: `turn ${nth}`, atMs: nth });
  memory.addEnvironment({ key: 'old', value: 'v', expiresAtMs: nowMs + 1 });
  nowMs += 2 * 24 * 3_600_000;
  const report = await client.memory.consolidate();
  assert.deepEqual(report, {
    candidates_promoted: [],
    candidates_rejected: [],
    pruned: 2,
    collected: 3,
    turns_summarised: 4,
    summaries_dropped: 0,
    distilled: 0,
  });
  assert.deepEqual(
    (await client.memory.timeline({ key: 'k' })).map(({ body }) => body),
    ['3', '4', '5', '6'],
  );
  const text = await client.memory.build_context({ query: 'turn' });
  assert.match(text, /### Earlier \(summarized\)\n- ann: turn 0 \| ann: turn 1 \| .*\n### Recent\n- ann: turn 4\n/);
  assert.deepEqual(await client.memory.consolidate(), { ...report, pruned: 0, collected: 0, turns_summarised: 0 });
});
