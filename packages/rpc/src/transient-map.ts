// A Map for entries that come and go by the thousand, or hardly ever.
//
// V8 leaves in each outgrown table of a Map a link to the table that took its place, for iterators. One outgrown table in
// the old generation therefore keeps all later ones from being freed, with whatever they held, until the next full
// collection: on a busy connection that was every call. Beginning with a new Map now and then ends the chain. And an
// empty Map of an idle connection is let go: it takes 250 bytes.

const minAdditions = 64;
/** Entries are moved at most once for so many additions. */
const additionsPerEntry = 4;

/** The part of Map that is used, in order of addition. */
export class TransientMap<K, V> {
  #map: Map<K, V> | undefined;
  #additions = 0;

  get size(): number {
    return this.#map?.size ?? 0;
  }

  get(key: K): V | undefined {
    return this.#map?.get(key);
  }

  has(key: K): boolean {
    return this.#map?.has(key) ?? false;
  }

  set(key: K, value: V): void {
    if (!this.#map) this.#map = new Map();
    else if (++this.#additions > minAdditions && this.#additions > this.#map.size * additionsPerEntry) {
      this.#map = new Map(this.#map);
      this.#additions = 0;
    }
    this.#map.set(key, value);
  }

  delete(key: K): boolean {
    const wasThere = this.#map?.delete(key) ?? false;
    if (this.#map?.size === 0) this.clear();
    return wasThere;
  }

  clear(): void {
    this.#map = undefined;
    this.#additions = 0;
  }

  keys(): IteratorObject<K> {
    return (this.#map ?? new Map<K, V>()).keys();
  }

  values(): IteratorObject<V> {
    return (this.#map ?? new Map<K, V>()).values();
  }
}
