// WebSocket frames as a client sends them (RFC 6455, 5.3), made once and sent many times, and a scanner for what the
// server sends back that looks at no more than the first bytes of each frame.

/** Any key but zero: servers skip the unmasking for zero, and no real client sends it. One byte repeated, so that a
 *  frame can be put together from masked pieces whatever their offset. */
const maskByte = 0x5a;
const maskKey = [maskByte, maskByte, maskByte, maskByte];
const headerLength = 6;
const maxShortLength = 125;

export const byte = { quote: 0x22, comma: 0x2c, zero: 0x30, nine: 0x39, result: 0x72 } as const;

/** Where the id begins in the answers and callbacks of both servers, which write their members in the same order. */
export const idOffset = '{"jsonrpc":"2.0","id":'.length;

export function maskedFrame(text: string): Buffer {
  const payload = masked(text);
  const { length } = payload;
  const header =
    length <= maxShortLength
      ? [0x81, 0x80 | length, ...maskKey]
      : [0x81, 0xfe, length >>> 8, length & 0xff, ...maskKey];
  if (length > 0xffff) throw new Error(`Cannot make a frame of ${length} bytes: at most 65535`);
  return Buffer.concat([Buffer.from(header), payload]);
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

/** Finds the text frames in a stream of bytes. A frame cut in two is put together before it is reported. */
export class FrameScanner {
  readonly #onFrame: (bytes: Buffer, start: number, end: number) => void;
  #rest: Buffer | undefined;

  constructor(onFrame: (bytes: Buffer, start: number, end: number) => void) {
    this.#onFrame = onFrame;
  }

  /** `chunk` may be reused by the caller afterwards. */
  push(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    let offset = 0;
    while (offset + 2 <= bytes.length) {
      if (bytes[offset] !== 0x81)
        throw new Error(`The server sent a frame that is no text: 0x${bytes[offset]?.toString(16)}`);
      let length = bytes[offset + 1] as number;
      let start = offset + 2;
      if (length > maxShortLength) {
        if (length === 127) throw new Error('The server sent a frame of more than 65535 bytes');
        if (offset + 4 > bytes.length) break;
        length = bytes.readUInt16BE(offset + 2);
        start = offset + 4;
      }
      const end = start + length;
      if (end > bytes.length) break;
      this.#onFrame(bytes, start, end);
      offset = end;
    }
    if (offset < bytes.length) this.#rest = Buffer.from(bytes.subarray(offset));
  }
}
