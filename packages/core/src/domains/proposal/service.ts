// Running a plan for a connection: the engine, given that connection's own tools, state, policies and journal.
import {
  executeProposal,
  IdempotencyCache,
  type ExecutionEnv,
  type PolicySet,
  type Proposal,
  type ProposalResult,
  type StateStore,
  type ToolCall,
  type ToolRegistry,
} from '@car-runtime/engine';
import { perConnection, type Connection } from '../../kernel/connection.ts';

export interface ProposalDependencies {
  registryOf(connection: Connection): ToolRegistry;
  storeOf(connection: Connection): StateStore;
  policiesOf(connection: Connection): PolicySet;
  logOf(connection: Connection): {
    append(
      kind: string,
      event: { action_id?: string | undefined; proposal_id?: string | undefined; data?: object | undefined },
    ): void;
  };
  dispatch(connection: Connection, call: ToolCall, signal: AbortSignal): unknown;
  canDetach(connection: Connection, tool: string): boolean;
}

export interface SubmitOptions {
  signal: AbortSignal;
  tenantId: string | undefined;
  sessionId: string | undefined;
}

export class ProposalService {
  readonly #envOf: (connection: Connection) => ExecutionEnv;

  constructor({ registryOf, storeOf, policiesOf, logOf, dispatch, canDetach }: ProposalDependencies) {
    this.#envOf = perConnection((connection) => {
      const log = logOf(connection);
      return {
        tools: registryOf(connection),
        state: storeOf(connection),
        policies: policiesOf(connection),
        idempotency: new IdempotencyCache(),
        dispatch: (call, signal) => dispatch(connection, call, signal),
        canDetach: (tool) => canDetach(connection, tool),
        emit: (kind, { action_id, proposal_id, data }) =>
          log.append(kind, { action_id: action_id ?? undefined, proposal_id, data }),
      };
    });
  }

  /** Runs a plan to its end. Actions that fail are results; a rejection is a fault of ours. */
  submit(connection: Connection, plan: Proposal, options: SubmitOptions): Promise<ProposalResult> {
    return executeProposal(plan, this.#envOf(connection), options);
  }
}
