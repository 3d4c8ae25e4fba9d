// A connection as the client needs it before it is one: the channel, and what to say on it first.
import type { ParamsOf, Methods, MethodName } from '@car-runtime/protocol';
import { RpcError, type Channel, type Peer } from '@car-runtime/rpc';
import { AuthenticationError, CarError, ProtocolMismatchError, reasonOf } from './errors.ts';
import type { MethodResult } from './typed-calls.ts';

/** What `session.auth` is given. */
export type Credential = ParamsOf<Methods['session.auth']>;

export interface Link {
  readonly channel: Channel;
  /** For people: the URL or socket path. */
  readonly endpoint: string;
  /** Sent only to an endpoint that whoever made the link trusts with it. */
  readonly credential: Credential | undefined;
}

/** Where connections come from. Asked anew for every attempt, since paths and tokens change when a daemon restarts. */
export interface LinkSource {
  open(signal: AbortSignal): Promise<Link>;
  /** Whether a refused credential may be another one at the next attempt (a token file). */
  readonly isCredentialRenewable: boolean;
}

/** What the daemon said about itself and about us. */
export interface Greeting {
  readonly auth: MethodResult<'session.auth'> | undefined;
  /** Absent for a daemon without `server.handshake`. */
  readonly handshake: MethodResult<'server.handshake'> | undefined;
}

/** Equal to the contract's own; repeated so that a browser need not load its schemas (tested). */
export const wireProtocolVersion = 2;
/** Version of this package, as `server.handshake` is told it (tested). */
export const clientVersion = '0.1.0';

const authRequired = -32001;
const methodNotFound = -32601;
const versionMismatch = -32006;

/** Authenticates, then agrees on the protocol. Each step waits for the one before it. */
export async function greet(peer: Peer, credential: Credential | undefined, signal: AbortSignal): Promise<Greeting> {
  const auth = credential && (await authenticate(peer, credential, signal));
  try {
    const params = { protocol_version: wireProtocolVersion, client_version: clientVersion };
    const handshake = (await ask(peer, 'server.handshake', params, signal)) as MethodResult<'server.handshake'>;
    return { auth, handshake };
  } catch (error) {
    if (!(error instanceof CarError)) throw error;
    if (isUnknownMethod(error)) return { auth, handshake: undefined };
    if (error.code === versionMismatch) throw new ProtocolMismatchError(error.method, error);
    if (error.code === authRequired) throw new AuthenticationError(error.method, error);
    throw error;
  }
}

async function authenticate(peer: Peer, credential: Credential, signal: AbortSignal): Promise<Greeting['auth']> {
  try {
    return (await ask(peer, 'session.auth', credential, signal)) as MethodResult<'session.auth'>;
  } catch (error) {
    if (error instanceof CarError && !isPassing(error)) throw new AuthenticationError(error.method, error);
    throw error;
  }
}

/** Refusals that say nothing against the credential: another connection of this agent that has yet to be noticed as
 *  gone, or a busy daemon. */
function isPassing({ reason, message }: CarError): boolean {
  return reason === 'overloaded' || reason === 'already_attached' || message.includes('already attached');
}

/** Calls over a peer that is not the client's yet. */
export async function ask(peer: Peer, method: MethodName, params: unknown, signal: AbortSignal): Promise<unknown> {
  try {
    return await peer.request(method, params, { signal });
  } catch (error) {
    throw error instanceof RpcError ? new CarError(method, error) : error;
  }
}

/** Older daemons answer a method they do not know with a plain failure of this text. */
function isUnknownMethod(error: RpcError): boolean {
  return (
    error.code === methodNotFound ||
    reasonOf(error.data) === 'method_not_found' ||
    error.message.startsWith('unknown method')
  );
}
