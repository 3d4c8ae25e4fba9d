import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadlineOf } from './methods.ts';

type Params = Parameters<typeof deadlineOf>[0];
type Action = Params['proposal']['actions'][number];

const deadline = (actions: Partial<Action>[], defaultMs = 0): number =>
  deadlineOf(
    { proposal: { actions: actions.map((action) => ({ type: 'tool_call' as const, ...action })) } },
    defaultMs,
  );

// req: proposal.deadline
test('a plan has the time of all attempts of all its actions and 15 s, and never less than the default', () => {
  assert.equal(deadline([]), 15_000);
  assert.equal(deadline([{}]), 315_000);
  assert.equal(deadline([{ timeout_ms: 0 }]), 15_000);
  assert.equal(deadline([{ timeout_ms: 2_000 }, { timeout_ms: 3_000, type: 'state_write' }]), 20_000);
  assert.equal(
    deadline([{ timeout_ms: 1_000, failure_behavior: 'retry' }]),
    19_000,
    'three retries unless it says otherwise',
  );
  assert.equal(deadline([{ timeout_ms: 1_000, failure_behavior: 'retry', max_retries: 0 }]), 16_000);
  assert.equal(deadline([{ timeout_ms: 1_000, failure_behavior: 'retry', max_retries: 9 }]), 25_000);
  assert.equal(
    deadline([{ timeout_ms: 1_000, failure_behavior: 'skip', max_retries: 9 }]),
    16_000,
    'only a retry has more than one attempt',
  );
  assert.equal(deadline([{ timeout_ms: 1_000 }], 1_800_000), 1_800_000);
});
