// What a tool did with one task, as far as it says.
import type { Outcome, RunContext } from './tool.ts';

const maxUses = 10_000;
/** Of the inputs of all uses together; those beyond it are counted and named, and leave theirs out. */
const maxInputBytes = 4 * 1024 * 1024;
const maxNameChars = 256;
const maxErrorChars = 2_000;
const maxDepth = 64;

export interface ToolUse {
  readonly id: string;
  readonly name: string;
  input: unknown;
}

export class Transcript {
  readonly #say: RunContext['say'];
  readonly #uses: ToolUse[] = [];
  #inputBytes = 0;
  toolCalls = 0;
  turns = 0;
  sessionId: string | undefined;
  costUsd: number | undefined;

  constructor(say: RunContext['say']) {
    this.#say = say;
  }

  text(delta: string): void {
    if (delta !== '') this.#say({ kind: 'token', delta });
  }

  tool(id: string, name: string, input: unknown): void {
    this.toolCalls++;
    const use = { id: id.slice(0, maxNameChars), name: name.slice(0, maxNameChars), input: this.#kept(input) };
    if (this.#uses.length < maxUses) this.#uses.push(use);
    this.#say({ kind: 'tool_call', tool: use.name, params: use.input, detail: use.name });
  }

  #kept(input: unknown): unknown {
    if (input === undefined) return null;
    if (!isShallow(input, maxDepth)) return { omitted: 'nested too deeply' };
    const bytes = Buffer.byteLength(JSON.stringify(input));
    if (this.#inputBytes + bytes > maxInputBytes) return { omitted: `${bytes} bytes` };
    this.#inputBytes += bytes;
    return input;
  }

  succeeded(answer: string): Outcome {
    return { answer, ...this.#facts(), is_error: false };
  }

  failed(error: string, answer = ''): Outcome {
    return { answer, ...this.#facts(), is_error: true, error: cut(error) };
  }

  #facts(): Omit<Outcome, 'answer' | 'is_error'> {
    return {
      ...(this.sessionId !== undefined && { session_id: this.sessionId }),
      turns: this.turns,
      tool_calls: this.toolCalls,
      ...(this.#uses.length > 0 && { tool_uses: this.#uses }),
      ...(this.costUsd !== undefined && { total_cost_usd: this.costUsd }),
    };
  }
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((each) => isShallow(each, depth - 1));
}

export function cut(text: string, maxChars = maxErrorChars): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`;
}
