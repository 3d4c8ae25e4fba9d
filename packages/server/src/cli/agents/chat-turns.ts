// The turns of one chat from a terminal's side: a prompt goes out, what is said comes back until the last of it, over a
// connection that may be lost meanwhile.
import { randomUUID } from 'node:crypto';
import type { Client } from '@car-runtime/client';
import type { ChatEvent } from '@car-runtime/protocol';

export interface TurnOptions {
  model: string | undefined;
  goal: { check: string; working_dir: string } | undefined;
}

type Listener = (event: ChatEvent) => void;

export class ChatTurns {
  readonly sessionId: string;
  readonly #client: Client;
  readonly #agentId: string;
  readonly #options: TurnOptions;
  #listener: Listener = () => undefined;
  #ended: PromiseWithResolvers<'done' | 'error' | 'cancelled'> | undefined;
  #cursor: ChatEvent['cursor'];

  constructor(client: Client, agentId: string, sessionId: string | undefined, options: TurnOptions) {
    this.#client = client;
    this.#agentId = agentId;
    this.sessionId = sessionId ?? `chat-${randomUUID()}`;
    this.#options = options;
    void this.#follow();
    void this.#comeBack();
  }

  get isRunning(): boolean {
    return this.#ended !== undefined;
  }

  /** Sends a prompt and resolves with how the turn ended. */
  async ask(prompt: string, listener: Listener): Promise<'done' | 'error' | 'cancelled'> {
    const ended = this.#begin(listener);
    const { model, goal } = this.#options;
    try {
      await this.#client.agents.chat({
        agent_id: this.#agentId,
        prompt,
        session_id: this.sessionId,
        resumable: true,
        ...(model !== undefined && { model }),
        ...(goal && { goal }),
      });
    } catch (error) {
      this.#ended = undefined;
      throw error;
    }
    return await ended;
  }

  /** Shows what was said so far, and resolves once the turn under way, if there is one, has ended. */
  async resume(listener: Listener): Promise<void> {
    const ended = this.#begin(listener);
    try {
      const so = await this.#client.agents.chat.watch({ session_id: this.sessionId });
      for (const event of so.events) this.#take(event);
      if (so.ended) this.#end('done');
    } catch (error) {
      this.#ended = undefined;
      throw error;
    }
    await ended;
  }

  /** The daemon routes nothing of the turn any more, so it has ended here too. */
  async cancel(): Promise<void> {
    if (!this.#ended) return;
    this.#end('cancelled');
    await this.#client.agents.chat.cancel({ session_id: this.sessionId });
  }

  async approve(approvalId: string, decision: boolean): Promise<void> {
    await this.#client.agents.chat.approve({ session_id: this.sessionId, approval_id: approvalId, decision });
  }

  #begin(listener: Listener): Promise<'done' | 'error' | 'cancelled'> {
    this.#listener = listener;
    this.#cursor = undefined;
    this.#ended = Promise.withResolvers();
    return this.#ended.promise;
  }

  #end(how: 'done' | 'error' | 'cancelled'): void {
    const ended = this.#ended;
    this.#ended = undefined;
    ended?.resolve(how);
  }

  /** In order and once, also where a reconnect tells something again. */
  #take(event: ChatEvent): void {
    const { cursor, kind } = event;
    if (!this.#ended || event.session_id !== this.sessionId) return;
    if (cursor && this.#cursor?.epoch === cursor.epoch && cursor.seq <= this.#cursor.seq) return;
    if (cursor) this.#cursor = cursor;
    this.#listener(event);
    if (kind === 'done' || kind === 'error') this.#end(kind);
  }

  async #follow(): Promise<void> {
    for await (const event of this.#client.events('agents.chat.event')) this.#take(event);
  }

  /** After a reconnect the turn goes on from the last event that came. */
  async #comeBack(): Promise<void> {
    let wasLost = false;
    for await (const { state } of this.#client.connectionChanges()) {
      if (state === 'connected' && wasLost && this.#ended) await this.#goOn();
      wasLost ||= state === 'disconnected';
    }
  }

  async #goOn(): Promise<void> {
    const { sessionId: session_id } = this;
    try {
      const so = await this.#client.agents.chat.watch({ session_id, ...(this.#cursor && { after: this.#cursor }) });
      for (const event of so.events) this.#take(event);
    } catch (error) {
      this.#take({
        session_id,
        agent_id: this.#agentId,
        kind: 'error',
        error: `the chat was lost: ${(error as Error).message}`,
      });
    }
  }
}
