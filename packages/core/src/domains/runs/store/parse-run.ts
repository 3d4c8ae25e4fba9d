// Reading the file of a run, whoever wrote it: blank lines, a last line cut off in the middle and lines that are no record
// are passed over.
import type { AgentOutcome, RunEnded, RunRecord, RunStarted, RunSummary, RunTermination } from '@car-runtime/protocol';
import { statusOf } from '../records.ts';

export interface ParsedRun {
  started: RunStarted;
  ended: RunEnded | undefined;
  records: RunRecord[];
  /** Characters of each record as it is written. */
  sizes: number[];
}

const newline = 10;

/** The records of a file and those that wait to be written to it, or `undefined` when it says nowhere which run it is. */
export function parseRun(bytes: Buffer, waiting: readonly string[] = []): ParsedRun | undefined {
  const records: RunRecord[] = [];
  const sizes: number[] = [];
  const take = (line: string): void => {
    const record = parseRecord(line);
    if (!record) return;
    records.push(record);
    sizes.push(line.length);
  };
  for (const line of linesOf(bytes)) take(line.toString());
  waiting.forEach(take);
  const started = records.find((record) => record.record === 'started');
  if (!started) return undefined;
  return { started, ended: records.findLast((record) => record.record === 'ended'), records, sizes };
}

const turnHead = Buffer.from('{"record":"turn"');

export interface RunFacts extends RunSummary {
  outcome_description?: string | undefined;
  outcome_summary?: string | undefined;
}

/** What a list says of a run. Turns are counted, not parsed. */
export function summarizeRun(bytes: Buffer): RunFacts | undefined {
  let started: RunStarted | undefined;
  let ended: RunEnded | undefined;
  let turns = 0;
  for (const line of linesOf(bytes)) {
    if (line.subarray(0, turnHead.length).equals(turnHead) && line.at(-1) === closingBrace) {
      turns++;
      continue;
    }
    const record = parseRecord(line.toString());
    if (record?.record === 'turn') turns++;
    else if (record?.record === 'started') started ??= record;
    else if (record) ended = record;
  }
  return started && toFacts(started, ended, turns);
}

const closingBrace = 0x7d;

export function toFacts(started: RunStarted, ended: RunEnded | undefined, turnCount: number): RunFacts {
  const { run_id, agent_id, intent, started_at, outcome_description } = started;
  return {
    run_id,
    agent_id,
    intent,
    started_at,
    ...(ended && { ended_at: ended.ended_at }),
    status: statusOf(ended?.termination),
    turn_count: turnCount,
    ...outcomeOf(ended),
    outcome_description,
    outcome_summary: ended?.termination.kind === 'outcome' ? ended.termination.outcome.summary : undefined,
  };
}

const outcomes: ReadonlySet<string> = new Set([
  'success',
  'partial_success',
  'give_up',
  'timeout',
  'failure',
  'done',
] satisfies AgentOutcome['status'][]);

/** Another writer may have said something else. */
function outcomeOf(ended: RunEnded | undefined): { outcome?: AgentOutcome['status'] } {
  if (ended?.termination.kind !== 'outcome') return {};
  const { status } = ended.termination.outcome;
  return outcomes.has(status) ? { outcome: status } : {};
}

function* linesOf(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length;) {
    const at = bytes.indexOf(newline, from);
    const end = at === -1 ? bytes.length : at;
    if (end > from) yield bytes.subarray(from, end);
    from = end + 1;
  }
}

/** A line as a record. One that was cut off is no JSON: an object is complete only with its last brace. */
export function parseRecord(line: string): RunRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const record = value as Record<string, unknown>;
  if (record['record'] === 'turn') return withoutNulls(record) as RunRecord;
  if (!isText(record['run_id']) || !isText(record['agent_id'])) return undefined;
  if (record['record'] === 'started') {
    const started = { intent: '', started_at: '', ...withoutNulls(record) };
    return isText(started.intent) && isText(started.started_at) ? (started as unknown as RunStarted) : undefined;
  }
  if (record['record'] !== 'ended') return undefined;
  const ended = { ended_at: '', ...record, termination: parseTermination(record['termination']) };
  return isText(ended.ended_at) ? (ended as unknown as RunEnded) : undefined;
}

/** Also as other versions spelt it. What is no outcome marks a run that nobody completed. */
function parseTermination(value: unknown): RunTermination {
  if (typeof value !== 'object' || value === null) return { kind: 'incomplete' };
  const { outcome, Outcome: older } = value as Record<string, unknown>;
  const found = outcome ?? older;
  if (typeof found !== 'object' || found === null) return { kind: 'incomplete' };
  return {
    kind: 'outcome',
    outcome: { ...emptyOutcome, ...found } as (RunTermination & { kind: 'outcome' })['outcome'],
  };
}

const emptyOutcome = {
  status: 'done',
  summary: '',
  evidence: [],
  metrics: { turns: 0, tool_calls: 0, duration_ms: 0, retries: 0, actions_succeeded: 0, actions_failed: 0 },
  timestamp: '',
};

/** Other writers say null where this one leaves a member out. */
function withoutNulls(record: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(record);
  return entries.some(([, value]) => value === null)
    ? Object.fromEntries(entries.filter(([, value]) => value !== null))
    : record;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
