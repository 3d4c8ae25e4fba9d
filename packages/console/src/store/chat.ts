// One chat as the page has it: prompts that went out, and what came back, in order and once. It knows nothing of how it is
// shown or kept.
import type { ChatEvent, FeedCursor, ImageBlock } from '@car-runtime/protocol';

/** Newest prompts kept, with their answers. */
const maxTurns = 200;
/** Of one answer, in characters; what comes after is not kept. */
export const maxAnswerLength = 4_000_000;
const maxPartsPerTurn = 2_000;

export interface TextPart {
  kind: 'text';
  text: string;
}

export interface ToolPart {
  kind: 'tool';
  tool: string;
  callId: string | undefined;
  params: unknown;
  startedAt: number;
  result?: unknown;
  error?: string;
  durationMs?: number;
  isEnded: boolean;
}

export interface QuestionPart {
  kind: 'question';
  approvalId: string;
  action: string;
  details: unknown;
  isIrreversible: boolean;
  askedAt: number;
  decision?: string;
}

/** What the page has to say about the answer. */
export interface NotePart {
  kind: 'note';
  text: string;
}

export type Part = TextPart | ToolPart | QuestionPart | NotePart;

export interface SentImage {
  name: string;
  mediaType: string;
  bytes: number;
}

export type TurnState = 'sending' | 'answering' | 'done' | 'failed' | 'cancelled' | 'lost';

export interface Turn {
  id: string;
  prompt: string;
  images: SentImage[];
  parts: Part[];
  state: TurnState;
  /** Why it failed or was lost. */
  problem?: string;
  cursor?: FeedCursor;
  /** Something of it is missing. */
  hasGap: boolean;
  length: number;
  startedAt: number;
  endedAt?: number;
}

export interface SavedChat {
  sessionId: string;
  agentId: string;
  isExternal: boolean;
  createdAt: number;
  turns: Turn[];
}

export class Chat {
  readonly sessionId: string;
  readonly agentId: string;
  /** Whether it is a coding agent of the machine, which takes tasks one by one. */
  readonly isExternal: boolean;
  readonly createdAt: number;
  turns: Turn[];
  /** Changes with everything that is shown. */
  version = 0;
  /** Images of the last prompt, for a retry; not kept beyond the page. */
  lastImages: readonly ImageBlock[] = [];

  constructor({ sessionId, agentId, isExternal, createdAt, turns }: SavedChat) {
    this.sessionId = sessionId;
    this.agentId = agentId;
    this.isExternal = isExternal;
    this.createdAt = createdAt;
    this.turns = turns;
  }

  get title(): string {
    const prompt = this.turns[0]?.prompt.trim() ?? '';
    return prompt === '' ? 'New chat' : prompt.slice(0, 80);
  }

  get updatedAt(): number {
    const last = this.turns.at(-1);
    return last?.endedAt ?? last?.startedAt ?? this.createdAt;
  }

  /** The one that is being answered. */
  get open(): Turn | undefined {
    const last = this.turns.at(-1);
    return last && isRunning(last) ? last : undefined;
  }

  begin(prompt: string, images: SentImage[]): Turn {
    const turn: Turn = {
      id: crypto.randomUUID(),
      prompt,
      images,
      parts: [],
      state: 'sending',
      hasGap: false,
      length: 0,
      startedAt: Date.now(),
    };
    this.turns = [...this.turns.slice(1 - maxTurns), turn];
    this.version++;
    return turn;
  }

  end(turn: Turn, state: TurnState, problem?: string): void {
    turn.state = state;
    if (problem !== undefined) turn.problem = problem;
    turn.endedAt = Date.now();
    // Nothing more will be said of them.
    for (const part of turn.parts) if (part.kind === 'tool') part.isEnded = true;
    this.version++;
  }

  /** Whether a feed of the daemon was one of an earlier prompt of this chat. */
  knows(epoch: string): boolean {
    return this.turns.some((turn) => turn !== this.open && turn.cursor?.epoch === epoch);
  }

  /** Something the agent said. What was heard before, or belongs to another prompt, changes nothing. */
  apply(event: ChatEvent): void {
    const turn = this.open;
    const { cursor } = event;
    if (!turn) return;
    if (cursor) {
      if (this.knows(cursor.epoch)) return;
      if (turn.cursor && (turn.cursor.epoch !== cursor.epoch || cursor.seq <= turn.cursor.seq)) return;
      turn.cursor = cursor;
    }
    if (turn.state === 'sending') turn.state = 'answering';
    this.#hear(turn, event);
    this.version++;
  }

  #hear(turn: Turn, event: ChatEvent): void {
    switch (event.kind) {
      case 'token':
        say(turn, event.delta ?? '');
        return;
      case 'tool_call':
        add(turn, toolPart(event));
        return;
      case 'tool_result':
        endTool(turn, event);
        return;
      case 'approval_pending':
        add(turn, questionPart(event));
        return;
      case 'goal_evaluated':
        add(turn, note(`Goal ${event.met ? 'met' : 'not met'}: ${event.reason ?? ''}`));
        return;
      case 'gap':
        missed(turn);
        return;
      case 'done':
        finish(turn, event.text ?? '');
        this.end(turn, 'done');
        return;
      case 'error':
        this.end(turn, 'failed', event.error ?? 'The agent failed');
        return;
      default:
      // A kind of the agent's own.
    }
  }

  toSaved(): SavedChat {
    const { sessionId, agentId, isExternal, createdAt, turns } = this;
    return { sessionId, agentId, isExternal, createdAt, turns };
  }
}

export function isRunning({ state }: Turn): boolean {
  return state === 'sending' || state === 'answering';
}

/** Says that something is missing, once in a row. */
export function missed(turn: Turn): void {
  turn.hasGap = true;
  add(turn, note('Some of what was said here is not kept any more.'));
}

export function note(text: string): NotePart {
  return { kind: 'note', text };
}

function add(turn: Turn, part: Part): void {
  if (turn.parts.length < maxPartsPerTurn) turn.parts.push(part);
}

function say(turn: Turn, delta: string): void {
  const room = maxAnswerLength - turn.length;
  // Below zero it was cut already.
  if (delta === '' || room < 0) return;
  turn.length += delta.length;
  const last = turn.parts.at(-1);
  if (last?.kind === 'text') last.text += delta.slice(0, room);
  else add(turn, { kind: 'text', text: delta.slice(0, room) });
  if (delta.length > room) add(turn, note(`The answer goes on; only ${maxAnswerLength} characters of it are kept.`));
}

/** The whole answer comes once more with its end: it stands in for what was not streamed, or was missed. */
function finish(turn: Turn, text: string): void {
  const hasText = turn.parts.some(({ kind }) => kind === 'text');
  if (text === '' || (hasText && !turn.hasGap)) return;
  if (hasText) add(turn, note('The whole answer:'));
  say(turn, text);
}

function toolPart(event: ChatEvent): ToolPart {
  const { tool, detail, params } = event;
  return {
    kind: 'tool',
    tool: tool ?? (typeof detail === 'string' ? detail : 'a tool'),
    callId: idOf(event['call_id']),
    params,
    startedAt: Date.now(),
    isEnded: false,
  };
}

/** Of the call it names, else of the last one that has not ended. */
function endTool(turn: Turn, event: ChatEvent): void {
  const callId = idOf(event['call_id']);
  const isIt = (part: Part): part is ToolPart =>
    part.kind === 'tool' && !part.isEnded && (callId === undefined || part.callId === callId);
  const part = turn.parts.findLast(isIt);
  if (!part) return;
  const given = event['duration_ms'];
  part.isEnded = true;
  part.durationMs = typeof given === 'number' ? given : Date.now() - part.startedAt;
  part.result = event['result'];
  if (event.error !== undefined) part.error = event.error;
}

function questionPart(event: ChatEvent): QuestionPart {
  const { approval_id: approvalId = '', action, tool, details, params } = event;
  return {
    kind: 'question',
    approvalId,
    action: action ?? tool ?? 'something',
    details: details ?? params,
    isIrreversible: event['reversibility'] === 'irreversible',
    askedAt: Date.now(),
  };
}

function idOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
