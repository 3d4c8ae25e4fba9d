import type { Client } from '@car-runtime/client';
import type { CommandInput } from '../command-spec.ts';
import { exitCode } from '../exit-codes.ts';
import { interruptedExit, onInterrupt } from '../interrupt.ts';
import { warn } from '../plan/with-plan.ts';
import { connectReader, wholeNumber, withHint } from './run-reader.ts';
import { RecordPrinter } from './timeline.ts';

export async function run({ context, args: [runId = ''], options }: CommandInput): Promise<number> {
  const after = wholeNumber('--after', options['after']);
  using interrupt = onInterrupt();
  await using client = await connectReader(context, { reconnect: true });
  if (!context.isJson) void reportConnection(client);
  const printer = new RecordPrinter(context.isJson);
  await using watch = client.runs.watch(runId, { after, signal: interrupt.signal });
  await withHint(async () => {
    for await (const item of watch) await printer.print(item);
  });
  if (!interrupt.signal.aborted) return exitCode.ok;
  if (!context.isJson)
    warn(`interrupted${watch.cursor === undefined ? '' : `; --after ${watch.cursor} goes on from here`}`);
  return interruptedExit;
}

/** Tells people why nothing comes. Ends with the client, without an error. */
async function reportConnection(client: Client): Promise<void> {
  let isLost = false;
  for await (const { state, error } of client.connectionChanges()) {
    if (state === 'disconnected') warn(`${error?.message ?? 'the connection was lost'}; trying again`);
    if (state === 'connected' && isLost) warn('connected again');
    isLost ||= state === 'disconnected';
  }
}
