/** The rules a policy can be made of (Policies). There are four, and no callback rule. */
import { PolicyError } from './errors.ts';
import { jsonEquals, ownValue, toShortJson, toText } from './json-value.ts';
import type { JsonObject } from './json-value.ts';
import type { Action } from './proposal.ts';
import type { StateReader } from './state-store.ts';

export interface PolicyDefinition {
  name: string;
  rule: string;
  target?: string | null | undefined;
  key?: string | null | undefined;
  pattern?: string | null | undefined;
  value?: unknown;
  session_id?: string | null | undefined;
}

export interface Policy {
  readonly name: string;
  readonly description: string;
  /** Set by the operator: `unregister` leaves it in place. */
  readonly isFixed?: boolean;
  /** Why the action is denied, or null. Parameters are those it would run with; `texts` are those of this action. */
  check(action: Action, state: StateReader, texts?: ParameterTexts): string | null;
}

/** The texts of one action's parameters. Many policies look at the same one, and it may be as large as a frame. */
export class ParameterTexts {
  readonly #texts = new Map<string, string>();

  of(parameters: JsonObject, key: string): string {
    const value = ownValue(parameters, key);
    if (typeof value === 'string') return value;
    let text = this.#texts.get(key);
    if (text === undefined) this.#texts.set(key, (text = toText(value)));
    return text;
  }
}

export interface PolicyViolation {
  readonly policy_name: string;
  readonly action_id: string;
  readonly reason: string;
}

type Rule = Omit<Policy, 'name'>;

const RULES = new Map<string, (definition: PolicyDefinition) => Rule>([
  ['deny_tool', denyTool],
  ['deny_tool_param', denyToolParam],
  ['require_state', requireState],
  ['deny_connector', denyConnector],
]);

/** The policy a definition describes; throws PolicyError when the rule is unknown or a field it needs is missing. */
export function createPolicy(definition: PolicyDefinition): Policy {
  const createRule = RULES.get(definition.rule);
  if (createRule === undefined) {
    throw new PolicyError(
      'unknown_rule',
      `Cannot register policy "${definition.name}": unknown rule "${definition.rule}"; known are ${[...RULES.keys()].join(', ')}`,
    );
  }
  return { name: definition.name, ...createRule(definition) };
}

function denyTool(definition: PolicyDefinition): Rule {
  const target = needText(definition, 'target');
  return {
    description: `deny tool '${target}'`,
    check: (action) => (action.tool === target ? denied(target) : null),
  };
}

function denyToolParam(definition: PolicyDefinition): Rule {
  const target = needText(definition, 'target');
  const key = needText(definition, 'key');
  const pattern = needText(definition, 'pattern');
  return {
    description: `deny tool '${target}' when param '${key}' contains '${pattern}'`,
    check: ({ tool, parameters }, _state, texts = new ParameterTexts()) => {
      if (tool !== target || !Object.hasOwn(parameters, key)) return null;
      return texts.of(parameters, key).includes(pattern) ? `param '${key}' matches '${pattern}'` : null;
    },
  };
}

function requireState(definition: PolicyDefinition): Rule {
  const key = needText(definition, 'key');
  const { value } = definition;
  if (value === undefined) throw missing(definition, 'value');
  const claim = `state['${key}'] must be ${toShortJson(value)}`;
  return {
    description: `require that ${claim}`,
    check: (_action, state) => (state.has(key) && jsonEquals(state.get(key), value) ? null : claim),
  };
}

function denyConnector(definition: PolicyDefinition): Rule {
  const target = needText(definition, 'target');
  const prefix = `mcp_${target}_`;
  return {
    description: `deny connector '${target}'`,
    check: ({ tool }) => (tool?.startsWith(prefix) ? denied(tool) : null),
  };
}

function denied(tool: string): string {
  return `tool '${tool}' denied`;
}

function needText(definition: PolicyDefinition, field: 'target' | 'key' | 'pattern'): string {
  const text = definition[field];
  if (typeof text !== 'string' || text === '') throw missing(definition, field);
  return text;
}

function missing(definition: PolicyDefinition, field: string): PolicyError {
  return new PolicyError(
    'missing_field',
    `Cannot register policy "${definition.name}": rule "${definition.rule}" needs "${field}"`,
  );
}
