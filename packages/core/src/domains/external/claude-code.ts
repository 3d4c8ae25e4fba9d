// Claude Code: `claude -p --output-format stream-json`, one JSON object a line, the last of which is the result.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { environmentFor } from './environment.ts';
import { JsonLines, numberOf, recordOf, textOf } from './json-lines.ts';
import { ask } from './probe.ts';
import type { CliDialect, Launch, OutputReader } from './cli-tool.ts';
import type { Found, HealthFinding, Surroundings, Task } from './tool.ts';
import { cut, type Transcript } from './transcript.ts';

/** Bytes of an image that become one piece of the message. Base64 has no padding inside when it is a multiple of 3. */
const pieceBytes = 3 * 128 * 1024;

export const claudeCode: CliDialect = {
  id: 'claude-code',
  displayName: 'Claude Code',
  program: 'claude',
  pin: 'CAR_CLAUDE_CODE_BIN',
  capabilities: { tool_use: true, mcp: true, hooks: true, sessions: true, streaming: true, images: true },
  takesAnyFile: false,
  needsFiles: false,
  refusal: () => undefined,
  launch,
  createReader: (transcript) => new ClaudeReader(transcript),
  authKind(env) {
    if (env['ANTHROPIC_API_KEY']) return 'api_key';
    const folder = env['CLAUDE_CONFIG_DIR'] ?? join(env['HOME'] ?? '/', '.claude');
    return existsSync(join(folder, '.credentials.json')) ? 'subscription' : 'unknown';
  },
  health,
};

function launch({ task, allowedTools, maxTurns, mcpUrl, attachments }: Task): Launch {
  const isWithoutTools = allowedTools?.length === 0;
  const args = ['-p', '--output-format', 'stream-json', '--input-format', 'stream-json', '--verbose'];
  // `--allowed-tools` only says which are not asked about. None at all are left without the built-in ones and without those
  // of any MCP server, the user's own included.
  if (isWithoutTools) args.push('--allowed-tools', '', '--tools', '', '--strict-mcp-config');
  else if (allowedTools) args.push('--allowed-tools', ...allowedTools);
  if (maxTurns !== undefined) args.push('--max-turns', String(maxTurns));
  if (mcpUrl !== undefined && !isWithoutTools)
    args.push('--mcp-config', JSON.stringify({ mcpServers: { car: { type: 'http', url: mcpUrl } } }));
  return { args, input: messageOf(task, attachments) };
}

/** One user message, in pieces: encoding it all at once would keep everything else waiting. */
function* messageOf(task: string, attachments: Task['attachments']): Generator<string> {
  const text = JSON.stringify({ type: 'text', text: task });
  yield `{"type":"user","message":{"role":"user","content":[${text}`;
  for (const { bytes, mediaType } of attachments) {
    yield `,{"type":"image","source":{"type":"base64","media_type":${JSON.stringify(mediaType)},"data":"`;
    for (let start = 0; start < bytes.length; start += pieceBytes)
      yield bytes.toString('base64', start, start + pieceBytes);
    yield '"}}';
  }
  yield ']}}\n';
}

class ClaudeReader implements OutputReader {
  readonly #transcript: Transcript;
  readonly #lines = new JsonLines((line) => this.#take(line));
  #result: Record<string, unknown> | undefined;
  #lastText = '';
  #lastMessage: string | undefined;

  constructor(transcript: Transcript) {
    this.#transcript = transcript;
  }

  write(bytes: Buffer): void {
    this.#lines.write(bytes);
  }

  #take(line: Record<string, unknown>): void {
    this.#transcript.sessionId ??= textOf(line['session_id']);
    if (line['type'] === 'result') this.#result = line;
    else if (line['type'] === 'assistant') this.#takeMessage(recordOf(line['message']) ?? {}, line);
  }

  /** The blocks of one message may come in a line each. What a subagent says is no part of the answer; what it does counts. */
  #takeMessage(message: Record<string, unknown>, { parent_tool_use_id: parent }: Record<string, unknown>): void {
    const isSubagent = typeof parent === 'string';
    const id = textOf(message['id']);
    if (!isSubagent && (id === undefined || id !== this.#lastMessage)) {
      this.#transcript.turns++;
      this.#lastText = '';
    }
    if (!isSubagent) this.#lastMessage = id;
    const content = Array.isArray(message['content']) ? message['content'] : [];
    for (const block of content.map(recordOf)) {
      const text = textOf(block?.['text']);
      if (block?.['type'] === 'text' && text !== undefined && !isSubagent) {
        this.#lastText += text;
        this.#transcript.text(text);
      } else if (block?.['type'] === 'tool_use') {
        this.#transcript.tool(textOf(block['id']) ?? '', textOf(block['name']) ?? '', block['input']);
      }
    }
  }

  end({ problem, errorText }: { problem: string | undefined; errorText: string }) {
    this.#lines.end();
    const transcript = this.#transcript;
    const result = this.#result;
    transcript.turns = numberOf(result?.['num_turns']) ?? transcript.turns;
    transcript.costUsd = numberOf(result?.['total_cost_usd']);
    transcript.sessionId = textOf(result?.['session_id']) ?? transcript.sessionId;
    const answer = textOf(result?.['result']) ?? this.#lastText;
    const said = errorText === '' ? '' : `: ${errorText}`;
    if (!result) return transcript.failed(`${problem ?? 'it ended without a result'}${said}`, answer);
    if (result['is_error'] === true || (result['subtype'] ?? 'success') !== 'success')
      return transcript.failed(reasonOf(result), answer);
    return problem === undefined ? transcript.succeeded(answer) : transcript.failed(`${problem}${said}`, answer);
  }
}

function reasonOf(result: Record<string, unknown>): string {
  const errors = Array.isArray(result['errors']) ? result['errors'].filter((each) => typeof each === 'string') : [];
  const text = errors.length > 0 ? errors.join('; ') : textOf(result['result']);
  return text === undefined || text === '' ? `it ended with ${textOf(result['subtype']) ?? 'an error'}` : text;
}

/** `claude auth status` prints JSON, and ends with 1 when nobody is logged in. Only what identifies nobody is passed on. */
async function health({ path }: Found, surroundings: Surroundings): Promise<HealthFinding> {
  const { env, secrets, children, healthTimeoutMs } = surroundings;
  const answer = await ask(
    { command: path, args: ['auth', 'status'], env: environmentFor(env, secrets()), children },
    healthTimeoutMs,
  );
  const shape = parsed(answer.output);
  const details = Object.fromEntries(
    ['loggedIn', 'authMethod', 'apiProvider', 'subscriptionType'].flatMap((key) => {
      const value = shape?.[key];
      return typeof value === 'boolean' || typeof value === 'string' ? [[key, value]] : [];
    }),
  );
  if (typeof details['loggedIn'] !== 'boolean') {
    const why =
      answer.problem ?? `it ended with exit code ${answer.code} and no JSON that says whether it is logged in`;
    return { status: 'unknown', details: null, reason: cut(`claude auth status: ${why}`) };
  }
  return details['loggedIn']
    ? { status: 'ready', details }
    : { status: 'not_configured', details, reason: 'nobody is logged in: run claude auth login' };
}

function parsed(output: string): Record<string, unknown> | undefined {
  try {
    return recordOf(JSON.parse(output));
  } catch {
    return undefined; // no JSON
  }
}
