// Codex: `codex exec --json`, one event a line; a turn that completed is a success.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { refusalOfToolList, type CliDialect, type Launch, type OutputReader } from './cli-tool.ts';
import { environmentFor } from './environment.ts';
import { JsonLines, recordOf, textOf } from './json-lines.ts';
import { ask } from './probe.ts';
import type { Staged } from './staging.ts';
import type { Found, HealthFinding, Surroundings, Task } from './tool.ts';
import { cut, type Transcript } from './transcript.ts';

/** Items of one task that are told apart. */
const maxItems = 10_000;

export const codex: CliDialect = {
  id: 'codex',
  displayName: 'Codex',
  program: 'codex',
  pin: 'CAR_CODEX_BIN',
  capabilities: { tool_use: true, mcp: true, hooks: false, sessions: false, streaming: true, images: true },
  takesAnyFile: true,
  needsFiles: true,
  refusal: (task) => refusalOfToolList('codex', task),
  launch,
  createReader: (transcript) => new CodexReader(transcript),
  authKind(env) {
    if (env['CODEX_API_KEY'] || env['OPENAI_API_KEY']) return 'api_key';
    const folder = env['CODEX_HOME'] ?? join(env['HOME'] ?? '/', '.codex');
    return existsSync(join(folder, 'auth.json')) ? 'subscription' : 'unknown';
  },
  health,
};

function launch({ task, cwd, mcpUrl }: Task, staged: Staged | undefined): Launch {
  const args = ['exec', '--json', '--skip-git-repo-check', '--ephemeral', '--cd', cwd];
  // With `=`: otherwise it takes what follows for more images.
  for (const path of staged?.paths ?? []) args.push(`--image=${path}`);
  // A TOML string; JSON's is one.
  if (mcpUrl !== undefined) args.push('-c', `mcp_servers.car.url=${JSON.stringify(mcpUrl)}`);
  return { args: [...args, '-'], input: [task] };
}

class CodexReader implements OutputReader {
  readonly #transcript: Transcript;
  readonly #lines = new JsonLines((line) => this.#take(line));
  /** Tools in use, and those that were told already. */
  readonly #told = new Set<string>();
  #searches = new Map<string, Record<string, unknown>>();
  #answer = '';
  #isCompleted = false;
  #error: string | undefined;

  constructor(transcript: Transcript) {
    this.#transcript = transcript;
  }

  write(bytes: Buffer): void {
    this.#lines.write(bytes);
  }

  #take(line: Record<string, unknown>): void {
    switch (line['type']) {
      case 'thread.started':
        this.#transcript.sessionId = textOf(line['thread_id']);
        break;
      case 'turn.started':
        this.#transcript.turns++;
        this.#isCompleted = false;
        break;
      case 'turn.completed':
        this.#isCompleted = true;
        break;
      case 'turn.failed':
        this.#isCompleted = false;
        this.#error = textOf(recordOf(line['error'])?.['message']) ?? 'the turn failed';
        break;
      case 'error':
        // Also says that it connects again; what counts is whether the turn completes.
        this.#error = textOf(line['message']) ?? this.#error;
        break;
      case 'item.started':
      case 'item.updated':
      case 'item.completed':
        this.#takeItem(recordOf(line['item']) ?? {}, line['type'] === 'item.completed');
        break;
    }
  }

  #takeItem(item: Record<string, unknown>, isComplete: boolean): void {
    const text = textOf(item['text']);
    switch (item['type']) {
      case 'agent_message':
        if (!isComplete || text === undefined) return;
        this.#answer = text;
        this.#transcript.text(text);
        return;
      case 'command_execution':
        return this.#tell(item, 'command_execution', { command: item['command'] });
      case 'file_change':
        return this.#tell(item, 'file_change', { changes: item['changes'] });
      case 'collab_tool_call':
        return this.#tell(item, textOf(item['tool']) ?? 'collab_tool_call', { prompt: item['prompt'] });
      case 'mcp_tool_call':
        return this.#tell(item, `${textOf(item['server'])}.${textOf(item['tool'])}`, item['arguments']);
      case 'web_search':
        // What it looks for is known only when it has found it.
        if (isComplete) this.#tellSearch(item);
        else if (this.#searches.size < maxItems) this.#searches.set(String(item['id']), item);
        return;
      default: // reasoning, lists of things to do, and what we do not know
    }
  }

  #tellSearch(item: Record<string, unknown>): void {
    this.#searches.delete(String(item['id']));
    this.#tell(item, 'web_search', { query: item['query'] });
  }

  /** An item is a use of a tool once, however often it is told about. */
  #tell(item: Record<string, unknown>, name: string, input: unknown): void {
    const id = textOf(item['id']) ?? '';
    if (this.#told.has(id) || this.#told.size >= maxItems) return;
    if (id !== '') this.#told.add(id);
    this.#transcript.tool(id, name, input);
  }

  end({ problem, errorText }: { problem: string | undefined; errorText: string }) {
    this.#lines.end();
    for (const item of [...this.#searches.values()]) this.#tellSearch(item);
    const said = this.#error ?? errorText;
    const why = problem ?? (this.#isCompleted ? undefined : 'it ended before the turn did');
    if (why === undefined) return this.#transcript.succeeded(this.#answer);
    return this.#transcript.failed(said === '' ? why : `${why}: ${said}`, this.#answer);
  }
}

/** `codex login status` is text: whether somebody is logged in, and how. Of a key it prints a part, which stays here. */
async function health(
  { path }: Found,
  { env, secrets, children, healthTimeoutMs }: Surroundings,
): Promise<HealthFinding> {
  const answer = await ask(
    { command: path, args: ['login', 'status'], env: environmentFor(env, secrets()), children },
    healthTimeoutMs,
  );
  const text = `${answer.output}\n${answer.errorText}`;
  if (answer.problem === undefined && /\bnot logged in\b/i.test(text))
    return { status: 'not_configured', details: null, reason: 'nobody is logged in: run codex login' };
  if (/\bexpired\b/i.test(text)) return { status: 'expired', details: null, reason: 'the login has expired' };
  if (answer.problem === undefined && answer.code === 0 && /\blogged in\b/i.test(text)) {
    const method = /api key/i.test(text) ? 'api_key' : /chatgpt/i.test(text) ? 'chatgpt' : 'other';
    return { status: 'ready', details: { method } };
  }
  const why = answer.problem ?? `it ended with exit code ${answer.code} and nothing that says whether it is logged in`;
  return { status: 'unknown', details: null, reason: cut(`codex login status: ${why}`) };
}
