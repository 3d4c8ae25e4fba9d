// Facts of the memory that a connection works on: written, found, put into contexts, explained.
import {
  clampUtility,
  consolidate,
  renderContext,
  skillsOf,
  timelineOf,
  type ConsolidationCounts,
  type ContextPiece,
  type Edge,
  type FactInput,
  type GateOutcome,
  type Hit,
  type MemoryEngine,
  type MemoryNode,
  type Provenance,
  type SupersessionCandidate,
  type TimelineEntry,
  type Utility,
} from '@car-runtime/memory';
import { fail, type FeedCursor, type JournalEvent } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { EventSink } from './event-sink.ts';
import { countIfStored, factCountOf, factOf, onMemory } from './errors.ts';
import type { WatchStart } from './feed.ts';

import type { KeptMemory } from './kept-memory.ts';
import type { Memories } from './memories.ts';
import { loadMemoryFrom, persistMemory } from './persist.ts';
import { exportRows, importRows, type ExportPage, type Format } from './transfer.ts';

export interface NewFact {
  subject: string;
  body: string;
  kind: string;
  factId: string | undefined;
  tags: readonly string[] | undefined;
  source: string | undefined;
  supersedes: string | undefined;
  dependsOn: readonly string[] | undefined;
  premises: readonly string[] | undefined;
  tenant: string;
  origin: 'tool' | 'web' | undefined;
  expiresAt: string | undefined;
}

export interface Reading {
  tenant: string;
  ranking: string | undefined;
}

export interface Explanation {
  seeds: { factId: string; score: number; terms: readonly string[] }[];
  results: {
    factId: string;
    path: string[];
    parts: Readonly<Record<string, number>>;
    notCurrent: string | undefined;
  }[];
}

export interface ShownFact {
  node: MemoryNode;
  dependsOn: string[];
  neededBy: string[];
  supersedes: string[];
  supersededBy: string | undefined;
}

export interface MemoryServiceOptions {
  memories: Memories;
  events: EventSink;
  /** The run that a connection records now. */
  runOf: (connection: Connection) => string | undefined;
  /** Makes candidates of skills of events, where a model is configured; how many. */
  distil: (connection: Connection, events: readonly JournalEvent[], signal: AbortSignal) => Promise<number>;
}

/** Events that consolidation has skills distilled from: the newest. */
const maxDistilledEvents = 256;

export class MemoryService {
  readonly #options: MemoryServiceOptions;

  constructor(options: MemoryServiceOptions) {
    this.#options = options;
  }

  async addFact(connection: Connection, fact: NewFact): Promise<number> {
    const memory = await this.#memoryOf(connection);
    const { engine } = memory;
    onMemory(() => {
      if (isThere(engine, fact)) return;
      const input = this.#toInput(connection, engine, fact);
      if (fact.supersedes === undefined) engine.ingest(input);
      else engine.supersede(fact.supersedes, input);
    });
    return factCountOf(engine, fact.tenant);
  }

  async query(connection: Connection, text: string, limit: number, reading: Reading): Promise<Hit[]> {
    const { engine } = await this.#memoryOf(connection);
    return limit === 0 ? [] : await engine.reader.queryOffLoop(text, { limit, ...toView(reading) });
  }

  /** Counts what it shows as used. */
  async buildContext(
    connection: Connection,
    text: string,
    { window, isFast, ...reading }: Reading & { window: number | undefined; isFast: boolean },
  ): Promise<string> {
    const memory = await this.#memoryOf(connection);
    const pieces = await memory.engine.reader.contextOffLoop(text, { window, isFast, ...toView(reading) });
    const { tenant } = reading;
    countIfStored(memory.engine, shownFacts(memory.engine, pieces, tenant), 'usage', tenant);
    return renderContext(pieces);
  }

  async factCount(connection: Connection, tenant: string): Promise<number> {
    return factCountOf((await this.#memoryOf(connection)).engine, tenant);
  }

  async consolidate(
    connection: Connection,
    signal: AbortSignal,
  ): Promise<ConsolidationCounts & GateOutcome & { distilled: number }> {
    const memory = await this.#memoryOf(connection);
    const counts = onMemory(() => consolidate(memory.engine));
    const outcome = onMemory(() => skillsOf(memory.engine).gate());
    const { events, distil } = this.#options;
    for (const candidate of outcome.promoted) events.append(connection, 'candidate_promoted', { candidate });
    for (const candidate of outcome.rejected) events.append(connection, 'candidate_rejected', { candidate });
    const happened = await events.recent(connection, maxDistilledEvents, signal);
    const distilled = await distil(connection, happened.toReversed(), signal);
    events.append(connection, 'consolidated', { ...counts, distilled });
    return { ...counts, ...outcome, distilled };
  }

  async utility(connection: Connection, change: { weight?: number; exploration?: number } = {}): Promise<Utility> {
    const { reader } = (await this.#memoryOf(connection)).engine;
    const { weight = reader.utility.weight, exploration = reader.utility.exploration } = change;
    reader.utility = clampUtility(weight, exploration);
    return reader.utility;
  }

  async persist(connection: Connection, path: string): Promise<number> {
    return await persistMemory(this.#options.memories, await this.#memoryOf(connection), path);
  }

  async load(connection: Connection, path: string): Promise<number> {
    return await loadMemoryFrom(this.#options.memories, await this.#memoryOf(connection), path);
  }

  async explain(
    connection: Connection,
    text: string,
    factId: string | undefined,
    limit: number,
    reading: Reading,
  ): Promise<Explanation> {
    const { engine } = await this.#memoryOf(connection);
    const { graph, reader } = engine;
    const view = toView(reading);
    const idOf = (index: number): string => graph.node(index)?.id ?? '';
    const asked =
      factId === undefined ? (await reader.queryOffLoop(text, { limit, ...view })).map(({ node }) => node) : [];
    if (factId !== undefined) asked.push(factOf(engine, 'explain', factId, reading.tenant));
    await reader.prepare(reading.ranking);
    const reasons = asked.map((node) => ({ node, reason: reader.explain(text, node.index, view) }));
    const [first] = reasons;
    const seeds = first?.reason.seeds ?? [];
    return {
      seeds: seeds.map(({ index, score, terms }) => ({ factId: idOf(index), score, terms })),
      results: reasons.map(({ node, reason: { path, parts } }) => ({
        factId: node.id,
        path: path.map(idOf),
        parts,
        notCurrent: reader.notCurrent(node, text, view),
      })),
    };
  }

  async show(connection: Connection, factId: string, tenant: string): Promise<ShownFact> {
    const { engine } = await this.#memoryOf(connection);
    const node = factOf(engine, 'show', factId, tenant);
    const { adjacency } = engine.graph;
    const ids = (edges: Iterable<Edge>, kinds: readonly string[], end: 'from' | 'to'): string[] =>
      [...edges].filter(({ kind }) => kinds.includes(kind)).flatMap((edge) => engine.graph.node(edge[end])?.id ?? []);
    const rests = ['depends_on', 'cites_premise'];
    return {
      node,
      dependsOn: ids(adjacency.out(node.index), rests, 'to'),
      neededBy: ids(adjacency.in(node.index), rests, 'from'),
      supersedes: ids(adjacency.out(node.index), ['supersedes'], 'to'),
      supersededBy: ids(adjacency.in(node.index), ['supersedes'], 'from')[0],
    };
  }

  async timeline(connection: Connection, key: string, tenant: string): Promise<TimelineEntry[]> {
    return timelineOf((await this.#memoryOf(connection)).engine, key, { tenant });
  }

  async export(connection: Connection, format: Format, page: ExportPage) {
    return await exportRows((await this.#memoryOf(connection)).engine, format, page);
  }

  async import(connection: Connection, format: Format, text: string, tenant: string) {
    return await importRows((await this.#memoryOf(connection)).engine, format, text, tenant);
  }

  async candidates(connection: Connection, tenant: string, limit: number) {
    const { engine } = await this.#memoryOf(connection);
    return engine.reader.belief.candidates({ tenant }, limit).flatMap((each) => toCandidate(engine, each));
  }

  async watch(connection: Connection, tenant: string, after: FeedCursor | undefined): Promise<WatchStart> {
    return (await this.#memoryOf(connection)).feed.watch(connection, tenant, after);
  }

  async unwatch(connection: Connection): Promise<boolean> {
    return (await this.#memoryOf(connection)).feed.unwatch(connection);
  }

  async #memoryOf(connection: Connection): Promise<KeptMemory> {
    return await this.#options.memories.memoryOf(connection);
  }

  #toInput(connection: Connection, engine: MemoryEngine, fact: NewFact): FactInput {
    const {
      subject: key,
      body: value,
      kind,
      factId,
      tags,
      source,
      dependsOn,
      premises,
      tenant,
      origin,
      expiresAt,
    } = fact;
    return {
      id: factId ?? `ws-${factCountOf(engine, tenant) + 1}`,
      key,
      value,
      tenant,
      isConstraint: kind === 'constraint',
      authority: origin === undefined ? (connection.role === 'agent' ? 'peer' : 'user') : 'external',
      provenance: this.provenanceOf(connection, { origin, source }),
      metadata: { ...(kind !== 'constraint' && { category: kind }), ...(tags && { tags }) },
      ...(dependsOn && { dependsOn }),
      ...(premises && { premises }),
      ...(expiresAt !== undefined && { expiresAtMs: toTime(expiresAt) }),
    };
  }

  /** A caller may say that it has something from somebody it does not vouch for; it cannot say that it is more than it is. */
  provenanceOf(
    connection: Connection,
    { origin, source }: { origin?: 'tool' | 'web' | undefined; source?: string | undefined } = {},
  ): Provenance {
    const runId = this.#options.runOf(connection);
    return {
      origin: origin ?? (connection.role === 'agent' ? 'agent' : 'user'),
      trust: origin === undefined ? 'trusted' : 'untrusted',
      ...(runId !== undefined && { runId }),
      ...(source !== undefined && { source }),
    };
  }
}

function toView({ tenant, ranking }: Reading) {
  return { tenant, ...(ranking !== undefined && { ranking }) };
}

/** The same id with the same content is there already; with other content it is not overwritten. */
function isThere(engine: MemoryEngine, { factId, subject, body, tenant }: NewFact): boolean {
  const known = factId === undefined ? undefined : engine.graph.byId(factId, tenant);
  if (known === undefined) return false;
  if (known.key === subject && known.value === body) return true;
  throw fail('failed', `Cannot add fact "${factId}": there is one of that id with other content`, {
    data: { reason: 'fact_id_conflict', field: 'fact_id' },
  });
}

function shownFacts({ graph }: MemoryEngine, pieces: readonly ContextPiece[], tenant: string): string[] {
  return pieces
    .filter(({ isCurrent }) => isCurrent)
    .flatMap(({ ids }) => ids)
    .filter((id) => {
      const kind = graph.byId(id, tenant)?.kind;
      return kind === 'fact' || kind === 'conclusion';
    });
}

function toCandidate({ graph }: MemoryEngine, { older, newer, confidence, reason }: SupersessionCandidate) {
  const [old, fresh] = [graph.node(older), graph.node(newer)];
  if (!old || !fresh) return [];
  return [
    {
      older: old.id,
      newer: fresh.id,
      confidence,
      reason,
      older_text: `${old.key}: ${old.value}`,
      newer_text: `${fresh.key}: ${fresh.value}`,
    },
  ];
}

function toTime(text: string): number {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return ms;
  throw fail('invalid_params', `Invalid params for memory.add_fact: expires_at "${text}" is no point in time`, {
    data: { reason: 'invalid_params', field: 'expires_at' },
  });
}
