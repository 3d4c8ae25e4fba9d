import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateGoal, StateStore } from './index.ts';
import type { Goal } from './index.ts';

const state = new StateStore();
state.set('n', 5);

const met: Goal = { type: 'state_predicate', key: 'n', operator: 'gt', value: 4 };
const unmet: Goal = { type: 'state_predicate', key: 'n', value: 4 };
const judged: Goal = { type: 'model_judged', prompt: 'is it good?' };

const table: [name: string, goal: Goal, met: boolean, underivable: string[]][] = [
  ['a predicate that holds', met, true, []],
  ['a predicate that does not', unmet, false, []],
  ['all of two', { type: 'all_of', conditions: [met, met] }, true, []],
  ['all of two, one unmet', { type: 'all_of', conditions: [met, unmet] }, false, []],
  ['any of two', { type: 'any_of', conditions: [unmet, met] }, true, []],
  ['what only a model can judge', judged, false, ['goal: model_judged']],
  [
    'all of a predicate and a judgement',
    { type: 'all_of', conditions: [met, judged] },
    false,
    ['goal.conditions[1]: model_judged'],
  ],
  [
    'any of a predicate and a judgement',
    { type: 'any_of', conditions: [judged, met] },
    true,
    ['goal.conditions[0]: model_judged'],
  ],
  ['all of nothing', { type: 'all_of', conditions: [] }, false, ['goal: all_of without conditions']],
  ['a predicate without key', { type: 'state_predicate' }, false, ['goal: state_predicate']],
  ['all_of without a list', { type: 'all_of' }, false, ['goal: all_of']],
];

for (const [name, goal, isMet, underivable] of table) {
  test(`${name}: ${isMet ? 'met' : 'not met'}`, () => {
    assert.deepEqual(evaluateGoal(goal, state), { met: isMet, underivable });
  });
}

// req: engine.monte-carlo.goals
test('a goal nested beyond the bound is not met', () => {
  let goal: Goal = met;
  for (let depth = 0; depth < 100_000; depth += 1) goal = { type: 'all_of', conditions: [goal] };
  const verdict = evaluateGoal(goal, state);
  assert.equal(verdict.met, false);
  assert.match(verdict.underivable[0]!, /nested more than 32 deep$/);
});
