// The one table of error codes. A number that was used never changes its meaning.
import { RpcError } from '@car-runtime/rpc';

/** Kinds of error and their JSON-RPC codes. Kinds sharing -32603 differ in `data.reason`. */
export const errorTable = {
  parse_error: { code: -32700, meaning: 'The frame is not JSON, or nests deeper than the limit' },
  invalid_request: {
    code: -32600,
    meaning: 'The frame is not a valid JSON-RPC request, or its id is already in flight',
  },
  method_not_found: { code: -32601, meaning: 'No such method' },
  invalid_params: { code: -32602, meaning: 'The params do not have the shape the method declares' },
  failed: { code: -32603, meaning: 'The call could not be carried out; the message says why' },
  internal: { code: -32603, meaning: 'A fault of the daemon' },
  auth_failed: { code: -32603, meaning: 'The credential does not match; the connection stays unauthenticated' },
  forbidden: { code: -32603, meaning: 'The role of this connection may not call the method' },
  auth_required: { code: -32001, meaning: 'Authenticate first; the connection is closed after this answer' },
  approval_denied: { code: -32003, meaning: 'A person denied the call, or nobody answered in time' },
  deadline_exceeded: {
    code: -32004,
    meaning: 'The daemon gave up on the handler; it may or may not have taken effect',
  },
  handshake_required: { code: -32005, meaning: 'Call server.handshake first' },
  version_mismatch: { code: -32006, meaning: 'The protocol version is missing, not a number, or not supported' },
  content_refused: { code: -32007, meaning: 'A model provider refused the content' },
  overloaded: { code: -32008, meaning: 'Too much at once; try again after data.retry_after_ms' },
} as const;

export type ErrorKind = keyof typeof errorTable;

/** Code a client uses to reject `tools.execute`. */
export const toolRejectedCode = -32000;

export interface FailOptions {
  /** What a program can act on. `reason` is filled in with the kind unless given. */
  data?: Record<string, unknown>;
  cause?: unknown;
}

/** An error a caller can act on: `throw fail('failed', 'Cannot …: …')`. */
export function fail(kind: ErrorKind, message: string, options: FailOptions = {}): RpcError {
  return new RpcError(errorTable[kind].code, message, {
    data: { reason: kind, ...options.data },
    cause: options.cause,
  });
}
