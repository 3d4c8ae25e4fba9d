import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { eventKinds } from '@car-runtime/protocol';
import { RpcError } from '@car-runtime/rpc';
import { serve } from '@car-runtime/testkit';
import { serveEvents } from '../../../test/event-logs.ts';
import { verifyJournal } from '../../journal/verify-journal.ts';
import type { EventFields } from './event-log.ts';

const plan = {
  id: 'plan-1',
  actions: [
    { id: 'write', type: 'state_write' as const, parameters: { key: 'k', value: 1 } },
    { id: 'call', type: 'tool_call' as const, tool: 'lookup' },
  ],
};

// req: events.count, events.journal
test('the events of a plan are counted, found newest first, and in the journal before its answer', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  await client.registerTool({ name: 'lookup' }, () => 'found');
  await client.proposal.submit({ proposal: plan });
  const { connection } = await client.server.status();
  const journal = daemon.journal(connection.client_id);
  assert.equal(await client.events.count(), journal.length);
  const { count, events } = await client.events.query();
  assert.equal(count, journal.length);
  assert.deepEqual(events, journal.toReversed());
  const ofCall = await client.events.query({ action_id: 'call', data_matches: { tool: 'lookup' } });
  assert.deepEqual(
    ofCall.events.map(({ kind }) => kind),
    ['action_succeeded', 'action_executing', 'action_validated', 'permission_decision'],
  );
});

// req: events.count
test('a connection sees its own events only', async () => {
  await using daemon = serveEvents();
  const first = await daemon.connect('first');
  const second = await daemon.connect('second');
  first.log.append('turn_completed', {});
  assert.equal(await first.client.events.count(), 1);
  assert.equal(await second.client.events.count(), 0);
  assert.deepEqual(await second.client.events.query({}), { count: 0, events: [] });
});

interface Recorded {
  kind: (typeof eventKinds)[number];
  fields: EventFields;
}

const text = fc.oneof(fc.constantFrom('a', 'b', '', 'constructor', 'ключ', '"', '\\', '\u2028'), fc.string());
const recorded: fc.Arbitrary<Recorded> = fc.record({
  kind: fc.constantFrom(...eventKinds.slice(0, 4)),
  fields: fc.record(
    {
      action_id: text,
      proposal_id: text,
      data: fc.dictionary(text, fc.oneof(text, fc.integer(), fc.constant(null), fc.record({ a: text })), {
        noNullPrototype: true,
      }),
    },
    { requiredKeys: [] },
  ),
});

// req: events.query
test('a query finds exactly the events that pass all its filters', async () => {
  await using daemon = serveEvents();
  const query = fc.record(
    {
      kinds: fc.array(fc.constantFrom(...eventKinds.slice(0, 4)), { maxLength: 3 }),
      action_id: text,
      proposal_id: text,
      data_matches: fc.dictionary(text, text, { maxKeys: 2, noNullPrototype: true }),
      limit: fc.nat({ max: 5 }),
    },
    { requiredKeys: [] },
  );
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(recorded, { maxLength: 30 }), query, async (events, filter) => {
      const id = `c${number++}`;
      const { client, log } = await daemon.connect(id);
      for (const { kind, fields } of events) log.append(kind, fields);
      const { kinds, action_id, proposal_id, data_matches = {}, limit = 0 } = filter;
      const expected = events
        .filter(
          ({ kind, fields }) =>
            (kinds === undefined || kinds.includes(kind)) &&
            (action_id === undefined || fields.action_id === action_id) &&
            (proposal_id === undefined || fields.proposal_id === proposal_id) &&
            Object.entries(data_matches).every(
              ([key, value]) => Object.entries(fields.data ?? {}).find(([name]) => name === key)?.[1] === value,
            ),
        )
        .toReversed()
        .slice(0, limit === 0 ? undefined : limit);
      const found = await client.events.query(filter);
      assert.equal(found.count, expected.length);
      assert.deepEqual(
        found.events.map(({ timestamp: _when, ...event }) => event),
        expected.map(({ kind, fields }) => JSON.parse(JSON.stringify({ kind, ...fields, data: fields.data ?? {} }))),
      );
      await daemon.close(id);
    }),
    { numRuns: process.env['CAR_TEST_LONG'] ? 2_000 : 60 },
  );
});

// req: events.query
test('since is inclusive and until exclusive, to the last digit and in any time zone', async () => {
  await using daemon = serveEvents();
  const { client, log } = await daemon.connect('a');
  log.append('turn_completed', {});
  const { events } = await client.events.query();
  const at = events[0]?.timestamp ?? '';
  const counts = async (params: { since?: string; until?: string }): Promise<number> =>
    (await client.events.query(params)).count;
  assert.equal(await counts({ since: at }), 1);
  assert.equal(await counts({ until: at }), 0);
  const alittleLater = at.replace('Z', '0001Z');
  assert.equal(await counts({ since: alittleLater }), 0);
  assert.equal(await counts({ until: alittleLater }), 1);
  const elsewhere = new Date(Date.parse(at) + 2 * 3_600_000).toISOString().replace('Z', '+02:00');
  assert.equal(await counts({ since: elsewhere }), 1);
  assert.equal(await counts({ until: elsewhere }), 0);
  assert.equal(await counts({ since: '9999-12-31T23:59:59-23:59' }), 0);
  assert.equal(await counts({ since: '0001-01-01T00:00:00Z' }), 1);
});

// req: events.hostile-params
test('params of a wrong shape are refused with the name of the field', async () => {
  await using daemon = serveEvents();
  const { client } = await daemon.connect('a');
  const refused: [method: string, params: object, field: string][] = [
    ['events.query', { since: 'yesterday' }, 'since'],
    ['events.query', { since: '2026-02-30T00:00:00Z' }, 'since'],
    ['events.query', { until: '2026-01-01' }, 'until'],
    ['events.query', { until: '2026-01-01T00:00:00' }, 'until'],
    ['events.query', { limit: -1 }, 'limit'],
    ['events.query', { limit: 1.5 }, 'limit'],
    ['events.query', { limit: 1e300 }, 'limit'],
    ['events.query', { limit: 2 ** 53 }, 'limit'],
    ['events.query', { kinds: 'turn_completed' }, 'kinds'],
    ['events.query', { kinds: Array(257).fill('x') }, 'kinds'],
    ['events.query', { data_matches: { tool: 1 } }, 'data_matches.tool'],
    [
      'events.query',
      { data_matches: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [n, ''])) },
      'data_matches',
    ],
    ['events.query', { data_matches: ['a'] }, 'data_matches'],
    ['events.query', { action_id: {} }, 'action_id'],
    ['events.retention', { policy: { max_events: -1 } }, 'policy.max_events'],
    ['events.retention', { policy: { max_age_secs: '1h' } }, 'policy.max_age_secs'],
    ['events.truncate', { max_events: 0.5 }, 'max_events'],
    ['metrics.alerts', { max_cost_usd: -1 }, 'max_cost_usd'],
    ['metrics.alerts', { min_actions: 'few' }, 'min_actions'],
  ];
  for (const [method, params, field] of refused) {
    await assert.rejects(client.request(method, params), (error) => {
      assert.ok(error instanceof RpcError, method);
      assert.equal(error.code, -32602);
      assert.match(error.message, new RegExp(`for ${method}: .*${field.replaceAll('.', '\\.')}`));
      return true;
    });
  }
});

// req: events.hostile-params
test('odd keys match only fields that are there, and null stands for absent', async () => {
  await using daemon = serveEvents();
  const { client, log } = await daemon.connect('a');
  log.append('turn_completed', { data: { constructor: 'x', 'a.b': 'y', n: 1 } });
  const count = async (data_matches: Record<string, string>): Promise<number> =>
    (await client.events.query({ data_matches })).count;
  assert.equal(await count({ constructor: 'x' }), 1);
  assert.equal(await count({ toString: 'x' }), 0);
  assert.equal(await count({ 'a.b': 'y' }), 1);
  assert.equal(await count({ n: '1' }), 0);
  assert.equal(await count({ kind: 'turn_completed' }), 0);
  assert.equal(await count({}), 1);
  const nothing = { kinds: null, action_id: null, since: null, until: null, data_matches: null, limit: null };
  assert.equal((await client.events.query(nothing)).count, 1);
  assert.equal((await client.events.query({ kinds: [] })).count, 0);
  assert.equal((await client.events.query({ limit: Number.MAX_SAFE_INTEGER })).count, 1);
});

// req: events.chain.enable, events.chain.verify
test('a chain begins when it is enabled, once, and verifies the events since', async () => {
  await using daemon = serveEvents();
  const { client, log, path } = await daemon.connect('a');
  log.append('turn_completed', {});
  assert.deepEqual(await client.events.chain.verify(), { verified: 0 });
  const { keyId } = daemon.signer();
  assert.deepEqual(await client.events.chain.enable(), { ok: true, key_id: keyId });
  for (let n = 0; n < 3; n++) log.append('turn_completed', { data: { n } });
  assert.deepEqual(await client.events.chain.enable(), { ok: true, key_id: keyId });
  log.append('turn_completed', { data: { n: 3 } });
  assert.deepEqual(await client.events.chain.verify(), { verified: 4 });
  const { events } = await client.events.query();
  assert.deepEqual(
    events.map(({ prev_hash }) => prev_hash),
    [...events.slice(1, 4).map(({ hash }) => hash), '0'.repeat(64), undefined],
  );
  await daemon.close('a');
  const report = await verifyJournal(path, { publicKey: daemon.signer().publicKey });
  assert.deepEqual([report.problemCount, report.chain.events, report.checkpoints.isClosed], [0, 4, true]);
});

// req: events.chain.verify
test('a change of the journal shows as the index of the first bad line', async () => {
  await using daemon = serveEvents();
  const { client, log, path } = await daemon.connect('a');
  log.append('turn_completed', {});
  await client.events.chain.enable();
  for (let n = 0; n < 10; n++) log.append('turn_completed', { data: { n } });
  assert.deepEqual(await client.events.chain.verify(), { verified: 10 });
  const good = readFileSync(path, 'utf8');
  const lines = good.trimEnd().split('\n');
  const after = async (kept: readonly string[]): Promise<unknown> => {
    writeFileSync(path, kept.map((line) => `${line}\n`).join(''));
    return await client.events.chain.verify();
  };
  assert.deepEqual(await after(lines.with(4, (lines[4] as string).replace('"n":3', '"n":4'))), { tampered_at: 4 });
  assert.deepEqual(await after(lines.toSpliced(4, 1)), { tampered_at: 4 });
  assert.deepEqual(await after(lines.slice(2)), { tampered_at: 0 });
  assert.deepEqual(await after(lines.slice(0, 7)), { tampered_at: 7 }, 'the daemon knows where its chain ends');
  assert.deepEqual(await after(lines.slice(0, 1)), { tampered_at: 1 });
  assert.deepEqual(await after(lines), { verified: 10 });
  rmSync(path);
  assert.deepEqual(await client.events.chain.verify(), { tampered_at: 0 });
});

// req: events.chain.verify
test('the chain verifies while events are appended', async () => {
  await using daemon = serveEvents();
  const { client, log } = await daemon.connect('a');
  await client.events.chain.enable();
  for (let n = 0; n < 3_000; n++) log.append('turn_completed', { data: { n } });
  const verifying = client.events.chain.verify();
  for (let n = 0; n < 50; n++) {
    log.append('turn_completed', {});
    await new Promise((resolve) => setImmediate(resolve));
  }
  const verdict = await verifying;
  assert.ok('verified' in verdict && verdict.verified >= 3_000, JSON.stringify(verdict));
});

// req: events.checkpoints
test('a checkpoint is signed when a chain begins, every thousand events and when the session ends', async () => {
  await using daemon = serveEvents();
  const { client, log, path } = await daemon.connect('a');
  await client.events.chain.enable();
  for (let n = 0; n < 25; n++) {
    for (let k = 0; k < 100; k++) log.append('turn_completed', {});
    await client.events.count();
  }
  const { publicKey } = daemon.signer();
  const open = await verifyJournal(path, { publicKey });
  assert.deepEqual([open.problemCount, open.checkpoints.records, open.checkpoints.uncoveredEvents], [0, 3, 500]);
  await daemon.close('a');
  const closed = await verifyJournal(path, { publicKey });
  assert.deepEqual([closed.checkpoints.records, closed.checkpoints.isClosed], [4, true]);
  truncateSync(path, readFileSync(path).lastIndexOf('\n{') + 1);
  assert.equal((await verifyJournal(path, { publicKey })).isTruncated.end, true);
});

// req: events.checkpoints
test('without a key that is its owner’s alone, a chain goes on unsigned and the daemon is degraded', async () => {
  await using daemon = serveEvents();
  writeFileSync(daemon.folder.join('journal-key'), 'readable for all', { mode: 0o644 });
  const { client, log, path } = await daemon.connect('a');
  assert.deepEqual(await client.events.chain.enable(), { ok: true });
  assert.match(daemon.health.problems.join(), /journal key: .*others have access/);
  log.append('turn_completed', {});
  assert.deepEqual(await client.events.chain.verify(), { verified: 1 });
  await daemon.close('a');
  const { chain, checkpoints, problemCount } = await verifyJournal(path);
  assert.deepEqual([chain.state, checkpoints.state, problemCount], ['intact', 'none', 0]);
});

// req: events.disk-refuses
test('a chain cannot be verified while the disk refuses, and says so', async () => {
  await using daemon = serveEvents();
  writeFileSync(daemon.journalDir, 'in the way of the folder');
  const { client, log } = await daemon.connect('a');
  await client.events.chain.enable();
  log.append('turn_completed', {});
  assert.equal(await client.events.count(), 1);
  await assert.rejects(client.events.chain.verify(), { code: -32603, message: /the disk refuses/ });
  assert.match(daemon.health.problems.join(), /journals: /);
});

// req: events.cost_by_agent
test('costs are summed by agent, dearest first', async () => {
  await using daemon = serveEvents();
  const { client, log } = await daemon.connect('a');
  assert.deepEqual(await client.events.cost_by_agent(), []);
  const metered = (data: object): void => log.append('inference_metered', { data });
  metered({ agent: 'cheap', tokens_in: 10, tokens_out: 1, cost_usd: 0.25 });
  metered({ agent: 'dear', tokens_in: 100, tokens_out: 50, cost_usd: 2 });
  metered({ agent: 'cheap', tokens_in: 5, tokens_out: 2, cost_usd: 0.25 });
  metered({ tokens_in: -5, tokens_out: 'many', cost_usd: null });
  assert.deepEqual(await client.events.cost_by_agent(), [
    { agent: 'dear', calls: 1, tokens_in: 100, tokens_out: 50, cost_usd: 2 },
    { agent: 'cheap', calls: 2, tokens_in: 15, tokens_out: 3, cost_usd: 0.5 },
    { agent: 'unknown', calls: 1, tokens_in: 0, tokens_out: 0, cost_usd: 0 },
  ]);
});

// req: events.stats, events.truncate, events.clear
test('truncate and clear forget events in memory and leave the journal alone', async () => {
  await using daemon = serveEvents();
  const { client, log, path } = await daemon.connect('a');
  for (let n = 0; n < 10; n++) log.append('turn_completed', { data: { n } });
  const journal = (): string => readFileSync(path, 'utf8');
  const stats = await client.events.stats();
  assert.deepEqual(stats, { events: 10, spans: 0, approxEventBytes: journal().length, approxSpanBytes: 0 });
  assert.deepEqual(await client.events.truncate(), { removed: 0 });
  assert.deepEqual(await client.events.truncate({ max_events: 4 }), { removed: 6 });
  assert.deepEqual(
    (await client.events.query()).events.map(({ data }) => data['n']),
    [9, 8, 7, 6],
  );
  assert.deepEqual(await client.events.clear(), { removed: 4 });
  assert.deepEqual(await client.events.stats(), { events: 0, spans: 0, approxEventBytes: 0, approxSpanBytes: 0 });
  assert.equal(journal().split('\n').length, 11);
});

// req: events.retention
test('a retention is set, read, applied at once and from then on', async () => {
  await using daemon = serveEvents();
  const { client, log } = await daemon.connect('a');
  assert.deepEqual(await client.events.retention(), { policy: {} });
  for (let n = 0; n < 10; n++) log.append('turn_completed', { data: { n } });
  const policy = { max_events: 4, max_age_secs: 3_600 };
  assert.deepEqual(await client.events.retention({ policy }), { policy, removed: 6 });
  assert.deepEqual(await client.events.retention({ policy: null }), { policy });
  for (let n = 10; n < 13; n++) log.append('turn_completed', { data: { n } });
  assert.deepEqual(
    (await client.events.query()).events.map(({ data }) => data['n']),
    [12, 11, 10, 9],
  );
  assert.deepEqual(await client.events.retention({ policy: {} }), { policy: {}, removed: 0 });
  log.append('turn_completed', {});
  assert.equal(await client.events.count(), 5);
});

// req: events.kinds
test('every kind of the contract is known, and a query may ask for it', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const named = `proposal_received action_validated action_rejected action_executing action_succeeded action_failed
    action_skipped action_retrying action_deduplicated policy_violation state_changed state_snapshot state_rollback
    skill_distilled skill_evolved skill_deprecated evolution_triggered candidate_promoted candidate_rejected consolidated
    proactive_memory_maintained proactive_memory_intervention replan_attempted replan_proposal_received replan_rejected
    replan_exhausted voice_fast_turn_started voice_fast_turn_ended voice_sidecar_resolved voice_sidecar_failed
    voice_sidecar_timed_out voice_turn_cancelled voice_bridge_played gate_accepted gate_rejected model_fallback
    session_scope permission_decision approval_recorded branch_decision alternative_rejected inference_metered
    transaction_conflict admission_gate_decision tool_receipt_hallucination goal_evaluated turn_completed run_started
    run_cancellation_requested run_cancellation_result run_completed proposal_completed state_committed`;
  const kinds = named.split(/\s+/) as (typeof eventKinds)[number][];
  assert.deepEqual(
    kinds.filter((kind) => !eventKinds.includes(kind)),
    [],
    'there may be more, of ours',
  );
  await client.proposal.submit({ proposal: { actions: [{ type: 'state_read', parameters: { key: 'k' } }] } });
  const { count } = await client.events.query({ kinds: [...eventKinds] });
  assert.ok(count > 0);
  assert.equal(count, await client.events.count());
});
