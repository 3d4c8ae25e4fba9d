// What the commands on runs have in common: a connection that may read them, and the records as they are stored.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CarError, type Client, type WatchedRecord } from '@car-runtime/client';
import { hostTokenPath } from '@car-runtime/client/node-paths';
import type { CliContext } from '../context.ts';
import { UsageError } from '../exit-codes.ts';

/** The host may read every run; without its token here, an agent that the environment names may read its own. */
export async function connectReader(context: CliContext, options: { reconnect?: boolean } = {}): Promise<Client> {
  const { role, tokenFile } = context.globals;
  const hostToken = tokenFile === undefined ? hostTokenPath() : join(dirname(tokenFile), 'host-token');
  const given = role === undefined ? ({ role: existsSync(hostToken) ? 'host' : 'auto' } as const) : {};
  return await context.connect({ ...given, ...options });
}

/** Says what to do about a refusal. */
export async function withHint<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CarError) || error.reason !== 'forbidden') throw error;
    const hint =
      'be the user of the daemon, whose host token may read every run, or set CAR_AGENT_ID and CAR_AGENT_TOKEN';
    throw new Error(`${error.message}; ${hint}`, { cause: error });
  }
}

/** What is stored of a run, one answer of the daemon at a time. */
export async function* storedRecords(client: Client, runId: string): AsyncGenerator<WatchedRecord> {
  let turns = 0;
  for (let cursor: number | undefined = 0; cursor !== undefined;) {
    const answer: Awaited<ReturnType<typeof client.runs.get_trace>> = await client.runs.get_trace({
      run_id: runId,
      cursor,
    });
    if ('not_found' in answer) throw new Error(`There is no run ${JSON.stringify(runId)}`);
    for (const record of answer.records) {
      if (record.record === 'turn') turns = record.index + 1;
      yield { kind: record.record, cursor: turns, record } as WatchedRecord;
    }
    cursor = answer.next_cursor;
  }
}

/** A whole number that an option gives. */
export function wholeNumber(
  name: string,
  value: string | boolean | undefined,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {},
): number | undefined {
  if (typeof value !== 'string') return undefined;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`;
  throw new UsageError(`${name} is a whole number, ${range}, not ${JSON.stringify(value)}`);
}
