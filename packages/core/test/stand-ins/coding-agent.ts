// Stands in for `claude`, `codex` and `gemini`: takes their arguments and input, and prints what their documentation says they
// print. What it does is in the first word of the task. What it was given goes to the file of STAND_IN_LOG.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

const [tool = '', ...args] = process.argv.slice(2);
const { STAND_IN_LOG: log, STAND_IN_STATUS: status = 'in' } = process.env;

type Line = Record<string, unknown>;
const session = '5f0c6a52-1d7e-4b0e-9a55-0c5d1c9f2a11';

const claude = {
  init: {
    type: 'system',
    subtype: 'init',
    cwd: process.cwd(),
    session_id: session,
    tools: ['Bash', 'Read'],
    mcp_servers: [],
    model: 'claude-sonnet',
    permissionMode: 'default',
    apiKeySource: 'none',
  },
  message: (id: string, block: Line, parent: string | null = null): Line => ({
    type: 'assistant',
    message: { id, type: 'message', role: 'assistant', model: 'claude-sonnet', content: [block], stop_reason: null },
    parent_tool_use_id: parent,
    session_id: session,
  }),
  toolResult: (id: string, content: string): Line => ({
    type: 'user',
    message: { role: 'user', content: [{ tool_use_id: id, type: 'tool_result', content }] },
    parent_tool_use_id: null,
    session_id: session,
  }),
  result: (more: Line = {}): Line => ({
    type: 'result',
    subtype: 'success',
    is_error: false,
    duration_ms: 1200,
    duration_api_ms: 1000,
    num_turns: 2,
    result: 'It is 42.',
    session_id: session,
    total_cost_usd: 0.0125,
    usage: { input_tokens: 12, output_tokens: 7 },
    permission_denials: [],
    ...more,
  }),
};

const codex = {
  begin: [{ type: 'thread.started', thread_id: session }, { type: 'turn.started' }],
  item: (phase: 'started' | 'updated' | 'completed', item: Line): Line => ({ type: `item.${phase}`, item }),
  done: {
    type: 'turn.completed',
    usage: { input_tokens: 24, cached_input_tokens: 0, output_tokens: 9 },
  },
};

/** The lines of a task that goes well. */
const usual: Record<string, Line[]> = {
  claude: [
    claude.init,
    claude.message('msg_1', { type: 'thinking', thinking: 'hm', signature: 's' }),
    claude.message('msg_1', { type: 'text', text: 'Let me see. ' }),
    claude.message('msg_1', { type: 'tool_use', id: 'toolu_1', name: 'Read', input: { file_path: '/a.txt' } }),
    claude.toolResult('toolu_1', '42'),
    claude.message('msg_s', { type: 'text', text: 'of a subagent' }, 'toolu_1'),
    claude.message('msg_s', { type: 'tool_use', id: 'toolu_2', name: 'Grep', input: { pattern: 'x' } }, 'toolu_1'),
    claude.message('msg_2', { type: 'text', text: 'It is 42.' }),
    claude.result(),
  ],
  codex: [
    ...codex.begin,
    codex.item('completed', { id: 'item_0', type: 'reasoning', text: '**Looking**' }),
    codex.item('started', {
      id: 'item_1',
      type: 'command_execution',
      command: 'bash -lc ls',
      aggregated_output: '',
      exit_code: null,
      status: 'in_progress',
    }),
    codex.item('completed', {
      id: 'item_1',
      type: 'command_execution',
      command: 'bash -lc ls',
      aggregated_output: 'a.txt\n',
      exit_code: 0,
      status: 'completed',
    }),
    codex.item('started', { id: 'item_2', type: 'web_search', query: '', action: { type: 'other' } }),
    codex.item('completed', { id: 'item_2', type: 'web_search', query: 'forty two', action: { type: 'search' } }),
    codex.item('started', {
      id: 'item_3',
      type: 'mcp_tool_call',
      server: 'car',
      tool: 'note',
      arguments: { text: 'x' },
      result: null,
      error: null,
      status: 'in_progress',
    }),
    codex.item('completed', {
      id: 'item_4',
      type: 'file_change',
      changes: [{ path: 'a.txt', kind: 'update' }],
      status: 'completed',
    }),
    { type: 'error', message: 'Reconnecting... 1/5' },
    codex.item('completed', { id: 'item_5', type: 'agent_message', text: 'It is 42.' }),
    codex.done,
  ],
};

async function main(): Promise<number> {
  if (args[0] === '--version') return version();
  if (args.includes('status')) return sayStatus();
  const input = tool === 'gemini' ? '' : await text(process.stdin);
  if (log !== undefined)
    appendFileSync(log, `${JSON.stringify({ tool, args, input, cwd: process.cwd(), env: process.env })}\n`);
  const task = tool === 'claude' ? taskOf(input) : tool === 'gemini' ? (args[args.indexOf('-p') + 1] ?? '') : input;
  const scenario = scenarios[task.trim().split(' ', 1)[0] ?? ''] ?? (() => finish());
  return await scenario();
}

const scenarios: Record<string, () => number | Promise<number>> = {
  /** Byte by byte, so that every boundary there is falls between two reads. */
  async slow() {
    for (const byte of Buffer.from(whole())) {
      process.stdout.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    return 0;
  },
  malformed() {
    const lines = (usual[tool] ?? []).flatMap((line) => [
      JSON.stringify(line).slice(0, -2),
      'null',
      '[1,2]',
      '"text"',
      'not json \u0000',
      '',
      JSON.stringify({ type: 'of_tomorrow', message: 7, item: 'x', session_id: 5 }),
      JSON.stringify({ type: 'assistant', message: { content: [null, 3, { type: 'text' }, { type: 'tool_use' }] } }),
      JSON.stringify(line),
    ]);
    process.stdout.write(Buffer.concat([Buffer.from([0xff, 0xfe, 10]), Buffer.from(`${lines.join('\r\n')}\n`)]));
    return 0;
  },
  /** A line longer than anything that is taken, between lines that are. */
  async huge() {
    const lines = (usual[tool] ?? []).map((line) => JSON.stringify(line));
    await print(`${lines[0]}\n{"type":"user","data":"`);
    for (let count = 0; count < 12; count++) await print('x'.repeat(1024 * 1024));
    await print(`"}\n${lines.slice(1).join('\n')}\n`);
    return 0;
  },
  async crash() {
    await print(tool === 'gemini' ? 'It is' : linesOf((usual[tool] ?? []).slice(0, 5)));
    process.stderr.write('fatal: out of luck\n');
    return 3;
  },
  async signal() {
    await print(`${JSON.stringify(usual[tool]?.[0] ?? {})}\n`);
    process.kill(process.pid, 'SIGKILL');
    return 0;
  },
  /** Everything but the end. */
  async endless() {
    await print(linesOf((usual[tool] ?? []).slice(0, -1)));
    return 0;
  },
  async refused() {
    if (tool === 'claude')
      await print(
        `${JSON.stringify(claude.result({ subtype: 'error_max_turns', is_error: true, result: undefined, errors: ['Reached maximum number of turns (1)'] }))}\n`,
      );
    else await print(`${JSON.stringify({ type: 'turn.failed', error: { message: 'usage limit reached' } })}\n`);
    return 1;
  },
  /** Ends by nothing but SIGKILL, and neither does what it started. */
  async hang() {
    process.on('SIGTERM', () => undefined);
    const stubborn = `process.on('SIGTERM', () => undefined); setInterval(() => {}, 1000)`;
    const child = spawn(process.execPath, ['-e', stubborn], { stdio: 'inherit' });
    const line =
      tool === 'claude' ? claude.message('m', { type: 'text', text: `pids ${process.pid} ${child.pid}` }) : {};
    await print(`${JSON.stringify(line)}\n`);
    return await new Promise(() => setInterval(() => undefined, 1_000));
  },
};

function whole(): string {
  if (tool === 'gemini') return 'It is 42.\nNothing else: ✓\n';
  return linesOf(usual[tool] ?? []);
}

function linesOf(lines: readonly Line[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

async function finish(): Promise<number> {
  await print(whole());
  return 0;
}

function print(chunk: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(chunk, () => resolve()));
}

function taskOf(input: string): string {
  const { message } = JSON.parse(input) as { message: { content: { type: string; text: string }[] } };
  return message.content[0]?.text ?? '';
}

function version(): number {
  const printed: Record<string, string> = {
    claude: '2.1.42 (Claude Code)',
    codex: 'codex-cli 0.98.0',
    gemini: '0.27.3',
  };
  process.stdout.write(`${printed[tool]}\n`);
  return process.env['STAND_IN_BROKEN'] === tool ? 7 : 0;
}

function sayStatus(): number {
  if (log !== undefined) appendFileSync(log, `${JSON.stringify({ tool, args })}\n`);
  if (tool === 'codex') {
    process.stderr.write(status === 'in' ? 'Logged in using an API key - sk-proj-***ABCDE\n' : 'Not logged in\n');
    return status === 'in' ? 0 : 1;
  }
  if (status === 'odd') {
    process.stdout.write('Usage: claude [options]\n');
    return 0;
  }
  process.stdout.write(
    `${JSON.stringify({ loggedIn: status === 'in', authMethod: 'claude.ai', apiProvider: 'firstParty', email: 'ann@example.org', subscriptionType: 'max' }, undefined, 2)}\n`,
  );
  return status === 'in' ? 0 : 1;
}

process.exitCode = await main();
