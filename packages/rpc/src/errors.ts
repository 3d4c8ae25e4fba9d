/** An error as JSON-RPC 2.0 carries it: `{ code, message, data? }` (JSON-RPC 2.0, Error object). */
export class RpcError extends Error {
  override readonly name: string = 'RpcError';
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, options: { data?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.data = options.data;
  }
}

/** The channel closed while something waited on it, or before it could be sent. */
export class ChannelClosedError extends Error {
  override readonly name = 'ChannelClosedError';
  /** WebSocket close code where there was one, else 1006. */
  readonly closeCode: number;

  constructor(message: string, closeCode = 1006, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.closeCode = closeCode;
  }
}

/** Nobody answered a request within `timeoutMs`; a late answer is dropped. */
export class RequestTimeoutError extends Error {
  override readonly name = 'RequestTimeoutError';
  readonly timeoutMs: number;

  constructor(method: string, timeoutMs: number) {
    super(`No answer to ${method} within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** The codes JSON-RPC 2.0 itself defines, and the two the peer answers on its own. */
export const rpcCode = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  overloaded: -32008,
} as const;
