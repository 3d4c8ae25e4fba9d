import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunTurn } from '@car-runtime/protocol';
import { totalUsage, usageOf } from './usage.ts';

const turn = (more: object): RunTurn => ({ record: 'turn', index: 0, verifier_verdict: 'not_run', ...more });

// req: console.run-detail
test('what a turn used is read from its output or its program, and what is no number of use counts as nothing', () => {
  const openai = turn({ output: JSON.stringify({ usage: { prompt_tokens: 3, completion_tokens: 4 } }) });
  const own = turn({ cli_outcome: { usage: { total_tokens: 5, cost_usd: 0.25 } } });
  assert.deepEqual(usageOf(openai), { tokens: 7, tokensIn: 3, tokensOut: 4 });
  assert.deepEqual(usageOf(own), { tokens: 5, costUsd: 0.25 });
  for (const output of [
    '{"usage":',
    '{"usage":null}',
    '{"usage":{"tokens":"7"}}',
    '{"usage":{"tokens":-1}}',
    7,
    null,
  ]) {
    assert.deepEqual(usageOf(turn({ output })), {}, String(output));
  }
  assert.deepEqual(totalUsage([openai, own, turn({})]), { tokens: 12, costUsd: 0.25 });
  assert.deepEqual(totalUsage([]), { tokens: undefined, costUsd: undefined });
});
