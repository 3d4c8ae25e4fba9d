// The seam for judging what of the valid nodes can still be relied on. The graph knows what was superseded explicitly; a
// belief may know more: a turn that quotes a superseded value, an observation that is too old, a source that is overruled.
import type { MemoryGraph } from './graph/graph.ts';
import type { MemoryNode, View } from './graph/model.ts';

export interface BeliefRequest {
  readonly nowMs: number;
  readonly view: View;
  /** What is asked, where the answer depends on it. */
  readonly text: string;
  /** Who is asking: its scope and authority decide what it may rely on. */
  readonly actor?: { readonly id?: string; readonly role?: string; readonly scope?: string };
}

/** Whether a valid node may be presented as current. */
export type Standing =
  | {
      readonly isCurrent: true;
      /** Where not all of the value holds: what does, as it should be shown, and what does not. */
      readonly holds?: string;
      readonly outdated?: string;
    }
  | {
      readonly isCurrent: false;
      /** Stable and short, such as `superseded_value`, `stale`, `out_of_scope`. */
      readonly reason: string;
      /** What overrules it. */
      readonly by?: number;
      /** Leave it out altogether instead of showing it as outdated. */
      readonly isHidden?: boolean;
    };

/** A correction that nobody declared. Shown to people and models for review, never applied by itself. */
export interface SupersessionCandidate {
  readonly older: number;
  readonly newer: number;
  /** 0 to 1. */
  readonly confidence: number;
  readonly reason: string;
}

export interface Belief extends Disposable {
  /** Whether a reader may be shown a valid node at all: it has not expired, and is not withheld from who asks. Cheap. */
  mayShow(node: MemoryNode, request: BeliefRequest): boolean;
  standingOf(node: MemoryNode, request: BeliefRequest): Standing;
  /** Pairs to review, the most certain first. */
  candidates(view: View, limit: number): SupersessionCandidate[];
}

export type BeliefFactory = (graph: MemoryGraph) => Belief;

/** Relies on the graph alone: what it holds for valid is current until it expires. */
export function createPlainBelief(): Belief {
  return {
    mayShow: ({ expiresAtMs }, { nowMs }) => expiresAtMs > nowMs,
    standingOf: ({ expiresAtMs }, { nowMs }) =>
      expiresAtMs <= nowMs ? { isCurrent: false, reason: 'expired', isHidden: true } : { isCurrent: true },
    candidates: () => [],
    [Symbol.dispose]() {},
  };
}
