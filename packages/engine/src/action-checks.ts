/** What an action must pass before it runs, apart from policies (Per-action pipeline, capability check and validation). */
import type { Capabilities, ToolChecker } from './execution.ts';
import { preconditionFailure } from './preconditions.ts';
import { stateKeyOf } from './proposal.ts';
import type { Action } from './proposal.ts';
import type { StateReader } from './state-store.ts';
import { notRegistered } from './tool-registry.ts';

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

/** Everything wrong with the action as things stand, or null; `intrinsic` is what `intrinsicFailure` found. */
export function validationFailure(action: Action, intrinsic: string | null, state: StateReader): string | null {
  let problems: string[] | undefined;
  if (intrinsic !== null) problems = [intrinsic];
  for (const precondition of action.preconditions) {
    const failure = preconditionFailure(precondition, state);
    if (failure !== null) (problems ??= []).push(failure);
  }
  for (const key of action.state_dependencies) {
    if (!state.has(key)) (problems ??= []).push(missingDependency(key));
  }
  return problems === undefined ? null : problems.join('; ');
}

export function missingDependency(key: string): string {
  return `state dependency '${key}' not found`;
}

/** What is wrong with the action whatever the state, or null. The tool's schema must have been prepared. */
export function intrinsicFailure(action: Action, tools: ToolChecker): string | null {
  const failure = targetFailure(action, tools);
  return failure === null && action.type === 'tool_call' ? tools.check(action.tool ?? '', action.parameters) : failure;
}

/** The part of it that can be told while parameters still hold the outputs of actions to come. */
export function targetFailure(action: Action, tools: ToolChecker): string | null {
  if (action.type !== 'tool_call') {
    return stateKeyOf(action) === undefined ? `${action.type} action has no key specified` : null;
  }
  if (action.tool === undefined || action.tool === '') return 'tool_call action has no tool specified';
  return tools.has(action.tool) ? null : notRegistered(action.tool);
}

/** Something to wait for until the schemas of all tools a proposal calls can be checked against, or undefined. */
export function prepareTools(actions: readonly Action[], tools: ToolChecker): Promise<void> | undefined {
  const pending = new Set<Promise<void>>();
  for (const { type, tool } of actions) {
    const preparation = type === 'tool_call' && tool !== undefined ? tools.prepare(tool) : undefined;
    if (preparation !== undefined) pending.add(preparation);
  }
  // Asked again after waiting: meanwhile a tool may have been registered anew.
  return pending.size === 0 ? undefined : Promise.all(pending).then(() => prepareTools(actions, tools));
}
