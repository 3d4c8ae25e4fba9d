// A plan that reaches out of the machine: it needs the tier `full_access`, which takes a person every time.
import assert from 'node:assert/strict';
import type { Client } from '@car-runtime/client';
import { printResults } from './print.ts';

const plan = {
  actions: [
    {
      id: 'send',
      type: 'tool_call' as const,
      tool: 'send_report',
      parameters: { file: 'report.md', to: 'team@example.com' },
    },
  ],
};

export async function send(car: Client, waitMs: number): Promise<void> {
  let sent = 0;
  await using _tool = await car.registerTool({ name: 'send_report' }, () => ({ sent: ++sent }));
  const refused = await car.proposal.submit({ proposal: plan });
  console.log(`   without waiting: ${refused.results[0]?.status}, ${refused.results[0]?.error}`);
  assert.equal(refused.results[0]?.status, 'rejected');
  assert.equal(sent, 0);
  const { results } = await car.proposal.submit({ proposal: plan, approval_wait_ms: waitMs });
  printResults(results);
  const isApproved = results[0]?.status === 'succeeded';
  assert.equal(sent, isApproved ? 1 : 0, 'it runs once if it was approved, else not at all');
}
