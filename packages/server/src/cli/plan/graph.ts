import { planExecution, type Action, type ExecutionPlan } from '@car-runtime/engine';
import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { paint, printLine } from '../terminal.ts';
import { findEdges, type Edge, type EdgeReason } from './edges.ts';
import type { PlanFile } from './plan-file.ts';
import { countOf, nameOf, safeJson } from './plan-text.ts';
import { withPlan } from './with-plan.ts';

export async function run(input: CommandInput): Promise<number> {
  return await withPlan(input, async ({ plan }) => {
    const { actions } = plan;
    const order = planExecution(actions);
    const edges = findEdges(actions);
    if (input.options['dot']) printLine(toDot(plan, order, edges));
    else if (input.context.isJson) printLine(safeJson(toRecord(plan, order, edges)));
    else printText(plan, order, edges);
    return exitCode.ok;
  });
}

type Plan = PlanFile['plan'];

function toRecord({ id, actions }: Plan, { levels, forced }: ExecutionPlan, edges: readonly Edge[]): object {
  const idOf = (index: number): string => actions[index]?.id ?? '';
  return {
    proposal_id: id,
    levels: levels.map((level) => level.map(idOf)),
    edges: edges.map(({ from, to, reasons }) => ({ from: idOf(from), to: idOf(to), reasons })),
    cyclic: forced.map(idOf),
  };
}

function printText({ id, actions }: Plan, { levels, forced }: ExecutionPlan, edges: readonly Edge[]): void {
  printLine(`${paint('bold', nameOf(id))}  ${countOf(actions.length, 'action')}, ${countOf(levels.length, 'level')}`);
  const incoming = Map.groupBy(edges, ({ to }) => to);
  const cyclic = new Set(forced);
  const width = Math.max(0, ...actions.map((action) => nameOf(action.id).length));
  for (const [number, level] of levels.entries()) {
    printLine(`${paint('dim', `level ${number + 1}`)}${paint('dim', togetherText(level, actions))}`);
    for (const index of level) {
      const action = actions[index] as Action;
      const after = (incoming.get(index) ?? []).map(
        ({ from, reasons }) => `${nameOf(actions[from]?.id ?? '')} (${reasons.map(reasonText).join(', ')})`,
      );
      const cycle = cyclic.has(index) ? paint('yellow', '  in a cycle: does not wait for all of these') : '';
      const waits = after.length > 0 ? paint('dim', `  after ${after.join(', ')}`) : '';
      printLine(`  ${paint('cyan', nameOf(action.id).padEnd(width))}  ${workOf(action)}${waits}${cycle}`);
    }
  }
}

/** Whether the actions of a level overlap (Ordering). */
export function togetherText(level: readonly number[], actions: readonly Action[]): string {
  if (level.length < 2) return '';
  const aborts = level.some((index) => actions[index]?.failure_behavior === 'abort');
  return aborts ? '  one after another: a failure of one aborts the plan' : '  at the same time';
}

function workOf({ type, tool, parameters }: Action): string {
  if (type === 'tool_call') return nameOf(tool ?? '(no tool)');
  const key = Object.hasOwn(parameters, 'key') ? parameters['key'] : undefined;
  return typeof key === 'string' ? `${type} ${nameOf(key)}` : type;
}

function reasonText(reason: EdgeReason): string {
  if (reason.kind === 'state') return `key ${nameOf(reason.key)}`;
  return reason.kind;
}

const reasonStyle = { dependency: 'solid', output: 'bold', state: 'dashed' } as const;

function toDot({ id, actions }: Plan, { levels }: ExecutionPlan, edges: readonly Edge[]): string {
  const levelOf = new Map(levels.flatMap((level, number) => level.map((index): [number, number] => [index, number])));
  const nodes = actions.map((action, index) => `  n${index} [label=${dotText(nameOf(action.id), workOf(action))}];`);
  const ranks = levels.map((level) => `  { rank=same; ${level.map((index) => `n${index};`).join(' ')} }`);
  const arrows = edges.map(({ from, to, reasons }) => {
    // In a cycle somebody does not wait: an arrow that points backwards shall not push the levels around.
    const isBroken = (levelOf.get(from) ?? 0) >= (levelOf.get(to) ?? 0);
    const style = reasonStyle[reasons[0]?.kind ?? 'dependency'];
    const broken = isBroken ? ', color=red, constraint=false' : '';
    return `  n${from} -> n${to} [label=${dotText(...reasons.map(reasonText))}, style=${style}${broken}];`;
  });
  return [
    'digraph plan {',
    `  label=${dotText(nameOf(id))};`,
    '  rankdir=LR;',
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
    '  edge [fontname="sans-serif", fontsize=10];',
    ...nodes,
    ...ranks,
    ...arrows,
    '}',
  ].join('\n');
}

/** Lines of text as a label that shows just them: Graphviz obeys backslashes and HTML entities in it. */
function dotText(...lines: readonly string[]): string {
  const escaped = lines.map((line) =>
    line
      .replaceAll('\\', String.raw`\\`)
      .replaceAll('"', String.raw`\"`)
      .replaceAll('&', '&amp;'),
  );
  return `"${escaped.join(String.raw`\n`)}"`;
}
