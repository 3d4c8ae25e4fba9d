import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, settled, statuses, testEnv, write } from '../test/support.ts';
import type { TestEnv } from '../test/support.ts';
import { DEFAULT_REPLAN_CONFIG, executeWithReplans, normalizeProposal } from './index.ts';
import type { ActionInput, ProposalInput, ProposalResult, ReplanConfig, ReplanRequest } from './index.ts';

interface Setup {
  env?: TestEnv;
  config?: Partial<ReplanConfig>;
  answers?: (ProposalInput | null | Error)[];
  signal?: AbortSignal;
}

async function run(
  first: ActionInput[],
  setup: Setup = {},
): Promise<{
  env: TestEnv;
  result: ProposalResult;
  requests: ReplanRequest[];
  replanning: string[];
}> {
  const { env = testEnv(), config, answers = [], signal } = setup;
  const requests: ReplanRequest[] = [];
  const result = await executeWithReplans(normalizeProposal({ id: 'first', actions: first }), env, {
    config: { ...DEFAULT_REPLAN_CONFIG, max_replans: 2, ...config },
    signal,
    provider: async (request) => {
      requests.push(request);
      const answer = answers.shift() ?? null;
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { env, result, requests, replanning: env.log().filter((line) => line.startsWith('replan')) };
}

const failing = [write('a', 'k', 1), call('b', 'fail')];
const better: ProposalInput = { id: 'better', actions: [write('a', 'k', 2)] };

// req: engine.replan
test('after an abort another plan is asked for, checked and run on the restored state', async () => {
  const { env, result, requests, replanning } = await run(failing, { answers: [better] });
  assert.equal(result.proposal_id, 'better');
  assert.equal(statuses(result), 'a:succeeded');
  assert.equal(env.state.get('k'), 2);
  assert.deepEqual(replanning, ['replan_attempted', 'replan_proposal_received']);
  assert.deepEqual([requests.length, requests[0]!.attempt, { ...requests[0]!.state }], [1, 1, {}]);
  assert.equal(statuses(requests[0]!.result), 'a:succeeded b:failed');
});

// req: engine.replan
test('replanning is off unless configured and not asked for when all went well', async () => {
  assert.equal((await run(failing, { config: { max_replans: 0 }, answers: [better] })).requests.length, 0);
  assert.equal((await run([write('a', 'k', 1)])).requests.length, 0);
  assert.equal((await run([call('a', 'fail', { failure_behavior: 'skip' })])).requests.length, 0);
});

// req: engine.replan
test('a rejection asks for another plan only when configured', async () => {
  const rejected = [call('a', 'nope')];
  assert.equal((await run(rejected, { answers: [better] })).requests.length, 0);
  const { result } = await run(rejected, { config: { replan_on_rejected: true }, answers: [better] });
  assert.equal(result.proposal_id, 'better');
});

// req: engine.replan
test('a plan with an error is refused, the next request says why, and the last result stands when plans run out', async () => {
  const bad: ProposalInput = { id: 'bad', actions: [call('x', 'nope')] };
  const { result, requests, replanning } = await run(failing, { answers: [bad, bad, better] });
  assert.equal(result.proposal_id, 'first');
  assert.deepEqual(replanning, [
    'replan_attempted',
    'replan_proposal_received',
    'replan_rejected',
    'replan_attempted',
    'replan_proposal_received',
    'replan_rejected',
    'replan_exhausted',
  ]);
  assert.deepEqual(requests[1]!.refusal, ["x: tool 'nope' is not registered"]);
});

// req: engine.replan
test('unchecked plans run as they are', async () => {
  const bad: ProposalInput = { id: 'bad', actions: [call('x', 'nope')] };
  const { result } = await run(failing, { config: { verify_before_execute: false }, answers: [bad] });
  assert.equal(statuses(result), 'x:rejected');
});

test('a provider that fails, answers nonsense or gives up does not lose the result', async () => {
  const twice: ProposalInput = { actions: [write('a', 'k', 1), write('a', 'k', 2)] };
  const { result, requests, replanning } = await run(failing, { answers: [new Error('model down'), twice] });
  assert.equal(statuses(result), 'a:succeeded b:failed');
  assert.deepEqual(requests[1]!.refusal, ['model down']);
  assert.equal(replanning.filter((line) => line === 'replan_rejected').length, 2);
  assert.equal((await run(failing, { answers: [null] })).requests.length, 1);
});

// req: engine.replan
test('the pause before replanning is kept, and cancelling ends it', async () => {
  const env = testEnv();
  const running = run(failing, { env, config: { delay_ms: 500 }, answers: [better] });
  await env.clock.advance(499);
  assert.equal(env.state.has('k'), false);
  await env.clock.advance(1);
  assert.equal((await running).result.proposal_id, 'better');

  const controller = new AbortController();
  const second = testEnv();
  const cancelled = run(failing, {
    env: second,
    config: { delay_ms: 500 },
    answers: [better],
    signal: controller.signal,
  });
  await settled();
  controller.abort();
  const { requests } = await cancelled;
  assert.deepEqual([requests.length, second.clock.pendingTimers], [0, 0]);
});
