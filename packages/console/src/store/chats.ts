// The chats of this tab: sent to the daemon, heard from it, gone on with after a lost connection, a reload and a restart of the
// daemon. The daemon keeps what was said for a while and by cursor; prompts are the page's own, so the tab keeps both, for as
// long as it is open, as it does its session.
import { CarError, type Client } from '@car-runtime/client';
import type { ChatEvent, ImageBlock } from '@car-runtime/protocol';
import { client, connection } from '../connection.ts';
import { Chat, isRunning, maxAnswerLength, missed, type QuestionPart, type SavedChat, type SentImage } from './chat.ts';
import { Store } from './store.ts';

const keyPrefix = 'car.chat.';
const maxChats = 50;
/** Of one chat, as JSON characters; of a longer one the newest prompts are kept. */
const maxSavedLength = 600_000;
const saveAfterMs = 300;

/** Told of every change of any chat. */
export const chatChanges = new Store(0);

const chats = new Map<string, Chat>();
const unsaved = new Set<Chat>();
let saving: ReturnType<typeof setTimeout> | undefined;
let isFollowing = false;
let followed: Client | undefined;
let resumed = 0;

/** Reads what the tab has kept, and follows for as long as the page is open. */
export function followChats(): void {
  if (isFollowing) return;
  isFollowing = true;
  for (const key of Object.keys(sessionStorage).filter((name) => name.startsWith(keyPrefix))) load(key);
  addEventListener('pagehide', saveNow);
  connection.listen(onConnection);
  onConnection();
}

export function chatsOf(agentId: string): Chat[] {
  return [...chats.values()]
    .filter((chat) => chat.agentId === agentId)
    .toSorted((left, right) => right.updatedAt - left.updatedAt);
}

export function chatOf(sessionId: string): Chat | undefined {
  return chats.get(sessionId);
}

export function createChat(agentId: string, isExternal: boolean, sessionId = `chat-${crypto.randomUUID()}`): Chat {
  const chat = new Chat({ sessionId, agentId, isExternal, createdAt: Date.now(), turns: [] });
  chats.set(sessionId, chat);
  const quiet = [...chats.values()]
    .filter((each) => !each.open)
    .toSorted((left, right) => left.updatedAt - right.updatedAt);
  for (const each of quiet.slice(0, Math.max(0, chats.size - maxChats))) forget(each);
  return chat;
}

export function forget(chat: Chat): void {
  chats.delete(chat.sessionId);
  unsaved.delete(chat);
  sessionStorage.removeItem(keyPrefix + chat.sessionId);
  changed();
}

export async function send(
  chat: Chat,
  prompt: string,
  images: readonly (SentImage & { block: ImageBlock })[],
): Promise<void> {
  if (chat.open) return;
  const turn = chat.begin(
    prompt,
    images.map(({ name, mediaType, bytes }) => ({ name, mediaType, bytes })),
  );
  chat.lastImages = images.map(({ block }) => block);
  changed(chat);
  try {
    if (chat.isExternal) {
      await client().agents.invoke_external({
        id: chat.agentId,
        task: prompt,
        stream: true,
        session_id: chat.sessionId,
      });
    } else {
      await client().agents.chat({
        agent_id: chat.agentId,
        prompt,
        session_id: chat.sessionId,
        resumable: true,
        ...(images.length > 0 && { attachments: [...chat.lastImages] }),
      });
    }
    if (turn.state === 'sending') turn.state = 'answering';
  } catch (error) {
    // What was lost with the connection may have arrived all the same; that is asked when it is back.
    if (isRunning(turn) && error instanceof CarError) chat.end(turn, 'failed', error.message);
    else if (isRunning(turn) && connection.value.state === 'connected') void resume(chat);
  }
  changed(chat);
}

/** The same prompt once more. Images are those of the page; after a reload they are gone. */
export async function retry(chat: Chat): Promise<void> {
  const last = chat.turns.at(-1);
  if (!last || isRunning(last)) return;
  const images = last.images.flatMap((image, index) => {
    const block = chat.lastImages[index];
    return block ? [{ ...image, block }] : [];
  });
  await send(chat, last.prompt, images);
}

/** Whether a retry would send all that was sent. */
export function canRetry(chat: Chat): boolean {
  const last = chat.turns.at(-1);
  return last !== undefined && !isRunning(last) && last.images.length <= chat.lastImages.length;
}

export async function cancel(chat: Chat): Promise<void> {
  const turn = chat.open;
  if (!turn) return;
  chat.end(turn, 'cancelled');
  changed(chat);
  // Without a connection it ends with the session, which nobody comes back to.
  await client()
    .agents.chat.cancel({ session_id: chat.sessionId })
    .catch(() => undefined);
}

/** Answers what the agent itself asked. Says what there is to say to the person. */
export async function answer(chat: Chat, question: QuestionPart, decision: string): Promise<string | undefined> {
  const { resolved } = await client().agents.chat.approve({
    session_id: chat.sessionId,
    approval_id: question.approvalId,
    decision,
  });
  question.decision = decision;
  chat.version++;
  changed(chat);
  return resolved ? undefined : 'The agent did not wait for this any more';
}

function onConnection(): void {
  const { state, connections } = connection.value;
  if (state !== 'connected' || connections === resumed) return;
  resumed = connections;
  const current = client();
  if (followed !== current) {
    followed = current;
    void readEvents(current);
  }
  for (const chat of chats.values()) if (chat.open) void resume(chat);
}

async function readEvents(from: Client): Promise<void> {
  try {
    for await (const event of from.events('agents.chat.event', { bufferSize: 16_384 })) hear(event);
  } catch {
    // The client is closed; the page says so.
  }
}

function hear(event: ChatEvent): void {
  const chat = chats.get(event.session_id);
  if (!chat) return;
  chat.apply(event);
  changed(chat);
}

/** What was said meanwhile, from behind the last that was heard. */
async function resume(chat: Chat): Promise<void> {
  const turn = chat.open;
  if (!turn) return;
  try {
    const answered = await client().agents.chat.watch({
      session_id: chat.sessionId,
      ...(turn.cursor && { after: turn.cursor }),
    });
    if (chat.open !== turn) return;
    const { cursor, delivery, events, ended } = answered;
    const isAnother = turn.cursor ? turn.cursor.epoch !== cursor.epoch : chat.knows(cursor.epoch);
    if (isAnother) {
      chat.end(turn, 'lost', turn.cursor ? 'This chat went on elsewhere' : 'It did not reach the agent');
    } else {
      const expected = (turn.cursor?.seq ?? 0) + 1;
      const first = events[0]?.cursor?.seq;
      if (delivery !== 'replayed' && first !== undefined && first > expected) missed(turn);
      for (const event of events) chat.apply(event);
      if (ended && isRunning(turn)) chat.end(turn, 'lost', 'What came at the end is not kept any more');
    }
  } catch (error) {
    // A connection lost again asks again.
    if (!(error instanceof CarError) || chat.open !== turn) return;
    chat.end(
      turn,
      'lost',
      error.reason === 'unknown_session'
        ? 'The daemon was restarted, or the chat was left for too long, before the answer was complete'
        : error.message,
    );
  }
  changed(chat);
}

function changed(chat?: Chat): void {
  chatChanges.set(chatChanges.value + 1);
  if (!chat) return;
  unsaved.add(chat);
  saving ??= setTimeout(saveNow, saveAfterMs);
}

function saveNow(): void {
  clearTimeout(saving);
  saving = undefined;
  for (const chat of unsaved) if (chats.has(chat.sessionId)) save(chat);
  unsaved.clear();
}

function save(chat: Chat): void {
  const saved = chat.toSaved();
  let text = JSON.stringify(saved);
  while (text.length > maxSavedLength && saved.turns.length > 1) {
    saved.turns = saved.turns.slice(1);
    text = JSON.stringify(saved);
  }
  // One answer alone can be longer than what a tab can keep.
  if (text.length > maxSavedLength) text = JSON.stringify({ ...saved, turns: saved.turns.map(shortened) });
  for (;;) {
    try {
      sessionStorage.setItem(keyPrefix + chat.sessionId, text);
      return;
    } catch {
      const oldest = [...chats.values()]
        .filter((each) => each !== chat && sessionStorage.getItem(keyPrefix + each.sessionId) !== null)
        .toSorted((left, right) => left.updatedAt - right.updatedAt)[0];
      if (!oldest) return;
      sessionStorage.removeItem(keyPrefix + oldest.sessionId);
    }
  }
}

function shortened(turn: Chat['turns'][number]): Chat['turns'][number] {
  const room = Math.floor(maxSavedLength / 4 / Math.max(1, turn.parts.length));
  const parts = turn.parts.map((part) => {
    if (part.kind === 'text') return { ...part, text: cut(part.text, room) };
    if (part.kind === 'tool') return { ...part, params: fits(part.params, room), result: fits(part.result, room) };
    return part.kind === 'question' ? { ...part, details: fits(part.details, room) } : part;
  });
  return { ...turn, prompt: cut(turn.prompt, maxSavedLength / 4), parts };
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, room)} … (the rest was not kept)`;
}

function fits(value: unknown, room: number): unknown {
  return (JSON.stringify(value)?.length ?? 0) <= room ? value : '… (not kept)';
}

/** The tab's storage is this page's own, but a page of another version may have written it. */
function load(key: string): void {
  try {
    const saved = JSON.parse(sessionStorage.getItem(key) ?? '') as SavedChat;
    const isWhole =
      typeof saved.sessionId === 'string' &&
      typeof saved.agentId === 'string' &&
      Array.isArray(saved.turns) &&
      saved.turns.every((turn) => Array.isArray(turn.parts) && turn.length <= 2 * maxAnswerLength);
    if (!isWhole || key !== keyPrefix + saved.sessionId) throw new Error('It is of another version');
    chats.set(saved.sessionId, new Chat(saved));
  } catch {
    sessionStorage.removeItem(key);
  }
}
