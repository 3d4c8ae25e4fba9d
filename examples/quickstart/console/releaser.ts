// Prepares a release and asks: publishing reaches out and cannot be undone, so the daemon asks a person, every time.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@car-runtime/client';

const repository = process.argv[2] ?? '.';
const waitMs = 3_600_000;
const pauseMs = 15_000;

await using car = await connect();
await car.registerTool({ name: 'read_changes', description: 'The newest entries of the changelog' }, async () => {
  const text = await readFile(join(repository, 'CHANGELOG.md'), 'utf8');
  return text.split('\n').slice(0, 20).join('\n');
});
await car.registerTool({ name: 'write_notes', description: 'Notes of a release' }, ({ version, changes }) => {
  return `# ${String(version)}\n\n${String(changes).slice(0, 400)}`;
});
await car.registerTool({ name: 'publish_release', description: 'Publishes a release' }, ({ version }) => {
  // A release would leave the machine here. This one is only said to.
  console.log(`published ${String(version)}`);
  return { published: version };
});

for (let patch = 1; ; patch++) {
  const version = `0.1.${patch}`;
  const { run_id } = await car.runs.start({ intent: `release ${version}`, agent_name: 'releaser' });
  console.log(`asking whether ${version} may be published`);
  const { results } = await car.proposal.submit({
    approval_wait_ms: waitMs,
    proposal: {
      source: 'releaser',
      actions: [
        { id: 'changes', type: 'tool_call', tool: 'read_changes', parameters: {} },
        { id: 'notes', type: 'tool_call', tool: 'write_notes', parameters: { version, changes: '$changes.output' } },
        {
          id: 'publish',
          type: 'tool_call',
          tool: 'publish_release',
          parameters: { version, notes: '$notes.output', channel: 'stable' },
        },
      ],
    },
  });
  const published = results.find(({ action_id }) => action_id === 'publish');
  const isDone = published?.status === 'succeeded';
  const summary = isDone
    ? `${version} is published`
    : `${version} is not published: ${published?.error ?? 'no answer'}`;
  console.log(summary);
  await car.runs.complete({ run_id, outcome: { status: isDone ? 'success' : 'give_up', summary } });
  await sleep(pauseMs);
}
