import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, statuses, testEnv, write } from '../test/support.ts';
import { MAX_RESOLVED_CHARS, MAX_RESOLVED_DEPTH } from './action-outputs.ts';
import { normalizeProposal, simulate, verifyMonteCarlo } from './index.ts';
import type { ActionInput } from './index.ts';
import { JsonExtents } from './json-extents.ts';

/** Each step writes a value that holds the one before `copies` times. */
function nesting(steps: number, copies: number): ActionInput[] {
  const actions: ActionInput[] = [write('w0', 'k0', 'x'.repeat(100))];
  for (let n = 0; n < steps; n += 1) {
    const value = Array.from({ length: copies }, () => `$r${n}.output`);
    actions.push(
      { id: `r${n}`, type: 'state_read', parameters: { key: `k${n}` }, state_dependencies: [`k${n}`] },
      write(`w${n + 1}`, `k${n + 1}`, value),
    );
  }
  return actions;
}

// req: engine.references-bounded
test('outputs that hold outputs cannot spell a value larger than a frame, in execution, simulation and sampling', async () => {
  const plan = nesting(40, 2);
  const { results } = await testEnv().run(plan);
  const refused = results.findIndex(({ status }) => status === 'rejected');
  assert.match(results[refused]!.action_id, /^w1[0-9]$/);
  assert.equal(
    results[refused]!.error,
    `the proposal writes more than ${MAX_RESOLVED_CHARS} characters of outputs to state`,
  );
  assert(results.slice(refused + 1).every(({ status }) => status === 'skipped'));
  const proposal = normalizeProposal({ actions: plan });
  const simulated = await simulate(proposal);
  assert.deepEqual(
    simulated.actions.map(({ status, error }) => [status, status === 'rejected' ? error : null]),
    results.map(({ status, error }) => [status, status === 'rejected' ? error : null]),
  );
  const { action_outcomes } = await verifyMonteCarlo(proposal, { config: { trials: 3 } });
  assert.equal(action_outcomes[refused]!.p_rejected, 1);
});

// req: engine.references-bounded
test('outputs that hold outputs cannot nest deeper than a frame may', async () => {
  const { results } = await testEnv().run(nesting(MAX_RESOLVED_DEPTH, 1));
  const refused = results.find(({ status }) => status === 'rejected');
  assert.equal(refused?.action_id, `w${MAX_RESOLVED_DEPTH}`);
  assert.equal(refused.error, `parameters nest more than ${MAX_RESOLVED_DEPTH} deep with the outputs they refer to`);
});

// req: engine.references-bounded
test('a call whose parameters an output makes too large is rejected and never dispatched', async () => {
  const env = testEnv();
  env.state.set('large', ['x'.repeat(MAX_RESOLVED_CHARS / 2)]);
  const result = await env.run([
    { id: 'r', type: 'state_read', parameters: { key: 'large' } },
    call('once', 'ok', { parameters: { text: '$r.output' } }),
    call('twice', 'ok', { parameters: { text: ['$r.output', '$r.output'] } }),
  ]);
  assert.equal(statuses(result), 'r:succeeded once:succeeded twice:rejected');
  assert.equal(
    result.results[2]!.error,
    `parameters have more than ${MAX_RESOLVED_CHARS} characters with the outputs they refer to`,
  );
  assert.deepEqual(
    env.calls.map(({ action_id }) => action_id),
    ['once'],
  );
});

test('the extent of a value is about its JSON, and one that contains itself is endless', () => {
  const extents = new JsonExtents();
  for (const value of ['text', [], {}, ['a', ['b', { key: 'value' }]]]) {
    const { length } = JSON.stringify(value);
    assert(Math.abs(extents.of(value).chars - length) <= 5, `${extents.of(value).chars} for ${length}`);
  }
  assert.deepEqual([extents.of(1).depth, extents.of([]).depth, extents.of([{ a: [1] }]).depth], [0, 1, 3]);
  const loop: unknown[] = [];
  loop.push([loop, loop]);
  assert.equal(extents.of(loop).chars, Number.POSITIVE_INFINITY);
  let endless: unknown = 1;
  for (let n = 0; n < 100_000; n += 1) endless = [endless];
  assert.equal(extents.of(endless).depth, Number.POSITIVE_INFINITY);
});
