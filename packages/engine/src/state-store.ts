/** State of one runtime: JSON values by tenant and key, with versions and checkpoints. */
import { StateError } from './errors.ts';
import { ownValue } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import { Namespaces } from './state-namespace.ts';
import type { Cell, Namespace, StateLimits } from './state-namespace.ts';

const TENANT_PREFIX = 'tenant:';

/** Reading access, as checks and policies get it. */
export interface StateReader {
  /** The value, or null when the key is absent. */
  get(key: string): unknown;
  has(key: string): boolean;
}

/**
 * Keys of one tenant, or the unscoped keys. Values are kept as given, not copied: they are JSON and nobody changes
 * them in place.
 */
export class StateView implements StateReader {
  readonly #namespaces: Namespaces;
  readonly #tenant: string;

  constructor(namespaces: Namespaces, tenant: string) {
    this.#namespaces = namespaces;
    this.#tenant = tenant;
  }

  get(key: string): unknown {
    return this.#namespace?.cells.get(key)?.value ?? null;
  }

  has(key: string): boolean {
    return this.#namespace?.cells.has(key) ?? false;
  }

  /** When the key was last written: a number that only grows within the store, 0 when the key is absent. */
  version(key: string): number {
    return this.#namespace?.cells.get(key)?.version ?? 0;
  }

  /** Stores a value for good: no open checkpoint takes it back. Throws `StateError` where there is no room. */
  set(key: string, value: unknown): void {
    const refusal = this.#commit(new Map([[key, this.#namespaces.createCell(value)]]));
    if (refusal !== null) throw new StateError('state_full', refusal);
  }

  /** Stores all of these for good, or none of them where there is no room; answers why, or null. */
  assign(changes: JsonObject): string | null {
    return this.#commit(toCells(changes, this.#namespaces));
  }

  #commit(cells: ReadonlyMap<string, Cell>): string | null {
    const refusal = this.#namespaces.refusal(this.#tenant, cells);
    if (refusal === null) {
      const namespace = this.#namespaces.open(this.#tenant);
      for (const [key, cell] of cells) namespace.commit(key, cell);
    } else this.#namespaces.dropIfEmpty(this.#tenant);
    return refusal;
  }

  /** Removes a key for good; answers whether it was there. */
  delete(key: string): boolean {
    const namespace = this.#namespace;
    if (namespace === undefined) return false;
    const existed = namespace.cells.has(key);
    namespace.commit(key, undefined);
    this.#namespaces.dropIfEmpty(this.#tenant);
    return existed;
  }

  /** Sorted. Unscoped listings leave out keys that look like a tenant's. */
  keys(): string[] {
    const keys = [...(this.#namespace?.cells.keys() ?? [])];
    const listed = this.#tenant === '' ? keys.filter((key) => !key.startsWith(TENANT_PREFIX)) : keys;
    return listed.toSorted();
  }

  /** About the characters of `snapshot` as JSON, in a store that has limits. */
  get snapshotChars(): number {
    let chars = 2;
    for (const key of this.keys()) chars += key.length + 4 + (this.#namespace?.cells.get(key)?.chars ?? 0);
    return chars;
  }

  /** The listed keys with their values, as they are now. */
  entries(): [key: string, value: unknown][] {
    return this.keys().map((key) => [key, this.get(key)]);
  }

  /** The listed keys with their values, in an object without prototype: no key is special in it. */
  snapshot(): JsonObject {
    const snapshot = Object.create(null) as JsonObject;
    for (const key of this.keys()) snapshot[key] = this.get(key);
    return snapshot;
  }

  /** Starts a group of writes that can be taken back together. Costs nothing until the first write. */
  checkpoint(): StateCheckpoint {
    return new StateCheckpoint(this.#namespaces, this.#tenant);
  }

  get #namespace(): Namespace | undefined {
    return this.#namespaces.find(this.#tenant);
  }
}

/**
 * The store is itself the unscoped view. A tenant has a namespace of its own, which is what the key form
 * `tenant:<id>:<key>` stands for: an unscoped key of that form is an ordinary unscoped key that no listing shows and
 * never names a tenant's data, and tenant `a:b` with key `c` never meets tenant `a` with key `b:c`.
 */
export class StateStore extends StateView {
  readonly #namespaces: Namespaces;

  /** Without limits it takes what it is given. */
  constructor(limits?: StateLimits) {
    const namespaces = new Namespaces(limits);
    super(namespaces, '');
    this.#namespaces = namespaces;
  }

  /** The view of a tenant; without an id, the unscoped view. */
  view(tenantId?: string | null): StateView {
    return tenantId == null || tenantId === '' ? this : new StateView(this.#namespaces, tenantId);
  }
}

/**
 * Writes that can be taken back together, at a cost that depends on how many keys were written, not on how many there
 * are. Readers see them at once. Writes made by anyone else meanwhile are not taken back: they were acknowledged.
 */
export class StateCheckpoint {
  readonly #namespaces: Namespaces;
  readonly #tenant: string;
  #written: Set<string> | undefined;

  constructor(namespaces: Namespaces, tenant: string) {
    this.#namespaces = namespaces;
    this.#tenant = tenant;
  }

  /** Throws `StateError` where there is no room. */
  set(key: string, value: unknown): void {
    const refusal = this.assign({ [key]: value });
    if (refusal !== null) throw new StateError('state_full', refusal);
  }

  /** Writes all of these, or none of them where there is no room; answers why, or null. */
  assign(changes: JsonObject): string | null {
    const cells = toCells(changes, this.#namespaces);
    const refusal = this.#namespaces.refusal(this.#tenant, cells);
    if (refusal === null) for (const [key, cell] of cells) this.#write(key).write(key, cell, this);
    else this.#namespaces.dropIfEmpty(this.#tenant);
    return refusal;
  }

  delete(key: string): void {
    this.#write(key).write(key, undefined, this);
  }

  /** Puts every written key back to what it would be without this checkpoint; answers which keys those were. */
  restore(): string[] {
    return this.#end((namespace, key) => {
      namespace.undo(key, this);
    });
  }

  /** Makes every write final. */
  release(): void {
    this.#end((namespace, key) => {
      namespace.keep(key, this);
    });
  }

  #write(key: string): Namespace {
    this.#written ??= new Set();
    this.#written.add(key);
    return this.#namespaces.open(this.#tenant);
  }

  #end(settle: (namespace: Namespace, key: string) => void): string[] {
    const keys = [...(this.#written ?? [])];
    this.#written = undefined;
    const namespace = this.#namespaces.find(this.#tenant);
    if (namespace === undefined) return keys;
    for (const key of keys) settle(namespace, key);
    this.#namespaces.dropIfEmpty(this.#tenant);
    return keys;
  }
}

function toCells(changes: JsonObject, namespaces: Namespaces): Map<string, Cell> {
  return new Map(Object.keys(changes).map((key) => [key, namespaces.createCell(ownValue(changes, key))]));
}
