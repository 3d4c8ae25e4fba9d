// Calling a tool that the client answers: `tools.execute`, its wait, and the `tools.cancel` of whoever gives up first
// (Tool callback).
import { ChannelClosedError, RequestTimeoutError, RpcError } from '@car-runtime/rpc';
import type { CancelSignal, ToolCall } from '@car-runtime/engine';
import type { Connection } from '../../kernel/connection.ts';
import type { CallbackSlots } from './callback-slots.ts';

/** How a client says that it has no such tool (Tool dispatch precedence). */
const unknownTool = 'unknown tool';

/** Added to an action's own budget, so that the engine's deadline fires first. */
const graceMs = 5_000;

/**
 * Asks the client to run a tool and resolves with its output. The message of every rejection is what the action
 * reports. Giving up (own wait, or `signal`) removes the pending request first, so exactly one `tools.cancel` is sent
 * and never after an answer was taken. `whenUnknown` runs a tool that the client does not know. With `slots`, a call
 * waits for its turn before it is sent.
 */
export function callTool(
  connection: Connection,
  call: ToolCall,
  defaultTimeoutMs: number,
  signal: CancelSignal | undefined,
  whenUnknown: WhenUnknown,
  slots?: CallbackSlots,
): Promise<unknown> {
  // Nothing was sent yet, so there is nothing to cancel.
  if (signal?.aborted) return Promise.reject(signal.reason);
  const turn = slots?.acquire(signal);
  if (turn === undefined) return send(connection, call, defaultTimeoutMs, signal, whenUnknown, slots);
  return turn.then(() => {
    if (!signal?.aborted) return send(connection, call, defaultTimeoutMs, signal, whenUnknown, slots);
    slots?.release();
    throw signal.reason;
  });
}

type WhenUnknown = (connection: Connection, call: ToolCall, signal: CancelSignal | undefined) => unknown;

/** Gives the slot back when the call has ended. One promise where an async function would make three: every call of every
 *  plan passes here. */
function send(
  connection: Connection,
  call: ToolCall,
  defaultTimeoutMs: number,
  signal: CancelSignal | undefined,
  whenUnknown: WhenUnknown,
  slots: CallbackSlots | undefined,
): Promise<unknown> {
  const { peer } = connection;
  const { action_id, tool, parameters, timeout_ms, attempt, session_id } = call;
  const waitMs = timeout_ms === undefined ? defaultTimeoutMs : timeout_ms + graceMs;
  const request_id = String(peer.nextRequestId());
  const params = { action_id, tool, parameters, timeout_ms, attempt, request_id, session_id };
  return peer.request('tools.execute', params, { id: request_id, signal, timeoutMs: waitMs }).then(
    (output) => {
      slots?.release();
      return output;
    },
    async (error: unknown) => {
      try {
        if (error instanceof RpcError && error.message.startsWith(unknownTool))
          return await whenUnknown(connection, call, signal);
        if (error instanceof ChannelClosedError)
          throw new Error(`tool '${tool}' callback channel closed`, { cause: error });
        if (signal?.aborted && error === signal.reason) {
          peer.notify('tools.cancel', { request_id, action_id, reason: messageOf(error) });
          throw error;
        }
        if (error instanceof RequestTimeoutError) {
          const reason = `tool '${tool}' callback timed out (${Math.floor(waitMs / 1000)}s)`;
          peer.notify('tools.cancel', { request_id, action_id, reason });
          throw new Error(reason, { cause: error });
        }
        if (error instanceof TypeError || error instanceof RangeError) {
          throw new Error(`failed to send tool callback: ${error.message}`, { cause: error });
        }
        throw error;
      } finally {
        slots?.release();
      }
    },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
