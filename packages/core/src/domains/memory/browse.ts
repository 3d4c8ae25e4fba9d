// Looking around in the memory that a connection works on, and deciding about what is found there.
import { listNodes, neighborsOf, type NodePage } from '@car-runtime/memory';
import type { Connection } from '../../kernel/connection.ts';
import { factOf, onMemory } from './errors.ts';
import type { KeptMemory } from './kept-memory.ts';
import type { Memories } from './memories.ts';

export interface Page {
  tenant: string;
  limit: number;
}

export class MemoryBrowser {
  readonly #memories: Memories;

  constructor(memories: Memories) {
    this.#memories = memories;
  }

  async list(
    connection: Connection,
    page: Page & { before: number | undefined; isCurrent: boolean; needsReview: boolean },
  ): Promise<NodePage> {
    return listNodes((await this.#memoryOf(connection)).engine, page);
  }

  async neighbors(connection: Connection, factId: string, { tenant, ...page }: Page & { after: string | undefined }) {
    const { engine } = await this.#memoryOf(connection);
    const node = factOf(engine, 'show the neighbors of', factId, tenant);
    return { node, ...neighborsOf(engine, node, { tenant }, page) };
  }

  async invalidate(connection: Connection, factId: string, tenant: string): Promise<boolean> {
    const memory = await this.#memoryOf(connection);
    const { id } = factOf(memory.engine, 'invalidate', factId, tenant);
    return onMemory(() => memory.engine.invalidate(id, tenant));
  }

  async confirm(connection: Connection, factId: string, tenant: string): Promise<boolean> {
    const memory = await this.#memoryOf(connection);
    const { id } = factOf(memory.engine, 'confirm', factId, tenant);
    return onMemory(() => memory.engine.confirm(id, tenant));
  }

  async #memoryOf(connection: Connection): Promise<KeptMemory> {
    return await this.#memories.memoryOf(connection);
  }
}
