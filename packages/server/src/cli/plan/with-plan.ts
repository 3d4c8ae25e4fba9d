// What the three commands on plans have in common: the file, and the answer to one that cannot be used.
import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { paint, talk } from '../terminal.ts';
import { PlanFileError, readPlan, type PlanFile } from './plan-file.ts';
import { safeJson, textOf } from './plan-text.ts';

const maxFaultChars = 400;

/** Hands on the plan of the file, and says in one line what is wrong with a file that holds none. */
export async function withPlan(
  { context, args: [path = '-'] }: CommandInput,
  use: (file: PlanFile) => Promise<number>,
): Promise<number> {
  try {
    const file = await readPlan(path);
    for (const field of file.ignored) warn(`${file.name}: ${field} is no member of a plan and is ignored`);
    return await use(file);
  } catch (error) {
    if (!(error instanceof PlanFileError)) throw error;
    const { name: kind, fault } = error;
    if (context.isJson) talk(safeJson({ error: { kind, ...fault } }));
    else talk(`${paint('red', 'car:', process.stderr)} ${textOf(error.message, maxFaultChars)}`);
    return exitCode.usage;
  }
}

/** One line for people, whatever the output is for. */
export function warn(message: string): void {
  talk(`${paint('yellow', 'car:', process.stderr)} ${textOf(message, maxFaultChars)}`);
}
