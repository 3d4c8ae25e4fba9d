// Surveys one folder of the repository after the other: a run each, whose plan has steps side by side, one of which may fail.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@car-runtime/client';
import type { Action } from '@car-runtime/protocol';
import { createTools } from '../tools.ts';

const repository = process.argv[2] ?? '.';
/** So that a person can follow what runs. */
const paceMs = 600;
const pauseMs = 8_000;
const filesPerSurvey = 4;
const folders = [
  'docs',
  'examples/quickstart',
  'packages/engine/src',
  'packages/client/src',
  'packages/console/src/views',
];

await using car = await connect();
for (const { name, description, schema, run } of createTools(repository, repository).slice(0, 3))
  await car.registerTool({ name, description }, schema, async (parameters) => {
    await sleep(paceMs * (0.5 + Math.random()));
    return await run(parameters as never);
  });
await car.registerTool({ name: 'add_up', description: 'Sum of numbers' }, async ({ numbers }) => {
  await sleep(paceMs);
  return (numbers as number[]).reduce((sum, number) => sum + number, 0);
});
await car.policy.register({
  name: 'no-secrets',
  rule: 'deny_tool_param',
  target: 'read_file',
  key: 'path',
  pattern: '.env',
});

for (let round = 0; ; round++) {
  const folder = folders[round % folders.length]!;
  await survey(folder, round);
  await sleep(pauseMs);
}

async function survey(folder: string, round: number): Promise<void> {
  const { run_id } = await car.runs.start({ intent: `survey ${folder}`, agent_name: 'surveyor' });
  const files = (await readdir(join(repository, folder))).filter((name) => /\.(md|ts)$/.test(name));
  const paths = files.slice(0, filesPerSurvey).map((name) => `${folder}/${name}`);
  // Now and then it tries what it may not, or what is not there.
  if (round % 3 === 1) paths.push('.env');
  if (round % 4 === 2) paths.push(`${folder}/a-file-that-is-not-there.md`);
  const { results } = await car.proposal.submit({ proposal: { source: 'surveyor', actions: planOf(folder, paths) } });
  const total = results.find(({ action_id }) => action_id === 'total');
  const isDone = total?.status === 'succeeded';
  if (isDone) await remember(folder, Number(total.output));
  const [status, summary] = isDone
    ? (['success', `${folder} has ${Number(total.output)} words in ${paths.length} files`] as const)
    : (['give_up', `${folder} could not be counted: ${total?.error ?? 'no total'}`] as const);
  console.log(summary);
  await car.runs.complete({ run_id, outcome: { status, summary } });
}

function planOf(folder: string, paths: readonly string[]): Action[] {
  const readable = paths.slice(0, filesPerSurvey);
  return [
    call('list', 'list_files', { folder, suffix: folder === 'docs' ? '.md' : '.ts' }),
    ...paths.map((path, at) => call(`read-${at + 1}`, 'read_file', { path }, ['list'])),
    ...readable.map((_path, at) => call(`words-${at + 1}`, 'count_words', { text: `$read-${at + 1}.output` })),
    call('total', 'add_up', { numbers: readable.map((_path, at) => `$words-${at + 1}.output`) }),
    { id: 'keep', type: 'state_write', parameters: { key: `words of ${folder}`, value: '$total.output' } },
  ];
}

function call(id: string, tool: string, parameters: Record<string, unknown>, dependencies: string[] = []): Action {
  return { id, type: 'tool_call', tool, parameters, dependencies, failure_behavior: 'skip' };
}

/** What was known about the folder before is superseded, not lost: the console shows its timeline. */
async function remember(folder: string, words: number): Promise<void> {
  const subject = `words of ${folder}`;
  const [known] = await car.memory.query({ query: subject, k: 1 });
  const earlier = known?.subject === subject && known.fact_id ? { supersedes: known.fact_id } : {};
  await car.memory.add_fact({ subject, body: `${words} words at ${new Date().toISOString()}`, ...earlier });
}
