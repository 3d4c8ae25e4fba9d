// The client as its users see it.
import type { CheckedParamsOf, EventName, MethodName, ResultOf, ToolDefinition } from '@car-runtime/protocol';
import {
  ClientCore,
  type CallbackContext,
  type CallbackHandler,
  type ClientOptions,
  type ConnectionChange,
  type ConnectionInfo,
} from './client-core.ts';
import type { EventStream, EventStreamOptions } from './event-stream.ts';
import type { LinkSource } from './link.ts';
import { RunFeeds } from './run-feeds.ts';
import { RunWatch, type WatchOptions } from './run-watch.ts';
import { checkParameters, isStandardSchema, toJsonSchema, type StandardSchema } from './standard-schema.ts';
import type { Tool, ToolHandler } from './tool-box.ts';
import {
  withNestedCalls,
  type ArgumentsOf,
  type CallOptions,
  type ContractCalls,
  type EventParams,
  type MethodResult,
} from './typed-calls.ts';

type Callbacks = (typeof import('@car-runtime/protocol'))['callbacks'];
/** Requests the daemon makes of its clients. */
export type CallbackName = keyof Callbacks;
/** Answers one of them. What it throws goes back as an error. */
export type TypedCallbackHandler<Name extends CallbackName> = (
  params: CheckedParamsOf<Callbacks[Name]>,
  context: CallbackContext,
) => ResultOf<Callbacks[Name]> | Promise<ResultOf<Callbacks[Name]>>;

/** A JSON Schema of a tool's parameters, which is an object schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A tool the daemon may call until it is unregistered, across reconnects. */
export interface RegisteredTool extends AsyncDisposable {
  readonly name: string;
  unregister(): Promise<void>;
}

/** What a client has besides the methods of the contract. */
export interface ClientMembers extends AsyncDisposable {
  /** Calls a method of the contract. `client.call('state.get', { key })` is `client.state.get({ key })`. */
  call<Name extends MethodName>(method: Name, ...args: ArgumentsOf<Name>): Promise<MethodResult<Name>>;
  /** Calls any method, also one this version of the contract does not know. */
  request(method: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  /** Sends a notification. Returns whether there was a connection to send it on. */
  notify(method: string, params?: unknown): boolean;

  /** Registers a tool and answers its executions, also after a reconnect. A Standard Schema (zod and others) types and
   *  checks the parameters; a JSON Schema is checked by the daemon. */
  registerTool<Parameters>(
    tool: string | ToolDefinition,
    schema: StandardSchema<Parameters>,
    handler: ToolHandler<Parameters>,
  ): Promise<RegisteredTool>;
  registerTool(
    tool: string | ToolDefinition,
    schema: JsonSchema | undefined,
    handler: ToolHandler,
  ): Promise<RegisteredTool>;
  registerTool(tool: ToolDefinition, handler: ToolHandler): Promise<RegisteredTool>;

  /** Answers a request the daemon makes of its clients, until the result is disposed. For `tools.execute` it answers
   *  for the tools that `registerTool` does not know. */
  onCallback<Name extends CallbackName>(method: Name, handler: TypedCallbackHandler<Name>): Disposable;
  onCallback(method: string, handler: CallbackHandler): Disposable;

  /** What the daemon sends under a name from now on, across reconnects; ends when the client closes, and throws what
   *  ended it when nobody asked for that. Some events need a call first, as the contract says. */
  events<Name extends EventName>(name: Name, options?: EventStreamOptions): EventStream<EventParams<Name>>;
  events(name: string, options?: EventStreamOptions): EventStream<unknown>;

  /** The connection as it is now. */
  readonly connection: ConnectionInfo;
  /** Changes of the connection's state from now on. Ends after `closed`. */
  connectionChanges(options?: EventStreamOptions): EventStream<ConnectionChange>;

  readonly runs: {
    /** Every record of a run, each once and in order, until its end: across reconnects and restarts of the daemon. The
     *  caller must be the run's agent or have the host role. Leave `runs.subscribe` and `runs.unsubscribe` of the same
     *  run to it. */
    watch(runId: string, options?: WatchOptions): RunWatch;
  };

  /** Closes the connection once what was sent is on its way. Calls that wait for an answer reject. */
  close(): Promise<void>;
}

/** A connected client: its own members and every method of the contract, `client.state.get({ key })`. */
export type Client = ClientMembers & ContractCalls;

/** Connects and returns the client. Rejects when the first connection cannot be made. */
export async function openClient(source: LinkSource, options: ClientOptions): Promise<Client> {
  const core = new ClientCore(source, options);
  await core.open();
  return createClient(core);
}

function createClient(core: ClientCore): Client {
  const members = {
    call: (method: string, params?: unknown, callOptions?: CallOptions) => core.call(method, params, callOptions),
    request: (method: string, params?: unknown, callOptions?: CallOptions) => core.call(method, params, callOptions),
    notify: (method: string, params?: unknown) => core.notify(method, params),
    registerTool: (tool: string | ToolDefinition, ...rest: unknown[]) => registerTool(core, toTool(tool, rest)),
    onCallback: (method: string, handler: CallbackHandler) => core.onCallback(method, handler),
    events: (name: string, streamOptions?: EventStreamOptions) => core.events(name, streamOptions),
    get connection() {
      return core.info;
    },
    connectionChanges: (streamOptions?: EventStreamOptions) => core.changes(streamOptions),
    close: () => core.close(),
    [Symbol.asyncDispose]: () => core.close(),
  };
  const feeds = new RunFeeds(core);
  const nested = {
    'runs.watch': (runId: string, options: WatchOptions = {}) => new RunWatch(core, feeds, runId, options),
  };
  // The implementation is untyped by method name; its type is derived from the contract.
  return withNestedCalls(
    members as unknown as ClientMembers,
    (method, params, callOptions) => core.call(method, params, callOptions),
    nested,
  );
}

async function registerTool(core: ClientCore, tool: Tool): Promise<RegisteredTool> {
  await core.registerTool(tool);
  const unregister = (): Promise<void> => core.unregisterTool(tool);
  return { name: tool.definition.name, unregister, [Symbol.asyncDispose]: unregister };
}

/** `(handler)`, or `(schema | undefined, handler)`, behind the name or the definition. */
function toTool(nameOrDefinition: string | ToolDefinition, rest: unknown[]): Tool {
  const named = typeof nameOrDefinition === 'string' ? { name: nameOrDefinition } : nameOrDefinition;
  // The overloads of `registerTool` say what the rest can be.
  const [schema, handler] = (rest.length === 1 ? [undefined, rest[0]] : rest) as [
    JsonSchema | StandardSchema | undefined,
    ToolHandler,
  ];
  if (schema === undefined) return { definition: named, handler };
  if (!isStandardSchema(schema)) return { definition: { ...named, parameters: schema }, handler };
  return {
    definition: { ...named, parameters: toJsonSchema(schema) },
    handler: async (parameters, context) =>
      handler((await checkParameters(schema, named.name, parameters)) as Record<string, unknown>, context),
  };
}
