// What a check found, for people: the verdict, the findings of each action, the order, and what nobody can know before.
import { paint, printLine } from '../terminal.ts';
import type { Checked, Sampled } from './check.ts';
import { togetherText } from './graph.ts';
import type { PlanFile } from './plan-file.ts';
import { countOf, nameOf, textOf } from './plan-text.ts';

const severityStyle = { error: 'red', warning: 'yellow', info: 'blue' } as const;
/** Lists that grow with the square of the plan, or repeat themselves, are cut. */
const maxListed = 20;

export function printCheck(file: PlanFile, report: Checked, sampled: Sampled | undefined): void {
  printVerdict(file, report, sampled !== undefined);
  printIssues(file, report);
  printLevels(file, report);
  printList(
    'Conflicts',
    report.conflicts.map(([first, second, key]) => `${nameOf(first)} and ${nameOf(second)} both write ${nameOf(key)}`),
  );
  printList('Decided only by running', report.evidence.untested_regions);
  printList('Risks', report.evidence.residual_risks);
  if (sampled) printSampled(sampled);
}

/** The confidence is that of the check in its own verdict; beside sampled outcomes it would be taken for theirs. */
function printVerdict({ name, plan }: PlanFile, { valid, issues, evidence }: Checked, isSampled: boolean): void {
  const counts = (['error', 'warning', 'info'] as const)
    .map((severity) => [severity, issues.filter((issue) => issue.severity === severity).length] as const)
    .filter(([, count]) => count > 0)
    .map(([severity, count]) =>
      paint(severityStyle[severity], severity === 'info' ? countOf(count, 'note') : countOf(count, severity)),
    );
  const verdict = valid ? paint('green', '✓ valid') : paint('red', '✗ not valid');
  const decided = `${percent(evidence.confidence)} of the actions decided without running`;
  const facts = [countOf(plan.actions.length, 'action'), ...counts, ...(isSampled ? [] : [decided])];
  printLine(`${verdict}  ${nameOf(name)}: ${facts.join(', ')}`);
}

function printIssues({ plan }: PlanFile, { issues }: Checked): void {
  const byAction = Map.groupBy(issues, ({ action_id }) => action_id);
  // In the order of the plan; what concerns it as a whole comes first.
  for (const id of ['', ...plan.actions.map((action) => action.id)]) {
    const found = byAction.get(id);
    if (!found) continue;
    printLine('');
    printLine(paint('bold', id === '' ? 'the plan' : nameOf(id)));
    for (const { severity, message, tier } of found) {
      const guess = tier === 'heuristic' ? paint('dim', ' (a rule of thumb)') : '';
      printLine(`  ${paint(severityStyle[severity], severity.padEnd(7))}  ${textOf(message)}${guess}`);
    }
  }
}

function printLevels({ plan }: PlanFile, { execution_levels: levels }: Checked): void {
  const indexOf = new Map(plan.actions.map(({ id }, index) => [id, index]));
  printTitle('Order');
  for (const [number, level] of levels.entries()) {
    const indices = level.flatMap((id) => indexOf.get(id) ?? []);
    const together = paint('dim', togetherText(indices, plan.actions));
    printLine(`  ${paint('dim', `${number + 1}`.padStart(2))}  ${level.map(nameOf).join(', ')}${together}`);
  }
}

const assumedNote =
  'No history says how often the tools marked "assumed" succeed: give --rate TOOL=0.9 for numbers that mean something';
const sourceTexts = { default: 'assumed', caller: 'given', trajectories: 'from history' } as const;

function printSampled({ trials, p_all_effects_landed, tool_calls, action_outcomes, rate_provenance }: Sampled): void {
  const isAssumed = rate_provenance.tools.some(({ source }) => source === 'default');
  printTitle(`Sampled ${countOf(trials, 'time')}${isAssumed ? ', with assumed rates' : ''}`);
  if (isAssumed) printLine(paint('yellow', `  ${assumedNote}`));
  printLine(`  every effect landed  ${percent(p_all_effects_landed)}`);
  printLine(`  tool calls           ${tool_calls.mean.toFixed(1)} on average, ${tool_calls.max} at most`);
  for (const { tool, rate, source } of rate_provenance.tools)
    printLine(`  ${nameOf(tool)} succeeds ${percent(rate)}${paint('dim', ` (${sourceTexts[source]})`)}`);
  const shaky = action_outcomes.filter(({ p_effects_landed }) => p_effects_landed < 1);
  printList(
    'Least likely to land',
    shaky
      .toSorted((left, right) => left.p_effects_landed - right.p_effects_landed)
      .slice(0, 5)
      .map(({ action_id, p_effects_landed }) => `${nameOf(action_id)}  ${percent(p_effects_landed)}`),
  );
}

function printList(title: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  printTitle(title);
  for (const line of lines.slice(0, maxListed)) printLine(`  ${textOf(line)}`);
  if (lines.length > maxListed) printLine(paint('dim', `  and ${lines.length - maxListed} more`));
}

function printTitle(title: string): void {
  printLine('');
  printLine(paint('bold', title));
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}
