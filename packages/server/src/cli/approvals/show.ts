import type { CommandInput } from '../command-spec.ts';
import { safeJson, textOf } from '../plan/plan-text.ts';
import { paint, printLine, shown } from '../terminal.ts';
import { connectHost, findApproval, standing, wholeLines } from './host-connection.ts';

export async function run({ context, args: [reference = ''], options }: CommandInput): Promise<void> {
  await using client = await connectHost(context);
  const approval = await findApproval(client, reference);
  const whole = options['full'] === true ? await client.host.approval({ approval_id: approval.id }) : undefined;
  if (context.isJson) return printLine(safeJson(whole ?? approval));
  for (const line of (approval.card ?? approval.action).split('\n'))
    printLine(`${/^ */.exec(line)?.[0] ?? ''}${shown(line)}`);
  const { id, created_at, resolved_at, resolved_by, execution, notes } = approval;
  const rows: [string, string | null | undefined][] = [
    ['id', id],
    ['asked', created_at],
    ['standing', standing(approval)],
    ['decided', resolved_at],
    ['by', resolved_by],
    ['notes', notes],
    ['execution', execution],
  ];
  printLine('');
  for (const [name, value] of rows) if (value != null) printLine(`${paint('dim', name.padEnd(10))} ${textOf(value)}`);
  if (!whole) return;
  printLine('');
  for (const line of wholeLines(whole.action)) printLine(line);
}
