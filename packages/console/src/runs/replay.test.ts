import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunningPlan, RunTurn } from '@car-runtime/protocol';
import fc from 'fast-check';
import { beginningOf, lastState, momentsOf, momentsUntil, reduce, stateAt } from './replay.ts';
import { traceOf, type Records } from './trace.ts';

const second = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString();
const started = { record: 'started', run_id: 'r', agent_id: 'a', intent: 'i', started_at: second(0) } as const;
const ended = {
  record: 'ended',
  run_id: 'r',
  agent_id: 'a',
  termination: { kind: 'incomplete' },
  ended_at: second(60),
} as const;

function turn(index: number, recordedAt: number, action?: Partial<RunTurn['action']>): RunTurn {
  const of = { proposal_id: 'p', id: `a${index}`, type: 'tool_call' as const, after: [], status: 'succeeded' as const };
  return {
    record: 'turn',
    index,
    tool: `tool ${index}`,
    verifier_verdict: 'not_run',
    recorded_at: second(recordedAt),
    ...(action && { action: { ...of, ...action } }),
  };
}

const plan: Records = {
  started,
  turns: [
    turn(0, 5),
    turn(1, 30, { submitted_at: second(10), started_at: second(15), duration_ms: 5_000 }),
    turn(2, 30, { submitted_at: second(10), started_at: second(20), duration_ms: 10_000, status: 'failed' }),
    turn(3, 30, { submitted_at: second(10), status: 'skipped' }),
  ],
  ended,
};

// req: console.replay
test('a run as of a moment: what had been submitted, begun and ended by then, and nothing of what came later', () => {
  const trace = traceOf(plan);
  const moments = momentsOf(trace);
  const shownAt = (n: number) => stateAt(trace, moments, momentsUntil(moments, Date.parse(second(n)))).statuses;
  assert.deepEqual(
    trace.spans.map(({ kind, depth, name }) => [kind, depth, name]),
    [
      ['turn', 0, 'tool 0'],
      ['plan', 0, 'Plan of 3 actions'],
      ['action', 1, 'tool 1'],
      ['action', 1, 'tool 2'],
      ['action', 1, 'tool 3'],
    ],
  );
  const not = undefined;
  assert.deepEqual(shownAt(-1), [not, not, not, not, not]);
  assert.deepEqual(shownAt(5), ['recorded', not, not, not, not]);
  assert.deepEqual(shownAt(10), ['recorded', 'proposed', 'proposed', 'proposed', 'proposed']);
  assert.deepEqual(shownAt(16), ['recorded', 'executing', 'executing', 'proposed', 'proposed']);
  assert.deepEqual(shownAt(21), ['recorded', 'executing', 'succeeded', 'executing', 'proposed']);
  assert.deepEqual(shownAt(30), ['recorded', 'failed', 'succeeded', 'failed', 'skipped']);
  assert.equal(stateAt(trace, moments, moments.length - 1).isEnded, false);
  assert.equal(stateAt(trace, moments, moments.length).isEnded, true);
});

const time = fc.oneof(
  fc.integer({ min: -5, max: 90 }).map(second),
  fc.constantFrom('', 'no time', '9999-99-99T00:00:00Z'),
);
const status = fc.constantFrom(
  'proposed',
  'validated',
  'executing',
  'succeeded',
  'failed',
  'rejected',
  'skipped',
  'odd',
);
const action = fc.record(
  {
    proposal_id: fc.constantFrom('p', 'q', '__proto__'),
    id: fc.oneof(fc.string(), fc.constant(7)),
    type: fc.constant('tool_call'),
    after: fc.oneof(fc.array(fc.string()), fc.constant('no list')),
    status,
    submitted_at: time,
    started_at: time,
    duration_ms: fc.oneof(fc.double(), fc.constant('long')),
    refused_by: fc.array(fc.string()),
  },
  { requiredKeys: ['proposal_id', 'status'] },
);
const turns = fc
  .array(fc.record({ action: fc.option(action, { nil: undefined }), recorded_at: time, policy_rejected: fc.boolean() }))
  .map((all) => all.map((each, index) => ({ ...turn(index, 0), ...each }) as unknown as RunTurn));
const running = fc
  .array(
    fc.record({
      proposal_id: fc.constantFrom('x', 'y'),
      submitted_at: time,
      actions: fc.array(
        fc.record(
          { id: fc.string(), type: fc.constant('tool_call'), after: fc.constant([]), status, started_at: time },
          { requiredKeys: ['id', 'type', 'after', 'status'] },
        ),
      ),
    }),
    { maxLength: 1 },
  )
  .map((plans) => plans as unknown as RunningPlan[]);
const records = fc.record({
  started: fc.record({ started_at: time }).map((given) => ({ ...started, ...given })),
  turns,
  ended: fc.option(
    fc.record({ ended_at: time }).map((given) => ({ ...ended, ...given })),
    { nil: undefined },
  ),
  running,
});

// req: console.replay
test('replayed to its end a run is what it was in the end, whatever its records say', () => {
  fc.assert(
    fc.property(records, (given) => {
      const trace = traceOf(given);
      const moments = momentsOf(trace);
      assert.deepEqual(stateAt(trace, moments, moments.length), lastState(trace, moments));
    }),
    { numRuns: 300, seed: 20_260 },
  );
});

// req: console.replay
test('a moment is the same whichever way it was reached, and moments come in the order of their time', () => {
  fc.assert(
    fc.property(records, fc.nat(), fc.nat(), (given, a, b) => {
      const trace = traceOf(given);
      const moments = momentsOf(trace);
      const one = a % (moments.length + 1);
      const other = b % (moments.length + 1);
      const earlier = Math.min(one, other);
      const later = Math.max(one, other);
      const before = stateAt(trace, moments, earlier);
      const kept = structuredClone(before);
      const after = reduce(before, moments.slice(earlier, later), trace);
      assert.deepEqual(after, stateAt(trace, moments, later));
      assert.deepEqual(before, kept, 'the earlier state is left as it is');
      assert.ok(moments.every(({ atMs }, index) => index === 0 || atMs >= (moments[index - 1]?.atMs ?? 0)));
      assert.equal(beginningOf(trace).at, 0);
    }),
    { numRuns: 300, seed: 20_261 },
  );
});
