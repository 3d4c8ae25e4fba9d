// The engine throws errors of its own; on the wire they keep their reason.
import { EngineError, ProposalError } from '@car-runtime/engine';
import { fail } from '@car-runtime/protocol';

/** Runs engine code; what it throws on purpose becomes an error the caller can act on. */
export function callingEngine<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw toRpcError(error);
  }
}

/** `callingEngine` for a promise. */
export async function awaitingEngine<T>(running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (error) {
    throw toRpcError(error);
  }
}

function toRpcError(error: unknown): unknown {
  if (error instanceof ProposalError) {
    const data = {
      reason: error.reason,
      field: error.field,
      ...(error.actionId !== undefined && { action_id: error.actionId }),
    };
    return fail('invalid_params', error.message, { data, cause: error });
  }
  return error instanceof EngineError
    ? fail('failed', error.message, { data: { reason: error.reason }, cause: error })
    : error;
}
