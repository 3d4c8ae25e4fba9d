// Proactive memory: two banks of entries in the graph, a status outside it, and one reminder at a time.
import {
  entriesOf,
  evaluate,
  findCandidates,
  injectThreshold,
  type Bank,
  type Candidate,
  type EvaluationCase,
  type EvaluationMode,
  type MemoryEngine,
  type ModeReport,
  type ProactiveRequest,
} from '@car-runtime/memory';
import { fail, type ProactiveTrigger } from '@car-runtime/protocol';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import { countIfStored, factCountOf, onMemory } from './errors.ts';
import type { EventSink } from './event-sink.ts';
import type { KeptMemory } from './kept-memory.ts';
import { mishapsOf, triggerOf } from './mishaps.ts';
import type { MemoryService, MemoryServiceOptions } from './service.ts';

const statusPrefix = 'proactive-status:';
const globalStatus = 'global';
/** Status slots of one connection, one for each tenant. */
const maxStatuses = 256;
/** A reminder is not given again for so many calls. */
const quietCalls = 3;
const maxReminderChars = 2_000;

export interface Entry {
  id: string | undefined;
  subject: string;
  body: string;
  tags: readonly string[] | undefined;
  confidence: string | undefined;
  tenant: string;
  isConstraint: boolean;
}

export interface BankCounts {
  knowledge: number;
  procedural: number;
  status: number;
}

export type Intervention = { candidates: Candidate[]; bank: BankCounts } & (
  | { selected: Candidate; reminder: string }
  | { reason: string }
);

export interface Maintained {
  trigger: Required<ProactiveTrigger>;
  saved: number;
  skipped: number;
  status: string | undefined;
}

/** What a connection says of itself; no retrieval can find it. */
class SessionState {
  readonly statuses = new Map<string, string>();
  /** Reminders of the last calls, the newest last; empty for a call that gave none. */
  readonly lately: string[] = [];
}

export class ProactiveMemory {
  readonly #options: MemoryServiceOptions & { service: MemoryService };
  readonly #stateOf = perConnection(() => new SessionState());

  constructor(options: MemoryServiceOptions & { service: MemoryService }) {
    this.#options = options;
  }

  get #events(): EventSink {
    return this.#options.events;
  }

  updateStatus(connection: Connection, body: string, tenant: string): string {
    const { statuses } = this.#stateOf(connection);
    if (!statuses.has(tenant) && statuses.size >= maxStatuses) {
      throw fail('overloaded', `Cannot keep another status: ${maxStatuses} tenants have one, the limit`);
    }
    statuses.set(tenant, body);
    return statusId(tenant);
  }

  async save(connection: Connection, bank: Bank, entry: Entry) {
    const memory = await this.#memoryOf(connection);
    const node = onMemory(() => this.#ingest(connection, memory, bank, entry));
    return { id: node.id, factCount: factCountOf(memory.engine, entry.tenant) };
  }

  /** Of the tenant that is named, or of the unscoped. A status names its tenant itself. */
  async delete(connection: Connection, id: string, tenant: string | undefined) {
    const memory = await this.#memoryOf(connection);
    const { engine } = memory;
    const factCount = (): number => factCountOf(engine, tenant ?? '');
    if (id.startsWith(statusPrefix)) {
      const slot = id.slice(statusPrefix.length);
      const { statuses } = this.#stateOf(connection);
      const owner = tenant ?? (slot === globalStatus && statuses.has('') ? '' : slot);
      const isDeleted = statusId(owner) === id && statuses.delete(owner);
      return { isDeleted, kind: 'status' as const, factCount: factCount() };
    }
    const bank = engine.graph.byId(id, tenant)?.metadata.bank;
    if (bank === undefined) return { isDeleted: false, kind: null, factCount: factCount() };
    onMemory(() => engine.remove([id], tenant));
    return { isDeleted: true, kind: bank, factCount: factCount() };
  }

  async maintain(connection: Connection, maxRecent: number, tenant: string, signal: AbortSignal): Promise<Maintained> {
    const memory = await this.#memoryOf(connection);
    const recent = maxRecent === 0 ? [] : await this.#events.recent(connection, maxRecent, signal);
    const events = recent.toReversed();
    const mishaps = mishapsOf(events);
    // One synchronous block: what is not there yet is saved once, however many calls read the same events.
    const fresh = mishaps.filter(({ id }) => memory.engine.graph.byId(id, tenant) === undefined);
    for (const { id, subject, body } of fresh) {
      const entry = { id, subject, body, tags: undefined, confidence: undefined, tenant, isConstraint: false };
      onMemory(() => this.#ingest(connection, memory, 'procedural', entry));
    }
    const trigger = triggerOf(events);
    const skipped = mishaps.length - fresh.length;
    this.#events.append(connection, 'proactive_memory_maintained', {
      saved: fresh.length,
      skipped_existing: skipped,
      trigger,
    });
    const status = this.#stateOf(connection).statuses.get(tenant);
    return { trigger, saved: fresh.length, skipped, status };
  }

  async intervene(connection: Connection, request: ProactiveRequest): Promise<Intervention> {
    const memory = await this.#memoryOf(connection);
    const { engine } = memory;
    const { lately } = this.#stateOf(connection);
    const candidates = findCandidates(engine, request);
    const bank = this.#countBanks(connection, engine, request);
    const selected = candidates.find(({ node }) => request.isForced || !lately.includes(node.id));
    const reason = silence(candidates, selected, request.isForced);
    const isInjected = selected !== undefined && reason === undefined;
    lately.push(isInjected ? selected.node.id : '');
    if (lately.length > quietCalls) lately.shift();
    this.#events.append(connection, 'proactive_memory_intervention', {
      decision: isInjected ? 'inject' : 'silent',
      ...(isInjected && { selected: selected.node.id }),
      candidates: candidates.length,
      bank,
    });
    if (!isInjected) return { candidates, bank, reason: reason ?? 'nothing_relevant' };
    countIfStored(engine, [selected.node.id], 'injections', selected.node.tenant);
    return { candidates, bank, selected, reminder: engine.reader.reminderOf(selected.node, maxReminderChars) };
  }

  async evaluate(
    connection: Connection,
    cases: readonly EvaluationCase[],
  ): Promise<Record<EvaluationMode, ModeReport>> {
    return evaluate((await this.#memoryOf(connection)).engine, cases);
  }

  async #memoryOf(connection: Connection): Promise<KeptMemory> {
    return await this.#options.memories.memoryOf(connection);
  }

  #ingest(connection: Connection, { engine }: KeptMemory, bank: Bank, entry: Entry) {
    const { id, subject: key, body: value, tags, confidence, tenant, isConstraint } = entry;
    return engine.ingest({
      id: id ?? `proactive-${bank}`,
      key,
      value,
      tenant,
      isConstraint,
      authority: connection.role === 'agent' ? 'peer' : 'user',
      provenance: this.#options.service.provenanceOf(connection),
      metadata: { bank, ...(tags && { tags }), ...(confidence !== undefined && { confidence }) },
    });
  }

  #countBanks(connection: Connection, engine: MemoryEngine, { view }: ProactiveRequest): BankCounts {
    const entries = entriesOf(engine, view);
    const knowledge = entries.filter(({ metadata }) => metadata.bank === 'knowledge').length;
    const status = this.#stateOf(connection).statuses.has(view.tenant ?? '') ? 1 : 0;
    return { knowledge, procedural: entries.length - knowledge, status };
  }
}

/** Why nothing is said; `undefined` when something is. */
function silence(
  candidates: readonly Candidate[],
  selected: Candidate | undefined,
  isForced: boolean,
): string | undefined {
  if (candidates.length === 0) return 'nothing_relevant';
  if (!selected) return 'said_recently';
  return isForced || selected.score >= injectThreshold ? undefined : 'below_threshold';
}

function statusId(tenant: string): string {
  return `${statusPrefix}${tenant === '' ? globalStatus : tenant}`;
}
