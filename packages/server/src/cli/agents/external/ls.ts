import type { ExternalAgent } from '@car-runtime/protocol';
import type { CommandInput } from '../../command-spec.ts';
import { safeJson } from '../../plan/plan-text.ts';
import { startProgress } from '../../progress.ts';
import { printLine, printTable, talk } from '../../terminal.ts';

export async function run({ context, options }: CommandInput): Promise<void> {
  const progress = startProgress('looking for coding agents');
  await using client = await context.connect();
  const agents = await (options['refresh'] ? client.agents.detect_external() : client.agents.list_external());
  progress[Symbol.dispose]();
  if (context.isJson) return printLine(safeJson({ agents }));
  if (agents.length === 0 && process.stdout.isTTY)
    return talk('There is none: claude, codex and gemini were looked for in the PATH of the daemon');
  printTable(agents, [
    { title: 'AGENT', text: ({ id }) => id, style: 'bold' },
    {
      title: 'STATUS',
      text: ({ execution }) => execution?.state ?? 'runnable',
      style: (agent) => (isUsable(agent) ? 'green' : 'red'),
    },
    { title: 'VERSION', text: ({ version }) => version ?? '-' },
    {
      title: 'PROGRAM',
      text: ({ binary_path: path, execution }) => (execution?.state === 'unusable' ? execution.reason : path),
    },
  ]);
}

function isUsable({ execution }: ExternalAgent): boolean {
  return execution?.state !== 'unusable';
}
