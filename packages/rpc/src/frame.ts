// Server-to-client WebSocket frames (RFC 6455, 5.2): unmasked, unfragmented, no extension bits. Building them here
// instead of in `ws` lets one write carry all frames of an event-loop turn, and one frame serve many connections.
//
//   byte 0      0x80 FIN | opcode (1 text, 2 binary)
//   byte 1      payload length 0..125, or 126 (u16 BE follows), or 127 (u64 BE follows)

const textEncoder = new TextEncoder();
const maxShortLength = 125;
const maxMediumLength = 0xffff;

export const opcode = { text: 1, binary: 2 } as const;

/** Bytes a frame header takes for a payload of `length` bytes: 2, 4 or 10. */
export function frameHeaderLength(length: number): number {
  return length <= maxShortLength ? 2 : length <= maxMediumLength ? 4 : 10;
}

/** Writes a frame header at `offset` and returns the offset behind it. */
export function writeFrameHeader(target: Uint8Array, offset: number, code: number, length: number): number {
  target[offset] = 0x80 | code;
  if (length <= maxShortLength) {
    target[offset + 1] = length;
    return offset + 2;
  }
  if (length <= maxMediumLength) {
    target[offset + 1] = 126;
    target[offset + 2] = length >>> 8;
    target[offset + 3] = length & 0xff;
    return offset + 4;
  }
  target[offset + 1] = 127;
  const view = new DataView(target.buffer, target.byteOffset + offset + 2, 8);
  view.setBigUint64(0, BigInt(length));
  return offset + 10;
}

/** A message encoded once and sent to any number of channels. `text` is set for text frames. */
export class SharedFrame {
  readonly text: string | undefined;
  readonly payload: Uint8Array<ArrayBuffer> | undefined;
  #bytes: Uint8Array | undefined;

  private constructor(text: string | undefined, payload: Uint8Array<ArrayBuffer> | undefined) {
    this.text = text;
    this.payload = payload;
  }

  static text(text: string): SharedFrame {
    return new SharedFrame(text, undefined);
  }

  static binary(payload: Uint8Array<ArrayBuffer>): SharedFrame {
    return new SharedFrame(undefined, payload);
  }

  /** Header and payload, ready for a socket. Built on first use, then shared: never write into it. */
  get bytes(): Uint8Array {
    if (this.#bytes) return this.#bytes;
    const payload = this.payload ?? textEncoder.encode(this.text);
    const bytes = new Uint8Array(frameHeaderLength(payload.length) + payload.length);
    const offset = writeFrameHeader(bytes, 0, this.payload ? opcode.binary : opcode.text, payload.length);
    bytes.set(payload, offset);
    this.#bytes = bytes;
    return bytes;
  }
}
