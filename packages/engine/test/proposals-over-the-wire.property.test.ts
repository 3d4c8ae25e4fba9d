// Random plans through a whole daemon come to what the reference interpreter says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { openDaemon } from '@car-runtime/testkit';
import * as fc from 'fast-check';
import { scenarios } from './random-proposals.ts';
import type { Scenario } from './random-proposals.ts';
import { runReference } from './reference-interpreter.ts';

const rounds = process.env['CAR_TEST_LONG'] === '1' ? 20 : 1;
/** Plans at once, on a few connections: pauses between attempts are real time, so they are spent together. */
const plansPerRound = 120;
const connections = 3;

/** What hangs does so for this long. The attempt after it, which answers, has as much. */
const hangingMs = 700;

/** At most one action of a plan hangs, or the time would add up. */
function withOneHanging({ proposal, hanging, ...rest }: Scenario): Scenario {
  const hangs = proposal.actions.find(({ id }) => hanging.get(id) === true)?.id;
  return {
    ...rest,
    hanging: new Map(proposal.actions.map(({ id }) => [id, id === hangs])),
    proposal: {
      ...proposal,
      actions: proposal.actions.map((action) => ({
        ...action,
        timeout_ms: action.id === hangs ? hangingMs : undefined,
      })),
    },
  };
}

// req: proposal.reference
test('random plans over a socket come to the results, cost and state of the reference interpreter', async () => {
  await using daemon = await openDaemon('tcp');
  for (let round = 1; round <= rounds; round += 1) {
    const plans = fc.sample(scenarios({ maxActions: 8 }), { seed: round, numRuns: plansPerRound }).map(withOneHanging);
    const tools = new Map(plans.map((scenario, plan) => [`p${plan}`, scenario]));
    const clients = await Promise.all(
      Array.from({ length: connections }, async () => {
        const client = await daemon.connect();
        await registerTool(client, tools);
        return client;
      }),
    );
    const running = plans.map((scenario, plan) => check(clients[plan % connections]!, scenario, `p${plan}`));
    const ended = await Promise.allSettled(running);
    for (const [plan, outcome] of ended.entries()) {
      if (outcome.status === 'fulfilled') continue;
      const message = `plan ${plan} of seed ${round}: ${JSON.stringify(plans[plan]?.proposal.actions)}`;
      throw new Error(message, { cause: outcome.reason });
    }
    await Promise.all(clients.map((client) => client.close()));
  }
});

/** Each plan has a tenant of its own, and its name in front of its actions. */
async function check(client: Client, scenario: Scenario, plan: string): Promise<void> {
  const { actions } = scenario.proposal;
  for (const [key, value] of scenario.before) await client.state.set({ key, value, tenant_id: plan });
  const { results, cost } = await client.proposal.submit({
    proposal: JSON.parse(
      JSON.stringify({ id: plan, actions }).replaceAll(/"(\$?)(n\d+)(\.output)?"/g, `"$1${plan}-$2$3"`),
    ),
    scope: { tenantId: plan },
  });
  const expected = runReference(actions, scenario.before, scenario.failing);
  assert.deepEqual(
    results.map(({ action_id, status, output, state_changes, rolled_back, error }) => {
      assert.equal(error === null, status === 'succeeded');
      return {
        id: action_id,
        status,
        output: withoutPlan(output, plan),
        changes: state_changes,
        rolledBack: rolled_back === true,
      };
    }),
    expected.results.map((result) => ({ ...result, id: `${plan}-${result.id}` })),
  );
  const { total_duration_ms: _duration, ...counted } = cost;
  assert.deepEqual(counted, expected.cost);
  const state = Object.entries(await client.state.snapshot({ tenant_id: plan }));
  assert.deepEqual(new Map(state), expected.state);
}

/** References that nobody answered stay as they are, with the name of the plan in them. */
function withoutPlan(output: unknown, plan: string): unknown {
  return JSON.parse(JSON.stringify(output ?? null).replaceAll(`"$${plan}-`, '"$'));
}

async function registerTool(client: Client, plans: ReadonlyMap<string, Scenario>): Promise<void> {
  await client.registerTool('ok', undefined, async (parameters, { actionId, attempt, signal }) => {
    const [plan = '', id = ''] = actionId.split('-');
    const { failing, hanging, turns } = plans.get(plan)!;
    const isFailing = attempt <= failing.get(id)!;
    if (isFailing && hanging.get(id) === true) {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      return 'too late';
    }
    for (let turn = 0; turn < turns.get(id)!; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    if (isFailing) throw new Error('fails');
    return parameters;
  });
}
