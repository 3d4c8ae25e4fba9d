// Vectors of texts, a byte for each number, and the nearest of them to another: first by signatures of 128 bits, which are
// fast to compare, then by the vectors themselves.

/** Bits of a signature, one for the side of a plane that a vector lies on. */
const SIGNATURE_WORDS = 4;
/** Vectors that are compared themselves, the nearest by signature. */
const MAX_COMPARED = 1_024;

export interface Near {
  readonly id: number;
  /** Cosine of the angle between the two, above 0. */
  readonly likeness: number;
}

export class Vectors {
  readonly #dimensions: number;
  readonly #planes: Int8Array;
  readonly #places = new Map<number, number>();
  #ids = new Float64Array(16);
  #cells: Int8Array;
  /** What a cell has to be multiplied with for vectors of length 1. */
  #scales = new Float32Array(16);
  #signatures = new Uint32Array(16 * SIGNATURE_WORDS);

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#cells = new Int8Array(16 * dimensions);
    this.#planes = planesFor(dimensions);
  }

  get size(): number {
    return this.#places.size;
  }

  get byteLength(): number {
    return this.#ids.byteLength + this.#cells.byteLength + this.#scales.byteLength + this.#signatures.byteLength;
  }

  /** Whether it could be: a vector without length points nowhere. */
  set(id: number, vector: Float32Array): boolean {
    const length = lengthOf(vector);
    if (vector.length !== this.#dimensions || !(length > 0) || !Number.isFinite(length)) return false;
    const place = this.#places.get(id) ?? this.size;
    if (place >= this.#ids.length) this.#grow(place * 2);
    this.#places.set(id, place);
    this.#ids[place] = id;
    const highest = vector.reduce((high, each) => Math.max(high, Math.abs(each)), 0);
    const cells = Int8Array.from(vector, (each) => Math.round((each / highest) * 127));
    this.#cells.set(cells, place * this.#dimensions);
    let sum = 0;
    for (const cell of cells) sum += cell * cell;
    this.#scales[place] = 1 / Math.sqrt(sum);
    this.#signatures.set(this.#signatureOf(vector), place * SIGNATURE_WORDS);
    return true;
  }

  /** The last one takes its place. */
  delete(id: number): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#places.delete(id);
    const last = this.size;
    if (place === last) return;
    const moved = this.#ids[last]!;
    this.#places.set(moved, place);
    this.#ids[place] = moved;
    this.#scales[place] = this.#scales[last]!;
    this.#cells.copyWithin(place * this.#dimensions, last * this.#dimensions, (last + 1) * this.#dimensions);
    this.#signatures.copyWithin(place * SIGNATURE_WORDS, last * SIGNATURE_WORDS, (last + 1) * SIGNATURE_WORDS);
  }

  /** The nearest, the nearest first; of equals the one with the lower id. */
  nearest(vector: Float32Array, limit: number, isWanted: (id: number) => boolean): Near[] {
    if (vector.length !== this.#dimensions) return [];
    const length = lengthOf(vector);
    return this.#nearBySignature(this.#signatureOf(vector))
      .map((place) => ({ id: this.#ids[place]!, likeness: this.#product(place, vector) / length }))
      .filter(({ id, likeness }) => likeness > 0 && isWanted(id))
      .sort((a, b) => b.likeness - a.likeness || a.id - b.id)
      .slice(0, limit);
  }

  /** Places by how many bits differ, counted and laid out by that number: no sorting of all. */
  #nearBySignature(signature: Uint32Array): number[] {
    const count = this.size;
    const distances = new Uint8Array(count);
    const perDistance = new Int32Array(SIGNATURE_WORDS * 32 + 1);
    for (let place = 0; place < count; place++) {
      let distance = 0;
      for (let word = 0; word < SIGNATURE_WORDS; word++) {
        distance += bitsIn(this.#signatures[place * SIGNATURE_WORDS + word]! ^ signature[word]!);
      }
      distances[place] = distance;
      perDistance[distance]!++;
    }
    let farthest = 0;
    for (let sum = perDistance[0]!; sum < MAX_COMPARED && farthest < SIGNATURE_WORDS * 32;)
      sum += perDistance[++farthest]!;
    const places: number[] = [];
    for (let place = 0; place < count; place++) if (distances[place]! < farthest) places.push(place);
    // Of those on the edge as many as there is room for, those with the lowest ids.
    const edge: number[] = [];
    for (let place = 0; place < count; place++) if (distances[place] === farthest) edge.push(place);
    edge.sort((a, b) => this.#ids[a]! - this.#ids[b]!);
    return [...places, ...edge.slice(0, Math.max(0, MAX_COMPARED - places.length))];
  }

  #product(place: number, vector: Float32Array): number {
    const from = place * this.#dimensions;
    let sum = 0;
    for (let at = 0; at < vector.length; at++) sum += this.#cells[from + at]! * vector[at]!;
    return sum * this.#scales[place]!;
  }

  #signatureOf(vector: Float32Array): Uint32Array {
    const signature = new Uint32Array(SIGNATURE_WORDS);
    for (let bit = 0; bit < SIGNATURE_WORDS * 32; bit++) {
      const from = bit * this.#dimensions;
      let side = 0;
      for (let at = 0; at < vector.length; at++) side += this.#planes[from + at]! * vector[at]!;
      if (side > 0) signature[bit >>> 5]! |= 1 << (bit & 31);
    }
    return signature;
  }

  #grow(capacity: number): void {
    const { length } = this.#ids;
    const copy = <T extends { set(from: T): void }>(to: T, from: T): T => (to.set(from), to);
    this.#ids = copy(new Float64Array(Math.max(capacity, length)), this.#ids);
    this.#cells = copy(new Int8Array(capacity * this.#dimensions), this.#cells);
    this.#scales = copy(new Float32Array(capacity), this.#scales);
    this.#signatures = copy(new Uint32Array(capacity * SIGNATURE_WORDS), this.#signatures);
  }
}

function lengthOf(vector: Float32Array): number {
  let sum = 0;
  for (const each of vector) sum += each * each;
  return Math.sqrt(sum);
}

function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

const knownPlanes = new Map<number, Int8Array>();

/** Normals of planes through the origin, at random and the same each time. */
function planesFor(dimensions: number): Int8Array {
  let planes = knownPlanes.get(dimensions);
  if (!planes) {
    let state = 0x9e3779b9;
    const next = (): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      return (state ^= state << 5);
    };
    planes = Int8Array.from({ length: SIGNATURE_WORDS * 32 * dimensions }, () => (next() < 0 ? -1 : 1));
    knownPlanes.clear();
    knownPlanes.set(dimensions, planes);
  }
  return planes;
}
