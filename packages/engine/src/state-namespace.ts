/** What a state store keeps: cells by tenant and key, and who wrote what that may still be taken back. */
import { JsonExtents } from './json-extents.ts';

/** A value and when it was written. Never changed in place: whoever holds one holds the past. */
export interface Cell {
  readonly value: unknown;
  readonly version: number;
  /** About the characters of its JSON; 0 where nobody counts. */
  readonly chars: number;
}

/** What a store may hold, all tenants together. */
export interface StateLimits {
  readonly maxKeys: number;
  /** Of keys, tenants and values as JSON. */
  readonly maxChars: number;
}

/** What readers of a store see. */
export interface StateUsage {
  keys: number;
  chars: number;
}

/** A write that its owner may still take back; no cell means it removed the key. */
interface Layer {
  readonly owner: object;
  readonly cell: Cell | undefined;
}

/** A key with writes that may still be taken back, oldest first, at most one per owner. */
interface Contested {
  base: Cell | undefined;
  layers: Layer[];
}

/**
 * The keys of one tenant. Several checkpoints may be open at once and touch the same key. Each takes back only its
 * own write: what others wrote before it shows again, what others wrote after it stays.
 */
export class Namespace {
  /** What readers see. */
  readonly cells = new Map<string, Cell>();
  readonly #contested = new Map<string, Contested>();
  readonly #tenant: string;
  readonly #usage: StateUsage;

  constructor(tenant: string, usage: StateUsage) {
    this.#tenant = tenant;
    this.#usage = usage;
  }

  /** What the key takes with this cell. */
  charsOf(key: string, { chars }: Cell): number {
    return chars + key.length + this.#tenant.length;
  }

  get isEmpty(): boolean {
    return this.cells.size === 0 && this.#contested.size === 0;
  }

  /** A write for good. Earlier writes that were still open can never show again, so they are forgotten. */
  commit(key: string, cell: Cell | undefined): void {
    this.#contested.delete(key);
    this.#show(key, cell);
  }

  /** A write that `owner` may take back. */
  write(key: string, cell: Cell | undefined, owner: object): void {
    let contested = this.#contested.get(key);
    if (contested === undefined) {
      contested = { base: this.cells.get(key), layers: [] };
      this.#contested.set(key, contested);
    }
    const layers = contested.layers;
    const own = layers.findIndex((layer) => layer.owner === owner);
    if (own >= 0) layers.splice(own, 1);
    layers.push({ owner, cell });
    this.#show(key, cell);
  }

  /** Takes back what `owner` wrote to the key. */
  undo(key: string, owner: object): void {
    const contested = this.#contested.get(key);
    if (contested === undefined) return;
    const own = contested.layers.findIndex((layer) => layer.owner === owner);
    if (own < 0) return;
    contested.layers.splice(own, 1);
    const top = contested.layers.at(-1);
    this.#show(key, top === undefined ? contested.base : top.cell);
    if (contested.layers.length === 0) this.#contested.delete(key);
  }

  /** Makes what `owner` wrote to the key final. */
  keep(key: string, owner: object): void {
    const contested = this.#contested.get(key);
    if (contested === undefined) return;
    const own = contested.layers.findIndex((layer) => layer.owner === owner);
    if (own < 0) return;
    contested.base = contested.layers[own]?.cell;
    contested.layers.splice(0, own + 1);
    if (contested.layers.length === 0) this.#contested.delete(key);
  }

  #show(key: string, cell: Cell | undefined): void {
    this.#count(key, this.cells.get(key), -1);
    this.#count(key, cell, 1);
    if (cell === undefined) this.cells.delete(key);
    else this.cells.set(key, cell);
  }

  #count(key: string, cell: Cell | undefined, sign: 1 | -1): void {
    if (cell === undefined) return;
    this.#usage.keys += sign;
    this.#usage.chars += sign * this.charsOf(key, cell);
  }
}

/** All namespaces of a store. One exists only while it holds something, so reading never makes the store grow. */
export class Namespaces {
  readonly #byTenant = new Map<string, Namespace>();
  readonly #usage: StateUsage = { keys: 0, chars: 0 };
  readonly #limits: StateLimits | undefined;
  #lastVersion = 0;

  constructor(limits: StateLimits | undefined) {
    this.#limits = limits;
  }

  find(tenant: string): Namespace | undefined {
    return this.#byTenant.get(tenant);
  }

  open(tenant: string): Namespace {
    let namespace = this.#byTenant.get(tenant);
    if (namespace === undefined) {
      namespace = new Namespace(tenant, this.#usage);
      this.#byTenant.set(tenant, namespace);
    }
    return namespace;
  }

  dropIfEmpty(tenant: string): void {
    if (this.#byTenant.get(tenant)?.isEmpty) this.#byTenant.delete(tenant);
  }

  /** Versions are drawn from one counter: a key removed and written again never shows an old version. */
  createCell(value: unknown): Cell {
    this.#lastVersion += 1;
    const chars = this.#limits === undefined ? 0 : new JsonExtents().of(value).chars;
    return { value, version: this.#lastVersion, chars };
  }

  /** Why these cells have no room, or null. What only takes less than before always has. */
  refusal(tenant: string, cells: ReadonlyMap<string, Cell>): string | null {
    if (this.#limits === undefined) return null;
    const { maxKeys, maxChars } = this.#limits;
    const namespace = this.open(tenant);
    let { keys, chars } = this.#usage;
    let culprit = '';
    for (const [key, cell] of cells) {
      const current = namespace.cells.get(key);
      const added = namespace.charsOf(key, cell) - (current === undefined ? 0 : namespace.charsOf(key, current));
      chars += added;
      if (added > 0 && chars > maxChars) culprit = key;
      if (current !== undefined) continue;
      keys += 1;
      if (keys > maxKeys) {
        return `Cannot write state key ${quoted(key)}: ${this.#usage.keys} keys are there, at most ${maxKeys} are allowed`;
      }
    }
    if (chars > maxChars && chars > this.#usage.chars) {
      return `Cannot write state key ${quoted(culprit)}: the state would have more than ${maxChars} characters as JSON`;
    }
    return null;
  }
}

function quoted(key: string): string {
  return JSON.stringify(key.length > 100 ? `${key.slice(0, 100)}…` : key);
}
