// A memory: the graph, what changes it and what reads it. Every change is one record; whoever keeps the memory is handed it
// before the call returns, and the same records make the same memory again.
import { applyRecord } from './apply-record.ts';
import { MemoryError } from './errors.ts';
import { MemoryGraph } from './graph/graph.ts';
import { compactRecords } from './log.ts';
import type {
  Authority,
  ContentType,
  CounterName,
  Counters,
  MemoryNode,
  Metadata,
  NodeKind,
  Provenance,
  View,
} from './graph/model.ts';
import { MemoryReader, type ReaderOptions } from './reader.ts';
import { brokenSkillLines, skillLines } from './skills/context-lines.ts';
import type { ContextExtras } from './context/assemble.ts';
import { formatVersion, type AddRecord, type MemoryRecord, type StoredNode } from './records.ts';

/** Takes every record in order, synchronously and before anything is changed: when it throws, the memory is as it was. */
export type Journal = (record: MemoryRecord) => void;

export interface MemoryEngineOptions extends ReaderOptions {
  /** ms since the epoch. */
  now?: () => number;
}

interface Common {
  /** Minted when left out. One that its tenant used before becomes `<id>-<n>`. */
  readonly id?: string;
  readonly tenant?: string;
  readonly partition?: string;
  readonly provenance?: Provenance;
  /** Since when it holds; now when left out. */
  readonly atMs?: number;
}

export interface FactInput extends Common {
  readonly key: string;
  readonly value: string;
  /** A conclusion stops holding with its premises. Default fact. */
  readonly kind?: 'fact' | 'conclusion';
  readonly scope?: string;
  readonly authority?: Authority;
  readonly isConstraint?: boolean;
  readonly contentType?: ContentType;
  readonly expiresAtMs?: number;
  readonly metadata?: Metadata;
  /** Ids; those that name nothing are left out. */
  readonly dependsOn?: readonly string[];
  readonly premises?: readonly string[];
  readonly links?: AddRecord['links'];
}

export interface SkillNodeInput extends Common {
  readonly key: string;
  readonly value: string;
  readonly supersedes?: string;
  readonly counters?: Counters;
}

export interface TurnInput extends Common {
  readonly speaker: string;
  readonly text: string;
}

export interface EnvironmentInput extends Common {
  readonly key: string;
  readonly value: string;
  readonly expiresAtMs?: number;
}

/** Longest key and longest value, in characters. */
export const maxKeyChars = 4_096;
export const maxValueChars = 1_048_576;
/** A constraint is never cut, so it is refused when it is long. */
export const maxConstraintChars = 16_384;

export class MemoryEngine implements Disposable {
  readonly #options: MemoryEngineOptions;
  readonly #now: () => number;
  readonly #replaced = new Set<() => void>();
  #graph = new MemoryGraph();
  #reader: MemoryReader;
  #banks: ReadonlySet<number>;
  #journal: Journal | undefined;
  /** By tenant, ids minted so far. */
  #minted = new Map<string, number>();
  /** Format of the records that are replayed. */
  #version = formatVersion;
  /** By tenant, the newest turn of its conversation. */
  #lastTurn = new Map<string, string>();

  constructor(options: MemoryEngineOptions = {}) {
    this.#options = options;
    const { now = Date.now, ...reading } = options;
    this.#now = now;
    const newestTurn = (tenant: string): MemoryNode | undefined =>
      this.graph.byId(this.#lastTurn.get(tenant) ?? '', tenant);
    const banks = new Set<number>();
    this.graph.subscribe({
      nodeAdded: ({ index, metadata }) => void (metadata.bank && banks.add(index)),
      nodeRemoved: ({ index }) => void banks.delete(index),
      reset: () => banks.clear(),
    });
    this.#banks = banks;
    const extras: ContextExtras = {
      skills: (request) => skillLines(this, request),
      unknowns: (request) => brokenSkillLines(this, request),
    };
    this.#reader = new MemoryReader(this.graph, now, newestTurn, { extras, ...reading });
  }

  /** Another one after `become`: whoever follows it asks to be told with `onReplaced`. */
  get graph(): MemoryGraph {
    return this.#graph;
  }

  get reader(): MemoryReader {
    return this.#reader;
  }

  /** Nodes that are entries of proactive memory, in order of creation. */
  get banks(): ReadonlySet<number> {
    return this.#banks;
  }

  /** An empty memory that was made as this one was. */
  createAlike(): MemoryEngine {
    return new MemoryEngine(this.#options);
  }

  /** Holds from now on what another memory holds, at once; the other is not to be used any more. */
  become(other: MemoryEngine, { isWrittenDown = false } = {}): void {
    if (this.#journal && !isWrittenDown) {
      this.#journal({ op: 'reset' });
      for (const record of compactRecords(other)) this.#journal(record);
    }
    const { utility } = this.#reader;
    this.#reader[Symbol.dispose]();
    this.#graph = other.#graph;
    this.#reader = other.#reader;
    this.#reader.utility = utility;
    this.#banks = other.#banks;
    this.#minted = other.#minted;
    this.#lastTurn = other.#lastTurn;
    for (const tell of this.#replaced) tell();
  }

  /** Until the returned function is called. */
  onReplaced(tell: () => void): () => void {
    this.#replaced.add(tell);
    return () => void this.#replaced.delete(tell);
  }

  /** Facts that hold. */
  get factCount(): number {
    return this.graph.validFactCount;
  }

  get nowMs(): number {
    return this.#now();
  }

  /** Ids minted so far by tenant, so that a file can go on counting. */
  get minted(): ReadonlyMap<string, number> {
    return this.#minted;
  }

  /** Whether what was replayed last is of an older format: what is written behind it needs a head of its own. */
  get isOldFormat(): boolean {
    return this.#version !== formatVersion;
  }

  /** Hands every record from now on to a journal. */
  keepIn(journal: Journal): void {
    if (this.#journal) throw new MemoryError('already_kept', 'Cannot keep a memory in two journals');
    this.#journal = journal;
  }

  /** Throws for the first that could not be ingested, before anything is changed. */
  check(facts: readonly Pick<FactInput, 'key' | 'value' | 'isConstraint'>[]): void {
    for (const { key, value, isConstraint = false } of facts) checkLengths(key, value, isConstraint);
  }

  ingest(fact: FactInput): MemoryNode {
    return this.#addFact(fact);
  }

  /** The target is a fact id, else the key of a fact: its first valid one. It holds no longer, the new fact does. */
  supersede(target: string, fact: FactInput): MemoryNode {
    const old = this.findTarget(target, viewOf(fact));
    if (!old) throw new MemoryError('unknown_target', `Cannot supersede "${target}": no valid fact has that id or key`);
    return this.#addFact(fact, old);
  }

  /** What supersession by id or key means at this moment. */
  findTarget(target: string, view: View): MemoryNode | undefined {
    const named = this.graph.byId(target, view.tenant);
    if (named?.endedAtMs === Infinity && (named.kind === 'fact' || named.kind === 'conclusion')) {
      if (this.graph.isVisible(named.index, view)) return named;
    }
    for (const node of this.graph.factsOfKey(target, view)) return node;
    return undefined;
  }

  /** It holds no longer and nothing takes its place; false when there is nothing of that id that holds. */
  invalidate(id: string, tenant = ''): boolean {
    const node = this.graph.byId(id, tenant);
    if (!node || node.endedAtMs !== Infinity) return false;
    this.#commit({ op: 'end', ...scopeOf(tenant), id, at: this.#now() });
    return true;
  }

  /** Somebody looked at it after what it rests on changed: it stands. */
  confirm(id: string, tenant = ''): boolean {
    const node = this.graph.byId(id, tenant);
    if (!node?.needsReview) return false;
    this.#commit({ op: 'review', ...scopeOf(tenant), id, needed: false });
    return true;
  }

  addTurn(turn: TurnInput): MemoryNode {
    const { speaker, text, tenant = '' } = turn;
    const after = this.#lastTurn.get(tenant);
    const value = `${speaker}: ${text}`;
    return this.#add('conversation', { ...turn, key: speaker, value }, 'turn', after === undefined ? {} : { after });
  }

  /** Stands for turns that are removed. */
  addSummary(summary: Common & { key: string; value: string }): MemoryNode {
    return this.#add('conversation_summary', summary, 'summary');
  }

  /** Its value is what it is to whoever ingested it. The skill it supersedes, by id, is deprecated. */
  addSkill(skill: SkillNodeInput): MemoryNode {
    const { supersedes, counters } = skill;
    return this.#add('skill', skill, 'skill', supersedes === undefined ? {} : { supersedes }, counters && { counters });
  }

  addIdentity(identity: Common & { key: string; value: string }): MemoryNode {
    return this.#add('identity', identity, 'identity');
  }

  addEnvironment(observation: EnvironmentInput): MemoryNode {
    const { expiresAtMs } = observation;
    const expires = expiresAtMs === undefined || expiresAtMs === Infinity ? {} : { expires: expiresAtMs };
    return this.#add('environment', observation, 'env', {}, expires);
  }

  /** Takes nodes of a tenant out of the graph for good. */
  remove(ids: readonly string[], tenant = ''): void {
    this.#assertKnown(ids, tenant);
    if (ids.length > 0) this.#commit({ op: 'remove', ...scopeOf(tenant), ids: [...new Set(ids)] });
  }

  /** The same, of whatever tenants. */
  removeNodes(nodes: Iterable<MemoryNode>): void {
    const byTenant = new Map<string, string[]>();
    for (const { id, tenant } of nodes) {
      const ids = byTenant.get(tenant);
      if (ids) ids.push(id);
      else byTenant.set(tenant, [id]);
    }
    for (const [tenant, ids] of byTenant) this.remove(ids, tenant);
  }

  /** With a moment it is also noted as the last use. */
  count(
    ids: readonly string[],
    counter: CounterName,
    { tenant = '', atMs }: { tenant?: string; atMs?: number } = {},
  ): void {
    this.#assertKnown(ids, tenant);
    if (ids.length === 0) return;
    this.#commit({ op: 'count', ...scopeOf(tenant), ids, counter, ...(atMs !== undefined && { at: atMs }) });
  }

  reset(): void {
    this.#commit({ op: 'reset' });
  }

  [Symbol.dispose](): void {
    this.reader[Symbol.dispose]();
  }

  /** Makes what a journal says happened happen again, without telling the journal. */
  replay(record: MemoryRecord): void {
    this.reader.hold(true);
    if (record.op === 'head') {
      this.#version = record.version;
      for (const [tenant, minted] of [['', record.minted] as const, ...(record.minted_for ?? [])]) {
        this.#restoreMinted(tenant, minted);
      }
      return;
    }
    this.#apply(record, this.#version);
    if (record.op === 'add') this.#restoreMinted(record.node.tenant ?? '', mintedNumber(record.node.id));
  }

  #restoreMinted(tenant: string, minted: number): void {
    if (minted > (this.#minted.get(tenant) ?? 0)) this.#minted.set(tenant, minted);
  }

  /** What is written down must be possible. */
  #assertKnown(ids: readonly string[], tenant: string): void {
    const unknown = ids.find((id) => this.graph.indexOf(id, tenant) === undefined);
    if (unknown !== undefined) throw new MemoryError('unknown_id', `There is no node "${unknown}"`, 'id');
  }

  #addFact(fact: FactInput, supersedes?: MemoryNode): MemoryNode {
    const { dependsOn = [], premises = [], contentType, expiresAtMs, metadata, scope, authority, isConstraint } = fact;
    const edges = fact.links ?? [];
    const links = {
      ...(edges.length > 0 && { links: edges }),
      ...(dependsOn.length > 0 && { depends_on: dependsOn }),
      ...(premises.length > 0 && { premises }),
      ...(supersedes && { supersedes: supersedes.id }),
    };
    return this.#add(fact.kind ?? 'fact', fact, 'fact', links, {
      ...(scope !== undefined && scope !== 'global' && { scope }),
      ...(authority !== undefined && authority !== 'external' && { authority }),
      ...(isConstraint && { constraint: true }),
      ...(contentType !== undefined && contentType !== 'natural_language' && { content: contentType }),
      ...(expiresAtMs !== undefined && expiresAtMs !== Infinity && { expires: expiresAtMs }),
      ...(metadata && Object.keys(metadata).length > 0 && { meta: metadata }),
    });
  }

  #add(
    kind: NodeKind,
    input: Common & { key: string; value: string },
    prefix: string,
    links: Omit<AddRecord, 'op' | 'node' | 'asked'> = {},
    more: Partial<StoredNode> = {},
  ): MemoryNode {
    checkLengths(input.key, input.value, more.constraint === true);
    const { key, value, tenant = '', partition = '', provenance, atMs = this.#now() } = input;
    const minted = (this.#minted.get(tenant) ?? 0) + 1;
    const asked = input.id ?? `${prefix}-${minted}`;
    const { id, uses } = this.graph.mintId(asked, tenant);
    const node: StoredNode = {
      id,
      kind,
      key,
      value,
      at: atMs,
      ...(tenant !== '' && { tenant }),
      ...(partition !== '' && { partition }),
      ...(provenance && { from: provenance }),
      ...more,
    };
    const index = this.#commit({ op: 'add', node, ...(uses > 1 && { asked: [asked, uses] as const }), ...links });
    if (input.id === undefined) this.#minted.set(tenant, minted);
    return this.graph.node(index as number) as MemoryNode;
  }

  #commit(record: MemoryRecord): number | undefined {
    this.#journal?.(record);
    this.reader.hold(false);
    return this.#apply(record);
  }

  #apply(record: MemoryRecord, version = formatVersion): number | undefined {
    const index = applyRecord(this.graph, record, version);
    if (record.op === 'add' && record.node.kind === 'conversation') {
      this.#lastTurn.set(record.node.tenant ?? '', record.node.id);
    } else if (record.op === 'reset') this.#lastTurn.clear();
    return index;
  }
}

function scopeOf(tenant: string): { tenant?: string } {
  return tenant === '' ? {} : { tenant };
}

function checkLengths(key: string, value: string, isConstraint: boolean): void {
  checkLength('key', key, maxKeyChars);
  checkLength('value', value, isConstraint ? maxConstraintChars : maxValueChars);
}

function checkLength(field: string, text: string, limit: number): void {
  if (text.length <= limit) return;
  throw new MemoryError('too_long', `Cannot remember a ${field} of ${text.length} characters: at most ${limit}`, field);
}

export function viewOf({ tenant = '', partition = '' }: { tenant?: string; partition?: string }): View {
  return { tenant, ...(partition !== '' && { partitions: [partition] }) };
}

/** The number in an id that we minted, so that none is minted again after a restart. */
function mintedNumber(id: string): number {
  const digits = /^(?:fact|turn|env|identity|summary)-(\d{1,15})$/.exec(id)?.[1];
  return digits === undefined ? 0 : Number(digits);
}
