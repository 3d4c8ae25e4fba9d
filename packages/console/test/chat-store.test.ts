// A chat as the page keeps it, without a page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatEvent } from '@car-runtime/protocol';
import { Chat, maxAnswerLength } from '../src/store/chat.ts';

function open(): { chat: Chat; hear: (event: Partial<ChatEvent>) => void } {
  const chat = new Chat({ sessionId: 's', agentId: 'a', isExternal: false, createdAt: 0, turns: [] });
  return {
    chat,
    hear: (event) => chat.apply({ session_id: 's', agent_id: 'a', kind: 'token', ...event }),
  };
}

const textOf = (chat: Chat) =>
  chat.turns.map(({ parts }) => parts.map((part) => ('text' in part ? part.text : part.kind)));

// req: console.chat-resume
test('what was heard before, and what belongs to an earlier prompt, is not heard again', () => {
  const { chat, hear } = open();
  chat.begin('one', []);
  hear({ delta: 'a', cursor: { epoch: 'x', seq: 1 } });
  hear({ delta: 'b', cursor: { epoch: 'x', seq: 2 } });
  hear({ delta: 'a', cursor: { epoch: 'x', seq: 1 } });
  hear({ delta: 'of another', cursor: { epoch: 'y', seq: 3 } });
  hear({ kind: 'done', text: 'ab', cursor: { epoch: 'x', seq: 3 } });
  hear({ delta: 'late', cursor: { epoch: 'x', seq: 4 } });
  chat.begin('two', []);
  hear({ delta: 'late', cursor: { epoch: 'x', seq: 4 } });
  hear({ delta: 'c', cursor: { epoch: 'z', seq: 1 } });
  assert.deepEqual(textOf(chat), [['ab'], ['c']]);
});

// req: console.chat-resume
test('where something is missing it is said, and the whole answer of the end is shown', () => {
  const { chat, hear } = open();
  chat.begin('one', []);
  hear({ delta: 'b', cursor: { epoch: 'x', seq: 2 } });
  hear({ kind: 'gap', cursor: { epoch: 'x', seq: 5 } });
  hear({ kind: 'done', text: 'abc', cursor: { epoch: 'x', seq: 6 } });
  assert.deepEqual(textOf(chat), [
    ['b', 'Some of what was said here is not kept any more.', 'The whole answer:', 'abc'],
  ]);
});

// req: console.chat
test('the result of a tool goes to the call it names, or to the last one that has none', () => {
  const { chat, hear } = open();
  const turn = chat.begin('one', []);
  for (const call_id of ['1', '2']) hear({ kind: 'tool_call', tool: 't', call_id });
  hear({ kind: 'tool_result', call_id: '1', result: 'first', duration_ms: 5 });
  hear({ kind: 'tool_result', result: 'second' });
  hear({ kind: 'tool_result', call_id: 'none', result: 'lost' });
  assert.deepEqual(
    turn.parts.map((part) => part.kind === 'tool' && [part.result, part.isEnded]),
    [
      ['first', true],
      ['second', true],
    ],
  );
});

// req: console.chat-bounds
test('prompts, parts and the length of an answer have bounds, and the last says so', () => {
  const { chat, hear } = open();
  for (let n = 0; n < 250; n++) {
    chat.begin(`${n}`, []);
    hear({ kind: 'done' });
  }
  assert.deepEqual([chat.turns.length, chat.turns[0]?.prompt], [200, '50']);
  const turn = chat.begin('long', []);
  for (let n = 0; n < 6; n++) hear({ delta: 'x'.repeat(1_000_000) });
  const [text, note] = turn.parts;
  assert.equal(text?.kind === 'text' && text.text.length, maxAnswerLength);
  assert.match(note?.kind === 'note' ? note.text : '', /only 4000000 characters/);
  hear({ kind: 'done' });
  const busy = chat.begin('busy', []);
  for (let n = 0; n < 3_000; n++) hear({ kind: 'tool_call', tool: 't' });
  assert.equal(busy.parts.length, 2_000);
});
