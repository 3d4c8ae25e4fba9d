// Turns whose agent leaves it to the daemon to check its goal, with real commands.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { serve, TempFolder, type TestDaemon } from '@car-runtime/testkit';

type Said = { kind: string } & Record<string, unknown>;

/** An agent that is done at once with every prompt, after doing what the test wants. */
async function openWorker(daemon: TestDaemon, work: (iteration: number, prompt: string) => void) {
  const client = await daemon.connect({ as: { agent: 'worker' } });
  let iteration = 0;
  client.onCallback('agent.chat', ({ session_id, prompt }) => {
    work(++iteration, prompt);
    const say = (event: Said) => client.notify('agent.chat.event', { session_id, ...event });
    // Before the acknowledgement: it waits for it.
    say({ kind: 'token', delta: `try ${iteration}` });
    say({ kind: 'goal_evaluated', iteration: 99, met: true, grounded: true, reason: 'trust me' });
    say({ kind: 'done', text: `done ${iteration}` });
    return { accepted: true, goal: 'daemon' };
  });
  return client;
}

async function turn(host: Client, check: string, working_dir: string, max_iterations = 3): Promise<Said[]> {
  const said: Said[] = [];
  const stream = host.events('agents.chat.event')[Symbol.asyncIterator]();
  await host.agents.chat({
    agent_id: 'worker',
    prompt: 'go',
    session_id: 's',
    goal: { check, max_iterations, working_dir },
  });
  for (;;) {
    const { value } = await stream.next();
    const { session_id: _session, agent_id: _agent, ...event } = value as Said;
    said.push(event);
    if (event.kind === 'done' || event.kind === 'error') return said;
  }
}

const kinds = (said: Said[]): string[] => said.map(({ kind }) => kind);

// req: goal.daemon-checks
test('the daemon checks whenever the agent is done, and asks again with what the check printed until it passes', async () => {
  using folder = new TempFolder();
  await using daemon = serve();
  const prompts: string[] = [];
  await openWorker(daemon, (iteration, prompt) => {
    prompts.push(prompt);
    if (iteration === 2) writeFileSync(folder.join('made'), '');
  });
  const host = await daemon.connect();
  const said = await turn(host, "echo looking; echo '```' && test -f made", folder.path);
  assert.deepEqual(said, [
    { kind: 'token', delta: 'try 1' },
    { kind: 'goal_evaluated', iteration: 1, met: false, grounded: true, reason: 'the check exited with 1' },
    { kind: 'token', delta: 'try 2' },
    { kind: 'goal_evaluated', iteration: 2, met: true, grounded: true, reason: 'the check exited with 0' },
    { kind: 'done', text: 'done 2' },
  ]);
  assert.equal(prompts[0], 'go');
  assert.equal(
    prompts[1],
    [
      'The goal is not met yet: the check exited with 1.',
      "Check: echo looking; echo '```' && test -f made",
      'The end of what it printed:',
      ...['````', 'looking', '```', '````'],
      'Go on until the check passes.',
    ].join('\n'),
  );
  const { goal } = (await host.goal.status({ session_id: 's' })) as { goal: Record<string, unknown> };
  assert.deepEqual([goal['status'], goal['last_iteration'], goal['last_met']], ['met', 2, true]);
});

// req: goal.daemon-budget
test('a goal that is never met ends with an error once its iterations are used up', async () => {
  using folder = new TempFolder();
  await using daemon = serve();
  let asked = 0;
  await openWorker(daemon, () => asked++);
  const host = await daemon.connect();
  const said = await turn(host, 'false', folder.path, 2);
  assert.deepEqual(kinds(said), ['token', 'goal_evaluated', 'token', 'goal_evaluated', 'error']);
  assert.deepEqual(said.at(-1), {
    kind: 'error',
    error: 'the goal is not met after 2 of 2 iterations: the check exited with 1',
    reason: 'goal_not_met',
  });
  assert.equal(asked, 2);
  const nowhere = await turn(host, 'true', folder.join('missing'));
  assert.equal(nowhere.at(-1)?.['reason'], 'goal_not_checked');
});

// req: goal.daemon-budget
test('a check that hangs or floods is ended and not met, and says so', async () => {
  using folder = new TempFolder();
  await using daemon = serve({ config: { goalCheckTimeoutMs: 300 } });
  await openWorker(daemon, () => undefined);
  const host = await daemon.connect();
  for (const check of ['sleep 600', 'yes & yes & sleep 600']) {
    const said = await turn(host, check, folder.path, 1);
    const { met, grounded, reason } = said.find(({ kind }) => kind === 'goal_evaluated') as Said;
    assert.deepEqual([met, grounded], [false, false]);
    assert.match(String(reason), /^the check was ended/);
    assert.equal(said.at(-1)?.kind, 'error');
  }
});

// req: goal.daemon-cancel
test('cancelling ends a check that runs, and the agent is not asked again', async () => {
  using folder = new TempFolder();
  await using daemon = serve();
  let asked = 0;
  const worker = await openWorker(daemon, () => asked++);
  const host = await daemon.connect();
  const check = `echo $$ > new; mv new pid; while ! test -f never; do sleep 0.1; done`;
  await host.agents.chat({
    agent_id: 'worker',
    prompt: 'go',
    session_id: 's',
    goal: { check, working_dir: folder.path },
  });
  while (!existsSync(folder.join('pid'))) await host.server.status();
  assert.deepEqual(await host.agents.chat.cancel({ session_id: 's' }), { cancelled: true, session_id: 's' });
  const isThere = (): boolean => {
    try {
      process.kill(Number(readFileSync(folder.join('pid'), 'utf8')), 0);
      return true;
    } catch {
      return false;
    }
  };
  while (isThere()) await host.server.status();
  await worker.server.status();
  assert.equal(asked, 1);
  const { goal } = (await host.goal.status({ session_id: 's' })) as { goal: { status: string } };
  assert.equal(goal.status, 'active');
});

// req: goal.turns
test('an agent that checks for itself is relayed as it speaks, also before it has acknowledged', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  agent.onCallback('agent.chat', ({ session_id }) => {
    const say = (event: Said) => agent.notify('agent.chat.event', { session_id, ...event });
    say({ kind: 'goal_evaluated', iteration: 1, met: true, grounded: true, reason: 'ok' });
    say({ kind: 'done', text: 'fine' });
    return { accepted: true };
  });
  const host = await daemon.connect();
  assert.deepEqual(kinds(await turn(host, 'true', '/')), ['goal_evaluated', 'done']);
});
