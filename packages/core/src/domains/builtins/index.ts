import { agentBasics, substrate } from '@car-runtime/protocol';
import { toAbortSignal, type CancelSignal, type ToolCall, type ToolRegistry } from '@car-runtime/engine';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import type { Logger } from '../../kernel/logger.ts';
import { builtinMethods } from './methods.ts';
import { BuiltinTools, isFileToolName, type BuiltinSession } from './service.ts';
import { Binding, type SandboxProvider, type SubstrateProvider } from './substrates.ts';

export type { FileSubstrate, SandboxOptions, SandboxProvider, SubstrateProvider } from './substrates.ts';

export interface BuiltinsOptions {
  logger: Logger;
  /** Root folder of sessions that name none. */
  toolRoot: string | undefined;
  /** Absolute paths of the daemon's own files and folders. */
  privatePaths: readonly string[];
  /** Whether only hosts name paths of this machine. */
  hasStrictRoles(): boolean;
  substrates: SubstrateProvider | undefined;
  sandboxes: SandboxProvider | undefined;
}

/** A place where tools may run; `undefined` when the tool is not there. */
type Dispatch = (
  connection: Connection,
  call: ToolCall,
  signal: CancelSignal | undefined,
) => Promise<unknown> | undefined;

export interface Builtins extends AsyncDisposable {
  readonly options: BuiltinsOptions;
  sessionOf(connection: Connection): BuiltinSession;
  /** The canonical path of a folder to show to a sandbox as a whole; rejects with a `JobError`. */
  findExposed(path: string): Promise<string>;
  /** Made when it is asked for, so before whatever is to be bound. */
  bindingOf(connection: Connection): Binding;
  /** Runs the tools of a bound session, which skip its client (Tool dispatch precedence). */
  dispatchBound: Dispatch;
  /** Runs the tools that a session's client does not know. */
  dispatchUnknown: Dispatch;
}

export function createBuiltins(options: BuiltinsOptions): Builtins {
  const { logger, toolRoot, privatePaths } = options;
  const onFault = (error: unknown, tool: string): void => logger.error({ err: error, tool }, 'built-in tool failed');
  const tools = new BuiltinTools({ toolRoot, privatePaths, onFault });
  const sessionOf = perConnection(() => tools.openSession());
  const bindings = new WeakMap<Connection, Binding>();
  const bindingOf = perConnection((connection) => {
    const binding = new Binding();
    bindings.set(connection, binding);
    return binding;
  });
  const callOwn: Dispatch = (connection, { tool, parameters }, signal) =>
    tools.has(tool) ? sessionOf(connection).call(tool, parameters, signal && toAbortSignal(signal)) : undefined;
  return {
    options,
    sessionOf,
    findExposed: (path) => tools.findRoot(path, true),
    bindingOf,
    dispatchBound: (connection, call, signal) => {
      const bound = bindings.get(connection)?.current;
      if (!bound) return undefined;
      if (isFileToolName(call.tool) || bound.tools.some(({ name }) => name === call.tool))
        return bound.call(call, signal && toAbortSignal(signal));
      return callOwn(connection, call, signal);
    },
    dispatchUnknown: callOwn,
    [Symbol.asyncDispose]: () => tools[Symbol.asyncDispose](),
  };
}

/** `agents.register_basics`, `session.bindSubstrate` and `session.bindSandbox`. */
export function builtinsDomain(
  builtins: Builtins,
  registryOf: (connection: Connection) => ToolRegistry,
): Domain<typeof agentBasics & typeof substrate> {
  const contract = { ...agentBasics, ...substrate };
  return { name: 'builtins', contract, methods: builtinMethods(builtins, registryOf) };
}
