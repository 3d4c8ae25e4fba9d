import type { RunLiveStatus, RunSummary } from '@car-runtime/protocol';
import type { CommandInput } from '../command-spec.ts';
import { UsageError } from '../exit-codes.ts';
import { sinceOf } from '../moment.ts';
import { safeJson, textOf, tookText } from '../plan/plan-text.ts';
import { startProgress } from '../progress.ts';
import { durationText, printLine, printTable, type Column } from '../terminal.ts';
import { connectReader, wholeNumber, withHint } from './run-reader.ts';

const defaultLimit = 20;
const maxLimit = 1_000;
const maxIntentChars = 200;
const maxAgentChars = 16;
const wideColumns = 100;
const statusStyles = { in_progress: 'cyan', completed: 'green', incomplete: 'yellow' } as const;

export async function run({ context, options }: CommandInput): Promise<void> {
  const { agent, status, since } = options;
  const moment = sinceOf(since);
  const limit = wholeNumber('--lines', options['lines'], { min: 1, max: maxLimit }) ?? defaultLimit;
  const query = {
    limit,
    status: statusOf(status),
    agent_id: typeof agent === 'string' ? agent : undefined,
    since: moment === undefined ? undefined : new Date(moment).toISOString(),
  };
  using _progress = startProgress('looking for runs');
  await using client = await connectReader(context);
  const { runs } = await withHint(() => client.runs.search(query));
  if (context.isJson) return printLine(safeJson({ runs }));
  printTable(runs, columnsFor(process.stdout.isTTY ? process.stdout.columns || 80 : Infinity));
}

/** All of them where they fit. The id is never cut, since it is what the other commands take. */
function columnsFor(width: number): Column<RunSummary>[] {
  const isWide = width >= wideColumns;
  const now = Date.now();
  return [
    { title: 'RUN', text: ({ run_id: id }) => textOf(id), style: 'bold' },
    ...(isWide ? [{ title: 'AGENT', text: ({ agent_id: id }: RunSummary) => textOf(id, maxAgentChars) }] : []),
    { title: 'STATUS', text: ({ status }) => status, style: ({ status }) => statusStyles[status] },
    ...(isWide ? [{ title: 'TURNS', text: ({ turn_count: count }: RunSummary) => String(count) }] : []),
    { title: 'STARTED', text: ({ started_at: at }) => (width === Infinity ? textOf(at) : agoText(at, now)) },
    ...(isWide ? [{ title: 'TOOK', text: tookOf }] : []),
    { title: 'INTENT', text: ({ intent }) => textOf(intent, maxIntentChars) },
  ];
}

function agoText(at: string, now: number): string {
  const ms = now - Date.parse(at);
  return Number.isNaN(ms) ? '-' : `${durationText(Math.max(0, ms))} ago`;
}

function statusOf(value: string | boolean | undefined): RunLiveStatus | undefined {
  if (value === undefined) return undefined;
  if (value === 'in_progress' || value === 'completed' || value === 'incomplete') return value;
  throw new UsageError(`--status is in_progress, completed or incomplete, not ${JSON.stringify(value)}`);
}

function tookOf({ started_at: from, ended_at: to }: RunSummary): string {
  const ms = to === undefined ? NaN : Date.parse(to) - Date.parse(from);
  return Number.isNaN(ms) ? '-' : tookText(ms);
}
