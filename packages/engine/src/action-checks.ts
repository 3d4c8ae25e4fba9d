/** What an action must pass before it runs, apart from policies (Per-action pipeline, capability check and validation). */
import type { Capabilities } from './execution.ts';
import { preconditionFailure } from './preconditions.ts';
import { stateKeyOf } from './proposal.ts';
import type { Action } from './proposal.ts';
import type { StateReader } from './state-store.ts';
import type { ToolRegistry } from './tool-registry.ts';

/** Why the capability sets forbid the action, or null. Only tools are subject to them. */
export function capabilityDenial({ type, tool }: Action, capabilities: Capabilities | undefined): string | null {
  if (capabilities === undefined || type !== 'tool_call' || tool === undefined) return null;
  const { allow, deny } = capabilities;
  if (deny?.has(tool)) return `capability denied: tool '${tool}' is on the deny list`;
  if (allow !== undefined && allow.size > 0 && !allow.has(tool)) {
    return `capability denied: tool '${tool}' is not on the allow list`;
  }
  return null;
}

/** Everything wrong with the action as it stands, or null. The tool's schema must have been prepared. */
export function validationFailure(action: Action, tools: ToolRegistry, state: StateReader): string | null {
  let problems: string[] | undefined;
  const first = action.type === 'tool_call' ? toolProblem(action, tools) : keyProblem(action);
  if (first !== null) problems = [first];
  for (const precondition of action.preconditions) {
    const failure = preconditionFailure(precondition, state);
    if (failure !== null) (problems ??= []).push(failure);
  }
  for (const key of action.state_dependencies) {
    if (!state.has(key)) (problems ??= []).push(`state dependency '${key}' not found`);
  }
  return problems === undefined ? null : problems.join('; ');
}

function toolProblem({ tool, parameters }: Action, tools: ToolRegistry): string | null {
  if (tool === undefined || tool === '') return 'tool_call action has no tool specified';
  return tools.check(tool, parameters);
}

function keyProblem(action: Action): string | null {
  return stateKeyOf(action) === undefined ? `${action.type} action has no key specified` : null;
}
