// Turns before they are appended: bounded in size and encoded, all but their index.
import type { RunTurnAction } from '@car-runtime/protocol';
import { timestamp } from '../../infra/timestamp.ts';

/** Bytes of `prompt`, `output` and each string inside `parameters` (Run tracing, runs.record_turns). */
const maxStringBytes = 16_384;
/** Bytes of an encoded turn, less what its final index may take. */
const maxTurnBytes = 256 * 1024 - 32;
const cutMark = '…[truncated]';
const replacement = '…[truncated: turn exceeded 256 KiB]';

export interface NewTurn {
  prompt?: string | null | undefined;
  tool?: string | null | undefined;
  parameters?: unknown;
  output?: unknown;
  cli_outcome?: unknown;
  verifier_verdict?: string | null | undefined;
  policy_rejected?: boolean | null | undefined;
  /** Only of plans: what a caller sends by this name is not read. */
  action?: RunTurnAction | undefined;
}

/** The text of each turn but its index, for `encodeTurn`; `undefined` when one of them stays too large. */
export function encodeTurnBodies(turns: readonly NewTurn[]): string[] | undefined {
  const at = timestamp();
  const bodies: string[] = [];
  for (const turn of turns) {
    const body = encodeBody(turn, at);
    if (body === undefined) return undefined;
    bodies.push(body);
  }
  return bodies;
}

/** Members that are null are left out (Run tracing, Shapes). */
function encodeBody(turn: NewTurn, recordedAt: string): string | undefined {
  const record = {
    prompt: boundedString(turn.prompt ?? undefined),
    tool: turn.tool ?? undefined,
    parameters: boundedStrings(turn.parameters ?? undefined),
    output: boundedString(turn.output ?? undefined),
    cli_outcome: turn.cli_outcome ?? undefined,
    verifier_verdict: turn.verifier_verdict ?? 'not_run',
    policy_rejected: turn.policy_rejected ?? undefined,
    recorded_at: recordedAt,
    action: turn.action,
  };
  const body = JSON.stringify(record);
  if (fits(body)) return body;
  const reduced = {
    ...record,
    prompt: record.prompt === undefined ? undefined : replacement,
    parameters: record.parameters === undefined ? undefined : replacement,
    output: record.output === undefined ? undefined : replacement,
  };
  // Ids may be as long as anybody likes: they cost a plan its place in the graph, never its record.
  return [reduced, { ...reduced, action: undefined }].map((each) => JSON.stringify(each)).find(fits);
}

/** What `encodeTurn` puts before the body, with an index of one digit, less the brace it takes away. */
const headBytes = '{"record":"turn","index":0,'.length - 1;

function fits(body: string): boolean {
  // A UTF-16 unit takes three bytes at most.
  return body.length * 3 + headBytes <= maxTurnBytes || Buffer.byteLength(body) + headBytes <= maxTurnBytes;
}

function boundedString<T>(value: T): T | string {
  return typeof value === 'string' ? boundedText(value) : value;
}

/** Cut on a character boundary. */
export function boundedText(text: string): string {
  if (text.length * 3 <= maxStringBytes || Buffer.byteLength(text) <= maxStringBytes) return text;
  const bytes = Buffer.from(text.slice(0, maxStringBytes));
  let end = maxStringBytes;
  // Bytes 10xxxxxx continue a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end) + cutMark;
}

/** The value with every string in it bounded; itself when none was too long. */
function boundedStrings(value: unknown): unknown {
  if (typeof value === 'string') return boundedText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const entries = value.map(boundedStrings);
    return entries.some((entry, index) => entry !== value[index]) ? entries : value;
  }
  let copy: Record<string, unknown> | undefined;
  for (const [key, entry] of Object.entries(value)) {
    const bounded = boundedStrings(entry);
    if (bounded === entry) continue;
    copy ??= { ...value };
    copy[key] = bounded;
  }
  return copy ?? value;
}
