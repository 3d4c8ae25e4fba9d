// A memory as flat rows, for `memory.persist` and `memory.load`: what it says, not how it came to say it.
import type { MemoryEngine } from './engine.ts';
import { MemoryError } from './errors.ts';
import { encodeWithStats, takeStats, triggerPrefix } from './skills/model.ts';
import type { MemoryNode, Origin, Provenance } from './graph/model.ts';

export interface FlatRow {
  readonly subject: string;
  readonly body: string;
  readonly kind: string;
  readonly confidence?: number | string;
  readonly fact_id?: string;
  readonly tags?: readonly string[];
  readonly source?: string;
  readonly tenant_id?: string;
  /** Where it came from; only of what is not to be trusted, so that no file makes it so. */
  readonly origin?: Origin;
  readonly trust?: 'untrusted';
  /** RFC 3339: since when it holds. */
  readonly at?: string;
}

/** The kind of a row of a turn. */
const turnKind = 'outcome';
const skillKind = 'skill';

export function factKindOf({ isConstraint, metadata, kind }: MemoryNode): string {
  if (kind === 'conversation' || kind === 'conversation_summary') return turnKind;
  if (isConstraint) return 'constraint';
  return metadata.bank ?? metadata.category ?? (kind === 'fact' ? 'pattern' : kind);
}

/** What holds. Identity and environment are of a session, not of a memory. */
export function isRow({ kind, endedAtMs }: MemoryNode): boolean {
  return endedAtMs === Infinity && kind !== 'identity' && kind !== 'environment';
}

export function toRow(node: MemoryNode): FlatRow {
  const { kind, key: subject, value: body, id: fact_id, metadata, provenance, tenant, createdAtMs } = node;
  const isTurn = kind === 'conversation' || kind === 'conversation_summary';
  return {
    subject,
    body: kind === 'skill' ? encodeWithStats(node) : body,
    kind: kind === 'skill' ? skillKind : factKindOf(node),
    ...(metadata.confidence !== undefined && { confidence: metadata.confidence }),
    ...(!isTurn && { fact_id }),
    ...(metadata.tags && { tags: metadata.tags }),
    ...(provenance.source !== undefined && { source: provenance.source }),
    ...(tenant !== '' && { tenant_id: tenant }),
    ...(provenance.trust === 'untrusted' && { origin: provenance.origin, trust: 'untrusted' as const }),
    at: new Date(createdAtMs).toISOString(),
  };
}

export function* toRows({ graph }: MemoryEngine): Generator<FlatRow> {
  for (const node of graph.nodes()) if (isRow(node)) yield toRow(node);
}

/** What a file holds, or an error that names the row. Nothing is changed yet. */
export function parseRows(text: string): FlatRow[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MemoryError('unreadable', `it is not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(value)) throw new MemoryError('unreadable', 'it is no array of rows');
  return value.map((row: unknown, nth) => parseRow(row, nth));
}

/** A row, or an error that names it. */
export function parseRow(value: unknown, nth: number): FlatRow {
  const wrong = (why: string): MemoryError => new MemoryError('unreadable', `row ${nth}: ${why}`, `[${nth}]`);
  if (typeof value !== 'object' || value === null) throw wrong('it is no object');
  const row = value as Record<string, unknown>;
  const text = (name: string): string | undefined => {
    const field = row[name];
    if (field === undefined || field === null) return undefined;
    if (typeof field !== 'string') throw wrong(`${name} is no text`);
    return field;
  };
  const [subject, body, kind = 'pattern'] = [text('subject'), text('body'), text('kind')];
  if (subject === undefined || body === undefined) throw wrong('subject or body is missing');
  const { confidence, tags } = row;
  const [fact_id, source, tenant_id] = [text('fact_id'), text('source'), text('tenant_id')];
  return {
    subject,
    body,
    kind,
    ...((typeof confidence === 'number' || typeof confidence === 'string') && { confidence }),
    ...(fact_id !== undefined && fact_id !== '' && { fact_id }),
    ...(Array.isArray(tags) && { tags: tags.filter((tag) => typeof tag === 'string') }),
    ...(source !== undefined && { source }),
    ...(tenant_id !== undefined && { tenant_id }),
    ...(text('trust') === 'untrusted' && { origin: originOf(text('origin')), trust: 'untrusted' as const }),
    ...(text('at') !== undefined && !Number.isNaN(Date.parse(text('at') as string)) && { at: text('at') as string }),
  };
}

function originOf(text: string | undefined): Origin {
  return text === 'tool' || text === 'web' || text === 'agent' || text === 'user' ? text : 'unknown';
}

/** Adds rows to a memory; those without an id get `loaded-<count>`. */
export function ingestRows(engine: MemoryEngine, rows: readonly FlatRow[]): void {
  for (const row of rows) ingestRow(engine, row);
}

export function ingestRow(engine: MemoryEngine, row: FlatRow): void {
  const { subject, body, kind, confidence, fact_id, tags, source, tenant_id: tenant = '', origin, trust, at } = row;
  const provenance: Provenance = {
    origin: origin ?? 'unknown',
    trust: trust ?? 'trusted',
    ...(source !== undefined && { source }),
  };
  const common = { tenant, provenance, ...(at !== undefined && { atMs: Date.parse(at) }) };
  if (kind === turnKind) {
    const said = body.startsWith(`${subject}: `) ? body.slice(subject.length + 2) : body;
    engine.addTurn({ ...common, speaker: subject, text: said });
    return;
  }
  const id = fact_id ?? `loaded-${engine.graph.validFactCountOf(tenant) + 1}`;
  if (kind === skillKind) {
    engine.addSkill({ ...common, ...takeStats(body), id, key: subject });
    return;
  }
  const isPlain = kind !== 'constraint' && kind !== 'conclusion';
  engine.ingest({
    ...common,
    id,
    key: subject,
    value: body,
    kind: kind === 'conclusion' ? 'conclusion' : 'fact',
    isConstraint: kind === 'constraint',
    ...(subject.startsWith(triggerPrefix) && {
      links: [[`skill:${subject.slice(triggerPrefix.length)}`, 'triggers', 1] as const],
    }),
    metadata: {
      ...(kind === 'knowledge' || kind === 'procedural' ? { bank: kind } : isPlain && { category: kind }),
      ...(confidence !== undefined && { confidence }),
      ...(tags && { tags }),
    },
  });
}
