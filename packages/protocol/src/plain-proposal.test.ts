import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPlainSubmission } from './plain-proposal.ts';
import { proposal } from './proposal.ts';

const schema = proposal['proposal.submit'].params;

/** A member that fits often, and often does not. */
const odd = fc.oneof(fc.constantFrom(null, 0, -1, 1.5, 1e300, '', 'abort', true, [], ['a', 1], {}), fc.jsonValue());
const oneOf = (...values: unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: odd });
const record = fc.oneof(
  { weight: 9, arbitrary: fc.dictionary(fc.string(), fc.jsonValue()) },
  { weight: 1, arbitrary: odd },
);
const names = oneOf([], ['a'], ['a', 'b']);
const action = fc.record(
  {
    id: oneOf('a', 'b'),
    type: oneOf('tool_call', 'state_write', 'state_read', 'assertion'),
    tool: oneOf('work', ''),
    parameters: record,
    expected_effects: record,
    metadata: record,
    state_dependencies: names,
    dependencies: names,
    read_set: names,
    write_set: names,
    preconditions: oneOf([], [{ key: 'k' }], [{ key: 'k', more: 1 }]),
    assumptions: oneOf([], [{ key: 'k', more: 1 }]),
    compensation: oneOf(null, { type: 'tool', tool: 't' }),
    invocation_mode: oneOf('one_shot', 'streaming'),
    reversibility: oneOf('reversible'),
    idempotent: oneOf(true, false),
    max_retries: oneOf(0, 3),
    failure_behavior: oneOf('abort', 'retry', 'skip'),
    timeout_ms: oneOf(0, 10, 2.5),
    unknown: odd,
  },
  { requiredKeys: [] },
);
const usualAction = fc.record(
  {
    type: oneOf('tool_call'),
    id: oneOf('a'),
    tool: oneOf('work'),
    parameters: record,
    failure_behavior: oneOf('skip'),
  },
  { requiredKeys: ['type'] },
);
const plan = fc.record(
  {
    actions: fc.array(fc.oneof({ weight: 9, arbitrary: usualAction }, action), { maxLength: 3 }),
    id: oneOf('p'),
    source: oneOf('s', ''),
    timestamp: oneOf('now'),
    context: record,
  },
  { requiredKeys: ['actions'] },
);
const submission = fc.oneof(
  { weight: 9, arbitrary: fc.record({ proposal: plan, session_id: oneOf('s') }, { requiredKeys: ['proposal'] }) },
  fc.record(
    {
      proposal: fc.oneof(plan, odd, fc.record({ actions: odd, unknown: odd }, { requiredKeys: [] })),
      scope: oneOf(null, { tenantId: 't' }),
      approval_wait_ms: oneOf(0, 10),
      unknown: odd,
    },
    { requiredKeys: [] },
  ),
);

// req: dispatch.params-checked
test('what is taken for plain params of proposal.submit is what the schema accepts, and what it makes of it', () => {
  let plain = 0;
  let accepted = 0;
  const isTheSame = (given: unknown): void => {
    const params: unknown = JSON.parse(JSON.stringify(given));
    const checked = schema.safeParse(params);
    if (checked.success) accepted++;
    if (!isPlainSubmission(params)) return;
    plain++;
    assert.deepEqual(checked, { success: true, data: params });
  };
  fc.assert(fc.property(submission, isTheSame), { numRuns: 2_000, seed: 20_261_120 });
  assert.ok(plain > 200 && accepted > plain, `${plain} plain of ${accepted} accepted`);
});

test('params that are no plain object are left to the schema', () => {
  for (const params of [undefined, null, 1, 'text', [], [{ proposal: { actions: [] } }], {}, { session_id: 's' }])
    assert.equal(isPlainSubmission(params), false);
  assert.equal(isPlainSubmission({ proposal: { actions: [{ type: 'tool_call', timeout_ms: Infinity }] } }), false);
  assert.equal(isPlainSubmission({ proposal: { actions: [{ type: 'tool_call' }] }, session_id: 's' }), true);
});
