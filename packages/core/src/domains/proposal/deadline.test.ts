import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadlineOf } from './methods.ts';

type Actions = Parameters<typeof deadlineOf>[0]['proposal']['actions'];

const deadline = (actions: Actions, defaultMs = 0): number => deadlineOf({ proposal: { actions } }, defaultMs);
const type = 'tool_call';

// req: proposal.deadline
test('the deadline of a plan has room for every attempt of every action, and only raises the default', () => {
  assert.equal(deadline([]), 15_000);
  assert.equal(deadline([{ type }]), 315_000);
  assert.equal(
    deadline([
      { type, timeout_ms: 0 },
      { type, timeout_ms: 2_000 },
    ]),
    17_000,
  );
  assert.equal(deadline([{ type, timeout_ms: 1_000, failure_behavior: 'retry' }]), 19_000, '3 retries unless told');
  assert.equal(deadline([{ type, timeout_ms: 1_000, failure_behavior: 'retry', max_retries: 0 }]), 16_000);
  assert.equal(deadline([{ type, timeout_ms: 1_000, failure_behavior: 'retry', max_retries: 9 }]), 25_000);
  for (const failure_behavior of ['abort', 'skip'] as const) {
    assert.equal(deadline([{ type, timeout_ms: 1_000, failure_behavior, max_retries: 9 }]), 16_000);
  }
  assert.equal(deadline([{ type, timeout_ms: 1_000 }], 1_800_000), 1_800_000);
  assert.equal(deadline([{ type, timeout_ms: 1_800_000 }], 1_800_000), 1_815_000);
});
