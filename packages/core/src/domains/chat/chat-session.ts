// One chat: who asked, who answers, and where what is said goes.
import type { ChatEvent, FeedCursor } from '@car-runtime/protocol';
import { SharedFrame } from '@car-runtime/rpc';
import type { Connection } from '../../kernel/connection.ts';
import { CursorFeed, type FeedStart } from '../../kernel/cursor-feed.ts';
import type { GoalPursuit } from './goal-pursuit.ts';

/** What somebody says in a chat, before the daemon says in which and by whom. */
export interface Saying {
  readonly session_id: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

const maxKeptEvents = 1_000;
const maxKeptCharacters = 256 * 1024;

/** Who answers: an agent's connection, or something in this process. */
export type Answerer =
  | { readonly kind: 'agent'; readonly connection: Connection }
  | { readonly kind: 'local'; readonly cancel: () => void };

export class ChatSession {
  readonly id: string;
  readonly agentId: string;
  readonly isResumable: boolean;
  readonly answerer: Answerer;
  /** The connection that asked; gone once it has closed, which only a session that can be resumed outlives. */
  host: Connection | undefined;
  isEnded = false;
  /** Seeks its goal, where the agent may leave the check to the daemon. */
  pursuit: GoalPursuit | undefined;
  /** When it was last heard of, in ms since the epoch. */
  activeAt: number;
  /** Made once somebody may come back or follows. */
  #feed: CursorFeed<ChatEvent> | undefined;

  constructor(options: {
    id: string;
    agentId: string;
    host: Connection;
    answerer: Answerer;
    isResumable: boolean;
    now: number;
  }) {
    this.id = options.id;
    this.agentId = options.agentId;
    this.host = options.host;
    this.answerer = options.answerer;
    this.isResumable = options.isResumable;
    this.activeAt = options.now;
    if (this.isResumable) this.#feed = this.#createFeed();
  }

  get watchers(): number {
    return this.#feed?.subscribers ?? 0;
  }

  /** To the host that asked, every event; to those who follow, as fast as they read. */
  deliver(saying: Saying): void {
    const told = { ...saying, session_id: this.id, agent_id: this.agentId, cursor: undefined } as ChatEvent;
    const frame = this.#feed
      ? this.#feed.publish((cursor) => ({ ...told, cursor })).frame
      : SharedFrame.text(`{"jsonrpc":"2.0","method":"agents.chat.event","params":${JSON.stringify(told)}}`);
    // One that follows gets it from the feed.
    if (this.host && !this.#feed?.isSubscribed(this.host)) this.host.peer.sendShared(frame);
  }

  watch(connection: Connection, after: FeedCursor | undefined): Required<FeedStart<ChatEvent>> {
    const feed = (this.#feed ??= this.#createFeed());
    const { entries = feed.newest(), ...start } = feed.subscribe(connection, after);
    return { ...start, entries };
  }

  unwatch(connection: Connection): boolean {
    return this.#feed?.unsubscribe(connection) ?? false;
  }

  #createFeed(): CursorFeed<ChatEvent> {
    return new CursorFeed<ChatEvent>({
      event: 'agents.chat.event',
      maxEntries: maxKeptEvents,
      maxCharacters: maxKeptCharacters,
      gapOf: ({ after, from, to, cursor }) => ({
        session_id: this.id,
        agent_id: this.agentId,
        kind: 'gap',
        after,
        from,
        to,
        cursor,
      }),
    });
  }
}
