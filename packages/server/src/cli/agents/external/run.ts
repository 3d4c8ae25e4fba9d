import { resolve } from 'node:path';
import type { Client } from '@car-runtime/client';
import type { ChatEvent } from '@car-runtime/protocol';
import { severalLines } from '../../../log/safe-line.ts';
import { describeValue } from '@car-runtime/protocol';
import type { CommandInput } from '../../command-spec.ts';
import { exitCode, UsageError } from '../../exit-codes.ts';
import { interruptedExit, onInterrupt } from '../../interrupt.ts';
import { safeJson } from '../../plan/plan-text.ts';
import { startProgress } from '../../progress.ts';
import { paint, printLine, shown, talk } from '../../terminal.ts';

const maxParamChars = 120;

/** Prints what the agent says as it says it on a terminal, its answer alone in a pipe. Ctrl-C cancels the task. */
export async function run({ context, args, options, repeated }: CommandInput): Promise<number> {
  const [id = '', task = ''] = args;
  using interrupt = onInterrupt();
  const progress = startProgress(shown(id));
  await using client = await context.connect();
  const events = client.events('agents.chat.event')[Symbol.asyncIterator]();
  const accepted = await client.agents.invoke_external({ id, task, stream: true, ...toParams(options, repeated) });
  const sessionId = 'session_id' in accepted ? (accepted.session_id ?? '') : '';
  interrupt.signal.addEventListener('abort', () => void cancel(client, sessionId));
  for (;;) {
    const next = await Promise.race([events.next(), aborted(interrupt.signal)]);
    if (next === undefined) {
      progress[Symbol.dispose]();
      talk('cancelled');
      return interruptedExit;
    }
    const event = next.value as ChatEvent;
    if (event.session_id !== sessionId) continue;
    progress[Symbol.dispose]();
    const status = show(event, context.isJson);
    if (status !== undefined) return status;
  }
}

function toParams(options: CommandInput['options'], repeated: CommandInput['repeated']) {
  const { cwd, timeout, turns } = options;
  const { tool, attach } = repeated;
  if (options['tools'] === false && tool) throw new UsageError('--no-tools and --tool exclude each other');
  return {
    cwd: resolve(typeof cwd === 'string' ? cwd : '.'),
    ...(timeout !== undefined && { timeout_secs: numberOf('--timeout', timeout) }),
    ...(turns !== undefined && { max_turns: numberOf('--turns', turns) }),
    ...(options['tools'] === false ? { allowed_tools: [] } : tool && { allowed_tools: [...tool] }),
    ...(attach && { attachments: attach.map((path) => ({ path: resolve(path) })) }),
  };
}

function numberOf(flag: string, text: string | boolean): number {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`${flag} is a number above 0, not ${JSON.stringify(text)}`);
  return value;
}

/** The exit status with the last event. */
function show(event: ChatEvent, isJson: boolean): number | undefined {
  const isLast = event.kind === 'done' || event.kind === 'error';
  if (isJson) printLine(safeJson(event));
  else showText(event);
  if (!isLast) return undefined;
  return event.kind === 'done' ? exitCode.ok : exitCode.failed;
}

function showText(event: ChatEvent): void {
  const isTerminal = process.stdout.isTTY;
  switch (event.kind) {
    case 'token':
      if (isTerminal) process.stdout.write(`${severalLines(event.delta ?? '').trimEnd()}\n`);
      return;
    case 'tool_call':
      return talk(paint('dim', `→ ${shown(event.tool)} ${describeValue(event.params, maxParamChars)}`, process.stderr));
    case 'approval_pending':
      return talk(
        paint('yellow', `? it waits for approval ${shown(event.approval_id)}: car approvals`, process.stderr),
      );
    case 'done': {
      if (!isTerminal) printLine(severalLines(event.text ?? ''));
      const dropped = event['dropped_attachments'];
      if (typeof dropped === 'number') talk(paint('yellow', `attachments left out: ${dropped}`, process.stderr));
      return talk(paint('dim', shown(event.finish_reason), process.stderr));
    }
    case 'error':
      return talk(`${paint('red', 'failed', process.stderr)}: ${shown(event.error)}`);
    default: // what later versions say
  }
}

async function cancel(client: Client, sessionId: string): Promise<void> {
  await client.agents.chat.cancel({ session_id: sessionId }).catch(() => undefined); // the connection ends it too
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((tell) => {
    if (signal.aborted) tell(undefined);
    else signal.addEventListener('abort', () => tell(undefined), { once: true });
  });
}
