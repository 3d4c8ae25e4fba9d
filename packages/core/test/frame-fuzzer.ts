// Frames that no client would send, made from a seed: the same seed makes the same frames.
import { clientFrame } from '@car-runtime/testkit';

/** Mulberry32: small, fast, and good enough to choose what to break. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1, without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 to `limit`, without `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  isLucky(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let index = 0; index < length; index++) bytes[index] = this.below(256);
    return bytes;
  }
}

export interface FuzzedFrame {
  bytes: Buffer;
  /** Whether a server may go on reading after it. */
  isWellFormed: boolean;
}

const methods = [
  'state.get',
  'state.set',
  'state.exists',
  'state.keys',
  'state.snapshot',
  'tools.register',
  'tools.list',
  'tools.unregister',
  'tools.poll',
  'tools.cancel',
  'policy.register',
  'policy.unregister',
  'policy.list',
  'proposal.submit',
  'session.init',
  'session.auth',
  'session.policy.open',
  'session.policy.close',
  'server.handshake',
  'server.status',
  'server.schema',
  'rpc.discover',
  'verify',
  'simulate',
  'events.query',
  'events.count',
  'metrics.summary',
  'nope',
  'toString',
  '__proto__',
];

const oddValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  'x',
  '\ud800',
  '\u0000',
  '__proto__',
  '$a.output',
  'a'.repeat(300),
  [],
  {},
  [[]],
  [null],
  { a: {} },
  { then: 1 },
  { toJSON: 1 },
  { length: -1 },
  { constructor: { prototype: 1 } },
];

/** Frames on one connection, for as long as it lives. */
export class FrameFuzzer {
  readonly #random: Random;
  #id = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  next(): FuzzedFrame {
    const random = this.#random;
    const kind = random.next();
    if (kind < 0.55) return whole(clientFrame(this.#mutated(this.#request()), { mask: random.bytes(4) }));
    if (kind < 0.65) return whole(clientFrame(this.#batch(), { mask: random.bytes(4) }));
    if (kind < 0.75)
      return whole(clientFrame(this.#value(0) === null ? 'null' : (JSON.stringify(this.#value(0)) ?? '0')));
    if (kind < 0.85) return whole(this.#fragments());
    if (kind < 0.9) return whole(clientFrame(random.bytes(random.below(200)), { opcode: 2 }));
    if (kind < 0.94) return whole(clientFrame(random.bytes(random.below(126)), { opcode: random.pick([9, 10]) }));
    return { bytes: this.#broken(), isWellFormed: false };
  }

  #request(): string {
    const random = this.#random;
    const id = random.pick<() => unknown>([
      () => ++this.#id,
      () => `s${++this.#id}`,
      () => random.next() * 1e18,
      () => random.pick(oddValues),
      () => undefined,
    ])();
    const method = random.isLucky(0.95) ? random.pick(methods) : random.pick(oddValues);
    const message = {
      jsonrpc: random.isLucky(0.97) ? '2.0' : random.pick(oddValues),
      id,
      method,
      params: this.#params(method),
    };
    if (random.isLucky(0.1))
      return JSON.stringify({ jsonrpc: '2.0', id: `cb-${random.below(50)}`, result: this.#value(0) });
    return JSON.stringify(message);
  }

  #params(method: unknown): unknown {
    const random = this.#random;
    if (random.isLucky(0.2)) return random.pick(oddValues);
    const key = random.isLucky(0.8) ? `k${random.below(20)}` : random.pick(oddValues);
    switch (method) {
      case 'tools.register':
        return Array.from({ length: random.below(4) }, () => this.#tool());
      case 'session.init':
        return { tools: [this.#tool()], policies: [this.#policy()] };
      case 'policy.register':
        return this.#policy();
      case 'proposal.submit':
      case 'verify':
      case 'simulate':
        return {
          proposal: { actions: Array.from({ length: random.below(6) }, (_, n) => this.#action(n)) },
          session_id: random.isLucky(0.1) ? key : undefined,
        };
      default:
        return {
          key,
          value: this.#value(0),
          tenant_id: random.isLucky(0.3) ? random.pick(['t', '', 5]) : undefined,
          name: key,
          handle: key,
          method: key,
          token: key,
          protocol_version: 2,
        };
    }
  }

  #tool(): unknown {
    const random = this.#random;
    const parameters = random.pick<unknown>([
      undefined,
      {},
      { type: 'object', properties: { a: { type: 'string', pattern: '^a+$' } } },
      { type: 'nonsense' },
      this.#value(0),
    ]);
    return { name: random.isLucky(0.9) ? `tool${random.below(5)}` : random.pick(oddValues), parameters };
  }

  #policy(): unknown {
    const random = this.#random;
    return {
      name: 'p',
      rule: random.pick(['deny_tool', 'deny_tool_param', 'require_state', 'deny_connector', 'x']),
      target: random.pick(oddValues),
      key: 'k',
      pattern: 'p',
      value: this.#value(0),
    };
  }

  #action(index: number): unknown {
    const random = this.#random;
    return {
      id: random.isLucky(0.9) ? `a${index}` : random.pick(oddValues),
      type: random.pick(['tool_call', 'state_write', 'state_read', 'assertion', 'state_write', 'state_read']),
      tool: `tool${random.below(5)}`,
      parameters: {
        key: `k${random.below(5)}`,
        value: random.isLucky(0.3) ? `$a${random.below(6)}.output` : this.#value(0),
      },
      dependencies: random.isLucky(0.3) ? [`a${random.below(6)}`] : undefined,
      failure_behavior: random.pick(['abort', 'skip', 'retry', undefined]),
      max_retries: random.below(2),
      timeout_ms: random.pick([0, 1, 5, undefined, -1]),
    };
  }

  #batch(): string {
    return `[${Array.from({ length: this.#random.below(this.#random.isLucky(0.05) ? 130 : 8) }, () => this.#request()).join(',')}]`;
  }

  #value(depth: number): unknown {
    const random = this.#random;
    if (depth > 6 || random.isLucky(0.5)) return random.pick(oddValues);
    if (random.isLucky(0.5)) return Array.from({ length: random.below(5) }, () => this.#value(depth + 1));
    return Object.fromEntries(
      Array.from({ length: random.below(5) }, (_, n) => [
        random.isLucky(0.9) ? `m${n}` : String(random.pick(oddValues)),
        this.#value(depth + 1),
      ]),
    );
  }

  /** Text with a few bytes changed, cut, doubled or nested. */
  #mutated(text: string): Buffer {
    const random = this.#random;
    let bytes: Buffer = Buffer.from(text);
    if (random.isLucky(0.5)) return bytes;
    for (let changes = random.below(4); changes >= 0; changes--) {
      const at = random.below(bytes.length + 1);
      bytes = random.pick<() => Buffer>([
        () => Buffer.concat([bytes.subarray(0, at), random.bytes(1), bytes.subarray(at + 1)]),
        () => bytes.subarray(0, at),
        () => Buffer.concat([bytes.subarray(0, at), bytes]),
        () =>
          Buffer.concat(
            [
              bytes.subarray(0, at),
              Buffer.from(
                random.pick(['[', '{', '"', '\\u005f', '__proto__', '"__proto__":1,', '1e999', '\u0000', ',']),
              ),
            ],
            bytes.length,
          ),
        () => Buffer.from('['.repeat(random.below(400)) + bytes.toString() + ']'.repeat(random.below(400))),
      ])();
    }
    return bytes;
  }

  /** One message in pieces, whole in the end. */
  #fragments(): Buffer {
    const random = this.#random;
    const text = Buffer.from(this.#request());
    const pieces: Buffer[] = [];
    let from = 0;
    while (from < text.length && pieces.length < 20) {
      const to = from + 1 + random.below(text.length);
      pieces.push(clientFrame(text.subarray(from, to), { opcode: from === 0 ? 1 : 0, fin: false }));
      if (random.isLucky(0.2)) pieces.push(clientFrame('', { opcode: 9 }));
      from = to;
    }
    return Buffer.concat([...pieces, clientFrame(text.subarray(from), { opcode: pieces.length === 0 ? 1 : 0 })]);
  }

  /** What ends a connection. */
  #broken(): Buffer {
    const random = this.#random;
    return random.pick<() => Buffer>([
      () => clientFrame('x', { mask: null }),
      () => clientFrame('x', { rsv: 1 + random.below(7) }),
      () => clientFrame('x', { opcode: random.pick([3, 4, 7, 11, 15]) }),
      () => clientFrame('x', { opcode: 0 }),
      () => clientFrame('x'.repeat(126 + random.below(100)), { opcode: random.pick([8, 9, 10]) }),
      () => clientFrame(random.bytes(1 + random.below(40)), { opcode: 8 }),
      () => clientFrame('', { claimedLength: 2n ** BigInt(24 + random.below(39)) + 1n }),
      () => clientFrame(Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xc3), Buffer.from('"}')])),
      () => clientFrame(Buffer.of(0xf8, 0x88, 0x80, 0x80, 0x80)),
      () => clientFrame(this.#request()).subarray(0, 1 + random.below(10)),
      () => random.bytes(1 + random.below(300)),
      () =>
        Buffer.concat(
          Array.from({ length: 1_100 }, (_, n) => clientFrame('', { opcode: n === 0 ? 1 : 0, fin: false })),
        ),
    ])();
  }
}

function whole(bytes: Buffer): FuzzedFrame {
  return { bytes, isWellFormed: true };
}
