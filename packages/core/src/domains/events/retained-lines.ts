// The newest lines of a journal as bytes, outside the heap: keeping them costs one copy a turn and nothing for the
// collector, and most are never read. A log at its bound writes into the memory of what it forgets: always new memory
// outside the heap makes the collector run, and that cost a busy daemon a tenth of its time.

const newline = 10;
const firstSegmentBytes = 4 * 1024;
const maxSegmentBytes = 64 * 1024;

interface Segment {
  readonly buffer: Buffer;
  /** Of the oldest line kept. */
  start: number;
  end: number;
  lines: number;
  /** Somebody may read it even after it is forgotten, so it is never written into again. */
  isTaken: boolean;
}

export class RetainedLines {
  #segments: Segment[] = [];
  #lines = 0;
  #bytes = 0;
  #capacity = 0;
  /** Memory of a segment that was forgotten, for the next one. */
  #spare: Buffer | undefined;

  get lines(): number {
    return this.#lines;
  }

  /** Of the lines, newlines included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Memory held for them. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Adds so many lines, each ended by a newline, and returns them encoded. The bytes stay as they are until `add` is
   *  called again. */
  add(text: string, lines: number): Buffer {
    const segment = this.#segmentFor(text);
    const from = segment.end;
    const bytes = segment.buffer.write(text, from);
    segment.end += bytes;
    segment.lines += lines;
    this.#lines += lines;
    this.#bytes += bytes;
    return segment.buffer.subarray(from, segment.end);
  }

  #segmentFor(text: string): Segment {
    const last = this.#segments.at(-1);
    const room = last ? last.buffer.length - last.end : 0;
    if (last && text.length * 3 <= room) return last;
    const needed = Buffer.byteLength(text);
    if (last && needed <= room) return last;
    const grown = last ? Math.min(maxSegmentBytes, last.buffer.length * 2) : firstSegmentBytes;
    const segment = { buffer: this.#memoryOf(Math.max(grown, needed)), start: 0, end: 0, lines: 0, isTaken: false };
    this.#segments.push(segment);
    return segment;
  }

  #memoryOf(bytes: number): Buffer {
    const spare = this.#spare;
    if (spare?.length === bytes) {
      this.#spare = undefined;
      return spare;
    }
    this.#capacity += bytes;
    return Buffer.allocUnsafeSlow(bytes);
  }

  #releaseSpare(): void {
    this.#capacity -= this.#spare?.length ?? 0;
    this.#spare = undefined;
  }

  /** Forgets so many of the oldest lines. */
  dropOldest(count: number): void {
    let left = count;
    while (left > 0) {
      const oldest = this.#segments[0];
      if (!oldest) return;
      if (oldest.lines <= left) {
        left -= oldest.lines;
        this.#dropSegment(oldest);
      } else {
        this.#dropLines(oldest, left);
        left = 0;
      }
    }
  }

  /** Forgets the oldest lines until the rest is no more than so many bytes, and returns how many went. */
  dropToBytes(maxBytes: number): number {
    const before = this.#lines;
    for (let oldest = this.#segments[0]; oldest && this.#bytes > maxBytes; oldest = this.#segments[0]) {
      if (this.#bytes - (oldest.end - oldest.start) >= maxBytes) this.#dropSegment(oldest);
      else this.dropOldest(1);
    }
    return before - this.#lines;
  }

  /** Gives back about half of the memory held, at least something where there is anything. */
  halve(): void {
    for (const oldest of this.#segments.slice(0, Math.ceil(this.#segments.length / 2))) this.#dropSegment(oldest);
    this.#releaseSpare();
  }

  #dropSegment(oldest: Segment): void {
    this.#segments.shift();
    this.#lines -= oldest.lines;
    this.#bytes -= oldest.end - oldest.start;
    const isSpare = !oldest.isTaken && oldest.buffer.length === maxSegmentBytes && !this.#spare;
    if (isSpare) this.#spare = oldest.buffer;
    else this.#capacity -= oldest.buffer.length;
    if (this.#segments.length === 0) this.#releaseSpare();
  }

  #dropLines(segment: Segment, count: number): void {
    const before = segment.start;
    for (let index = 0; index < count; index++) segment.start = segment.buffer.indexOf(newline, segment.start) + 1;
    segment.lines -= count;
    this.#lines -= count;
    this.#bytes -= segment.start - before;
  }

  /** The oldest line, without its newline; to be read at once. */
  oldest(): Buffer | undefined {
    const segment = this.#segments.find(({ lines }) => lines > 0);
    return segment?.buffer.subarray(segment.start, segment.buffer.indexOf(newline, segment.start));
  }

  /** What is kept now, oldest first, in pieces of whole lines. They stay as they are whatever happens to the log. */
  pieces(): Buffer[] {
    const pieces: Buffer[] = [];
    for (const segment of this.#segments) {
      const { buffer, start, end } = segment;
      segment.isTaken = true;
      let from = start;
      while (end - from > maxSegmentBytes) {
        const to = buffer.indexOf(newline, from + maxSegmentBytes - 1) + 1;
        pieces.push(buffer.subarray(from, to));
        from = to;
      }
      if (from < end) pieces.push(buffer.subarray(from, end));
    }
    return pieces;
  }
}
