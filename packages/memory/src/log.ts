// The lines of a memory's file: how a record is read back from one, and what a compaction writes.
import { toStored } from './apply-record.ts';
import type { MemoryEngine } from './engine.ts';
import { MemoryError } from './errors.ts';
import { edgeKinds, layerOf, type EdgeKind } from './graph/model.ts';
import { formatVersion, oldestFormatVersion, type MemoryRecord, type StoredNode } from './records.ts';

export function headRecord(engine: MemoryEngine): MemoryRecord {
  const minted_for = [...engine.minted].filter(([tenant]) => tenant !== '');
  const minted = engine.minted.get('') ?? 0;
  return { op: 'head', version: formatVersion, minted, ...(minted_for.length > 0 && { minted_for }) };
}

/** A record as it was written, or an error that says what is wrong with the line. */
export function parseRecord(line: string): MemoryRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw corrupt('it is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw corrupt('it is no record');
  const record = value as Record<string, unknown>;
  const problem = problemOf(record);
  if (problem !== undefined) throw corrupt(problem);
  return record as unknown as MemoryRecord;
}

function corrupt(why: string): MemoryError {
  return new MemoryError('corrupt_line', `Cannot read a line of a memory: ${why}`);
}

function problemOf(record: Record<string, unknown>): string | undefined {
  const { op, id, ids, from, to, at, kind, tenant = '' } = record;
  if (!isText(tenant)) return 'a tenant is a text';
  switch (op) {
    case 'add':
      return nodeProblem(record['node'] as StoredNode | undefined);
    case 'head':
      return headProblem(record);
    case 'edge':
      return isText(from) && isText(to) && edgeKinds.includes(kind as EdgeKind)
        ? undefined
        : 'an edge needs from, to, kind';
    case 'end':
      return isText(id) && isTime(at) ? undefined : 'an end needs id and at';
    case 'review':
    case 'asked':
      return isText(id) ? undefined : 'it needs an id';
    case 'remove':
    case 'count':
      return Array.isArray(ids) && ids.every(isText) ? undefined : 'it needs ids';
    case 'reset':
      return undefined;
    default:
      return `there is no operation ${JSON.stringify(op)}`;
  }
}

/** A file of a later format is not read at all: what is left out of it would be lost at the next compaction. */
function headProblem({ version, minted, minted_for = [] }: Record<string, unknown>): string | undefined {
  if (!Number.isInteger(version)) return 'a head needs the version of the format';
  if ((version as number) < oldestFormatVersion || (version as number) > formatVersion) {
    throw new MemoryError('unknown_format', `its format is ${String(version)}, this reads up to ${formatVersion}`);
  }
  const isPair = (pair: unknown): boolean => Array.isArray(pair) && isText(pair[0]) && Number.isSafeInteger(pair[1]);
  return Number.isSafeInteger(minted) && Array.isArray(minted_for) && minted_for.every(isPair)
    ? undefined
    : 'a head needs how many ids were minted';
}

function nodeProblem(node: StoredNode | undefined): string | undefined {
  if (typeof node !== 'object' || node === null) return 'it has no node';
  if (!isText(node.id) || !isText(node.key) || !isText(node.value)) return 'a node needs id, key and value';
  if (!Object.hasOwn(layerOf, node.kind)) return `there is no kind ${JSON.stringify(node.kind)}`;
  if (node.tenant !== undefined && !isText(node.tenant)) return 'a tenant is a text';
  return isTime(node.at) ? undefined : 'a node needs the time it began to hold';
}

/** What a date can be. */
function isTime(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** The fewest records that make the same memory. */
export function* compactRecords(engine: MemoryEngine): Generator<MemoryRecord> {
  const { graph } = engine;
  yield headRecord(engine);
  for (const [tenant, id, uses] of graph.idUses()) yield { op: 'asked', ...scopeOf(tenant), id, uses };
  for (const node of graph.nodes()) yield { op: 'add', node: toStored(node) };
  const { adjacency } = graph;
  for (let nth = 0; nth < adjacency.edgeCount; nth++) {
    const { from, to, kind, weight } = adjacency.edge(nth);
    const [source, target] = [graph.node(from), graph.node(to)];
    if (source && target) {
      yield { op: 'edge', ...scopeOf(source.tenant), from: source.id, to: target.id, kind, weight };
    }
  }
}

function scopeOf(tenant: string): { tenant?: string } {
  return tenant === '' ? {} : { tenant };
}

export interface CorruptLine {
  /** Counted from 1. */
  readonly number: number;
  readonly text: string;
  readonly why: string;
}

/** Whether it is the line that cannot be read, rather than the file. */
export function isCorruptLine(error: unknown): error is MemoryError {
  return error instanceof MemoryError && error.reason !== 'unknown_format';
}

/** Replays a file's lines into an empty memory and returns those that could not be. */
export function replayLines(engine: MemoryEngine, lines: Iterable<string>): CorruptLine[] {
  const bad: CorruptLine[] = [];
  let number = 0;
  for (const line of lines) {
    number++;
    if (line === '') continue;
    try {
      engine.replay(parseRecord(line));
    } catch (error) {
      if (!isCorruptLine(error)) throw error;
      bad.push({ number, text: line, why: error.message });
    }
  }
  return bad;
}
