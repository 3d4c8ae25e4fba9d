// What a node and an edge are (Memory, The graph).

export const nodeKinds = [
  'identity',
  'fact',
  'fact_superseded',
  'conclusion',
  'conclusion_invalidated',
  'skill',
  'skill_deprecated',
  'conversation',
  'conversation_summary',
  'environment',
] as const;
export type NodeKind = (typeof nodeKinds)[number];

export type Layer = 1 | 2 | 3 | 4;

/** 1 identity, 2 facts, 3 conversation, 4 environment. */
export const layerOf: Readonly<Record<NodeKind, Layer>> = {
  identity: 1,
  fact: 2,
  fact_superseded: 2,
  conclusion: 2,
  conclusion_invalidated: 2,
  skill: 2,
  skill_deprecated: 2,
  conversation: 3,
  conversation_summary: 3,
  environment: 4,
};

/** What a valid kind becomes when it no longer holds. Kinds that are missing here never stop holding; they are removed. */
export const invalidKindOf: Readonly<Partial<Record<NodeKind, NodeKind>>> = {
  fact: 'fact_superseded',
  conclusion: 'conclusion_invalidated',
  skill: 'skill_deprecated',
};

export function isValidKind(kind: NodeKind): boolean {
  return kind !== 'fact_superseded' && kind !== 'conclusion_invalidated' && kind !== 'skill_deprecated';
}

export const edgeKinds = [
  'triggers',
  'defined_in',
  'calls',
  'cites_premise',
  'depends_on',
  'related_to',
  'temporal_next',
  'imports',
  'supersedes',
] as const;
export type EdgeKind = (typeof edgeKinds)[number];

/** How much of an activation an edge hands on, besides its own weight. */
export const edgeMultiplier: Readonly<Record<EdgeKind, number>> = {
  triggers: 0.9,
  defined_in: 0.9,
  calls: 0.85,
  cites_premise: 0.85,
  depends_on: 0.8,
  related_to: 0.6,
  temporal_next: 0.5,
  imports: 0.4,
  supersedes: 0.3,
};

/** Edges that activation also follows backwards. */
export const walkedBackwards: ReadonlySet<EdgeKind> = new Set([
  'related_to',
  'depends_on',
  'triggers',
  'calls',
  'defined_in',
  'imports',
]);

/** Weight of the edge between two facts of one key. */
export const sameKeyWeight = 0.5;

export type ContentType = 'natural_language' | 'code' | 'structured_data';
export type Confidence = 'high' | 'medium' | 'low' | 'derived';
export const authorities = ['system', 'policy', 'executive', 'user', 'peer', 'external'] as const;
export type Authority = (typeof authorities)[number] | (string & {});

/** Who a fact came from. */
export type Origin = 'user' | 'agent' | 'tool' | 'web' | 'system' | 'unknown';
/** Whether what it says may stand where instructions stand: what tools and the web say may not. */
export type Trust = 'trusted' | 'untrusted';

export interface Provenance {
  readonly origin: Origin;
  readonly trust: Trust;
  readonly runId?: string;
  /** What the writer called its source, such as a file or an address. */
  readonly source?: string;
}

/** What a fact rests on outside the graph. */
export interface Citation {
  readonly source: string;
  readonly reference: string;
  readonly date?: string;
}

export interface Metadata {
  readonly confidence?: Confidence | (string & {}) | number;
  readonly citations?: readonly Citation[];
  readonly affectedFiles?: readonly string[];
  readonly tags?: readonly string[];
  readonly category?: 'fact' | 'gotcha' | 'anti_pattern' | 'decision' | 'pattern' | (string & {});
  /** The bank of proactive memory it belongs to. */
  readonly bank?: 'knowledge' | 'procedural';
}

export const counterNames = [
  'usage',
  'helpful',
  'outdated',
  /** Of a skill: how often it did what it should, and how often not. */
  'successes',
  'failures',
  /** Of a skill: failures that somebody complained of. */
  'complaints',
  /** No count: when the outcome before was reported, in ms since the epoch. */
  'lastUsedMs',
  /** Reminders made of it; never feeds ranking. */
  'injections',
] as const;
export type CounterName = (typeof counterNames)[number];
export type Counters = Readonly<Partial<Record<CounterName, number>>>;

/** What a new node is made of. Nothing of it changes later. */
export interface NodeDraft {
  readonly kind: NodeKind;
  readonly key: string;
  readonly value: string;
  /** As callers name it, or minted; every node has one, and it names no other node. */
  readonly id: string;
  /** Empty when unscoped. */
  readonly tenant: string;
  /** The repository it belongs to; empty for our own. */
  readonly partition: string;
  readonly scope: string;
  readonly authority: Authority;
  readonly isConstraint: boolean;
  readonly contentType: ContentType;
  /** When it began to hold, as the writer says; ms since the epoch. */
  readonly createdAtMs: number;
  /** Infinity when it does not expire. */
  readonly expiresAtMs: number;
  readonly provenance: Provenance;
  readonly metadata: Metadata;
}

/** A node of the graph. Only the graph changes it; everybody else reads. */
export interface MemoryNode extends Omit<NodeDraft, 'kind'> {
  /** Place in the graph: dense, ascending in order of creation, never given to another node until `reset`. */
  readonly index: number;
  readonly kind: NodeKind;
  /** Something it rests on was superseded or invalidated. */
  readonly needsReview: boolean;
  /** When it stopped holding; Infinity while it holds. */
  readonly endedAtMs: number;
  readonly counters: Counters;
}

/** Which nodes a reader may see. Strict both ways: a scoped reader sees nothing unscoped, an unscoped one nothing scoped. */
export interface View {
  readonly tenant?: string;
  /** Partitions visible besides our own; `all` for every one. */
  readonly partitions?: readonly string[] | 'all';
}
