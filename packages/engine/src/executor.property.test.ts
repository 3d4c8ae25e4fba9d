import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { scenarios } from '../test/random-proposals.ts';
import type { Scenario } from '../test/random-proposals.ts';
import { isSequential, referenceDependencies, referenceLevels, runReference } from '../test/reference-interpreter.ts';
import { settled } from '../test/support.ts';
import { executeProposal, planExecution, StateStore, ToolRegistry } from './index.ts';
import type { Clock, ExecutionEventKind, ProposalResult } from './index.ts';

const runs = process.env['CAR_TEST_LONG'] === '1' ? 20_000 : 500;

/** Every pause and deadline is over on the next turn of the event loop. */
const hastyClock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  setTimeout: (callback) => setImmediate(callback),
  clearTimeout: (timer) => {
    clearImmediate(timer as NodeJS.Immediate);
  },
};

interface Observed {
  result: ProposalResult;
  state: StateStore;
  /** What happened, in order: `start n0`, `end n0`, with non-tool actions in it too. */
  trace: string[];
  attempts: string[];
  timedOut: string[];
}

async function execute(scenario: Scenario): Promise<Observed> {
  const tools = new ToolRegistry();
  tools.add({ name: 'ok', description: '', parameters: {}, idempotent: false });
  const state = new StateStore();
  for (const [key, value] of scenario.before) state.set(key, value);
  const trace: string[] = [];
  const attempts: string[] = [];
  const timedOut: string[] = [];
  const ends: ExecutionEventKind[] = ['action_succeeded', 'action_failed', 'action_rejected'];
  const result = await executeProposal(scenario.proposal, {
    tools,
    state,
    clock: hastyClock,
    emit: (kind, { action_id }) => {
      if (kind === 'action_executing') trace.push(`start ${action_id}`);
      else if (ends.includes(kind)) trace.push(`end ${action_id}`);
    },
    dispatch: ({ action_id, parameters, attempt }, signal) => {
      attempts.push(`${action_id}#${attempt}`);
      const isFailing = attempt <= scenario.failing.get(action_id)!;
      const turns = scenario.turns.get(action_id)!;
      if (isFailing && scenario.hanging.get(action_id)!) {
        signal.addEventListener('abort', () => timedOut.push(`${action_id}#${attempt}`));
        return new Promise(() => undefined);
      }
      if (turns === 0) {
        if (isFailing) throw new Error('fails at once');
        return parameters;
      }
      return answerAfter(turns, isFailing, parameters);
    },
  });
  return { result, state, trace, attempts, timedOut };
}

async function answerAfter(turns: number, isFailing: boolean, answer: unknown): Promise<unknown> {
  for (let turn = 0; turn < turns; turn += 1) await settled();
  if (isFailing) throw new Error('fails later');
  return answer;
}

test('random proposals are planned as the reference plans them', () => {
  fc.assert(
    fc.property(scenarios({ maxActions: 20 }), ({ proposal: { actions } }) => {
      assert.deepEqual(planExecution(actions).levels, referenceLevels(actions));
    }),
    { numRuns: runs },
  );
});

test('random proposals come to the results, costs and state of the reference interpreter', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(), async (scenario) => {
      const { result, state } = await execute(scenario);
      const expected = runReference(scenario.proposal.actions, scenario.before, scenario.failing);
      assert.deepEqual(
        result.results.map((one) => ({
          id: one.action_id,
          status: one.status,
          output: one.output,
          changes: one.state_changes,
          rolledBack: one.rolled_back === true,
        })),
        expected.results,
      );
      const { total_duration_ms: _duration, ...cost } = result.cost;
      assert.deepEqual(cost, expected.cost);
      assert.deepEqual(new Map(Object.entries(state.snapshot())), expected.state);
      if (result.results.some(({ rolled_back }) => rolled_back)) {
        assert.deepEqual(new Map(Object.entries(state.snapshot())), scenario.before);
      }
      for (const { status, error } of result.results) assert.equal(error === null, status === 'succeeded');
    }),
    { numRuns: runs },
  );
});

test('no action of a random proposal starts before its dependencies ended', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(), async (scenario) => {
      const { actions } = scenario.proposal;
      const { trace } = await execute(scenario);
      const levelOf = new Map(referenceLevels(actions).flatMap((level, at) => level.map((index) => [index, at])));
      actions.forEach(({ id }, index) => {
        const start = trace.indexOf(`start ${id}`);
        if (start < 0) return;
        for (const other of referenceDependencies(actions, index)) {
          // In a cycle someone has to go first; the levels say who.
          if (levelOf.get(other)! >= levelOf.get(index)!) continue;
          const end = trace.indexOf(`end ${actions[other]!.id}`);
          assert(end >= 0 && end < start, `${id} started before ${actions[other]!.id} ended`);
        }
      });
    }),
    { numRuns: runs },
  );
});

test('in random proposals levels without abort overlap and levels with one do not', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(), async (scenario) => {
      const { actions } = scenario.proposal;
      const { trace } = await execute(scenario);
      for (const level of referenceLevels(actions)) {
        const ids = level.map((index) => actions[index]!.id);
        const own = trace.filter((line) => ids.includes(line.split(' ')[1]!));
        const started = own.filter((line) => line.startsWith('start'));
        if (isSequential(level, actions)) {
          for (const line of started) {
            const next = own[own.indexOf(line) + 1];
            assert.equal(next, line.replace('start', 'end'));
          }
        } else {
          const waiting = started.filter((line) => mustWait(scenario, line.split(' ')[1]!));
          const firstEnd = own.findIndex(
            (line) => waiting.includes(line.replace('end', 'start')) && line.startsWith('end'),
          );
          for (const line of waiting) assert(own.indexOf(line) < firstEnd, `${line} waited for a sibling`);
        }
      }
    }),
    { numRuns: runs },
  );
});

test('in random proposals attempts count from one and each hanging one is told once', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(), async (scenario) => {
      const { attempts, timedOut } = await execute(scenario);
      assert.equal(new Set(attempts).size, attempts.length);
      for (const { id } of scenario.proposal.actions) {
        const own = attempts.filter((attempt) => attempt.startsWith(`${id}#`));
        assert.deepEqual(
          own,
          own.map((_, index) => `${id}#${index + 1}`),
        );
        const hung = scenario.hanging.get(id)! ? own.slice(0, scenario.failing.get(id)) : [];
        assert.deepEqual(
          timedOut.filter((attempt) => attempt.startsWith(`${id}#`)),
          hung,
        );
      }
    }),
    { numRuns: runs },
  );
});

function mustWait(scenario: Scenario, id: string): boolean {
  const action = scenario.proposal.actions.find((one) => one.id === id)!;
  return action.type === 'tool_call' && (scenario.turns.get(id)! > 0 || scenario.hanging.get(id)!);
}
