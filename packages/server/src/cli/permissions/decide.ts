// Approving and rejecting: one operation by its fingerprint, or actions of a plan.
import type { Client } from '@car-runtime/client';
import type { ApprovalRecord } from '@car-runtime/protocol';
import type { CommandInput } from '../command-spec.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import type { PlanFile } from '../plan/plan-file.ts';
import { safeJson } from '../plan/plan-text.ts';
import { withPlan } from '../plan/with-plan.ts';
import { paint, printLine } from '../terminal.ts';
import { connectDecider, textOption, tierOf } from './shared.ts';

type Verdict = 'approve' | 'reject';

export async function decide(input: CommandInput, verdict: Verdict): Promise<number> {
  const { context, args, options, repeated } = input;
  const [operation = '-'] = args;
  const words = { reason: textOption(options['reason']), evidence: textOption(options['evidence']) };
  const tier = tierOf(options['tier'], '--tier');
  const actionIds = repeated['action'] ?? [];
  if (/^[0-9a-f]{64}$/.test(operation)) {
    if (actionIds.length > 0) throw new UsageError('--action goes with a plan, not with a fingerprint');
    await using client = await connectDecider(context);
    const decided = { fingerprint: operation, required_tier: tier ?? ('full_access' as const), ...words };
    return report(input, [await client.permission[verdict](decided)]);
  }
  if (tier !== undefined) throw new UsageError('--tier goes with a fingerprint; of a plan the tiers are known');
  return await withPlan(input, async (file) => {
    await using client = await connectDecider(context);
    const records: ApprovalRecord[] = [];
    for (const id of await chosen(file, actionIds, client)) {
      const action = file.proposal.actions.find((each) => each.id === id);
      records.push(await client.permission[verdict]({ action: action!, ...words }));
    }
    return report(input, records);
  });
}

/** Those that were named, or all that may not run as it is. */
async function chosen(file: PlanFile, named: readonly string[], client: Client): Promise<readonly string[]> {
  if (named.length === 0) {
    const { decisions } = await client.permission.evaluate({ proposal: file.proposal });
    return decisions.filter(({ decision }) => decision !== 'allow').map(({ action_id }) => action_id);
  }
  const known = new Set(file.plan.actions.map(({ id }) => id));
  const unknown = named.find((id) => !known.has(id));
  if (unknown !== undefined) throw new UsageError(`there is no action ${JSON.stringify(unknown)} in the plan`);
  return named;
}

function report({ context }: CommandInput, records: readonly ApprovalRecord[]): number {
  if (context.isJson) printLine(safeJson({ records }));
  else if (records.length === 0) printLine('nothing to decide: every action is allowed');
  for (const { decision, fingerprint, required_tier } of context.isJson ? [] : records) {
    const style = decision === 'approved' ? 'green' : 'red';
    printLine(`${paint(style, decision)}  up to ${required_tier}  ${fingerprint}`);
  }
  return exitCode.ok;
}
