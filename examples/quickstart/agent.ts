// An agent: connects, registers its tools, sets a policy, submits a plan and reports. Run by main.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CarError, connect } from '@car-runtime/client';
import { plan } from './plan.ts';
import { dim, heading, printResults, shorten } from './print.ts';
import { learn } from './remember.ts';
import { send } from './send.ts';
import { stumble } from './stumble.ts';
import { createTools } from './tools.ts';

const [repository, home, runId, waitMs] = process.argv.slice(2);
if (!repository || !home || !runId || !waitMs) throw new Error('usage: agent.ts REPOSITORY STATE_ROOT RUN_ID WAIT_MS');

// Finds the daemon and its token by itself (CAR_DAEMON_URL, CAR_HOME).
await using car = await connect();
const { session_id } = await car.session.init();
console.log(`   agent, process ${process.pid}, connected as ${session_id}`);

for (const { name, description, schema, run } of createTools(repository, home)) {
  await car.registerTool({ name, description }, schema, async (parameters, { actionId }) => {
    const startedAt = performance.now();
    try {
      const output: unknown = await run(parameters as never);
      printCall(actionId, name, parameters, output, startedAt);
      return output;
    } catch (error) {
      printCall(actionId, name, parameters, error, startedAt);
      throw error;
    }
  });
}
const { tools } = await car.tools.list();
console.log(
  `   registered ${tools
    .filter(({ source }) => source === 'user_defined')
    .map(({ name }) => name)
    .join(', ')}`,
);
await car.policy.register({
  name: 'no-secrets',
  rule: 'deny_tool_param',
  target: 'read_file',
  key: 'path',
  pattern: '.env',
});
console.log('   policy no-secrets: read_file may not be given a path that contains ".env"');

// From here on every plan of this connection is recorded, until the run is completed.
await car.runs.start({ intent: 'survey the repository', agent_name: 'quickstart', idempotency_key: runId });
console.log(`   run ${runId} begins; whoever started this follows it`);
process.send?.('run started');
await once(process, 'message'); // the follower is there
process.disconnect();

heading(`3  Check a plan of ${plan.actions.length} actions, then run it`);
const { valid, execution_levels } = await car.verify({ proposal: plan });
console.log(`   verify: ${valid ? 'valid' : 'not valid'}, in ${execution_levels.length} levels, nothing has run yet`);
assert.equal(valid, true);
const { results, cost } = await car.proposal.submit({ proposal: plan });
console.log();
printResults(results);
console.log(
  dim(
    `   ${cost.tool_calls} tool calls, ${cost.actions_executed} executed, ${cost.actions_rejected} refused, ${cost.total_duration_ms.toFixed(1)} ms`,
  ),
);

const byId = new Map(results.map((result) => [result.action_id, result]));
assert.equal(byId.get('secret')?.status, 'rejected', 'the policy refuses the secret');
assert.deepEqual(
  results.filter(({ status }) => status !== 'succeeded').map(({ action_id }) => action_id),
  ['secret'],
  'everything else succeeds',
);
assert.equal(await car.state.get({ key: 'report' }), 'report.md');
const words = (await readFile(join(repository, 'README.md'), 'utf8')).split(/\s+/).filter(Boolean).length;
assert.equal(byId.get('readme-words')?.output, words, 'the count is the real one');

const journal = join(home, 'journals', `${session_id}.jsonl`);
const lines = (await readFile(journal, 'utf8')).trimEnd().split('\n');
const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind);
console.log(`   journal ${journal}: ${lines.length} events`);
console.log(dim(`   ${shorten(kinds.join(' '), 100)}`));
assert.ok(kinds.includes('policy_violation'));

heading('4  A plan that stumbles: a retry that succeeds, a tool that runs on, and a rollback');
await stumble(car, repository);

heading('5  Remember, and remember better');
await learn(car);

heading('6  An action that a person must agree to');
await send(car, Number(waitMs));

heading('7  Make a mistake on purpose');
try {
  // @ts-expect-error: the types know that "key" is missing; a program in another language would not.
  await car.state.get({});
  assert.fail('a bad request must be refused');
} catch (error) {
  if (!(error instanceof CarError)) throw error;
  console.log(`   state.get {}  ->  ${error.code} ${error.reason}: ${error.message}`);
  assert.equal(error.code, -32602);
}

await car.runs.complete({ run_id: runId, outcome: { status: 'success', summary: 'a report was written' } });

function printCall(actionId: string, tool: string, parameters: object, outcome: unknown, startedAt: number): void {
  const ended = outcome instanceof Error ? `error: ${outcome.message}` : JSON.stringify(outcome);
  const time = `${(performance.now() - startedAt).toFixed(1)} ms`;
  console.log(
    `   ${actionId.padEnd(14)} ${tool}(${shorten(JSON.stringify(parameters), 40)}) -> ${shorten(ended, 36)} ${dim(time)}`,
  );
}
