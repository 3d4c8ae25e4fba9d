// Large plans over a socket: they end as they should, hold no memory, and hold up nobody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { openDaemon, type TestDaemon } from '@car-runtime/testkit';
import { heldMb } from './held-heap.ts';

type Action = Parameters<Client['proposal']['submit']>[0]['proposal']['actions'][number];

/** Held at most after large plans, their connections closed, more than before them. */
const maxHeldMb = 4;

const actionsOf = (count: number, rest: (index: number) => Partial<Action> = () => ({})): Action[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `a${index}`,
    type: 'tool_call',
    tool: 'work',
    parameters: { index },
    failure_behavior: 'skip',
    ...rest(index),
  }));

/** Runs `work` on a connection of its own three times, once to warm up, and answers what the others left behind. */
async function heldAfter(daemon: TestDaemon, work: (client: Client) => Promise<void>): Promise<string> {
  const run = async (): Promise<void> => {
    const client = await daemon.connect();
    await work(client);
    await client.close();
  };
  await run();
  const before = await heldMb();
  for (let round = 0; round < 2; round++) await run();
  const held = (await heldMb()) - before;
  assert.ok(held < maxHeldMb, `${held.toFixed(1)} MB are still held`);
  return `${before.toFixed(1)} MB held before, ${held.toFixed(2)} MB more afterwards`;
}

// req: proposal.wide
test('of 1 000 actions 100 are in flight at a time, and another connection is answered meanwhile', async (t) => {
  await using daemon = await openDaemon('tcp');
  const other = await daemon.connect();
  const held = await heldAfter(daemon, async (client) => {
    const plan = { isRunning: true };
    let answersOfOther = 0;
    const enough = Promise.withResolvers<void>();
    const asking = (async () => {
      while (plan.isRunning) {
        await other.state.set({ key: 'n', value: answersOfOther });
        answersOfOther++;
        if (answersOfOther === 100) enough.resolve();
      }
    })();
    let inFlight = 0;
    let most = 0;
    await client.registerTool('work', undefined, async ({ index }) => {
      inFlight++;
      most = Math.max(most, inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      // The plan cannot end before the other connection got its answers.
      if (index === 999) await enough.promise;
      inFlight--;
      return { index, text: 'x'.repeat(200) };
    });
    const { results, cost } = await client.proposal.submit({ proposal: { actions: actionsOf(1_000) } });
    plan.isRunning = false;
    await asking;
    assert.equal(most, 100);
    assert.deepEqual(
      results.map(({ action_id, status, output }) => [action_id, status, (output as { index: number }).index]),
      results.map((_, index) => [`a${index}`, 'succeeded', index]),
    );
    assert.deepEqual([cost.tool_calls, cost.actions_executed, cost.actions_skipped], [1_000, 1_000, 0]);
    assert.ok(answersOfOther >= 100);
  });
  t.diagnostic(held);
});

// req: proposal.chain
test('a chain of 1 000 actions hands its output from one to the next', async (t) => {
  await using daemon = await openDaemon('tcp');
  const held = await heldAfter(daemon, async (client) => {
    let inFlight = 0;
    await client.registerTool('work', undefined, async ({ before }) => {
      assert.equal(inFlight++, 0);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight--;
      return Number(before) + 1;
    });
    const actions = actionsOf(1_000, (index) => ({
      parameters: { before: index === 0 ? 0 : `$a${index - 1}.output` },
    }));
    const { results } = await client.proposal.submit({ proposal: { actions } });
    assert.deepEqual(
      results.map(({ output }) => output),
      results.map((_, index) => index + 1),
    );
  });
  t.diagnostic(held);
});

// req: proposal.many-at-once
test('16 plans at once on one connection each end with their own results, one that fails among them', async (t) => {
  await using daemon = await openDaemon('tcp');
  const held = await heldAfter(daemon, async (client) => {
    let inFlight = 0;
    let most = 0;
    const enough = Promise.withResolvers<void>();
    await client.registerTool('work', undefined, async ({ plan, index }) => {
      most = Math.max(most, ++inFlight);
      // Nothing ends before several plans are under way.
      if (inFlight === 400) enough.resolve();
      await enough.promise;
      inFlight--;
      if (plan === 7 && index === 99) throw new Error('the last one of plan 7');
      return `${String(plan)}/${String(index)}`;
    });
    const submitted = Array.from({ length: 16 }, (_, plan) => {
      const actions = actionsOf(100, (index) => ({
        parameters: { plan, index },
        expected_effects: { [`${plan}/${index}`]: true },
        ...(index === 99 && { failure_behavior: 'abort', dependencies: ['a0'] }),
      }));
      return client.proposal.submit({ proposal: { id: `p${plan}`, actions } });
    });
    for (const [plan, { proposal_id, results }] of (await Promise.all(submitted)).entries()) {
      assert.equal(proposal_id, `p${plan}`);
      assert.deepEqual(
        results.map(({ status, output, rolled_back }) => [status, output, rolled_back ?? false]),
        results.map((_, index) =>
          plan === 7 && index === 99 ? ['failed', null, false] : ['succeeded', `${plan}/${index}`, plan === 7],
        ),
      );
    }
    assert.ok(most >= 400 && most <= 512, String(most));
    const keys = await client.state.keys({});
    assert.equal(keys.length, 15 * 100);
    assert.ok(keys.every((key) => !key.startsWith('7/')));
  });
  t.diagnostic(held);
});

// req: proposal.large-parameters
test('10 MB of parameters reach their tool once and whole, and are not held afterwards', async (t) => {
  await using daemon = await openDaemon('tcp');
  const text = 'x'.repeat(10_000_000);
  const held = await heldAfter(daemon, async (client) => {
    const lengths: unknown[] = [];
    await client.registerTool('work', undefined, (parameters) => {
      lengths.push(String(parameters['text']).length);
      return 'done';
    });
    const actions = actionsOf(1, () => ({ parameters: { text } }));
    const { results } = await client.proposal.submit({ proposal: { actions } });
    assert.deepEqual([results[0]?.status, lengths], ['succeeded', [10_000_000]]);
  });
  t.diagnostic(held);
});
