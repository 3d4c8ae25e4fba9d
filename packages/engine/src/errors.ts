/** Base of every error this package throws on purpose; `reason` is stable and meant for programs. */
export class EngineError extends Error {
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** A proposal that cannot be accepted at all: nothing of it runs. */
export class ProposalError extends EngineError {
  override readonly name = 'ProposalError';
  /** The action at fault, absent when the fault lies with the proposal as a whole. */
  readonly actionId: string | undefined;
  /** Path of the field at fault, such as `actions[3].id`. */
  readonly field: string;

  constructor(reason: string, field: string, message: string, actionId?: string) {
    super(reason, message);
    this.field = field;
    this.actionId = actionId;
  }
}

/** A policy or policy session that cannot be registered, found or opened. */
export class PolicyError extends EngineError {
  override readonly name = 'PolicyError';
}

/** A tool that cannot be registered. */
export class ToolError extends EngineError {
  override readonly name = 'ToolError';
  readonly tool: string;

  constructor(reason: string, tool: string, message: string, options?: ErrorOptions) {
    super(reason, message, options);
    this.tool = tool;
  }
}

/** A write that the state has no room for. */
export class StateError extends EngineError {
  override readonly name = 'StateError';
}
