import type { CommandInput } from './command-spec.ts';
import { startProgress } from './progress.ts';
import { printJson, printTable, talk } from './terminal.ts';

export async function run({ context }: CommandInput): Promise<void> {
  using _progress = startProgress('asking the daemon');
  await using client = await context.connect();
  const { tools, count } = await client.tools.list();
  if (context.isJson) {
    printJson({ tools, count }, { isRaw: true });
    return;
  }
  printTable(tools, [
    { title: 'TOOL', text: ({ name }) => name, style: 'cyan' },
    { title: 'SOURCE', text: ({ source }) => source ?? '' },
    { title: 'IDEMPOTENT', text: ({ idempotent }) => (idempotent ? 'yes' : 'no') },
    { title: 'DESCRIPTION', text: ({ description }) => description },
  ]);
  // Standard output is the list; that it is short by nature belongs to the talk.
  if (process.stderr.isTTY) talk('Tools that clients register belong to their own sessions and are not listed here.');
}
