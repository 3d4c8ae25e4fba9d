// A plan that does not go smoothly: what a retry, a tool left running and a rollback look like.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@car-runtime/client';
import { stumblingPlan } from './plan.ts';
import { dim, printResults, shorten } from './print.ts';

export async function stumble(car: Client, repository: string): Promise<void> {
  await car.registerTool({ name: 'flaky', description: 'Fails the first time' }, {}, (_parameters, { attempt }) => {
    if (attempt === 1) throw new Error('not yet');
    return `worked at attempt ${attempt}`;
  });
  const watch = { name: 'watch', description: 'Says things while it runs', streaming: true };
  await car.registerTool(watch, {}, async (_parameters, { emit }) => {
    for (const file of await readdir(join(repository, 'docs'))) emit({ kind: 'text', text: file });
    return 'watched';
  });

  const { results } = await car.proposal.submit({ proposal: stumblingPlan });
  printResults(results);
  const [flaky, started, , broken] = results;
  assert.equal(flaky?.output, 'worked at attempt 2');
  assert.equal(broken?.status, 'failed');
  assert.equal(await car.state.get({ key: 'balance' }), null, 'what the aborted plan wrote is taken back');
  console.log(dim('   the aborted plan took back what it wrote: balance is null again'));

  assert.ok(started);
  const { chunks, status } = await pollToEnd(car, (started.output as { tool_handle: string }).tool_handle);
  console.log(`   the tool that ran on: ${status}, ${chunks.length} chunks (${shorten(chunks.join(' '), 30)})`);
  assert.equal(status, 'succeeded');
}

async function pollToEnd(car: Client, handle: string): Promise<{ chunks: string[]; status: string }> {
  const chunks: string[] = [];
  for (;;) {
    const report = await car.tools.poll({ handle });
    assert.ok(report, 'the handle is known until its end was seen');
    chunks.push(...report.chunks.map(({ kind }) => kind));
    if (report.status !== 'running') return { chunks, status: report.status };
  }
}
