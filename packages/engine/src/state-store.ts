/** State of one runtime: JSON values by tenant and key, with versions and checkpoints. */
import type { JsonObject } from './json-value.ts';
import { Namespaces } from './state-namespace.ts';
import type { Namespace } from './state-namespace.ts';

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

  /** Stores a value for good: no open checkpoint takes it back. */
  set(key: string, value: unknown): void {
    this.#namespaces.open(this.#tenant).commit(key, this.#namespaces.createCell(value));
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

  constructor() {
    const namespaces = new Namespaces();
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

  set(key: string, value: unknown): void {
    this.#write(key).write(key, this.#namespaces.createCell(value), this);
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
