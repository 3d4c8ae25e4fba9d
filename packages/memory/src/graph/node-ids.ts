// Ids of nodes. Each tenant has its own: two of them may use the same id, and neither can tell what the other uses.

interface TenantIds {
  readonly indexes: Map<string, number>;
  /** How often an id was asked for, where that is more than once. */
  readonly uses: Map<string, number>;
}

const none: TenantIds = { indexes: new Map(), uses: new Map() };

export class NodeIds {
  readonly #tenants = new Map<string, TenantIds>();

  find(id: string, tenant: string): number | undefined {
    return this.#tenants.get(tenant)?.indexes.get(id);
  }

  /** Of whichever tenant, the unscoped first: where ids were written down when no two tenants shared one. */
  findAnywhere(id: string): { index: number; tenant: string } | undefined {
    for (const tenant of ['', ...this.#tenants.keys()]) {
      const index = this.find(id, tenant);
      if (index !== undefined) return { index, tenant };
    }
    return undefined;
  }

  add(id: string, tenant: string, index: number): void {
    this.#of(tenant).indexes.set(id, index);
  }

  remove(id: string, tenant: string): void {
    this.#tenants.get(tenant)?.indexes.delete(id);
  }

  /** The id that the next node gets when it asks for this one: the n-th time it is `<id>-<n>`. Not counted as asking yet. */
  mint(id: string, tenant: string): { id: string; uses: number } {
    const { indexes, uses: known } = this.#tenants.get(tenant) ?? none;
    let uses = (known.get(id) ?? (indexes.has(id) ? 1 : 0)) + 1;
    let minted = uses === 1 ? id : `${id}-${uses}`;
    while (indexes.has(minted)) minted = `${id}-${++uses}`;
    return { id: minted, uses };
  }

  restoreUses(id: string, tenant: string, uses: number): void {
    if (uses > 1) this.#of(tenant).uses.set(id, uses);
  }

  *uses(): Generator<[tenant: string, id: string, uses: number]> {
    for (const [tenant, { uses }] of this.#tenants) for (const [id, count] of uses) yield [tenant, id, count];
  }

  clear(): void {
    this.#tenants.clear();
  }

  #of(tenant: string): TenantIds {
    let ids = this.#tenants.get(tenant);
    if (!ids) this.#tenants.set(tenant, (ids = { indexes: new Map(), uses: new Map() }));
    return ids;
  }
}
