import type { MethodResult } from '@car-runtime/client';
import type { RunTurn } from '@car-runtime/protocol';
import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { countOf, nameOf, safeJson, textOf } from '../plan/plan-text.ts';
import { startProgress } from '../progress.ts';
import { paint, printLine } from '../terminal.ts';
import { connectReader, withHint } from './run-reader.ts';

type Diff = MethodResult<'runs.diff'>;
type Difference = NonNullable<Diff['first_difference']>;

const defaultColumns = 120;
const minTextChars = 20;
/** Shown of what is the same in front of the first difference. */
const leadChars = 24;

export async function run({ context, args: [a = '', b = ''] }: CommandInput): Promise<number> {
  using _progress = startProgress('comparing');
  await using client = await connectReader(context);
  const diff = await withHint(() => client.runs.diff({ a, b }));
  if (context.isJson) printLine(safeJson(diff));
  else printDiff(diff);
  return diff.first_difference === null ? exitCode.ok : exitCode.failed;
}

function printDiff({ a, b, turns_a: turnsA, turns_b: turnsB, first_difference: difference }: Diff): void {
  if (!difference) {
    printLine(`${paint('green', '✓ alike')}: ${countOf(turnsA, 'turn')} in each`);
    return;
  }
  printLine(paint('bold', `The runs part at turn ${difference.index + 1}`));
  printLine(`${paint('red', `- ${nameOf(a)}`)}, ${countOf(turnsA, 'turn')}`);
  printLine(`${paint('green', `+ ${nameOf(b)}`)}, ${countOf(turnsB, 'turn')}`);
  const { turn_a: turnA, turn_b: turnB } = difference;
  if (!turnA || !turnB) printLine(`  ${nameOf(turnA ? b : a)} has no such turn`);
  for (const field of difference.fields) printField(field, turnA, turnB);
}

function printField(field: Difference['fields'][number], turnA: RunTurn | undefined, turnB: RunTurn | undefined): void {
  const textA = turnA && fieldText(turnA, field);
  const textB = turnB && fieldText(turnB, field);
  printLine(`  ${nameOf(field)}`);
  const from = textA === undefined || textB === undefined ? 0 : Math.max(0, firstDifference(textA, textB) - leadChars);
  if (textA !== undefined) printLine(paint('red', `  - ${excerpt(textA, from)}`));
  if (textB !== undefined) printLine(paint('green', `  + ${excerpt(textB, from)}`));
}

/** Nothing where the turn has no such field. */
function fieldText(turn: RunTurn, field: string): string | undefined {
  const value = (turn as Record<string, unknown>)[field];
  return typeof value === 'string' || value === undefined ? value : JSON.stringify(value);
}

function firstDifference(a: string, b: string): number {
  let index = 0;
  while (index < a.length && a[index] === b[index]) index++;
  return index;
}

function excerpt(text: string, from: number): string {
  const columns = process.stdout.isTTY ? process.stdout.columns || 80 : defaultColumns;
  return (from > 0 ? '…' : '') + textOf(text.slice(from), Math.max(minTextChars, columns - 5));
}
