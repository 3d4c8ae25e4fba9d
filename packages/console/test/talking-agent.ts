// An agent for tests of the console, started by the daemon: what it is asked in a chat says what it does.
import { connect } from '@car-runtime/client';

const car = await connect({ allowUnproven: true, reconnect: false });
const cancelled = new Set<string>();
const questions = new Map<string, (decision: unknown) => void>();
const held: (() => void)[] = [];

type Say = (event: { kind: string; [field: string]: unknown }) => void;

const answers: Readonly<Record<string, (say: Say, rest: string) => Promise<string> | string>> = {
  /** Says the rest back, in words. */
  say: (say, rest) => {
    for (const delta of rest.split(/(?<= )/)) say({ kind: 'token', delta });
    return rest;
  },
  /** Uses a tool, and says what came of it. */
  tool: (say, rest) => {
    say({ kind: 'tool_call', call_id: '1', tool: 'look <b>up</b>', params: { what: rest } });
    say({ kind: 'tool_result', call_id: '1', result: { found: rest }, duration_ms: 12 });
    say({ kind: 'token', delta: 'found it' });
    return 'found it';
  },
  /** Asks before it does something that cannot be undone. */
  ask: async (say, rest) => {
    say({
      kind: 'approval_pending',
      approval_id: `question ${rest}`,
      action: `send ${rest}`,
      details: { to: '<img src=x onerror=alert(1)> \u202E' },
      ...(rest.includes('forever') && { reversibility: 'irreversible' }),
    });
    const decision = await new Promise((resolve) => questions.set(`question ${rest}`, resolve));
    return `you said ${JSON.stringify(decision)}`;
  },
  /** Says something, and the rest once it is told to go on with another prompt. */
  hold: async (say, rest) => {
    say({ kind: 'token', delta: `first ${rest} ` });
    await new Promise<void>((resolve) => held.push(resolve));
    say({ kind: 'token', delta: 'and last' });
    return `first ${rest} and last`;
  },
  fail: (_say, rest) => {
    throw new Error(rest);
  },
  large: (say, rest) => {
    const text = 'large '.repeat(Number(rest) / 6);
    say({ kind: 'token', delta: text });
    return text;
  },
};

car.onCallback('agent.chat', ({ session_id, prompt, attachments }) => {
  cancelled.delete(session_id);
  const say: Say = (event) => {
    if (!cancelled.has(session_id)) car.notify('agent.chat.event', { session_id, ...event });
  };
  const [, verb = '', rest = ''] = /^(\w+) ?([^]*)$/.exec(prompt) ?? [];
  const images = attachments?.map((image) => (image.type === 'image_base64' ? image.media_type : image.type));
  const answer = answers[verb] ?? ((tell, text) => answers['say']?.(tell, text) ?? '');
  console.log(`asked to ${verb} ${images?.join() ?? ''}`);
  void Promise.resolve()
    .then(() => answer(say, images ? `${rest} with ${images.join()}` : rest))
    .then(
      (text) => say({ kind: 'done', finish_reason: 'stop', text }),
      (error: Error) => say({ kind: 'error', error: error.message }),
    );
  return { accepted: true };
});

car.onCallback('agent.chat.approve', ({ approval_id, decision }) => {
  questions.get(approval_id)?.(decision);
  return { resolved: questions.delete(approval_id) };
});

void (async () => {
  for await (const { session_id } of car.events('agent.chat.cancel') as AsyncIterable<{ session_id: string }>) {
    cancelled.add(session_id);
    console.log('cancelled');
  }
})();

// What a test does from outside: it goes on with everything that is held, writes lines, or ends.
void (async () => {
  for await (const { kind, message } of car.events('host.event')) {
    if (kind === 'test.go-on') for (const go of held.splice(0)) go();
    if (kind === 'test.print') console.log(message);
    if (kind === 'test.complain') console.error(message);
    if (kind === 'test.exit') process.exit(Number(message));
  }
})();
await car.host.subscribe();

console.log('ready');
