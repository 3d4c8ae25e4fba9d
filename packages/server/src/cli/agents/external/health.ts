import type { ExternalHealth } from '@car-runtime/protocol';
import type { CommandInput } from '../../command-spec.ts';
import { exitCode } from '../../exit-codes.ts';
import { safeJson } from '../../plan/plan-text.ts';
import { startProgress } from '../../progress.ts';
import { printLine, printTable } from '../../terminal.ts';

export async function run({ context, args: [id] }: CommandInput): Promise<number> {
  const progress = startProgress('asking the coding agents');
  await using client = await context.connect();
  const answer = await client.agents.health_external({ force: true, ...(id !== undefined && { id }) });
  progress[Symbol.dispose]();
  const health = Array.isArray(answer) ? answer : [answer];
  if (context.isJson) printLine(safeJson({ health }));
  else
    printTable<ExternalHealth>(health, [
      { title: 'AGENT', text: (each) => each.id, style: 'bold' },
      {
        title: 'HEALTH',
        text: ({ status }) => status.replace('_', ' '),
        style: ({ status }) => (status === 'ready' ? 'green' : 'yellow'),
      },
      { title: 'WHY', text: ({ reason }) => reason ?? '' },
    ]);
  return health.every(({ status }) => status === 'ready') ? exitCode.ok : exitCode.failed;
}
