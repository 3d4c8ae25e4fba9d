// Columns of numbers that grow. They stand in shared memory, so that a worker thread reads what it is handed without a copy.

type Row = Uint8Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer> | Float32Array<SharedArrayBuffer>;

const firstCapacity = 64;

abstract class Column<Cells extends Row | Float64Array<SharedArrayBuffer>> {
  #length = 0;
  /** Replaced when the column grows: read it again after every push, and hand it to a worker as it is at that moment. */
  cells: Cells;

  protected constructor(cells: Cells) {
    this.cells = cells;
  }

  get length(): number {
    return this.#length;
  }

  get byteLength(): number {
    return this.cells.byteLength;
  }

  /** Appends a cell and returns its place. */
  push(value: number): number {
    const at = this.#length++;
    if (at >= this.cells.length) this.#grow(Math.max(firstCapacity, at * 2));
    this.cells[at] = value;
    return at;
  }

  at(index: number): number {
    return this.cells[index] as number;
  }

  set(index: number, value: number): void {
    this.cells[index] = value;
  }

  /** Makes it `length` cells long, filling new ones with `value`. */
  extend(length: number, value: number): void {
    if (length > this.cells.length) this.#grow(Math.max(firstCapacity, length, this.#length * 2));
    if (length > this.#length) {
      this.cells.fill(value, this.#length, length);
      this.#length = length;
    }
  }

  clear(): void {
    this.#length = 0;
    this.cells = this.create(0);
  }

  /** The cells as they are now, whatever happens to the column. For columns whose cells change after they were written. */
  copy(): Cells {
    const copied = this.create(this.#length);
    copied.set(this.cells.subarray(0, this.#length));
    return copied;
  }

  protected abstract create(capacity: number): Cells;

  #grow(capacity: number): void {
    const grown = this.create(capacity);
    grown.set(this.cells.subarray(0, this.#length));
    this.cells = grown;
  }
}

export class Uint8Column extends Column<Uint8Array<SharedArrayBuffer>> {
  constructor() {
    super(new Uint8Array(new SharedArrayBuffer(0)));
  }

  protected override create(capacity: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(new SharedArrayBuffer(capacity));
  }
}

export class Uint32Column extends Column<Uint32Array<SharedArrayBuffer>> {
  constructor() {
    super(new Uint32Array(new SharedArrayBuffer(0)));
  }

  protected override create(capacity: number): Uint32Array<SharedArrayBuffer> {
    return new Uint32Array(new SharedArrayBuffer(capacity * 4));
  }
}

export class Float32Column extends Column<Float32Array<SharedArrayBuffer>> {
  constructor() {
    super(new Float32Array(new SharedArrayBuffer(0)));
  }

  protected override create(capacity: number): Float32Array<SharedArrayBuffer> {
    return new Float32Array(new SharedArrayBuffer(capacity * 4));
  }
}
