// The seam for a memory engine. `ServerState.embedded` takes one; sessions reach it through `ServerState.memoryOf`.

/** A fact as a query returns it (Memory, Shared shapes). */
export interface FactRow {
  subject: string;
  body: string;
  kind: string;
  confidence: number | string;
}

export interface NewFact {
  subject: string;
  body: string;
  kind: string;
  tenantId?: string;
}

/** A graph of facts. All access goes through its own methods; a caller never holds it across another's write. */
export interface MemoryEngine {
  /** Number of valid facts. */
  readonly factCount: number;
  /** Adds a fact and returns its id. */
  addFact(fact: NewFact): Promise<string>;
  /** The best matches first, at most `limit`. */
  query(text: string, options: { limit: number; tenantId?: string }): Promise<FactRow[]>;
}
