// Gates in front of a plan, several of them and some that fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizeProposal, PolicySet, StateStore, ToolRegistry } from '@car-runtime/engine';
import { EncodedMembers } from '../../infra/encoded-members.ts';
import type { Connection } from '../../kernel/connection.ts';
import type { AdmissionGate } from './admission.ts';
import { ProposalService } from './service.ts';

const connection = { scope: new AsyncDisposableStack() } as Connection;
const plan = normalizeProposal({
  id: 'p',
  actions: [
    { id: 'w', type: 'state_write', parameters: { key: 'k', value: 1 } },
    { id: 'c', type: 'tool_call', tool: 'work' },
  ],
});

async function submit(...gates: AdmissionGate[]) {
  const state = new StateStore();
  const tools = new ToolRegistry();
  await tools.register([{ name: 'work' }]);
  const events: string[] = [];
  let dispatched = 0;
  const service = new ProposalService({
    registryOf: () => tools,
    storeOf: () => state,
    policiesOf: () => new PolicySet(),
    logOf: () => ({
      appendAbout: (kind, _subject, details) => {
        const members = details instanceof EncodedMembers ? (JSON.parse(`{${details.alone}`) as object) : details;
        const { gate, decision } = { ...members } as Record<string, unknown>;
        events.push(kind === 'admission_gate_decision' ? `${String(gate)}: ${String(decision)}` : kind);
      },
    }),
    dispatch: () => ++dispatched,
    canDetach: () => false,
    gates,
  });
  const options = { signal: new AbortController().signal, tenantId: undefined, sessionId: undefined };
  const { results, cost } = await service.submit(connection, plan, options);
  return { events, dispatched, keys: state.keys(), cost, results: results.map(({ status, error }) => [status, error]) };
}

const gate = (name: string, admit: AdmissionGate['admit']): AdmissionGate => ({ name, admit });
const allow = gate('open', () => ({ decision: 'allow' }));

// req: proposal.gates-all
test('every gate is asked, all must agree, and each action is told what every refusing gate has to say of it', async () => {
  const refused = await submit(
    allow,
    gate('first', () => ({ decision: 'refuse', reason: 'not today' })),
    gate('later', () => Promise.resolve({ decision: 'refuse', reason: ({ id }) => `not ${id}` })),
    allow,
  );
  assert.deepEqual(refused.results, [
    ['rejected', 'not today; not w'],
    ['rejected', 'not today; not c'],
  ]);
  assert.deepEqual(refused.events, [
    'open: allow',
    'first: refuse',
    'later: refuse',
    'open: allow',
    'proposal_received',
    'action_rejected',
    'action_rejected',
  ]);
  assert.deepEqual([refused.dispatched, refused.keys, refused.cost.actions_rejected], [0, [], 2]);
  assert.deepEqual((await submit(allow, allow)).results, [
    ['succeeded', null],
    ['succeeded', null],
  ]);
});

test('a gate that has no say in a plan is not recorded', async () => {
  const { results, events } = await submit(
    gate('idle', () => undefined),
    gate('later idle', () => Promise.resolve(undefined)),
  );
  assert.deepEqual(
    results.map(([status]) => status),
    ['succeeded', 'succeeded'],
  );
  assert.equal(events[0], 'proposal_received');
});

// req: proposal.gates-fail-closed
test('a gate that throws, rejects or is not there to answer refuses the plan', async () => {
  const failures: AdmissionGate['admit'][] = [
    () => {
      throw new Error('ledger unreadable');
    },
    () => Promise.reject(new Error('ledger unreadable')),
  ];
  for (const admit of failures) {
    const { results, events, dispatched } = await submit(gate('tier', admit));
    assert.deepEqual(
      results,
      Array.from({ length: 2 }, () => ['rejected', 'tier failed: ledger unreadable']),
    );
    assert.deepEqual([events[0], dispatched], ['tier: refuse', 0]);
  }
});
