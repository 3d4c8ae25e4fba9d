// Hands the nodes of a graph to an index in the order they were made: at once as they come, and a few at a time where many
// were there before.
import type { MemoryGraph } from './graph/graph.ts';
import type { MemoryNode, NodeKind } from './graph/model.ts';

export interface FollowingIndex {
  takes(kind: NodeKind): boolean;
  add(node: MemoryNode): void;
  remove(node: MemoryNode): void;
  reset(): void;
}

/** Characters of older nodes that are taken on with every new one, so that whoever only writes gets there, too. */
const CHARS_WITH_EACH = 1_024;
/** What a node costs besides its characters. */
const CHARS_OF_A_NODE = 64;

export class GraphFollower implements Disposable {
  /** While it is held it leaves new nodes to `catchUp`. */
  isHeld = false;
  readonly #graph: MemoryGraph;
  readonly #index: FollowingIndex;
  readonly #unsubscribe: () => void;
  #next = 0;

  constructor(graph: MemoryGraph, index: FollowingIndex) {
    this.#graph = graph;
    this.#index = index;
    this.#unsubscribe = graph.subscribe({
      nodeAdded: ({ key, value }) => {
        if (!this.isHeld) this.catchUp(key.length + value.length + CHARS_WITH_EACH);
      },
      nodeChanged: (node, before) => {
        if (node.index >= this.#next || index.takes(before.kind) === index.takes(node.kind)) return;
        if (index.takes(node.kind)) index.add(node);
        else index.remove(node);
      },
      nodeRemoved: (node) => {
        if (node.index < this.#next && index.takes(node.kind)) index.remove(node);
      },
      reset: () => {
        this.#next = 0;
        index.reset();
      },
    });
  }

  /** Nodes below it are with the index. */
  get reached(): number {
    return this.#next;
  }

  /** Takes on nodes of about so many characters; whether the index has all. */
  catchUp(maxChars = Infinity): boolean {
    for (let left = maxChars; left > 0 && this.#next < this.#graph.size;) {
      const node = this.#graph.node(this.#next++);
      left -= CHARS_OF_A_NODE;
      if (!node || !this.#index.takes(node.kind)) continue;
      this.#index.add(node);
      left -= node.key.length + node.value.length;
    }
    return this.#next >= this.#graph.size;
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }
}
