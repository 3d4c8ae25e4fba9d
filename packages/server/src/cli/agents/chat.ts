// `car agents chat NAME`: talk to an agent. On a terminal a conversation; with a prompt, or without a terminal, one turn.
import { text as readAll } from 'node:stream/consumers';
import type { ChatEvent } from '@car-runtime/protocol';
import { commandName } from '../../command-name.ts';
import type { CommandInput } from '../command-spec.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { interruptedExit, onInterrupt } from '../interrupt.ts';
import { safeJson } from '../plan/plan-text.ts';
import { paint, printLine, shown, talk } from '../terminal.ts';
import { nameOf } from './agent-text.ts';
import { ChatEditor } from './chat-editor.ts';
import { ChatPrinter, type ChatOutput } from './chat-text.ts';
import { ChatTurns } from './chat-turns.ts';

const screen: ChatOutput = { text: (text) => process.stdout.write(text), note: talk };

export async function run({ context, args, options }: CommandInput): Promise<number> {
  const id = nameOf(args);
  const { resume, model, goal } = options;
  const isConversation = args[1] === undefined && !context.isJson && process.stdin.isTTY && process.stdout.isTTY;
  const prompt = isConversation ? undefined : (args[1] ?? (await readAll(process.stdin)).trimEnd());
  if (prompt?.trim() === '') throw new UsageError('the prompt is empty');
  await using client = await context.connect({ reconnect: true });
  const turns = new ChatTurns(client, id, typeof resume === 'string' ? resume : undefined, {
    model: typeof model === 'string' ? model : undefined,
    goal: typeof goal === 'string' ? { check: goal, working_dir: process.cwd() } : undefined,
  });
  if (prompt !== undefined) return await askOnce(turns, prompt, context.isJson);
  return await new Conversation(turns, id).run(typeof resume === 'string');
}

/** Nobody is there to be asked, so whatever the agent asks for is denied. */
async function askOnce(turns: ChatTurns, prompt: string, isJson: boolean): Promise<number> {
  using interrupt = onInterrupt();
  interrupt.signal.addEventListener('abort', () => void turns.cancel().catch(() => undefined));
  const printer = new ChatPrinter(screen);
  const how = await turns.ask(prompt, (event) => {
    if (isJson) printLine(safeJson(event));
    else printer.print(event);
    if (event.kind !== 'approval_pending' || event.approval_id === undefined) return;
    talk(`denied: nobody is there to answer; ${commandName('car')} agents chat without a prompt asks you`);
    void turns.approve(event.approval_id, false).catch((error: Error) => talk(shown(error.message)));
  });
  printer.endLine();
  if (how === 'cancelled') return interruptedExit;
  return how === 'done' ? exitCode.ok : exitCode.failed;
}

class Conversation {
  readonly #turns: ChatTurns;
  readonly #agentId: string;
  readonly #editor: ChatEditor;
  readonly #ended = Promise.withResolvers<void>();
  /** Prompts that were sent off while the agent still answered. */
  readonly #waiting: string[] = [];
  readonly #approvals: string[] = [];
  #printer = new ChatPrinter(screen);
  #wasInterrupted = false;

  constructor(turns: ChatTurns, agentId: string) {
    this.#turns = turns;
    this.#agentId = agentId;
    this.#editor = new ChatEditor(`${paint('cyan', '›')} `, {
      onPrompt: (text) => this.#prompted(text),
      onInterrupt: () => this.#interrupted(),
      onEnd: () => this.#ended.resolve(),
      onKey: (key) => this.#answered(key),
    });
  }

  async run(isResumed: boolean): Promise<number> {
    using _editor = this.#editor;
    talk(paint('dim', `chat with ${shown(this.#agentId)}; Ctrl-C cancels an answer, a second one or Ctrl-D leaves`));
    if (isResumed) await this.#turn(() => this.#turns.resume((event) => this.#take(event)));
    else this.#editor.ask();
    await this.#ended.promise;
    const again = `${commandName('car')} agents chat ${this.#agentId} --resume ${this.#turns.sessionId}`;
    talk(paint('dim', `\n${again}  goes on with this chat`));
    return exitCode.ok;
  }

  #prompted(text: string): void {
    this.#wasInterrupted = false;
    if (text.trim() === '') {
      if (!this.#turns.isRunning) this.#editor.ask();
    } else if (this.#turns.isRunning) this.#waiting.push(text);
    else void this.#turn(() => this.#turns.ask(text, (event) => this.#take(event)));
  }

  async #turn(turn: () => Promise<unknown>): Promise<void> {
    this.#editor.hide();
    this.#printer = new ChatPrinter(screen);
    try {
      if ((await turn()) === 'cancelled') this.#printer.note(paint('dim', 'cancelled'));
    } catch (error) {
      this.#printer.note(paint('red', `✗ ${shown((error as Error).message)}`));
    }
    this.#printer.endLine();
    this.#approvals.length = 0;
    this.#editor.isAskingKey = false;
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#editor.ask();
      return;
    }
    talk(`${paint('cyan', '›')} ${shown(next)}`);
    await this.#turn(() => this.#turns.ask(next, (event) => this.#take(event)));
  }

  #take(event: ChatEvent): void {
    this.#printer.print(event);
    if (event.kind !== 'approval_pending' || event.approval_id === undefined) return;
    this.#approvals.push(event.approval_id);
    if (this.#approvals.length === 1) this.#askKey();
  }

  #askKey(): void {
    this.#editor.isAskingKey = true;
    talk(`  ${paint('bold', 'y')} approve   ${paint('bold', 'n')} deny`);
  }

  #answered(key: string): void {
    const [approvalId] = this.#approvals;
    if (approvalId === undefined || (key !== 'y' && key !== 'n')) return;
    this.#approvals.shift();
    this.#editor.isAskingKey = false;
    this.#printer.note(paint('dim', key === 'y' ? '  approved' : '  denied'));
    this.#turns.approve(approvalId, key === 'y').catch((error: Error) => this.#printer.note(shown(error.message)));
    if (this.#approvals.length > 0) this.#askKey();
  }

  #interrupted(): void {
    if (!this.#turns.isRunning) {
      if (this.#wasInterrupted) this.#ended.resolve();
      else {
        this.#wasInterrupted = true;
        talk(paint('dim', '\nCtrl-C again leaves'));
        this.#editor.ask();
      }
      return;
    }
    this.#wasInterrupted = true;
    this.#waiting.length = 0;
    this.#turns.cancel().catch((error: Error) => this.#printer.note(shown(error.message)));
  }
}
