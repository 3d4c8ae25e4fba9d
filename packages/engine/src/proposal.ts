/** The proposal IR (Shared shapes). Field names are those of the wire: these records are the IR itself. */
import type { JsonObject } from './json-value.ts';

export type ActionType = 'tool_call' | 'state_write' | 'state_read' | 'assertion';
export type InvocationMode = 'one_shot' | 'streaming' | 'long_running';
export type Reversibility = 'reversible' | 'compensable' | 'irreversible';
export type FailureBehavior = 'abort' | 'retry' | 'skip';
export type ActionStatus = 'proposed' | 'validated' | 'rejected' | 'executing' | 'succeeded' | 'failed' | 'skipped';

export interface PreconditionInput {
  key: string;
  operator?: string | undefined;
  value?: unknown;
  description?: string | undefined;
}

export interface Precondition {
  readonly key: string;
  readonly operator: string;
  readonly value: unknown;
  readonly description: string;
}

export interface Assumption {
  key: string;
  expected_value?: unknown;
  read_version?: number | null | undefined;
}

export type Compensation =
  | { type: 'tool'; tool: string; parameters?: JsonObject | undefined }
  | { type: 'action_ref'; action_id: string };

/** An action as a caller writes it: only `type` is required. What has no default may also be null. */
export interface ActionInput {
  id?: string | undefined;
  type: ActionType;
  tool?: string | null | undefined;
  parameters?: JsonObject | undefined;
  preconditions?: readonly PreconditionInput[] | undefined;
  expected_effects?: JsonObject | undefined;
  state_dependencies?: readonly string[] | undefined;
  read_set?: readonly string[] | undefined;
  write_set?: readonly string[] | undefined;
  assumptions?: readonly Assumption[] | undefined;
  invocation_mode?: InvocationMode | undefined;
  reversibility?: Reversibility | undefined;
  compensation?: Compensation | null | undefined;
  idempotent?: boolean | undefined;
  max_retries?: number | undefined;
  failure_behavior?: FailureBehavior | undefined;
  timeout_ms?: number | null | undefined;
  metadata?: JsonObject | undefined;
  dependencies?: readonly string[] | undefined;
}

/** A proposal as a caller writes it: only `actions` is required. */
export interface ProposalInput {
  id?: string | undefined;
  source?: string | undefined;
  timestamp?: string | undefined;
  actions: readonly ActionInput[];
  context?: JsonObject | undefined;
}

/** An action with every default filled in. */
export interface Action {
  readonly id: string;
  readonly type: ActionType;
  readonly tool: string | undefined;
  readonly parameters: JsonObject;
  readonly preconditions: readonly Precondition[];
  readonly expected_effects: JsonObject;
  readonly state_dependencies: readonly string[];
  readonly read_set: readonly string[];
  readonly write_set: readonly string[];
  readonly assumptions: readonly Assumption[];
  readonly invocation_mode: InvocationMode;
  readonly reversibility: Reversibility;
  readonly compensation: Compensation | undefined;
  readonly idempotent: boolean;
  readonly max_retries: number;
  readonly failure_behavior: FailureBehavior;
  readonly timeout_ms: number | undefined;
  readonly metadata: JsonObject;
  readonly dependencies: readonly string[];
}

/** A proposal with every default filled in; action ids are unique. */
export interface Proposal {
  readonly id: string;
  readonly source: string;
  readonly timestamp: string;
  readonly actions: readonly Action[];
  readonly context: JsonObject;
}

export interface ActionResult {
  action_id: string;
  status: ActionStatus;
  output: unknown;
  error: string | null;
  /** Why it was rejected, for programs; left out where the text says it all. */
  error_data?: JsonObject;
  state_changes: JsonObject;
  duration_ms: number | null;
  timestamp: string;
  /** Left out unless true. */
  rolled_back?: true;
}

export interface CostSummary {
  /** Dispatches to a tool, one per attempt. */
  tool_calls: number;
  /** Succeeded and failed. */
  actions_executed: number;
  actions_rejected: number;
  actions_skipped: number;
  total_duration_ms: number;
  retries: number;
}

export interface ProposalResult {
  proposal_id: string;
  results: ActionResult[];
  cost: CostSummary;
}

/** The state key an action of type `state_write`, `state_read` or `assertion` is about, if it names one. */
export function stateKeyOf(action: Pick<Action, 'parameters'>): string | undefined {
  const key = Object.hasOwn(action.parameters, 'key') ? action.parameters['key'] : undefined;
  return typeof key === 'string' ? key : undefined;
}
