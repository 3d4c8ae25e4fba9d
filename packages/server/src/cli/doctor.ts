import { commandName } from '../command-name.ts';
import { DoctorProbe } from './doctor-probe.ts';
import { checks, type Check, type Finding, type Severity } from './doctor-checks.ts';
import type { CommandInput } from './command-spec.ts';
import { UsageError } from './exit-codes.ts';
import { countOf } from './plan/plan-text.ts';
import { startProgress } from './progress.ts';
import { paint, printJson, printLine, shown, talk } from './terminal.ts';

type Result = { id: string } & Finding;

const marks: Readonly<Record<Severity, string>> = {
  ok: paint('green', '✓'),
  warning: paint('yellow', '!'),
  error: paint('red', '✗'),
};
/** In the order of the exit status they mean. */
const severities: readonly Severity[] = ['ok', 'warning', 'error'];

export async function run({ context, options }: CommandInput): Promise<number> {
  const chosen = choose(options['only'], options['skip']);
  if (options['list']) {
    if (context.isJson)
      printJson(
        chosen.map(({ id, about }) => ({ id, about })),
        { isRaw: true },
      );
    else for (const { id, about } of chosen) printLine(`${id}\t${about}`);
    return 0;
  }
  await using probe = new DoctorProbe(context);
  const results = await examine(chosen, probe);
  const worst = Math.max(0, ...results.map(({ severity }) => severities.indexOf(severity)));
  if (context.isJson)
    printJson({ version: context.version, worst: severities[worst], checks: results }, { isRaw: true });
  else print(results);
  return worst;
}

async function examine(chosen: readonly Check[], probe: DoctorProbe): Promise<Result[]> {
  using _progress = startProgress('checking');
  return await Promise.all(
    chosen.map(async ({ id, run: check }): Promise<Result> => {
      try {
        return { id, ...(await check(probe)) };
      } catch (error) {
        return {
          id,
          severity: 'error',
          summary: `The check itself failed: ${error instanceof Error ? error.message : String(error)}`,
        };
      }
    }),
  );
}

function print(results: readonly Result[]): void {
  const width = Math.max(...results.map(({ id }) => id.length));
  for (const { id, severity, summary, fix } of results) {
    printLine(`${marks[severity]} ${paint('dim', id.padEnd(width))}  ${shown(summary)}`);
    if (fix !== undefined) printLine(`${' '.repeat(width + 4)}${paint('cyan', 'fix:')} ${shown(fix)}`);
  }
  const count = (severity: Severity): number => results.filter((each) => each.severity === severity).length;
  const counts = [countOf(count('error'), 'error'), countOf(count('warning'), 'warning')];
  talk(`${countOf(results.length, 'check')}: ${counts.join(', ')}`);
}

function choose(only: string | boolean | undefined, skip: string | boolean | undefined): Check[] {
  const wanted = idsOf('--only', only);
  const unwanted = idsOf('--skip', skip) ?? [];
  return checks.filter(({ id }) => (wanted?.includes(id) ?? true) && !unwanted.includes(id));
}

function idsOf(flag: string, value: string | boolean | undefined): string[] | undefined {
  if (typeof value !== 'string') return undefined;
  const ids = value.split(',').map((id) => id.trim());
  const unknown = ids.find((id) => !checks.some((check) => check.id === id));
  if (unknown !== undefined)
    throw new UsageError(
      `${flag} names no check: ${JSON.stringify(unknown)}; "${commandName('car')} doctor --list" names them`,
    );
  return ids;
}
