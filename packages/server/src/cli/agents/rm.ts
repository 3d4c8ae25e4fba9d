import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { startProgress } from '../progress.ts';
import { printJson, printLine, shown, talk } from '../terminal.ts';
import { nameOf } from './agent-text.ts';

export async function run({ context, args }: CommandInput): Promise<number> {
  const id = nameOf(args);
  const progress = startProgress(`removing ${id}`);
  await using client = await context.connect();
  const { removed } = await client.agents.remove({ id });
  progress[Symbol.dispose]();
  if (context.isJson) printJson({ id, removed }, { isRaw: true });
  else if (removed) printLine(`removed  ${shown(id)}`);
  else talk(`car: there is no agent ${shown(id)}`);
  return removed ? exitCode.ok : exitCode.failed;
}
