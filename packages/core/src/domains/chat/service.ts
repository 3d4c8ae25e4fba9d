// Chats between hosts and agents: prompts go to the agent that is attached, what it says goes to the host that asked
// (Agents, Chat).
import { randomUUID } from 'node:crypto';
import { fail, type ChatEvent, type ChatGoal, type FeedCursor, type ImageBlock } from '@car-runtime/protocol';
import { ChannelClosedError, RequestTimeoutError, RpcError } from '@car-runtime/rpc';
import type { Connection } from '../../kernel/connection.ts';
import { ChatSession, type Answerer, type Saying } from './chat-session.ts';
import { GoalPursuit, type GoalCheck } from './goal-pursuit.ts';

const defaultAckTimeoutMs = 5_000;
const maxSessions = 10_000;
const maxSessionsPerHost = 1_000;
/** Sessions that keep what was said. */
const maxResumable = 256;
const maxWatchesPerConnection = 1_000;
/** How often quiet sessions are looked for, in ms, unless they are to be found sooner. */
const maxSweepMs = 1_000;

export interface ChatOptions {
  /** The connection that is attached as an agent. */
  connectionOf(agentId: string): Connection | undefined;
  /** Goals of sessions, where there are any. */
  goals: ChatGoals;
  /** Runs checks for agents that leave them to the daemon. */
  check: GoalCheck;
  /** Whether only hosts give goals. Default: all but agents do. */
  hasStrictRoles?: () => boolean;
  /** Time an agent has to acknowledge, in ms. Default 5 000. */
  ackTimeoutMs?: number;
  /** Time a resumable session waits for somebody to come back, in ms. Default 5 min. */
  resumeGraceMs?: number;
  /** Time after which a turn whose agent says nothing ends with an error, in ms. Default: never. */
  staleAfterMs?: number;
  now?: () => number;
}

type PursuedGoal = ChatGoal & { max_iterations: number };

/** Where the goals of chats are kept. */
export interface ChatGoals {
  /** One that came with a prompt, within bounds. Throws when it cannot be one. */
  checked(goal: ChatGoal): PursuedGoal;
  /** The one that stands for a session. */
  standing(sessionId: string): PursuedGoal | undefined;
  /** A turn began that pursues one. */
  started(sessionId: string, goal: PursuedGoal): void;
  /** Something was said in a session; `host` asked for it, and is gone when it has closed. */
  observed(event: ChatEvent, host: Connection | undefined): void;
  /** A session ended before its turn did. */
  stopped(sessionId: string): void;
}

export interface ChatRequest {
  agentId: string;
  prompt: string;
  sessionId: string | undefined;
  isStreamed: boolean;
  isVoice: boolean;
  model: string | undefined;
  attachments: readonly ImageBlock[] | undefined;
  goal: ChatGoal | undefined;
  isResumable: boolean;
}

/** What says something in a chat from inside the daemon. */
export interface ChatSink {
  /** After a last event, or when the session is gone, nothing is delivered any more. */
  send(event: { kind: string; [field: string]: unknown }): void;
}

const terminalKinds = new Set(['done', 'error']);

export class ChatService implements Disposable {
  readonly #options: ChatOptions;
  readonly #now: () => number;
  /** Live turns, and resumable ones that have ended not long ago. */
  readonly #sessions = new Map<string, ChatSession>();
  readonly #watches = new WeakMap<Connection, Set<ChatSession>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ChatOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  get hasStrictRoles(): boolean {
    return this.#options.hasStrictRoles?.() ?? false;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Resolves with the session's id once the agent has acknowledged. */
  async start(host: Connection, request: ChatRequest): Promise<string> {
    const { agentId, isResumable } = request;
    const connection = this.#options.connectionOf(agentId);
    if (!connection) throw fail('failed', `agent '${agentId}' is not attached`, { data: { reason: 'not_attached' } });
    const sessionId = request.sessionId ?? `chat-${randomUUID()}`;
    const { goals } = this.#options;
    // A goal cannot be told from an image: what comes with images is an ordinary prompt.
    const standing = request.attachments?.length ? undefined : goals.standing(sessionId);
    const goal = request.goal ? goals.checked(request.goal) : standing;
    // Before the request: what the agent says at once has a way back.
    const { session, isNew } = this.#open(host, { sessionId, agentId, isResumable }, { kind: 'agent', connection });
    if (goal) goals.started(sessionId, goal);
    if (goal && isNew) session.pursuit = this.#pursue(session, connection, request, goal);
    try {
      const ack = await this.#prompt(session, connection, request, goal);
      session.pursuit?.decide(ack['goal'] === 'daemon');
    } catch (error) {
      if (isNew) this.#forget(session);
      throw error;
    }
    return sessionId;
  }

  #prompt(session: ChatSession, connection: Connection, request: ChatRequest, goal: ChatGoal | undefined) {
    return this.#ask(connection, session.agentId, 'agent.chat', {
      session_id: session.id,
      prompt: request.prompt,
      stream: request.isStreamed,
      context: { host_client_id: session.host?.id ?? '', voice_input: request.isVoice },
      model: request.model,
      attachments: request.attachments,
      goal,
    });
  }

  #pursue(session: ChatSession, connection: Connection, request: ChatRequest, goal: PursuedGoal): GoalPursuit {
    const { check } = this.#options;
    return new GoalPursuit({
      goal,
      check: (signal) => check(goal, session.agentId, signal),
      tell: (saying) => this.#deliver(session, { ...saying, session_id: session.id }),
      ask: (prompt) => this.#prompt(session, connection, { ...request, prompt, attachments: undefined }, goal),
    });
  }

  /** A session that something in this process answers; `cancel` is called when the host gives up or goes. */
  startLocal(
    host: Connection,
    of: { sessionId: string | undefined; agentId: string; isResumable?: boolean },
    cancel: () => void,
  ): { sessionId: string; sink: ChatSink } {
    const sessionId = of.sessionId ?? `chat-${randomUUID()}`;
    const { session, isNew } = this.#open(
      host,
      { sessionId, agentId: of.agentId, isResumable: of.isResumable ?? false },
      { kind: 'local', cancel },
    );
    if (!isNew) throw inUse(sessionId);
    return { sessionId, sink: { send: (event) => this.#deliver(session, { ...event, session_id: sessionId }) } };
  }

  /** `agent.chat.event`. What comes from anybody but the agent of the session goes nowhere. */
  receive(connection: Connection, saying: Saying): void {
    const session = this.#sessions.get(saying.session_id);
    if (session?.answerer.kind !== 'agent' || session.answerer.connection !== connection) return;
    if (session.pursuit?.takes(saying)) session.activeAt = this.#now();
    else this.#deliver(session, saying);
  }

  /** Whether there was a chat to end. */
  cancel(connection: Connection, sessionId: string): boolean {
    const session = this.#sessions.get(sessionId);
    if (!session || session.isEnded) return false;
    if (connection.role === 'agent' && session.host !== connection) {
      throw fail('forbidden', `Cannot cancel chat ${JSON.stringify(sessionId)}: it is another connection's`);
    }
    this.#forget(session);
    stop(session);
    return true;
  }

  async approve(
    connection: Connection,
    sessionId: string,
    approvalId: string,
    decision: boolean | string,
  ): Promise<boolean> {
    const session = this.#sessions.get(sessionId);
    if (session?.answerer.kind !== 'agent' || session.isEnded) throw unknownSession(sessionId);
    if (session.host !== connection && !connection.isHost) {
      throw fail('forbidden', `Cannot approve in chat ${JSON.stringify(sessionId)}: it is another connection's`);
    }
    const params = { session_id: sessionId, approval_id: approvalId, decision };
    const answer = await this.#ask(session.answerer.connection, session.agentId, 'agent.chat.approve', params);
    return answer['resolved'] === true;
  }

  /** What was said so far, as far as it is kept; what follows comes as events. */
  watch(connection: Connection, sessionId: string, after: FeedCursor | undefined) {
    const session = this.#sessions.get(sessionId);
    if (!session) throw unknownSession(sessionId);
    const watches = this.#watchesOf(connection);
    if (watches.size >= maxWatchesPerConnection && !watches.has(session)) {
      throw fail('overloaded', `Cannot watch: this connection watches ${maxWatchesPerConnection} chats, the limit`);
    }
    watches.add(session);
    session.activeAt = this.#now();
    return { ...session.watch(connection, after), agentId: session.agentId, isEnded: session.isEnded };
  }

  unwatch(connection: Connection, sessionId: string): boolean {
    const session = this.#sessions.get(sessionId);
    if (session) this.#watches.get(connection)?.delete(session);
    return session?.unwatch(connection) ?? false;
  }

  /** The sessions of a connection that closed end without a word, except those that can be resumed: they wait for somebody
   *  to come back, or say that their agent is gone. */
  connectionClosed(connection: Connection): void {
    for (const session of this.#watches.get(connection) ?? []) session.unwatch(connection);
    this.#watches.delete(connection);
    for (const session of this.#sessions.values()) {
      const { answerer } = session;
      if (answerer.kind === 'agent' && answerer.connection === connection) this.#agentGone(session);
      else if (session.host === connection) this.#hostGone(session);
    }
  }

  #agentGone(session: ChatSession): void {
    if (session.isResumable && !session.isEnded) {
      this.#deliver(session, errorOf(session, 'agent_gone', `agent '${session.agentId}' disconnected`));
    } else if (!session.isResumable) this.#forget(session);
  }

  #hostGone(session: ChatSession): void {
    session.host = undefined;
    session.activeAt = this.#now();
    if (session.isResumable) return;
    this.#forget(session);
    if (session.answerer.kind === 'local') stop(session);
  }

  #open(
    host: Connection,
    { sessionId, agentId, isResumable }: { sessionId: string; agentId: string; isResumable: boolean },
    answerer: Answerer,
  ): { session: ChatSession; isNew: boolean } {
    const live = this.#sessions.get(sessionId);
    if (live && !live.isEnded) {
      // Another prompt while the agent still answers the last one: the agent says whether it takes it.
      const isSame = live.host === host && live.agentId === agentId && answerer.kind === 'agent';
      if (!isSame) throw inUse(sessionId);
      return { session: live, isNew: false };
    }
    if (live) this.#forget(live);
    this.#checkRoom(host, isResumable);
    const session = new ChatSession({ id: sessionId, agentId, host, answerer, isResumable, now: this.#now() });
    this.#sessions.set(sessionId, session);
    this.#schedule();
    return { session, isNew: true };
  }

  #checkRoom(host: Connection, isResumable: boolean): void {
    if (this.#sessions.size >= maxSessions)
      throw fail('overloaded', `Cannot start a chat: there are ${maxSessions}, the limit`);
    let own = 0;
    let resumable = 0;
    if (this.#sessions.size < Math.min(maxSessionsPerHost, maxResumable)) return;
    for (const session of this.#sessions.values()) {
      if (session.host === host) own++;
      if (session.isResumable) resumable++;
    }
    if (own >= maxSessionsPerHost)
      throw fail('overloaded', `Cannot start a chat: this connection has ${maxSessionsPerHost}, the limit`);
    if (isResumable && resumable >= maxResumable)
      throw fail('overloaded', `Cannot start a chat: ${maxResumable} can be resumed, the limit`);
  }

  /** In one synchronous block: after the last event nothing of the turn is routed any more. */
  #deliver(session: ChatSession, saying: Saying): void {
    if (session.isEnded || this.#sessions.get(session.id) !== session) return;
    session.activeAt = this.#now();
    this.#options.goals.observed({ ...saying, agent_id: session.agentId }, session.host);
    session.deliver(saying);
    if (!terminalKinds.has(saying.kind)) return;
    session.isEnded = true;
    session.pursuit?.stop();
    if (!session.isResumable) this.#forget(session);
  }

  async #ask(
    connection: Connection,
    agentId: string,
    method: string,
    params: object,
  ): Promise<Record<string, unknown>> {
    const { ackTimeoutMs = defaultAckTimeoutMs } = this.#options;
    try {
      const answer = await connection.peer.request(method, params, { timeoutMs: ackTimeoutMs });
      const ack = (typeof answer === 'object' ? answer : null) ?? {};
      if ('accepted' in ack && ack.accepted === false) throw rejected(agentId, 'it did not accept');
      return ack as Record<string, unknown>;
    } catch (error) {
      if (error instanceof RequestTimeoutError)
        throw fail('failed', `agent '${agentId}' did not acknowledge within ${ackTimeoutMs / 1000} s`, {
          data: { reason: 'no_ack' },
        });
      if (error instanceof ChannelClosedError)
        throw fail('failed', `agent '${agentId}' disconnected`, { data: { reason: 'agent_gone' } });
      if (error instanceof RpcError && !('reason' in Object(error.data))) throw rejected(agentId, error.message);
      throw error;
    }
  }

  #forget(session: ChatSession): void {
    if (this.#sessions.get(session.id) !== session) return;
    this.#sessions.delete(session.id);
    session.pursuit?.stop();
    if (!session.isEnded) this.#options.goals.stopped(session.id);
  }

  #watchesOf(connection: Connection): Set<ChatSession> {
    let watches = this.#watches.get(connection);
    if (!watches) this.#watches.set(connection, (watches = new Set()));
    return watches;
  }

  /** Runs only while there is a session. */
  #schedule(): void {
    const { resumeGraceMs, staleAfterMs } = this.#options;
    const sweepMs = Math.min(maxSweepMs, resumeGraceMs ?? maxSweepMs, staleAfterMs ?? maxSweepMs);
    this.#timer ??= setInterval(() => this.sweep(), sweepMs).unref();
  }

  /** Ends turns that went quiet, where that was asked for, and lets go of sessions that nobody came back to. */
  sweep(): void {
    const { resumeGraceMs = 300_000, staleAfterMs } = this.#options;
    const now = this.#now();
    for (const session of this.#sessions.values()) {
      const quietMs = now - session.activeAt;
      if (
        session.isResumable &&
        quietMs >= resumeGraceMs &&
        (session.isEnded || (!session.host && session.watchers === 0))
      ) {
        this.#forget(session);
        if (!session.isEnded) stop(session);
      } else if (staleAfterMs !== undefined && !session.isEnded && quietMs >= staleAfterMs) {
        stop(session);
        const seconds = Math.floor(staleAfterMs / 1000);
        this.#deliver(session, errorOf(session, 'stale', `agent '${session.agentId}' said nothing for ${seconds} s`));
      }
    }
    if (this.#sessions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function stop({ id, answerer }: ChatSession): void {
  if (answerer.kind === 'local') answerer.cancel();
  else answerer.connection.peer.notify('agent.chat.cancel', { session_id: id });
}

function errorOf({ id }: ChatSession, reason: string, error: string): Saying {
  return { session_id: id, kind: 'error', error, reason };
}

function rejected(agentId: string, why: string): RpcError {
  return fail('failed', `agent '${agentId}' rejected the chat: ${why}`, { data: { reason: 'rejected_by_agent' } });
}

function inUse(sessionId: string): RpcError {
  return fail('failed', `chat session ${JSON.stringify(sessionId)} is in use`, { data: { reason: 'session_in_use' } });
}

function unknownSession(sessionId: string): RpcError {
  return fail('failed', `unknown chat session ${JSON.stringify(sessionId)}`, { data: { reason: 'unknown_session' } });
}
