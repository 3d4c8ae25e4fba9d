// The graph itself: nodes, edges, and who is told when they change. It knows nothing of ranking, files or time.
import { MemoryError } from '../errors.ts';
import { Adjacency, none } from './adjacency.ts';
import { Uint32Column, Uint8Column } from './columns.ts';
import { KeyGroups } from './key-groups.ts';
import { NodeIds } from './node-ids.ts';
import {
  isValidKind,
  layerOf,
  type CounterName,
  type Counters,
  type EdgeKind,
  type MemoryNode,
  type NodeDraft,
  type NodeKind,
  type View,
} from './model.ts';

/** Told of every change, in order and while it happens, so that an index can follow without reading the graph again. */
export interface GraphListener {
  nodeAdded?(node: MemoryNode): void;
  /** Its kind changed, so it may have stopped to hold; or whether it needs review. */
  nodeChanged?(node: MemoryNode, before: { readonly kind: NodeKind; readonly needsReview: boolean }): void;
  /** It is gone; its index stays unused. */
  nodeRemoved?(node: MemoryNode): void;
  edgeAdded?(from: number, to: number, kind: EdgeKind, weight: number): void;
  /** Everything is gone and indexes begin at 0 again. */
  reset?(): void;
}

/** `size` nodes are in them; what lies beyond was added since. */
export interface WalkColumns {
  readonly size: number;
  readonly flags: Uint8Array<SharedArrayBuffer>;
  readonly tenants: Uint32Array<SharedArrayBuffer>;
  readonly partitions: Uint32Array<SharedArrayBuffer>;
  readonly firstOut: Uint32Array<SharedArrayBuffer>;
  readonly nextOut: Uint32Array<SharedArrayBuffer>;
  readonly firstIn: Uint32Array<SharedArrayBuffer>;
  readonly nextIn: Uint32Array<SharedArrayBuffer>;
  readonly from: Uint32Array<SharedArrayBuffer>;
  readonly to: Uint32Array<SharedArrayBuffer>;
  readonly kind: Uint8Array<SharedArrayBuffer>;
  readonly weight: Float32Array<SharedArrayBuffer>;
  readonly groupOf: Uint32Array<SharedArrayBuffer>;
  readonly nextInGroup: Uint32Array<SharedArrayBuffer>;
  readonly firstInGroup: Uint32Array<SharedArrayBuffer>;
  readonly groupSize: Uint32Array<SharedArrayBuffer>;
}

export interface WalkView {
  readonly tenant: number;
  readonly partitions: readonly number[] | 'all';
}

/** Bits of `MemoryGraph.flags`. */
export const flag = {
  isLive: 1,
  isValid: 2,
  isFact: 4,
  isConstraint: 8,
  needsReview: 16,
  isUntrusted: 32,
  isAnswer: 64,
} as const;

/** What a query may answer with, besides taking part in the walk. */
const answers: ReadonlySet<NodeKind> = new Set(['fact', 'conclusion', 'conversation', 'conversation_summary']);

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Entry = Mutable<MemoryNode>;

const noCounters: Counters = Object.freeze({});

export class MemoryGraph {
  readonly adjacency = new Adjacency();
  readonly groups = new KeyGroups();
  /** Bits of `flag` by node. */
  readonly flags = new Uint8Column();
  /** Number of a node's tenant; 0 for the unscoped. */
  readonly tenants = new Uint32Column();
  /** Number of a node's partition; 0 for our own. */
  readonly partitions = new Uint32Column();
  readonly #nodes: (Entry | undefined)[] = [];
  readonly #ids = new NodeIds();
  /** Facts that hold, by number of tenant. */
  readonly #validFacts: number[] = [];
  /** By tenant and partition, then by key. */
  readonly #groups = new Map<string, Map<string, number>>();
  readonly #tenantNumbers = new Map<string, number>([['', 0]]);
  readonly #partitionNumbers = new Map<string, number>([['', 0]]);
  /** Valid nodes that readers want all of: kept apart, in order of creation. */
  readonly #identities = new Set<number>();
  readonly #constraints = new Set<number>();
  readonly #environment = new Set<number>();
  readonly #conversation = new Set<number>();
  readonly #summaries = new Set<number>();
  readonly #needsReview = new Set<number>();
  readonly #listeners = new Set<GraphListener>();
  #liveCount = 0;
  #validFactCount = 0;
  #snapshot: WalkColumns | undefined;

  /** One more than the highest index in use. */
  get size(): number {
    return this.#nodes.length;
  }

  /** Nodes that were not removed, whether they hold or not. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** Facts that hold. Conclusions, skills and the rest do not count. */
  get validFactCount(): number {
    return this.#validFactCount;
  }

  /** The same, of one tenant. */
  validFactCountOf(tenant: string): number {
    return this.#validFacts[this.tenantNumber(tenant)] ?? 0;
  }

  /** Until the returned function is called. The listener hears of what is there by reading `nodes()`. */
  subscribe(listener: GraphListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  node(index: number): MemoryNode | undefined {
    return this.#nodes[index];
  }

  /** All that were not removed, in order of creation. */
  *nodes(): Generator<MemoryNode> {
    for (const node of this.#nodes) if (node) yield node;
  }

  /** Of a tenant; of the unscoped when none is named. */
  indexOf(id: string, tenant = ''): number | undefined {
    return this.#ids.find(id, tenant);
  }

  byId(id: string, tenant = ''): MemoryNode | undefined {
    const index = this.#ids.find(id, tenant);
    return index === undefined ? undefined : this.#nodes[index];
  }

  /** The tenant that has an id, in what was written when no two tenants shared one; the unscoped when none has. */
  ownerOf(id: string): string {
    return this.#ids.findAnywhere(id)?.tenant ?? '';
  }

  /** The valid facts of a key, in order of creation. */
  *factsOfKey(key: string, view: View = {}): Generator<MemoryNode> {
    const { tenant = '', partitions = [] } = view;
    const foreign = partitions === 'all' ? [...this.#partitionNumbers.keys()].slice(1) : partitions;
    for (const partition of ['', ...foreign]) {
      const group = this.#groups.get(groupSpace(tenant, partition))?.get(key);
      if (group === undefined) continue;
      for (const index of this.groups.members(group)) yield this.#nodes[index] as MemoryNode;
    }
  }

  *identities(): Generator<MemoryNode> {
    for (const index of this.#identities) yield this.#nodes[index] as MemoryNode;
  }

  /** Turns of all conversations, in the order they came. */
  *turns(): Generator<MemoryNode> {
    for (const index of this.#conversation) yield this.#nodes[index] as MemoryNode;
  }

  /** Summaries of turns that are gone. */
  *summaries(): Generator<MemoryNode> {
    for (const index of this.#summaries) yield this.#nodes[index] as MemoryNode;
  }

  /** Observations, those that have expired included. */
  *environment(): Generator<MemoryNode> {
    for (const index of this.#environment) yield this.#nodes[index] as MemoryNode;
  }

  /** Valid facts whose constraint flag is set, in order of creation. */
  *constraints(): Generator<MemoryNode> {
    for (const index of this.#constraints) yield this.#nodes[index] as MemoryNode;
  }

  *needingReview(): Generator<MemoryNode> {
    for (const index of this.#needsReview) yield this.#nodes[index] as MemoryNode;
  }

  /** What a walk over the graph reads, as it is while nothing changes: for this thread, and before it yields. */
  walkColumns(): WalkColumns {
    const { adjacency, groups } = this;
    return {
      ...this.#fixedColumns(),
      flags: this.flags.cells,
      firstOut: adjacency.firstOut.cells,
      firstIn: adjacency.firstIn.cells,
      groupOf: groups.groupOf.cells,
      nextInGroup: groups.next.cells,
      firstInGroup: groups.first.cells,
      groupSize: groups.size.cells,
    };
  }

  /** The same for another thread: what changes after it was written is copied, the rest is shared. One copy serves until the
   *  graph changes. */
  snapshot(): WalkColumns {
    const { adjacency, groups } = this;
    this.#snapshot ??= {
      ...this.#fixedColumns(),
      flags: this.flags.copy(),
      firstOut: adjacency.firstOut.copy(),
      firstIn: adjacency.firstIn.copy(),
      groupOf: groups.groupOf.copy(),
      nextInGroup: groups.next.copy(),
      firstInGroup: groups.first.copy(),
      groupSize: groups.size.copy(),
    };
    return this.#snapshot;
  }

  #fixedColumns() {
    const { adjacency } = this;
    return {
      size: this.size,
      tenants: this.tenants.cells,
      partitions: this.partitions.cells,
      nextOut: adjacency.nextOut.cells,
      nextIn: adjacency.nextIn.cells,
      from: adjacency.from.cells,
      to: adjacency.to.cells,
      kind: adjacency.kind.cells,
      weight: adjacency.weight.cells,
    };
  }

  /** A view in numbers, for those who walk columns. */
  toWalkView({ tenant = '', partitions = [] }: View): WalkView {
    if (partitions === 'all') return { tenant: this.tenantNumber(tenant), partitions };
    return {
      tenant: this.tenantNumber(tenant),
      partitions: partitions.map((name) => this.#partitionNumbers.get(name) ?? none),
    };
  }

  isVisible(index: number, view: View): boolean {
    if (this.tenants.at(index) !== this.tenantNumber(view.tenant ?? '')) return false;
    const partition = this.partitions.at(index);
    if (partition === 0 || view.partitions === 'all') return true;
    return view.partitions?.includes((this.#nodes[index] as MemoryNode).partition) ?? false;
  }

  /** Number that stands for a tenant in `tenants`; `none` for one without nodes. */
  tenantNumber(tenant: string): number {
    return this.#tenantNumbers.get(tenant) ?? none;
  }

  /** The id that the next node gets when it asks for this one: the n-th time it is `<id>-<n>`. */
  mintId(id: string, tenant = ''): { id: string; uses: number } {
    return this.#ids.mint(id, tenant);
  }

  /** Adds a node and returns its index. Its id must be one that no other node of its tenant has. */
  add(draft: NodeDraft, counters: Counters = noCounters): number {
    const index = this.#nodes.length;
    const { id, tenant } = draft;
    if (this.#ids.find(id, tenant) !== undefined)
      throw new MemoryError('duplicate_id', `Cannot add "${id}": there is a node of that id`, 'id');
    const node: Entry = {
      index,
      kind: draft.kind,
      key: draft.key,
      value: draft.value,
      id,
      tenant: draft.tenant,
      partition: draft.partition,
      scope: draft.scope,
      authority: draft.authority,
      isConstraint: draft.isConstraint,
      contentType: draft.contentType,
      createdAtMs: draft.createdAtMs,
      expiresAtMs: draft.expiresAtMs,
      provenance: draft.provenance,
      metadata: draft.metadata,
      needsReview: false,
      endedAtMs: Infinity,
      counters,
    };
    this.#snapshot = undefined;
    this.#nodes.push(node);
    this.adjacency.addNode();
    this.groups.addNode();
    this.flags.push(0);
    this.tenants.push(numberOf(this.#tenantNumbers, tenant));
    this.partitions.push(numberOf(this.#partitionNumbers, draft.partition));
    this.#ids.add(id, tenant, index);
    this.#liveCount++;
    this.#enlist(node);
    for (const listener of this.#listeners) listener.nodeAdded?.(node);
    return index;
  }

  link(from: number, to: number, kind: EdgeKind, weight = 1): void {
    this.#snapshot = undefined;
    this.adjacency.addEdge(from, to, kind, weight);
    for (const listener of this.#listeners) listener.edgeAdded?.(from, to, kind, weight);
  }

  /** How often ids were asked for, where that is more than once. */
  idUses(): Iterable<[tenant: string, id: string, uses: number]> {
    return this.#ids.uses();
  }

  /** What was written down of `idUses`. */
  restoreIdUses(id: string, uses: number, tenant = ''): void {
    this.#ids.restoreUses(id, tenant, uses);
  }

  /** Makes a node another kind; one that is not valid no longer takes part in retrieval. */
  setKind(index: number, kind: NodeKind, atMs: number): void {
    const node = this.#nodes[index];
    if (!node || node.kind === kind) return;
    const before = { kind: node.kind, needsReview: node.needsReview };
    this.#snapshot = undefined;
    this.#delist(node);
    node.kind = kind;
    node.endedAtMs = isValidKind(kind) ? Infinity : atMs;
    this.#enlist(node);
    for (const listener of this.#listeners) listener.nodeChanged?.(node, before);
  }

  /** When a node that a file calls ended did so. */
  restoreEnd(index: number, atMs: number): void {
    const node = this.#nodes[index];
    if (node && !isValidKind(node.kind)) node.endedAtMs = atMs;
  }

  setNeedsReview(index: number, needsReview: boolean): void {
    const node = this.#nodes[index];
    if (!node || node.needsReview === needsReview) return;
    const before = { kind: node.kind, needsReview: node.needsReview };
    this.#snapshot = undefined;
    node.needsReview = needsReview;
    if (needsReview) this.#needsReview.add(index);
    else this.#needsReview.delete(index);
    this.flags.set(index, flagsOf(node));
    for (const listener of this.#listeners) listener.nodeChanged?.(node, before);
  }

  /** Counts say nothing of what holds, so nobody is told. */
  count(index: number, counter: CounterName, by = 1): void {
    const node = this.#nodes[index];
    if (node) node.counters = { ...node.counters, [counter]: (node.counters[counter] ?? 0) + by };
  }

  /** Of a counter that is a moment. */
  setCounter(index: number, counter: CounterName, value: number): void {
    const node = this.#nodes[index];
    if (node) node.counters = { ...node.counters, [counter]: value };
  }

  remove(index: number): void {
    const node = this.#nodes[index];
    if (!node) return;
    this.#delist(node);
    this.#needsReview.delete(index);
    this.#nodes[index] = undefined;
    this.#snapshot = undefined;
    this.flags.set(index, 0);
    this.#ids.remove(node.id, node.tenant);
    this.#liveCount--;
    for (const listener of this.#listeners) listener.nodeRemoved?.(node);
  }

  reset(): void {
    this.#nodes.length = 0;
    this.#snapshot = undefined;
    this.adjacency.clear();
    this.groups.clear();
    for (const column of [this.flags, this.tenants, this.partitions]) column.clear();
    for (const map of [this.#ids, this.#groups, this.#tenantNumbers, this.#partitionNumbers]) map.clear();
    this.#validFacts.length = 0;
    this.#tenantNumbers.set('', 0);
    this.#partitionNumbers.set('', 0);
    for (const set of [this.#identities, this.#constraints, this.#environment, this.#conversation, this.#summaries])
      set.clear();
    this.#needsReview.clear();
    this.#liveCount = 0;
    this.#validFactCount = 0;
    for (const listener of this.#listeners) listener.reset?.();
  }

  #enlist(node: Entry): void {
    this.flags.set(node.index, flagsOf(node));
    if (!isValidKind(node.kind)) return;
    if (node.kind === 'fact') {
      this.#countFact(node, 1);
      if (node.isConstraint) this.#constraints.add(node.index);
      this.groups.join(node.index, this.#groupOf(node));
    } else this.#setOf(node)?.add(node.index);
  }

  #delist(node: Entry): void {
    if (!isValidKind(node.kind)) return;
    if (node.kind === 'fact') {
      this.#countFact(node, -1);
      this.#constraints.delete(node.index);
      this.groups.leave(node.index);
    } else this.#setOf(node)?.delete(node.index);
  }

  #countFact({ index }: Entry, by: number): void {
    const tenant = this.tenants.at(index);
    this.#validFactCount += by;
    this.#validFacts[tenant] = (this.#validFacts[tenant] ?? 0) + by;
  }

  #setOf({ kind }: Entry): Set<number> | undefined {
    const layer = layerOf[kind];
    if (layer === 1) return this.#identities;
    if (layer === 3) return kind === 'conversation' ? this.#conversation : this.#summaries;
    return layer === 4 ? this.#environment : undefined;
  }

  #groupOf({ tenant, partition, key }: Entry): number {
    const space = groupSpace(tenant, partition);
    let groups = this.#groups.get(space);
    if (!groups) this.#groups.set(space, (groups = new Map()));
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = this.groups.createGroup()));
    return group;
  }
}

/** Lengths keep the names of two tenants apart, whatever is in them. */
function groupSpace(tenant: string, partition: string): string {
  return partition === '' ? tenant : `${tenant.length}\0${tenant}${partition}`;
}

function numberOf(numbers: Map<string, number>, name: string): number {
  let number = numbers.get(name);
  if (number === undefined) {
    number = numbers.size;
    numbers.set(name, number);
  }
  return number;
}

function flagsOf(node: MemoryNode): number {
  return (
    flag.isLive |
    (isValidKind(node.kind) ? flag.isValid : 0) |
    (node.kind === 'fact' ? flag.isFact : 0) |
    (node.isConstraint ? flag.isConstraint : 0) |
    (node.needsReview ? flag.needsReview : 0) |
    (node.provenance.trust === 'untrusted' ? flag.isUntrusted : 0) |
    (answers.has(node.kind) ? flag.isAnswer : 0)
  );
}
