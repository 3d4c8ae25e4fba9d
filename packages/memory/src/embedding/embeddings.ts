// The vectors of a memory's nodes: made in the background as nodes come, a batch at a time, and forgotten when they end. An
// embedder that fails costs nothing but its help: queries are ranked by words until it works again.
import type { MemoryGraph } from '../graph/graph.ts';
import { isValidKind, type MemoryNode, type View } from '../graph/model.ts';
import { MemoryError } from '../errors.ts';
import { maxDimensions, type Embedder } from './embedder.ts';
import { Vectors } from './vectors.ts';

/** Texts of one call of the embedder, and characters of one text. */
const batchSize = 32;
const maxChars = 8_192;
/** Nodes that a question is likened to. */
const maxLike = 64;
/** Vectors of one memory, in bytes; further nodes are ranked by their words alone. */
const maxBytes = 64 * 1024 * 1024;
const maxVectors = 131_072;
/** Nodes that are passed over without a pause. */
const maxPassedOver = 4_096;

export interface EmbeddingsOptions {
  readonly embedder: Embedder;
  readonly pause: () => Promise<void>;
  readonly onProblem?: ((error: unknown) => void) | undefined;
}

export class Embeddings implements Disposable {
  readonly #graph: MemoryGraph;
  readonly #options: EmbeddingsOptions;
  readonly #limit: number;
  readonly #unsubscribe: () => void;
  /** By number of the tenant. */
  readonly #vectors = new Map<number, Vectors>();
  #count = 0;
  /** Nodes below it have their vectors, or need none. */
  #next = 0;
  /** Resets so far. */
  #epoch = 0;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(graph: MemoryGraph, options: EmbeddingsOptions) {
    const { dimensions } = options.embedder;
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > maxDimensions) {
      throw new MemoryError(
        'bad_embedder',
        `Cannot use vectors of ${dimensions} dimensions: from 1 to ${maxDimensions}`,
      );
    }
    this.#graph = graph;
    this.#options = options;
    this.#limit = Math.min(maxVectors, Math.floor(maxBytes / dimensions));
    this.#unsubscribe = graph.subscribe({
      nodeAdded: () => void this.#run(),
      nodeChanged: (node) => {
        if (!isEmbedded(node)) this.#forget(node);
      },
      nodeRemoved: (node) => this.#forget(node),
      reset: () => {
        this.#vectors.clear();
        this.#count = 0;
        this.#next = 0;
        this.#epoch++;
      },
    });
  }

  /** Nodes that have a vector. */
  get size(): number {
    return this.#count;
  }

  /** Resolves when every node has its vector, or the embedder failed. */
  settled(): Promise<void> {
    return this.#run();
  }

  /** How much nodes that may be seen are like a text, by index; none when the embedder fails. */
  async likenessTo(text: string, view: View): Promise<ReadonlyMap<number, number>> {
    void this.#run();
    const vectors = this.#vectors.get(this.#graph.tenantNumber(view.tenant ?? ''));
    if (!vectors || vectors.size === 0) return new Map();
    try {
      const [vector] = await this.#options.embedder.embed([text.slice(0, maxChars)]);
      if (!vector) return new Map();
      const near = vectors.nearest(vector, maxLike, (id) => this.#graph.isVisible(id, view));
      return new Map(near.map(({ id, likeness }) => [id, Math.min(1, likeness)]));
    } catch (error) {
      this.#options.onProblem?.(error);
      return new Map();
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#vectors.clear();
  }

  #run(): Promise<void> {
    this.#running ??= this.#embedAll().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #embedAll(): Promise<void> {
    try {
      for (;;) {
        // What comes in one go is embedded in one go, and others have the thread between two.
        await this.#options.pause();
        if (this.#isClosed || this.#next >= this.#graph.size) return;
        const epoch = this.#epoch;
        const { batch, next } = this.#takeBatch();
        const vectors = batch.length === 0 ? [] : await this.#options.embedder.embed(batch.map(textOf));
        if (epoch !== this.#epoch) continue;
        for (const [nth, node] of batch.entries()) this.#keep(node, vectors[nth]);
        this.#next = next;
      }
    } catch (error) {
      this.#options.onProblem?.(error);
    }
  }

  #takeBatch(): { batch: MemoryNode[]; next: number } {
    const batch: MemoryNode[] = [];
    const last = Math.min(this.#graph.size, this.#next + maxPassedOver);
    let next = this.#next;
    for (; next < last && batch.length < batchSize; next++) {
      const node = this.#graph.node(next);
      if (node && isEmbedded(node)) batch.push(node);
    }
    return { batch, next };
  }

  #keep(node: MemoryNode, vector: Float32Array | undefined): void {
    // It may have ended while the embedder thought.
    if (!vector || this.#isClosed || this.#graph.node(node.index) !== node || !isEmbedded(node)) return;
    if (this.#count >= this.#limit) return;
    const tenant = this.#graph.tenants.at(node.index);
    let vectors = this.#vectors.get(tenant);
    if (!vectors) this.#vectors.set(tenant, (vectors = new Vectors(this.#options.embedder.dimensions)));
    const before = vectors.size;
    if (!vectors.set(node.index, vector))
      throw new MemoryError('bad_embedder', 'The embedder gave a vector of another size, or of none');
    this.#count += vectors.size - before;
  }

  #forget({ index }: MemoryNode): void {
    const vectors = this.#vectors.get(this.#graph.tenants.at(index));
    if (!vectors) return;
    const before = vectors.size;
    vectors.delete(index);
    this.#count += vectors.size - before;
  }
}

function isEmbedded({ kind }: MemoryNode): boolean {
  return isValidKind(kind) && kind !== 'skill' && kind !== 'identity';
}

function textOf({ kind, key, value }: MemoryNode): string {
  return (kind === 'conversation' ? value : `${key}: ${value}`).slice(0, maxChars);
}
