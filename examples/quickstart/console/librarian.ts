// An agent to talk to. It has no model: it looks words up in the documents of this repository, and notes down what it is
// told to, when it may. Shows streaming, tool calls, a question to the person, and cancelling.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@car-runtime/client';

const documents = join(process.argv[2] ?? '.', 'docs');
const tokenMs = 25;

await using car = await connect();
await car.registerTool({ name: 'find_in_documents', description: 'Sections that mention a word' }, ({ word }) =>
  find(String(word)),
);
const turns = new Map<string, AbortController>();
const questions = new Map<string, (isYes: boolean) => void>();

car.onCallback('agent.chat', ({ session_id, prompt }) => {
  const turn = new AbortController();
  turns.set(session_id, turn);
  const say = (event: { kind: string; [field: string]: unknown }) => {
    if (!turn.signal.aborted) car.notify('agent.chat.event', { session_id, ...event });
  };
  answer(prompt, say, turn.signal)
    .then((text) => say({ kind: 'done', finish_reason: 'stop', text }))
    .catch((error: Error) => say({ kind: 'error', error: error.message }))
    .finally(() => turns.get(session_id) === turn && turns.delete(session_id));
  return { accepted: true };
});
car.onCallback('agent.chat.approve', ({ approval_id, decision }) => {
  const settle = questions.get(approval_id);
  settle?.([true, 'approve', 'approved', 'yes'].includes(decision));
  return { resolved: questions.delete(approval_id) };
});
void (async () => {
  for await (const { session_id } of car.events('agent.chat.cancel')) turns.get(session_id)?.abort();
})();
await new Promise<never>(() => undefined);

interface Section {
  file: string;
  heading: string;
  line: string;
}

type Say = (event: { kind: string; [field: string]: unknown }) => void;

async function answer(prompt: string, say: Say, signal: AbortSignal): Promise<string> {
  const note = /^note (?:down )?(.+)/is.exec(prompt)?.[1];
  const text = note === undefined ? await lookUp(prompt, say) : await noteDown(note, say, signal);
  for (const delta of text.split(/(?<=\s)/)) {
    if (signal.aborted) break;
    say({ kind: 'token', delta });
    await sleep(tokenMs);
  }
  return text;
}

async function lookUp(prompt: string, say: Say): Promise<string> {
  const words = prompt.match(/[\p{L}\p{N}-]{4,}/gu) ?? [];
  if (words.length === 0) return 'Give me a **word** to look up, or say `note down …`.';
  // The word that the fewest sections have is what the question is about.
  let rarest: { word: string; found: Section[] } | undefined;
  for (const word of words) {
    const found = await call(word, say);
    if (found.length > 0 && !(rarest && rarest.found.length <= found.length)) rarest = { word, found };
  }
  if (!rarest) return `None of the documents mentions **${words.join(', ')}**.`;
  const { word, found } = rarest;
  const lines = found.map(({ file, heading, line }) => `- \`${file}\`, *${heading}*: ${line}`);
  return `**${word}** is mentioned in ${found.length} sections:\n\n${lines.join('\n')}`;
}

/** One tool call, which the daemon checks, makes and records; the person who chats is told of it. */
async function call(word: string, say: Say): Promise<Section[]> {
  const call_id = crypto.randomUUID();
  const startedAt = performance.now();
  say({ kind: 'tool_call', call_id, tool: 'find_in_documents', params: { word } });
  const { results } = await car.proposal.submit({
    proposal: { actions: [{ id: 'find', type: 'tool_call', tool: 'find_in_documents', parameters: { word } }] },
  });
  const found = (results[0]?.output ?? []) as Section[];
  say({ kind: 'tool_result', call_id, result: found, duration_ms: Math.round(performance.now() - startedAt) });
  return found;
}

async function noteDown(note: string, say: Say, signal: AbortSignal): Promise<string> {
  const approval_id = crypto.randomUUID();
  say({ kind: 'approval_pending', approval_id, action: 'remember', details: { note } });
  const isAgreed = await new Promise<boolean>((resolve) => {
    questions.set(approval_id, resolve);
    signal.addEventListener('abort', () => questions.delete(approval_id) && resolve(false));
  });
  if (!isAgreed) return 'I leave it, then.';
  await car.memory.add_fact({ subject: 'a note', body: note });
  return `Noted: ${note}`;
}

async function find(word: string): Promise<Section[]> {
  const found = new Map<string, Section>();
  for (const file of (await readdir(documents)).filter((name) => name.endsWith('.md'))) {
    let heading = file;
    for (const line of (await readFile(join(documents, file), 'utf8')).split('\n')) {
      if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
      const isProse = !/^([|#`]|Params|Result)/.test(line) && !found.has(`${file} ${heading}`);
      if (isProse && line.toLowerCase().includes(word.toLowerCase()))
        found.set(`${file} ${heading}`, { file, heading, line: line.slice(0, 160) });
    }
  }
  return [...found.values()].slice(0, 8);
}
