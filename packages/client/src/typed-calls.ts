// The typed face of the contract: `client.call('state.get', …)` and `client.state.get(…)`.
import type {
  CheckedParamsOf,
  EventName,
  Events,
  MethodName,
  Methods,
  ParamsOf,
  ResultOf,
} from '@car-runtime/protocol';

/** How one call is made. */
export interface CallOptions {
  /** Rejects with the signal's reason; a late answer is dropped. The daemon is not told. */
  signal?: AbortSignal | undefined;
  /** Rejects with `RequestTimeoutError` after so many ms, waiting for a connection included. Default: no limit. */
  timeoutMs?: number | undefined;
  /** What a call does while there is no connection. Default: what `connect` was told, else `wait`. */
  whenDisconnected?: 'wait' | 'reject' | undefined;
}

/** Params may be left out where every field may. */
type CallArguments<M> =
  Record<string, never> extends ParamsOf<M>
    ? [params?: ParamsOf<M>, options?: CallOptions]
    : [params: ParamsOf<M>, options?: CallOptions];

/** The arguments of `client.call` behind the method's name. */
export type ArgumentsOf<Name extends MethodName> = CallArguments<Methods[Name]>;
/** What a call resolves with. */
export type MethodResult<Name extends MethodName> = ResultOf<Methods[Name]>;
/** What an event carries. */
export type EventParams<Name extends EventName> = CheckedParamsOf<Events[Name]>;

type TypedCall<M> = (...args: CallArguments<M>) => Promise<ResultOf<M>>;

/** First part of every name that starts with `Prefix`. */
type Head<Name extends string, Prefix extends string> = Name extends `${Prefix}${infer Rest}`
  ? Rest extends `${infer First}.${string}`
    ? First
    : Rest
  : never;

type CallAt<Contract, Name extends string> = Name extends keyof Contract ? TypedCall<Contract[Name]> : unknown;
type CallsBelow<Contract, Prefix extends string> = [Head<keyof Contract & string, Prefix>] extends [never]
  ? unknown
  : NestedCalls<Contract, Prefix>;

/** A contract as nested functions. A name may be both a method and a folder of methods. */
export type NestedCalls<Contract, Prefix extends string = ''> = {
  readonly [Part in Head<keyof Contract & string, Prefix>]: CallAt<Contract, `${Prefix}${Part}`> &
    CallsBelow<Contract, `${Prefix}${Part}.`>;
};

/** Every method of the contract as nested functions. */
export type ContractCalls = NestedCalls<Methods>;

type Send = (method: string, params: unknown, options: CallOptions | undefined) => Promise<unknown>;

/** Asked for by the language itself (`await`, `JSON.stringify`), so never taken for a method. */
const neverMethods = new Set(['then', 'toJSON']);

/** Adds the contract's nested functions to `own`. A member of `own` that is a function can be called as it is and still
 *  lead to the methods below its name: `client.events('tools.cancel')` and `client.events.count()`. `nested` are functions
 *  of the client's own among the contract's, by dotted path. */
export function withNestedCalls<Own extends object>(
  own: Own,
  send: Send,
  nested: Readonly<Record<string, Callable>> = {},
): Own & ContractCalls {
  const nodes = new Map<string, unknown>();
  const proxy = new Proxy(own, {
    get(target, key) {
      if (typeof key === 'symbol' || neverMethods.has(key)) return Reflect.get(target, key);
      const member: unknown = Reflect.get(target, key);
      if (member !== undefined && (typeof member !== 'function' || !Object.hasOwn(target, key))) return member;
      return remembered(nodes, key, () => createNode(key, { send, nested }, member as Callable | undefined));
    },
  });
  // The one cast that makes the contract's types stand for names only known when they are used.
  return proxy as Own & ContractCalls;
}

export type Callable = (...args: never[]) => unknown;

interface Functions {
  readonly send: Send;
  readonly nested: Readonly<Record<string, Callable>>;
}

function createNode(path: string, functions: Functions, own?: Callable): unknown {
  const children = new Map<string, unknown>();
  const { send, nested } = functions;
  const given = own ?? (Object.hasOwn(nested, path) ? nested[path] : undefined);
  const call = given ?? ((params: unknown, options?: CallOptions) => send(path, params, options));
  return new Proxy(call, {
    get(_target, key) {
      if (typeof key === 'symbol' || neverMethods.has(key)) return undefined;
      return remembered(children, key, () => createNode(`${path}.${key}`, functions));
    },
  });
}

function remembered(nodes: Map<string, unknown>, key: string, create: () => unknown): unknown {
  let node = nodes.get(key);
  if (node === undefined) nodes.set(key, (node = create()));
  return node;
}
