// From a request to its handler: auth gate, route, role, params, order, deadline, answer. The read loop never waits.
import { checkParams, fail, type MethodDeclaration } from '@car-runtime/protocol';
import {
  EncodedJson,
  RpcError,
  startDeadline,
  type Deadline,
  type IncomingCall,
  type CancelSignal,
} from '@car-runtime/rpc';
import { accessOf, refusalOf, type CredentialState } from './access.ts';
import type { CallGate, CallPermit } from './call-gate.ts';
import type { Connection } from './connection.ts';
import type { AnyDomain, CallContext, NotificationHandler } from './domain.ts';
import type { Logger } from './logger.ts';
import { OrderedQueues } from './ordered-queues.ts';

/** WebSocket close code for a client that may not go on (RFC 6455, 7.4.1: policy violation). */
export const policyViolation = 1008;

interface Route {
  readonly declaration: MethodDeclaration;
  readonly handle: (params: never, context: CallContext) => unknown;
  readonly deadlineOf: ((params: never, defaultMs: number) => number) | undefined;
  /** Told when the handler is not to run after all. */
  readonly abandoned?: () => void;
  readonly count: { calls: number; errors: number };
}

export interface DispatcherOptions {
  credentials: CredentialState;
  /** Time a handler has when neither its declaration nor its domain says otherwise, in ms. */
  handlerTimeoutMs: number;
  logger: Logger;
  /** Compares every result with its declared schema and fails the call on a difference. For tests. */
  checksResults: boolean;
  /** Has a say before a handler runs. */
  gate?: CallGate | undefined;
}

/** Calls and errors of one method since the start. */
export interface MethodCount {
  method: string;
  calls: number;
  errors: number;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #routes = new Map<string, Route>();
  readonly #notifications = new Map<string, NotificationHandler>();
  readonly #queues = new OrderedQueues();
  #isDraining = false;
  requestsTotal = 0;
  unknownTotal = 0;

  constructor(domains: readonly AnyDomain[], options: DispatcherOptions) {
    this.#options = options;
    for (const domain of domains) this.#register(domain);
  }

  #register(domain: AnyDomain): void {
    for (const [name, declaration] of Object.entries(domain.contract)) {
      if (this.#routes.has(name)) throw new Error(`Cannot register ${name}: declared by two domains`);
      const handle = domain.methods[name];
      if (!handle) throw new Error(`Cannot register ${name}: domain ${domain.name} has no handler`);
      this.#routes.set(name, {
        declaration,
        handle,
        deadlineOf: domain.deadlines?.[name],
        count: { calls: 0, errors: 0 },
      });
    }
    for (const [name, handle] of Object.entries(domain.notifications ?? {})) this.#notifications.set(name, handle);
  }

  /** New requests are refused from now on; those running go on. */
  startDraining(): void {
    this.#isDraining = true;
  }

  counts(): MethodCount[] {
    return [...this.#routes].map(([method, { count }]) => ({ method, ...count }));
  }

  notify(connection: Connection, method: string, params: unknown): void {
    if (!this.#mayEnter(connection)) return;
    try {
      this.#notifications.get(method)?.(params, connection);
    } catch (error) {
      this.#options.logger.error({ err: error, method, client_id: connection.id }, 'notification handler failed');
    }
  }

  dispatch(connection: Connection, call: IncomingCall): void {
    this.requestsTotal++;
    const route = this.#routes.get(call.method);
    if (route?.declaration.access !== 'public' && !this.#mayEnter(connection)) {
      const error = fail('auth_required', `auth required: call session.auth before ${quoted(call.method)}`);
      call.rejectAndClose(error, policyViolation, 'auth required');
      return;
    }
    if (!route) {
      this.unknownTotal++;
      call.reject(fail('method_not_found', `unknown method: ${call.method}`));
      return;
    }
    route.count.calls++;
    const refusal = this.#isDraining
      ? fail('failed', `Cannot call ${call.method}: the daemon is shutting down`, { data: { reason: 'shutting_down' } })
      : refusalOf(
          call.method,
          accessOf(route.declaration, this.#options.credentials),
          connection,
          this.#options.credentials,
        );
    if (refusal) {
      this.#reject(route, call, refusal);
      return;
    }
    const { params, problem } = checkParams(call.method, route.declaration, call.params);
    if (problem) {
      this.#reject(route, call, problem);
      return;
    }
    const context = new HandlerContext(connection, call);
    const permit = this.#options.gate?.admit(call.method, params, context);
    if (permit) this.#await(permit, route, call, params, context);
    else this.#start(route, call, params, context);
  }

  /** The call waits outside its queue: what comes behind it does not wait with it. */
  #await(awaited: Promise<CallPermit>, route: Route, call: IncomingCall, params: unknown, context: CallContext): void {
    const { connection } = context;
    connection.handlerStarted();
    awaited
      .then(
        (permit) => {
          const isWanted = !call.isAnswered && !call.aborted && !connection.isClosed;
          if (isWanted) this.#start(permitted(route, permit), call, params, context);
          else permit.abandoned();
        },
        (error: unknown) => {
          // Of a call that nobody waits for any more it is the reason it was given up for.
          if (!call.aborted) this.#reject(route, call, this.#toRpcError(error, call));
        },
      )
      .finally(() => connection.handlerEnded());
  }

  #start(route: Route, call: IncomingCall, params: unknown, context: CallContext): void {
    const { order } = route.declaration;
    if (order === undefined) void this.#run(route, call, params, context);
    else this.#enqueue(order, route, call, params, context);
  }

  /** The deadline counts from the arrival: a call that waits behind one that never ends is given up on too. */
  #enqueue(order: string, route: Route, call: IncomingCall, params: unknown, context: CallContext): void {
    const { connection } = context;
    const deadline = this.#startDeadline(route, call, params);
    this.#queues.run(connection, order, () => {
      if (!call.isAnswered && !connection.isClosed) return this.#run(route, call, params, context, deadline);
      deadline.cancel();
      route.abandoned?.();
      return undefined;
    });
  }

  #mayEnter(connection: Connection): boolean {
    return connection.isAuthenticated || !this.#options.credentials.isAuthRequired;
  }

  /** Runs the handler; the returned promise, if any, ends when it has (also after its answer was given up on). */
  #run(
    route: Route,
    call: IncomingCall,
    params: unknown,
    context: CallContext,
    started?: Deadline,
  ): Promise<void> | undefined {
    let outcome: unknown;
    try {
      outcome = route.handle(params as never, context);
    } catch (error) {
      started?.cancel();
      this.#reject(route, call, this.#toRpcError(error, call));
      return undefined;
    }
    if (!(outcome instanceof Promise)) {
      started?.cancel();
      this.#resolve(route, call, outcome);
      return undefined;
    }
    const deadline = started ?? this.#startDeadline(route, call, params);
    const { connection } = context;
    connection.handlerStarted();
    return outcome.then(
      (result) => {
        deadline.cancel();
        connection.handlerEnded();
        this.#resolve(route, call, result);
      },
      (error) => {
        deadline.cancel();
        connection.handlerEnded();
        this.#reject(route, call, this.#toRpcError(error, call));
      },
    );
  }

  #startDeadline(route: Route, call: IncomingCall, params: unknown): Deadline {
    const defaultMs = route.declaration.deadlineMs ?? this.#options.handlerTimeoutMs;
    const deadlineMs = route.deadlineOf?.(params as never, defaultMs) ?? defaultMs;
    const deadline = startDeadline(deadlineMs, () => this.#abandon(route, call, deadlineMs));
    call.deadline = deadline;
    return deadline;
  }

  #abandon(route: Route, call: IncomingCall, deadlineMs: number): void {
    const seconds = Math.floor(deadlineMs / 1000);
    const message = `handler '${call.method}' exceeded its ${seconds}s response deadline; it may or may not have taken effect, so do not repeat a change blindly`;
    const error = fail('deadline_exceeded', message, { data: { deadline_ms: deadlineMs } });
    call.abort(error);
    this.#reject(route, call, error);
  }

  #resolve(route: Route, call: IncomingCall, result: unknown): void {
    if (this.#options.checksResults) {
      const value = result instanceof EncodedJson ? (JSON.parse(result.text) as unknown) : result;
      const checked = route.declaration.result.safeParse(value ?? null);
      if (!checked.success) {
        this.#reject(
          route,
          call,
          fail('internal', `Result of ${call.method} differs from its declaration: ${checked.error.message}`),
        );
        return;
      }
    }
    call.resolve(result);
  }

  #reject(route: Route, call: IncomingCall, error: RpcError): void {
    if (call.isAnswered) return;
    route.count.errors++;
    call.reject(error);
  }

  #toRpcError(error: unknown, call: IncomingCall): RpcError {
    if (error instanceof RpcError) return error;
    this.#options.logger.error({ err: error, method: call.method }, 'handler failed');
    return fail('internal', error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** The route of one call that had to wait, whose permit is told what becomes of it. */
function permitted(route: Route, permit: CallPermit): Route {
  const handle: Route['handle'] = (params, context) => {
    permit.begin();
    let outcome: unknown;
    try {
      outcome = route.handle(params, context);
    } catch (error) {
      permit.ended(false);
      throw error;
    }
    if (!(outcome instanceof Promise)) {
      permit.ended(true);
      return outcome;
    }
    void outcome.then(
      () => permit.ended(true),
      () => permit.ended(false),
    );
    return outcome;
  };
  return { ...route, handle, abandoned: () => permit.abandoned() };
}

/** Made for every call, so it holds two references and makes the rest when asked. */
class HandlerContext implements CallContext {
  readonly connection: Connection;
  readonly #call: IncomingCall;

  constructor(connection: Connection, call: IncomingCall) {
    this.connection = connection;
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get cancel(): CancelSignal {
    return this.#call;
  }
}

function quoted(method: string): string {
  return JSON.stringify(method.length <= 80 ? method : `${method.slice(0, 80)}…`);
}
