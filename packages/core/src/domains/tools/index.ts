import { tools } from '@car-runtime/protocol';
import { type CancelSignal, type ToolAttempt, ToolRegistry, type ToolCall } from '@car-runtime/engine';
import { linearRegExp } from '../../infra/linear-reg-exp.ts';
import { perConnection, type Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import { callTool, tellTool } from './callback.ts';
import { CallbackSlots } from './callback-slots.ts';
import { DetachedTools } from './detached.ts';
import { DispatchLimits, isLimited } from './dispatch-limits.ts';
import { takeChunk, toolMethods } from './methods.ts';

export interface ToolAccess {
  registryOf(connection: Connection): ToolRegistry;
  detachedOf(connection: Connection): DetachedTools;
  /** Whether a tool can be started and left running: its client declared it streaming. */
  canDetach(connection: Connection, tool: string): boolean;
  /** Runs a tool of the connection, or answers what it answered a moment ago; fails with an error whose message the
   *  action reports. Answers as dispatchers of the engine do. Answers of one tenant are never another's. */
  dispatch(connection: Connection, call: ToolCall, attempt: ToolAttempt, tenantId?: string): unknown;
}

/** Runs a tool of a connection; answers `undefined` when it is none of its tools. */
export type ToolSource = (connection: Connection, call: ToolCall, signal: CancelSignal | undefined) => unknown;

/** Where a tool may be besides the client, in the order in which they are asked (Tool dispatch precedence). */
export interface ToolSources {
  readonly beforeClient: readonly ToolSource[];
  /** For tools that the client said it does not know. */
  readonly afterClient: readonly ToolSource[];
}

/** Every session lists it from the start (Tool methods). */
const messagingSend = {
  name: 'messaging.send',
  description: 'Send a message to a person or a channel',
  parameters: {
    type: 'object',
    properties: {
      channel: { type: 'string' },
      kind: { enum: ['direct', 'channel'] },
      to: { type: 'string' },
      body: { type: 'string' },
    },
    required: ['channel', 'to', 'body'],
  },
  idempotent: false,
  source: 'builtin',
} as const;

export function createToolAccess(
  defaultTimeoutMs: number,
  { beforeClient, afterClient }: ToolSources = { beforeClient: [], afterClient: [] },
): ToolAccess {
  const registryOf = perConnection(() => {
    const registry = new ToolRegistry({ regExp: linearRegExp });
    registry.add(messagingSend);
    return registry;
  });
  const detachedOf = perConnection((connection) => new DetachedTools(connection));
  const whenUnknown: ToolSource = (connection, call, signal) => {
    const answer = firstAnswer(afterClient, connection, call, signal);
    if (answer === undefined) throw new Error(`no handler for tool '${call.tool}'`);
    return answer;
  };
  const limitsOf = perConnection(() => new DispatchLimits());
  const slotsOf = perConnection(() => new CallbackSlots());
  const run = (connection: Connection, call: ToolCall, signal: CancelSignal, taker?: ToolAttempt): unknown => {
    if (call.mode !== undefined) return detachedOf(connection).start(call);
    // Built in, and never handed to the client under this name (Tool dispatch precedence).
    if (call.tool === messagingSend.name) throw new Error('messaging.send: no message sink is configured');
    const answer = firstAnswer(beforeClient, connection, call, signal);
    if (answer !== undefined) return answer;
    const options = { defaultTimeoutMs, signal, whenUnknown, slots: slotsOf(connection) };
    return taker ? tellTool(connection, call, options, taker) : callTool(connection, call, options);
  };
  return {
    registryOf,
    detachedOf,
    canDetach: (connection, tool) => registryOf(connection).get(tool)?.streaming === true,
    dispatch: (connection, call, attempt, tenantId) => {
      const tool = registryOf(connection).get(call.tool);
      if (!isLimited(tool)) return run(connection, call, attempt, attempt);
      return limitsOf(connection).run(tool, call, tenantId, attempt, () => run(connection, call, attempt));
    },
  };
}

function firstAnswer(
  sources: readonly ToolSource[],
  connection: Connection,
  call: ToolCall,
  signal: CancelSignal | undefined,
): unknown {
  for (const source of sources) {
    const answer = source(connection, call, signal);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** `tools.*`: the tools of the connection, which its client answers. */
export function toolsDomain(access: ToolAccess): Domain<typeof tools> {
  return {
    name: 'tools',
    contract: tools,
    methods: toolMethods(access),
    notifications: { 'tools.chunk': (params, connection) => takeChunk(access, params, connection) },
  };
}
