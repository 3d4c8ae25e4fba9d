// How a method, an event and a callback are declared. Everything that must agree about one (route, params check,
// access gate, typed client, OpenRPC, method reference, contract tests) is derived from its declaration.
import type { z } from 'zod';
import type { ErrorKind } from './errors.ts';
import { once } from './once.ts';

/** Who may call. `public`: anyone; `session`: any authenticated caller; `client`: all but agents; `host`: the host
 *  role, where a host token is installed. */
export type Access = 'public' | 'session' | 'client' | 'host';

/** What else the handler asks of a caller that its access lets in. `runReader`: the agent of the run, or a host. `runWriter`:
 *  that agent alone. `runEnder`: all but other agents. `registrant`: the connection that registered the object. `subject`: the
 *  agent it is about (its log, its account, the chat it began), and everybody who is no agent. `chatHost`: the connection that
 *  began the chat, or a host. `decider`: of an approval that gives an agent more, a host; of another one, who may decide it. */
export type Ownership = 'runReader' | 'runWriter' | 'runEnder' | 'registrant' | 'subject' | 'chatHost' | 'decider';

export interface MethodOptions<P extends z.ZodType, R extends z.ZodType> {
  summary: string;
  /** Shape of `params`, built when first asked for. Absent and null params are read as `{}`. Unknown fields are ignored. */
  params: () => P;
  /** Whether params are surely what the schema would make of them: of methods called so often that its copy counts. */
  isPlain?: (params: unknown) => boolean;
  /** The message that answers params of a wrong shape, where the contract has one of its own. */
  invalidParamsText?: string;
  result: () => R;
  access: Access;
  ownership?: Ownership;
  effect: 'read' | 'write';
  /** Calls on one connection that share this key run one after another; without it they run concurrently. */
  order?: string;
  /** Time the handler has, in ms, when it differs from the default (30 min). */
  deadlineMs?: number;
  /** Its params name a command, a path or an endpoint: with strict roles only hosts may call it. */
  takesCommand?: true;
  /** A person is asked before it runs, unless the daemon was told otherwise. */
  approval?: true;
  /** Errors a caller should expect beyond the ones every method has. */
  errors?: readonly ErrorKind[];
  /** Title of the section of the wire contract it comes from. */
  section: string;
  /** Set for methods this implementation adds to the original's. */
  isExtension?: boolean;
}

export interface MethodDeclaration<P extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType> extends Omit<
  MethodOptions<P, R>,
  'params' | 'result'
> {
  readonly kind: 'method';
  readonly params: P;
  readonly result: R;
}

export interface EventDeclaration<P extends z.ZodType = z.ZodType> {
  readonly kind: 'event';
  readonly summary: string;
  readonly params: P;
  /** What a client does first to receive it. */
  readonly precondition: string;
  readonly section: string;
}

export interface CallbackDeclaration<P extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType> {
  readonly kind: 'callback';
  readonly summary: string;
  readonly params: P;
  readonly result: R;
  readonly section: string;
}

/** Declares a method that clients call. */
export function method<P extends z.ZodType, R extends z.ZodType>(
  options: MethodOptions<P, R>,
): MethodDeclaration<P, R> {
  const { params, result, ...rest } = options;
  const schemas = { params: once(params), result: once(result) };
  return {
    kind: 'method',
    ...rest,
    get params() {
      return schemas.params();
    },
    get result() {
      return schemas.result();
    },
  };
}

/** Declares a notification the server sends. */
export function event<P extends z.ZodType>(
  options: Omit<EventDeclaration<P>, 'kind' | 'params'> & { params: () => P },
): EventDeclaration<P> {
  const { params, ...rest } = options;
  const schema = once(params);
  return {
    kind: 'event',
    ...rest,
    get params() {
      return schema();
    },
  };
}

/** Declares a request the server makes of a client. */
export function callback<P extends z.ZodType, R extends z.ZodType>(
  options: Omit<CallbackDeclaration<P, R>, 'kind' | 'params' | 'result'> & { params: () => P; result: () => R },
): CallbackDeclaration<P, R> {
  const { params, result, ...rest } = options;
  const schemas = { params: once(params), result: once(result) };
  return {
    kind: 'callback',
    ...rest,
    get params() {
      return schemas.params();
    },
    get result() {
      return schemas.result();
    },
  };
}

/** The declarations of one domain, by wire name. */
export type DomainContract = Readonly<Record<string, MethodDeclaration>>;

/** What a caller passes: optional fields may be left out. */
export type ParamsOf<M> = M extends { params: infer P extends z.ZodType } ? z.input<P> : never;
/** What a handler receives: checked, defaults filled in. */
export type CheckedParamsOf<M> = M extends { params: infer P extends z.ZodType } ? z.output<P> : never;
export type ResultOf<M> = M extends { result: infer R extends z.ZodType } ? z.output<R> : never;
