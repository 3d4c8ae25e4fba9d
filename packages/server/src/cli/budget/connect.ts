// What the commands on budgets have in common: a connection that may change them where it can be had.
import { CarError, type Client } from '@car-runtime/client';
import type { CliContext } from '../context.ts';
import { connectReader } from '../runs/run-reader.ts';

export async function withBudgets<Result>(
  context: CliContext,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  await using client = await connectReader(context);
  try {
    return await work(client);
  } catch (error) {
    if (!(error instanceof CarError) || error.reason !== 'forbidden') throw error;
    const hint = 'be the user of the daemon, whose host token may change budgets';
    throw new Error(`${error.message}; ${hint}`, { cause: error });
  }
}
