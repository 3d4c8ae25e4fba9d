// Output of one JSON object a line, as it comes in pieces. What is no object, is cut off or is too long is passed over: a tool
// says things that we do not know, and goes on.

export const maxLineBytes = 4 * 1024 * 1024;
const newline = 0x0a;

export class JsonLines {
  readonly #onObject: (value: Record<string, unknown>) => void;
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #length = 0;
  #isTooLong = false;
  /** Lines that were passed over. */
  skipped = 0;

  constructor(onObject: (value: Record<string, unknown>) => void, maxBytes = maxLineBytes) {
    this.#onObject = onObject;
    this.#maxBytes = maxBytes;
  }

  write(bytes: Buffer): void {
    let start = 0;
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
      this.#add(bytes.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#add(bytes.subarray(start));
  }

  /** The last line may have no end. */
  end(): void {
    this.#endLine();
  }

  #add(bytes: Buffer): void {
    if (bytes.length === 0 || this.#isTooLong) return;
    this.#length += bytes.length;
    if (this.#length > this.#maxBytes) {
      this.#isTooLong = true;
      this.#pieces = [];
    } else this.#pieces.push(bytes);
  }

  #endLine(): void {
    const text = this.#isTooLong ? undefined : Buffer.concat(this.#pieces, this.#length).toString('utf8').trim();
    this.#pieces = [];
    this.#length = 0;
    this.#isTooLong = false;
    if (text === '') return;
    const value = text === undefined ? undefined : objectOf(text);
    if (value) this.#onObject(value);
    else this.skipped++;
  }
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    return undefined; // no JSON
  }
}

export function recordOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
