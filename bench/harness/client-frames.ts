// WebSocket frames as a client sends them (RFC 6455, 5.3), made once and sent many times, and a scanner for what the
// server sends back that looks at no more than the first bytes of each frame.

/** Any key but zero: servers skip the unmasking for zero, and no real client sends it. One byte repeated, so that a
 *  frame can be put together from masked pieces whatever their offset. */
const maskByte = 0x5a;
const maskKey = [maskByte, maskByte, maskByte, maskByte];
const headerLength = 6;
const maxShortLength = 125;
const maxMediumLength = 0xffff;

export const byte = { quote: 0x22, comma: 0x2c, zero: 0x30, nine: 0x39, result: 0x72 } as const;

/** Where the id begins in the answers and callbacks of both servers, which write their members in the same order. */
export const idOffset = '{"jsonrpc":"2.0","id":'.length;

export function maskedFrame(text: string): Buffer {
  const payload = masked(text);
  const { length } = payload;
  return Buffer.concat([Buffer.from([0x81, ...maskedLength(length), ...maskKey]), payload]);
}

function maskedLength(length: number): number[] {
  if (length <= maxShortLength) return [0x80 | length];
  if (length <= maxMediumLength) return [0xfe, length >>> 8, length & 0xff];
  return [0xff, 0, 0, 0, 0, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff];
}

/** A frame with a part that is written over before it is sent: text of always as many bytes. */
export class PatchedFrame {
  readonly bytes: Buffer;
  readonly #at: number;

  constructor(text: string, placeholder: string) {
    this.bytes = maskedFrame(text);
    this.#at = this.bytes.indexOf(masked(placeholder));
  }

  patch(text: string): void {
    this.bytes.set(masked(text), this.#at);
  }
}

function masked(text: string): Buffer {
  const bytes = Buffer.from(text);
  for (let index = 0; index < bytes.length; index++) bytes[index] = (bytes[index] as number) ^ maskByte;
  return bytes;
}

/** A short frame of fixed text around an id that is copied from a frame of the server. */
export class AnswerTemplate {
  readonly #prefix: Buffer;
  readonly #suffix: Buffer;

  constructor(prefix: string, suffix: string) {
    this.#prefix = masked(prefix);
    this.#suffix = masked(suffix);
  }

  /** Writes the frame at `offset` and returns the offset behind it. */
  write(target: Buffer, offset: number, source: Buffer, idStart: number, idEnd: number): number {
    const length = this.#prefix.length + (idEnd - idStart) + this.#suffix.length;
    if (length > maxShortLength) throw new Error(`Cannot answer with ${length} bytes: at most ${maxShortLength}`);
    target[offset] = 0x81;
    target[offset + 1] = 0x80 | length;
    target.fill(maskByte, offset + 2, offset + headerLength);
    let at = offset + headerLength;
    target.set(this.#prefix, at);
    at += this.#prefix.length;
    for (let index = idStart; index < idEnd; index++) target[at++] = (source[index] as number) ^ maskByte;
    target.set(this.#suffix, at);
    return at + this.#suffix.length;
  }
}

/** Where the payload begins that `payloadLength` measured last. */
let payloadStart = 0;

/** Length of a frame's payload, given two bytes at least; -1 when the header is cut off. */
function payloadLength(bytes: Buffer, offset: number): number {
  if (bytes[offset] !== 0x81)
    throw new Error(`The server sent a frame that is no text: 0x${bytes[offset]?.toString(16)}`);
  const length = bytes[offset + 1] as number;
  const header = length <= maxShortLength ? 2 : length === 126 ? 4 : 10;
  if (offset + header > bytes.length) return -1;
  payloadStart = offset + header;
  if (header === 2) return length;
  return header === 4 ? bytes.readUInt16BE(offset + 2) : bytes.readUInt32BE(offset + 6);
}

/** Finds the text frames in a stream of bytes. A frame cut in two is put together before it is reported. */
export class FrameScanner {
  readonly #onFrame: (bytes: Buffer, start: number, end: number) => void;
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** Of the frame that was cut in two, so that its pieces are joined once. */
  #needed = 0;

  constructor(onFrame: (bytes: Buffer, start: number, end: number) => void) {
    this.#onFrame = onFrame;
  }

  /** `chunk` may be reused by the caller afterwards. */
  push(chunk: Buffer): void {
    if (this.#restBytes > 0 && this.#restBytes + chunk.length < this.#needed) return this.#keep(Buffer.from(chunk));
    const bytes = this.#restBytes > 0 ? Buffer.concat([...this.#rest, chunk]) : chunk;
    this.#rest = [];
    this.#restBytes = this.#needed = 0;
    let offset = 0;
    while (offset + 2 <= bytes.length) {
      const length = payloadLength(bytes, offset);
      if (length < 0) break;
      const start = payloadStart;
      const end = start + length;
      if (end > bytes.length) {
        this.#needed = end - offset;
        break;
      }
      this.#onFrame(bytes, start, end);
      offset = end;
    }
    if (offset < bytes.length) this.#keep(Buffer.from(bytes.subarray(offset)));
  }

  #keep(bytes: Buffer): void {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
  }
}

/** Counts the text frames in a stream of bytes and looks at nothing but their headers. */
export class FrameCounter {
  count = 0;
  /** Bytes of the frame under way that are still to come. */
  #skip = 0;
  #header: Buffer | undefined;

  push(chunk: Buffer): void {
    const bytes = this.#header ? Buffer.concat([this.#header, chunk]) : chunk;
    this.#header = undefined;
    let offset = this.#skip;
    while (offset < bytes.length) {
      const length = offset + 2 <= bytes.length ? payloadLength(bytes, offset) : -1;
      if (length < 0) {
        this.#header = Buffer.from(bytes.subarray(offset));
        this.#skip = 0;
        return;
      }
      offset = payloadStart + length;
      this.count++;
    }
    this.#skip = offset - bytes.length;
  }
}
