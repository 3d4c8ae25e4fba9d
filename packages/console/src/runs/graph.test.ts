import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunTurn } from '@car-runtime/protocol';
import { criticalPath, plansOf } from './graph.ts';
import { traceOf } from './trace.ts';

const start = Date.UTC(2026, 0, 1);
const started = {
  record: 'started',
  run_id: 'r',
  agent_id: 'a',
  intent: 'i',
  started_at: new Date(start).toISOString(),
} as const;

function actions(of: [id: string, after: string[], durationMs: number][], proposalId = 'p'): RunTurn[] {
  return of.map(([id, after, durationMs], index) => ({
    record: 'turn',
    index,
    tool: id,
    verifier_verdict: 'not_run',
    recorded_at: new Date(start + 60_000).toISOString(),
    action: {
      proposal_id: proposalId,
      id,
      type: 'tool_call',
      after,
      status: 'succeeded',
      started_at: new Date(start).toISOString(),
      duration_ms: durationMs,
    },
  }));
}

// req: console.graph
test('the critical path is the chain that took longest, and what waits for nobody it knows waits for nothing', () => {
  const turns = actions([
    ['a', [], 10],
    ['b', ['a'], 100],
    ['c', ['a', 'a', 'nobody', 'c'], 20],
    ['d', ['b', 'c'], 5],
    ['alone', [], 50],
  ]);
  const trace = traceOf({ started, turns });
  const [plan] = plansOf(trace);
  assert.deepEqual(plan?.edges, [
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 3],
  ]);
  assert.deepEqual(criticalPath(plan, trace.spans), { nodes: [0, 1, 3], durationMs: 115 });
});

// req: console.graph
test('a cycle and a plan of nothing have no critical path, and plans are told apart', () => {
  const cycle = actions([
    ['a', ['b'], 10],
    ['b', ['a'], 10],
  ]);
  const trace = traceOf({ started, turns: [...cycle, ...actions([['a', [], 0]], '__proto__')] });
  const plans = plansOf(trace);
  assert.deepEqual(
    plans.map(({ proposalId, nodes }) => [proposalId, nodes.length]),
    [
      ['p', 2],
      ['__proto__', 1],
    ],
  );
  for (const plan of plans) assert.deepEqual(criticalPath(plan, trace.spans), { nodes: [], durationMs: 0 });
});
