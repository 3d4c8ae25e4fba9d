// AGENT_NAME, an agent of CAR. The daemon starts this file, keeps it running, and writes what it prints to its log.
//   car agents restart AGENT_NAME     after a change
//   car agents chat AGENT_NAME        talk to it
//   car agents logs -f AGENT_NAME     what it prints
//   car runs ls --agent AGENT_NAME    what it did
import { attach } from './car.ts';

const car = await attach();

// What this agent can do. The daemon calls it when a plan asks for it, after its checks and your policies.
await car.tool(
  { name: 'greet', description: 'Greets somebody', parameters: { type: 'object', required: ['name'] } },
  ({ name }) => `Hello, ${String(name)}!`,
);

// A run is the record of one piece of work: what was wanted, each step, how it ended.
const { run_id } = await car.call('runs.start', { intent: 'say hello' });

// A plan is data. The daemon orders its actions, checks each, runs it, and records it in the run.
const plan = { actions: [{ id: 'hello', type: 'tool_call', tool: 'greet', parameters: { name: 'world' } }] };
const { results } = await car.call('proposal.submit', { proposal: plan });
console.log(`${results[0].status}: ${results[0].output}`);

await car.call('runs.complete', { run_id, outcome: { status: 'success', summary: 'said hello' } });

// What a person says in `car agents chat AGENT_NAME`: acknowledge at once, then say what there is, `done` or `error` last.
type Say = (event: { kind: string; [field: string]: unknown }) => void;
const turns = new Map<string, AbortController>();
car.on('agent.chat', ({ session_id, prompt }) => {
  const turn = new AbortController();
  turns.set(session_id, turn);
  const say: Say = (event) => {
    if (!turn.signal.aborted) car.notify('agent.chat.event', { session_id, ...event });
  };
  answer(prompt, say, turn.signal)
    .then((text) => say({ kind: 'done', finish_reason: 'stop', text }))
    .catch((error: Error) => say({ kind: 'error', error: error.message }))
    .finally(() => turns.get(session_id) === turn && turns.delete(session_id));
  return { accepted: true };
});
car.on('agent.chat.cancel', ({ session_id }) => turns.get(session_id)?.abort());

// A model would be asked here. This one greets whoever is named, and remembers what it is told to, if it may.
async function answer(prompt: string, say: Say, signal: AbortSignal): Promise<string> {
  const { run_id: id } = await car.call('runs.start', { intent: 'answer a prompt' });
  say({ kind: 'tool_call', tool: 'greet', params: { name: prompt } });
  const greeting = { id: 'greet', type: 'tool_call', tool: 'greet', parameters: { name: prompt } };
  const outcome = await car.call('proposal.submit', { proposal: { actions: [greeting] } });
  let text = String(outcome.results[0].output ?? outcome.results[0].error);
  say({ kind: 'tool_result', tool: 'greet', result: text });
  const fact = /^remember (.+)/is.exec(prompt)?.[1];
  if (fact !== undefined && (await mayI('remember', { fact }, say, signal))) {
    await car.call('memory.add_fact', { subject: 'what I was told', body: fact });
    text += ' I keep that in mind.';
  }
  for (const delta of text.split(/(?<= )/)) if (!signal.aborted) say({ kind: 'token', delta });
  const [status, summary] = signal.aborted ? ['give_up', 'cancelled'] : ['success', 'answered'];
  await car.call('runs.complete', { run_id: id, outcome: { status, summary } });
  return text;
}

// Questions that a person has not answered yet.
const questions = new Map<string, (isYes: boolean) => void>();
function mayI(action: string, details: object, say: Say, signal: AbortSignal): Promise<boolean> {
  const approval_id = crypto.randomUUID();
  say({ kind: 'approval_pending', approval_id, action, details });
  return new Promise((resolve) => {
    questions.set(approval_id, resolve);
    signal.addEventListener('abort', () => questions.delete(approval_id) && resolve(false));
  });
}
car.on('agent.chat.approve', ({ approval_id, decision }) => {
  const resolve = questions.get(approval_id);
  resolve?.([true, 'approve', 'approved', 'yes'].includes(decision));
  return { resolved: questions.delete(approval_id) };
});

// The daemon asks agents to finish before it stops them.
car.on('agent.drain', () => process.exit(0));

console.log('ready');
// Without a connection there is nothing to do: the daemon starts a new process.
await car.closed;
process.exit(1);
