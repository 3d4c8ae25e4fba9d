// What happens to a graph, as records: the engine makes one for every change, and the same records make the graph again.
// Encoded as a line each they are the file of a memory; keys are short and defaults are left out.
import type {
  Authority,
  ContentType,
  CounterName,
  Counters,
  EdgeKind,
  Metadata,
  NodeKind,
  Provenance,
} from './graph/model.ts';

/** 2: ids are a tenant's own, and a record says whose it means. In 1 no two tenants shared an id. */
export const formatVersion = 2;
export const oldestFormatVersion = 1;

export interface StoredNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly key: string;
  readonly value: string;
  readonly tenant?: string;
  readonly partition?: string;
  readonly scope?: string;
  readonly authority?: Authority;
  readonly constraint?: true;
  readonly content?: ContentType;
  /** ms since the epoch, all times. */
  readonly at: number;
  readonly expires?: number;
  readonly ended?: number;
  readonly review?: true;
  readonly from?: Provenance;
  readonly meta?: Metadata;
  readonly counters?: Counters;
}

export interface AddRecord {
  readonly op: 'add';
  readonly node: StoredNode;
  /** The id that was asked for and how often by now, where the node got another. */
  readonly asked?: readonly [id: string, uses: number];
  readonly depends_on?: readonly string[];
  readonly premises?: readonly string[];
  /** The node before it in its conversation. */
  readonly after?: string;
  /** The node it takes the place of. */
  readonly supersedes?: string;
  readonly links?: readonly (readonly [to: string, kind: EdgeKind, weight: number])[];
}

export type MemoryRecord =
  /** First line of a file, and where its format changes; `minted` ids were made so far, and so many for each tenant. */
  | {
      readonly op: 'head';
      readonly version: number;
      readonly minted: number;
      readonly minted_for?: readonly (readonly [tenant: string, minted: number])[];
    }
  | AddRecord
  /** Only in what a compaction wrote: everything else makes its edges itself. */
  | {
      readonly op: 'edge';
      readonly tenant?: string;
      readonly from: string;
      readonly to: string;
      readonly kind: EdgeKind;
      readonly weight: number;
    }
  | { readonly op: 'asked'; readonly tenant?: string; readonly id: string; readonly uses: number }
  /** It holds no longer, and nothing takes its place. */
  | { readonly op: 'end'; readonly tenant?: string; readonly id: string; readonly at: number }
  | { readonly op: 'remove'; readonly tenant?: string; readonly ids: readonly string[] }
  | { readonly op: 'review'; readonly tenant?: string; readonly id: string; readonly needed: boolean }
  /** With `at` it is also when the node was last used. */
  | {
      readonly op: 'count';
      readonly tenant?: string;
      readonly ids: readonly string[];
      readonly counter: CounterName;
      readonly at?: number;
    }
  | { readonly op: 'reset' };
