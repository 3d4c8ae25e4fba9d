import type { CommandInput } from '../command-spec.ts';
import { nameOf } from '../plan/plan-text.ts';
import { warn } from '../plan/with-plan.ts';
import { connectReader, storedRecords, withHint } from './run-reader.ts';
import { RecordPrinter } from './timeline.ts';

export async function run({ context, args: [runId = ''] }: CommandInput): Promise<void> {
  await using client = await connectReader(context);
  const printer = new RecordPrinter(context.isJson);
  let isEnded = false;
  await withHint(async () => {
    for await (const item of storedRecords(client, runId)) {
      isEnded = item.kind === 'ended';
      await printer.print(item);
    }
  });
  if (!isEnded && !context.isJson) warn(`the run goes on: car runs tail ${nameOf(runId)} follows it`);
}
