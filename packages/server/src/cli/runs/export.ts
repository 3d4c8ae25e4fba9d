import type { CommandInput } from '../command-spec.ts';
import { safeJson } from '../plan/plan-text.ts';
import { startProgress } from '../progress.ts';
import { printJson, printLine } from '../terminal.ts';
import { connectReader, withHint } from './run-reader.ts';

export async function run({ context, args: [runId = ''], options }: CommandInput): Promise<void> {
  using _progress = startProgress('exporting the run');
  await using client = await connectReader(context);
  const include_content = options['content'] === true;
  const { otlp } = await withHint(() => client.runs.export({ run_id: runId, include_content }));
  if (process.stdout.isTTY && !context.isJson) printJson(otlp);
  else printLine(safeJson(otlp));
}
