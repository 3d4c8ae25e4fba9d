// A kernel with domains of a test's own, reached through memory.
import { method, type Access } from '@car-runtime/protocol';
import { createMemoryPair, type MemoryChannel } from '@car-runtime/rpc';
import { Inbox, RecordingLogger, Wire } from '@car-runtime/testkit';
import { z } from 'zod';
import type { Connection } from '../src/kernel/connection.ts';
import type { AnyDomain, CallContext } from '../src/kernel/domain.ts';
import { Kernel, type AcceptOptions, type KernelOptions } from '../src/kernel/kernel.ts';

export type TestHandler = (params: Record<string, unknown>, context: CallContext) => unknown;

export interface TestMethod {
  handle: TestHandler;
  access?: Access;
  order?: string;
  deadlineMs?: number;
  result?: z.ZodType;
}

/** A domain of methods that take any object. */
export function testDomain(
  methods: Readonly<Record<string, TestMethod | TestHandler>>,
  rest: Partial<Omit<AnyDomain, 'contract' | 'methods'>> = {},
): AnyDomain {
  const entries = Object.entries(methods).map(
    ([name, each]) => [name, typeof each === 'function' ? { handle: each } : each] as const,
  );
  return {
    name: 'test',
    ...rest,
    contract: Object.fromEntries(
      entries.map(([name, { handle: _handle, result = z.unknown(), access = 'session', ...options }]) => [
        name,
        method({
          summary: name,
          params: () => z.looseObject({}),
          result: () => result,
          access,
          effect: 'read',
          section: 'Test',
          ...options,
        }),
      ]),
    ),
    methods: Object.fromEntries(
      entries.map(([name, { handle }]) => [name, handle as unknown as (params: never) => unknown]),
    ),
  };
}

export interface BenchConnection extends AsyncDisposable {
  wire: Wire;
  connection: Connection;
  far: MemoryChannel;
}

export class KernelBench implements AsyncDisposable {
  readonly kernel: Kernel;
  readonly log = new RecordingLogger();
  readonly #opened: Wire[] = [];

  constructor(domains: readonly AnyDomain[], options: Partial<KernelOptions> = {}) {
    this.kernel = new Kernel({
      domains,
      credentials: { isAuthRequired: false, hasHostToken: false },
      logger: this.log,
      handlerTimeoutMs: 60_000,
      authTimeoutMs: 60_000,
      ...options,
    });
  }

  connect(options?: AcceptOptions): BenchConnection {
    const [near, far] = createMemoryPair();
    const wire = new Wire(far);
    this.#opened.push(wire);
    const connection = this.kernel.accept(near, options);
    return { wire, connection, far, [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose]() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const wire of this.#opened) await wire[Symbol.asyncDispose]();
    await this.kernel[Symbol.asyncDispose]();
  }
}

/** A call that waits for its test. */
export interface GatedCall {
  params: Record<string, unknown>;
  context: CallContext;
  open(result?: unknown): void;
  fail(error: unknown): void;
}

/** Handlers that a test lets go one by one. */
export class Gates {
  readonly #waiting = new Inbox<GatedCall>('call');

  readonly handle: TestHandler = (params, context) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.push({ params, context, open: (result = null) => resolve(result), fail: reject });
    return promise;
  };

  get size(): number {
    return this.#waiting.size;
  }

  next(): Promise<GatedCall> {
    return this.#waiting.next();
  }
}

export const turnOver = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
