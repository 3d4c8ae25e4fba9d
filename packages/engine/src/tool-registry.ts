/** The tools of one runtime and the schemas of their parameters. */
import { ToolError } from './errors.ts';
import type { JsonObject } from './json-value.ts';
import { ParameterSchema } from './parameter-schema.ts';
import type { RegExpEngine } from './parameter-schema.ts';

export type ToolSource = 'builtin' | 'user_defined' | 'subprocess' | 'mcp';

export interface RateLimit {
  max_calls: number;
  interval_secs: number;
}

/** The most one call uses. With `reported`, the output says in its `usage` what it did use. */
export interface ToolUsage {
  max_tokens?: number | undefined;
  max_cost_usd?: number | undefined;
  reported?: boolean | undefined;
}

/** A tool as a caller describes it. */
export interface ToolDefinition {
  name: string;
  description?: string | undefined;
  /** JSON Schema; `{}` accepts anything. */
  parameters?: JsonObject | undefined;
  returns?: JsonObject | null | undefined;
  idempotent?: boolean | undefined;
  cache_ttl_secs?: number | null | undefined;
  rate_limit?: RateLimit | null | undefined;
  /** It can be started and left running, saying things meanwhile. */
  streaming?: boolean | undefined;
  usage?: ToolUsage | null | undefined;
}

/** A tool as it is listed: unset optional members are left out. */
export interface ToolSchema {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonObject;
  readonly idempotent: boolean;
  readonly returns?: JsonObject;
  readonly cache_ttl_secs?: number;
  readonly rate_limit?: RateLimit;
  readonly source?: ToolSource;
  readonly streaming?: boolean;
  readonly usage?: ToolUsage;
}

export interface ToolRegistryOptions {
  /** At most this many tools; one more is refused. */
  maxTools?: number;
  regExp?: RegExpEngine;
}

interface Entry {
  readonly tool: ToolSchema;
  readonly parameters: ParameterSchema;
}

const MAX_TOOLS = 10_000;

export class ToolRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #maxTools: number;
  readonly #regExp: RegExpEngine | undefined;
  #lastRegistration: Promise<unknown> = Promise.resolve();

  constructor(options: ToolRegistryOptions = {}) {
    this.#maxTools = options.maxTools ?? MAX_TOOLS;
    this.#regExp = options.regExp;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Registers tools that someone described to us and answers how many. One that has no name or no valid schema
   * refuses the whole list. The same name replaces. Registrations take effect in the order of the calls.
   */
  register(definitions: readonly ToolDefinition[], source: ToolSource = 'user_defined'): Promise<number> {
    const registration = this.#lastRegistration.then(() => this.#register(definitions, source));
    // Whoever registers next does not care whether this one was refused; its own caller is told.
    this.#lastRegistration = registration.catch(() => undefined);
    return registration;
  }

  /** Registers a tool whose schema is known to be valid: ours, or one that was checked when it was installed. */
  add(tool: ToolSchema): void {
    const entry = this.#toEntry(tool);
    this.#checkRoom([entry]);
    this.#entries.set(tool.name, entry);
  }

  /** Answers whether there was such a tool. */
  unregister(name: string): boolean {
    return this.#entries.delete(name);
  }

  get(name: string): ToolSchema | undefined {
    return this.#entries.get(name)?.tool;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Sorted by name. */
  list(): ToolSchema[] {
    return [...this.#entries.values()]
      .map((entry) => entry.tool)
      .toSorted((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Something to wait for before `check`, or undefined when nothing is left to do: the usual case costs no promise. */
  prepare(name: string): Promise<void> | undefined {
    const entry = this.#entries.get(name);
    return entry === undefined || entry.parameters.isReady ? undefined : entry.parameters.prepare();
  }

  /** What is wrong with calling the tool this way, or null. */
  check(name: string, parameters: JsonObject): string | null {
    const entry = this.#entries.get(name);
    return entry === undefined ? notRegistered(name) : entry.parameters.check(parameters);
  }

  async #register(definitions: readonly ToolDefinition[], source: ToolSource): Promise<number> {
    const entries: Entry[] = [];
    for (const definition of definitions) {
      if (definition.name === '') throw new ToolError('invalid_name', '', 'Cannot register a tool: its name is empty');
      const entry = this.#toEntry(toToolSchema(definition, source));
      try {
        await entry.parameters.assertValid();
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        const message = `Cannot register tool "${definition.name}": its parameters are no valid JSON Schema: ${cause}`;
        throw new ToolError('invalid_schema', definition.name, message, { cause: error });
      }
      entries.push(entry);
    }
    // All of them or none: a list that stops half way would leave its caller guessing.
    this.#checkRoom(entries);
    for (const entry of entries) this.#entries.set(entry.tool.name, entry);
    return entries.length;
  }

  #toEntry(tool: ToolSchema): Entry {
    return { tool, parameters: ParameterSchema.for(tool.parameters, this.#regExp) };
  }

  #checkRoom(entries: readonly Entry[]): void {
    const added = new Set(entries.map(({ tool }) => tool.name).filter((name) => !this.#entries.has(name)));
    const room = this.#maxTools - this.#entries.size;
    if (added.size <= room) return;
    const name = [...added][room] ?? '';
    const message = `Cannot register tool "${name}": ${this.#maxTools - room} tools are registered, at most ${this.#maxTools} are allowed`;
    throw new ToolError('too_many_tools', name, message);
  }
}

export function notRegistered(name: string): string {
  return `tool '${name}' is not registered`;
}

/** A definition with its defaults. */
export function toToolSchema(definition: ToolDefinition, source?: ToolSource): ToolSchema {
  const { name, description, parameters, returns, idempotent, cache_ttl_secs, rate_limit, streaming, usage } =
    definition;
  const tool: { -readonly [Member in keyof ToolSchema]: ToolSchema[Member] } = {
    name,
    description: description ?? '',
    parameters: parameters ?? {},
    idempotent: idempotent ?? false,
  };
  if (returns) tool.returns = returns;
  if (typeof cache_ttl_secs === 'number') tool.cache_ttl_secs = cache_ttl_secs;
  if (rate_limit) tool.rate_limit = rate_limit;
  if (source) tool.source = source;
  if (streaming) tool.streaming = streaming;
  if (usage) tool.usage = usage;
  return tool;
}
