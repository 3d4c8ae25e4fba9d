// Everything a client can be told went wrong. An answer of the daemon is a `CarError`; the rest never reached it, or
// nobody knows whether it did.
import { RpcError } from '@car-runtime/rpc';

/** The daemon answered a call with an error. */
export class CarError extends RpcError {
  override readonly name: string = 'CarError';
  /** The method that was called. */
  readonly method: string;
  /** `data.reason`: the stable word a program can act on, where the daemon gave one. */
  readonly reason: string | undefined;

  constructor(method: string, error: RpcError) {
    super(error.code, error.message, { data: error.data, cause: error });
    this.method = method;
    this.reason = reasonOf(error.data);
  }
}

/** The daemon refused the credential, or asked for one and there is none. Ends the reconnecting. */
export class AuthenticationError extends CarError {
  override readonly name = 'AuthenticationError';
}

/** The daemon speaks another version of the wire protocol. Ends the reconnecting. */
export class ProtocolMismatchError extends CarError {
  override readonly name = 'ProtocolMismatchError';
}

/** The connection was lost while a call waited for its answer. The call may or may not have taken effect, so it is
 *  never repeated by the client. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
  readonly method: string;

  constructor(method: string, options?: ErrorOptions) {
    super(`Connection lost before ${method} was answered; it may or may not have taken effect`, options);
    this.method = method;
  }
}

/** A call was made while there was no connection, and was not to wait for one. It was not sent. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError';
  readonly method: string;

  constructor(method: string, why: string, options?: ErrorOptions) {
    super(`Cannot call ${method}: ${why}`, options);
    this.method = method;
  }
}

/** The client was closed, or gave up reconnecting (`cause` says why). */
export class ClientClosedError extends Error {
  override readonly name = 'ClientClosedError';
}

/** No daemon could be reached. */
export class CannotConnectError extends Error {
  override readonly name = 'CannotConnectError';
  /** Where it was tried, in order. */
  readonly endpoints: readonly string[];

  constructor(message: string, endpoints: readonly string[], options?: ErrorOptions) {
    super(message, options);
    this.endpoints = endpoints;
  }
}

/** Whoever answers at the endpoint did not prove that they know the daemon token, so no credential was sent. */
export class UnprovenServerError extends Error {
  override readonly name = 'UnprovenServerError';
  readonly endpoint: string;

  constructor(endpoint: string, why: string) {
    super(`No credential was sent to ${endpoint}: ${why}`);
    this.endpoint = endpoint;
  }
}

/** The URL is not one that a credential may be sent to. */
export class InsecureEndpointError extends Error {
  override readonly name = 'InsecureEndpointError';
}

/** Reads `data.reason` of an error answer. */
export function reasonOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { reason } = data as { reason?: unknown };
  return typeof reason === 'string' ? reason : undefined;
}
