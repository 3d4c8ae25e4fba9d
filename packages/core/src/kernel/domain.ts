// What a domain is to the kernel: a contract, its handlers, and what it does when a connection ends.
import type { CheckedParamsOf, DomainContract, ResultOf } from '@car-runtime/protocol';
import type { CancelSignal, EncodedJson } from '@car-runtime/rpc';
import type { Connection } from './connection.ts';

/** What every handler is given besides its params. */
export interface CallContext {
  readonly connection: Connection;
  /** Aborts when the connection closes or the daemon abandons the call; pass it to everything that waits. */
  readonly signal: AbortSignal;
  /** The same, and costs nothing: for those who take it. */
  readonly cancel: CancelSignal;
}

/** A result is only ever encoded, so a handler may return what it must not change. */
type Frozen<T> = T extends readonly (infer Entry)[]
  ? readonly Frozen<Entry>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

type HandlerResult<M> = Frozen<ResultOf<M>> | EncodedJson | Promise<Frozen<ResultOf<M>> | EncodedJson>;

export type Handlers<C extends DomainContract> = {
  readonly [Name in keyof C]: (params: CheckedParamsOf<C[Name]>, context: CallContext) => HandlerResult<C[Name]>;
};

export type NotificationHandler = (params: unknown, connection: Connection) => void;

/** Steps of a disconnect, in this order (Transport, Disconnect cleanup). Steps of one phase run one after another. */
export const closePhases = [
  'registry',
  'attachment',
  'chats',
  'run-subscriptions',
  'coder-subscriptions',
  'run-sweep',
] as const;
export type ClosePhase = (typeof closePhases)[number];

export interface Domain<C extends DomainContract = DomainContract> {
  readonly name: string;
  readonly contract: C;
  readonly methods: Handlers<C>;
  /** Client notifications it takes, by wire name. */
  readonly notifications?: Readonly<Record<string, NotificationHandler>>;
  /** Time a call may take, in ms, where it depends on its params. */
  readonly deadlines?: { readonly [Name in keyof C]?: (params: CheckedParamsOf<C[Name]>, defaultMs: number) => number };
  /** Runs before the first request is read; throwing refuses the connection, with the message as the reason. */
  readonly onOpen?: (connection: Connection) => void;
  readonly onClose?: { readonly [Phase in ClosePhase]?: (connection: Connection) => void | Promise<void> };
}

/** A domain with its types erased, as the kernel keeps it. */
export interface AnyDomain {
  readonly name: string;
  readonly contract: DomainContract;
  readonly methods: Readonly<Record<string, (params: never, context: CallContext) => unknown>>;
  readonly notifications?: Readonly<Record<string, NotificationHandler>>;
  readonly deadlines?: Readonly<Record<string, ((params: never, defaultMs: number) => number) | undefined>>;
  /** Runs before the first request is read; throwing refuses the connection, with the message as the reason. */
  readonly onOpen?: (connection: Connection) => void;
  readonly onClose?: { readonly [Phase in ClosePhase]?: (connection: Connection) => void | Promise<void> };
}
