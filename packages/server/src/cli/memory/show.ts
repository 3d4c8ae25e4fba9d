import type { CommandInput } from '../command-spec.ts';
import { safeJson, textOf } from '../plan/plan-text.ts';
import { paint, printLine } from '../terminal.ts';
import { connectMemory, factText, tenantOf } from './memory-client.ts';

export async function run(input: CommandInput): Promise<void> {
  const [factId = ''] = input.args;
  await using client = await connectMemory(input);
  const shown = await client.memory.show({ fact_id: factId, ...tenantOf(input) });
  if (input.context.isJson) return printLine(safeJson(shown));
  const { fact, at, ended_at, needs_review, depends_on, needed_by, supersedes, superseded_by, counters } = shown;
  const line = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') printLine(`${paint('dim', name.padEnd(14))}${value}`);
  };
  printLine(paint('bold', factText(fact)));
  line('id', textOf(fact.fact_id ?? ''));
  line('kind', textOf(fact.kind));
  line('since', at);
  line('until', ended_at);
  line(
    'from',
    [fact.origin, fact.trust, fact.source, fact.run_id]
      .filter(Boolean)
      .map((each) => textOf(each))
      .join(', '),
  );
  line('needs review', needs_review ? 'yes: what it rests on has changed' : undefined);
  line('depends on', depends_on.map((id) => textOf(id)).join(', '));
  line('needed by', needed_by.map((id) => textOf(id)).join(', '));
  line('supersedes', supersedes.map((id) => textOf(id)).join(', '));
  line('superseded by', superseded_by === undefined ? undefined : textOf(superseded_by));
  line(
    'counts',
    Object.entries(counters)
      .map(([name, count]) => `${count} ${name}`)
      .join(', '),
  );
}
