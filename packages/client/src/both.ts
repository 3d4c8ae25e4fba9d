// What the client is for Node and browsers alike.
export type {
  CallbackName,
  Client,
  ClientMembers,
  JsonSchema,
  RegisteredTool,
  TypedCallbackHandler,
} from './client.ts';
export type {
  CallbackContext,
  CallbackHandler,
  ClientOptions,
  ConnectionChange,
  ConnectionInfo,
  ConnectionState,
} from './client-core.ts';
export type { ReconnectOptions } from './backoff.ts';
export {
  AuthenticationError,
  CannotConnectError,
  CarError,
  ClientClosedError,
  ConnectionLostError,
  InsecureEndpointError,
  NotConnectedError,
  ProtocolMismatchError,
  UnprovenServerError,
} from './errors.ts';
export { RequestTimeoutError, RpcError } from '@car-runtime/rpc';
export { isLoopbackHost } from './endpoint.ts';
export { EventStream, type EventStreamOptions } from './event-stream.ts';
export type { WatchedRecord } from './run-tail.ts';
export { RunWatch, type WatchOptions } from './run-watch.ts';
export type { StandardSchema } from './standard-schema.ts';
export { ToolCancelledError, type RunningChunk, type ToolContext, type ToolHandler } from './tool-box.ts';
export type { ArgumentsOf, CallOptions, ContractCalls, EventParams, MethodResult } from './typed-calls.ts';
