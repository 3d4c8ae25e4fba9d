import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIssues, normalizeProposal, simulate, StateStore, verify, verifyMonteCarlo } from './index.ts';
import type { ActionInput } from './index.ts';
import { paced } from './paced.ts';

/** Each precondition looks through the whole list. */
const list = Array.from({ length: 100_000 }, (_, index) => index);
const actions = Array.from({ length: 400 }, (_, index): ActionInput => ({
  id: `a${index}`,
  type: 'state_read',
  parameters: { key: 'list' },
  preconditions: [{ key: 'list', operator: 'contains', value: 99_999 }],
}));

// req: engine.analysis-gives-way
test('verifying, simulating and sampling a plan that takes long let other work in between', async () => {
  const proposal = normalizeProposal({ actions });
  const initialState = { list };
  const state = new StateStore();
  state.set('list', list);
  const analyses = {
    verify: () => verify(proposal, { initialState }),
    findIssues: () => findIssues(proposal, { state }),
    simulate: () => simulate(proposal, { initialState }),
    verifyMonteCarlo: () => verifyMonteCarlo(proposal, { initialState, config: { trials: 1 } }),
  };
  for (const [name, analyse] of Object.entries(analyses)) {
    let turns = 0;
    let isDone = false;
    const other = (): void => {
      turns += 1;
      if (!isDone) setImmediate(other);
    };
    setImmediate(other);
    await analyse();
    isDone = true;
    assert(turns > 1, `${name}: ${turns}`);
  }
});

test('quick steps are taken at once, every one of them', () => {
  const taken: number[] = [];
  const steps = function* (): Generator<void> {
    for (let n = 0; n < 3; n += 1) {
      taken.push(n);
      yield;
    }
  };
  assert.equal(paced(steps()), undefined);
  assert.deepEqual(taken, [0, 1, 2]);
});
