// `car approvals approve` and `deny`.
import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { safeJson } from '../plan/plan-text.ts';
import { printLine, talk } from '../terminal.ts';
import { connectHost, findApproval, isOpen, shortId, standing } from './host-connection.ts';

/** The option that the daemon takes for a yes, or for a no. */
export function optionFor(verdict: 'approve' | 'deny', options: readonly string[]): string {
  if (options.includes(verdict)) return verdict;
  return (verdict === 'approve' ? options[0] : options.at(-1)) ?? verdict;
}

export async function decide(
  { context, args: [reference = ''], options }: CommandInput,
  verdict: 'approve' | 'deny',
): Promise<number> {
  await using client = await connectHost(context);
  const before = await findApproval(client, reference);
  // Only a subscriber decides what an agent owns, and has a decision handed on to another owner.
  await client.host.subscribe();
  const { option, notes } = options;
  const resolution = typeof option === 'string' ? option : optionFor(verdict, before.options);
  const after = await client.host.resolve_approval({
    approval_id: before.id,
    resolution,
    ...(typeof notes === 'string' && { notes }),
  });
  if (context.isJson) printLine(safeJson(after));
  const wasOpen = isOpen(before);
  if (after.status === 'pending') talk(`${shortId(after)}: its owner was told and decides itself`);
  else if (!wasOpen || after.resolution !== resolution) talk(`${shortId(after)}: too late, it is ${standing(after)}`);
  else if (!context.isJson) printLine(`${shortId(after)}: ${standing(after)}`);
  return wasOpen && after.resolution === resolution ? exitCode.ok : exitCode.failed;
}
