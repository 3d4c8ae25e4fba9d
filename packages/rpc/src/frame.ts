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

/** Something encoded once and sent to any number of channels: one message, or several that follow each other. `text` is
 *  set for a text message, `payload` for a binary one. */
export class SharedFrame {
  readonly text: string | undefined;
  readonly payload: Uint8Array<ArrayBuffer> | undefined;
  readonly #parts: readonly SharedFrame[] | undefined;
  #bytes: Uint8Array | undefined;
  #joined: { readonly frames: readonly SharedFrame[]; readonly bytes: Uint8Array } | undefined;

  private constructor(
    text: string | undefined,
    payload: Uint8Array<ArrayBuffer> | undefined,
    parts: readonly SharedFrame[] | undefined,
  ) {
    this.text = text;
    this.payload = payload;
    this.#parts = parts;
  }

  static text(text: string): SharedFrame {
    return new SharedFrame(text, undefined, undefined);
  }

  static binary(payload: Uint8Array<ArrayBuffer>): SharedFrame {
    return new SharedFrame(undefined, payload, undefined);
  }

  /** Several single messages, handed on together. */
  static burst(messages: readonly SharedFrame[]): SharedFrame {
    return new SharedFrame(undefined, undefined, messages);
  }

  /** Its messages, one by one. */
  get messages(): readonly SharedFrame[] {
    return this.#parts ?? [this];
  }

  get messageCount(): number {
    return this.#parts?.length ?? 1;
  }

  /** Header and payload of each message, ready for a socket. Built on first use, then shared: never write into it. */
  get bytes(): Uint8Array {
    this.#bytes ??= this.#parts ? concat(this.#parts) : encode(this.text, this.payload);
    return this.#bytes;
  }

  /** The bytes of several, one behind the other. Whoever asks for the same in the same order again, as every connection
   *  does that is told the same things in a turn, is given the same bytes. */
  static join(frames: readonly SharedFrame[]): Uint8Array {
    const [first] = frames;
    if (first === undefined || frames.length === 1) return first?.bytes ?? new Uint8Array();
    const known = first.#joined;
    if (known && isSame(known.frames, frames)) return known.bytes;
    const bytes = concat(frames);
    first.#joined = { frames, bytes };
    return bytes;
  }
}

function encode(text: string | undefined, binary: Uint8Array | undefined): Uint8Array {
  const payload = binary ?? textEncoder.encode(text);
  const bytes = new Uint8Array(frameHeaderLength(payload.length) + payload.length);
  const offset = writeFrameHeader(bytes, 0, binary ? opcode.binary : opcode.text, payload.length);
  bytes.set(payload, offset);
  return bytes;
}

function concat(frames: readonly SharedFrame[]): Uint8Array {
  let length = 0;
  for (const frame of frames) length += frame.bytes.length;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const frame of frames) {
    bytes.set(frame.bytes, offset);
    offset += frame.bytes.length;
  }
  return bytes;
}

function isSame(left: readonly SharedFrame[], right: readonly SharedFrame[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}
