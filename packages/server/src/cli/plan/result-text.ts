// What came of a plan: a row for each action, what it cost, and where the record is.
import type { ActionResult, AdmissionRefusal, ProposalResult } from '@car-runtime/protocol';
import { paint, printLine, printTable } from '../terminal.ts';
import type { PlanFile } from './plan-file.ts';
import { statusStyle, type Status } from './plan-progress.ts';
import { countOf, nameOf, textOf, tookText } from './plan-text.ts';

export function printResult(
  { plan, name }: PlanFile,
  { results, cost, admission }: ProposalResult,
  journal: string,
): void {
  const toolOf = new Map(plan.actions.map(({ id, tool, type }) => [id, tool ?? type]));
  printTable(results, [
    { title: 'ACTION', text: ({ action_id }) => nameOf(action_id), style: 'cyan' },
    { title: 'TOOL', text: ({ action_id }) => nameOf(toolOf.get(action_id) ?? '') },
    { title: 'STATUS', text: statusText, style: ({ status }) => statusStyle[status as Status] ?? 'dim' },
    { title: 'TOOK', text: ({ duration_ms }) => (duration_ms == null ? '-' : tookText(duration_ms)) },
    { title: 'RESULT', text: outcomeText },
  ]);
  if (admission) printAdmission(admission, name);
  const executed = [
    countOf(cost.actions_executed, 'action') + ' executed',
    ...(cost.actions_rejected > 0 ? [`${cost.actions_rejected} rejected`] : []),
    ...(cost.actions_skipped > 0 ? [`${cost.actions_skipped} skipped`] : []),
    countOf(cost.tool_calls, 'tool call'),
    ...(cost.retries > 0 ? [`${cost.retries} ${cost.retries === 1 ? 'retry' : 'retries'}`] : []),
    tookText(cost.total_duration_ms),
  ];
  printLine(`${paint('dim', 'cost')}     ${executed.join(', ')}`);
  printLine(`${paint('dim', 'journal')}  ${textOf(journal, 4_096)}`);
}

/** What people have to do with it, and how. */
function printAdmission({ reason, gate, outcome, decisions, approval_ids }: AdmissionRefusal, name: string): void {
  if (gate === 'supervision') {
    printLine(paint('yellow', reason.replaceAll('_', ' ')));
    for (const id of approval_ids) printLine(`  a host decides it:  car approvals show ${textOf(id)}`);
    return;
  }
  const needing = decisions.filter(({ decision }) => decision === 'needs_approval').length;
  const denied = decisions.length - needing;
  const counts = [
    ...(needing > 0 ? [`${countOf(needing, 'action')} to approve`] : []),
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(outcome === undefined ? [] : [`waited: ${outcome.replaceAll('_', ' ')}`]),
  ];
  printLine(`${paint('yellow', reason.replaceAll('_', ' '))}: ${counts.join(', ')}`);
  if (reason === 'needs_approval') printLine(`  see and approve it:  car permissions review ${textOf(name)} --approve`);
}

function statusText({ status, rolled_back }: ActionResult): string {
  return rolled_back ? `${status}, rolled back` : status;
}

function outcomeText({ error, output }: ActionResult): string {
  if (error != null) return textOf(error);
  return output == null ? '' : textOf(output);
}
