// Something to look at: a daemon with three agents at work, one that waits for a person, and the link to the console.
// Runs until Ctrl-C, which ends all of it and leaves nothing.
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect, type Client } from '@car-runtime/client';
import { startDaemonProcess } from '../../daemon-process.ts';
import { bold, dim, heading } from '../print.ts';

const agents = [
  { id: 'surveyor', tells: 'counts the words of a folder of this repository, again and again', capabilities: [] },
  { id: 'releaser', tells: 'prepares a release, and may publish it only when you agree', capabilities: [] },
  {
    id: 'librarian',
    tells: 'answers in a chat: ask it about a word, or to note something down',
    capabilities: ['chat'],
  },
];
const repository = join(import.meta.dirname, '..', '..', '..');

export async function showConsole(): Promise<void> {
  const isOver = untilStopped();
  heading('1  Start a daemon');
  await using daemon = await startDaemonProcess();
  const { ready, home } = daemon;
  console.log(`   car-server, process ${ready.pid}, state root ${home}`);
  const host = await connect({ url: ready.ws, role: 'host', tokenFile: join(home, 'ai.parslee.car', 'auth-token') });

  heading('2  Start three agents, which the daemon keeps running');
  await host.budget.set({
    name: 'daily',
    agent: '*',
    per: 'day',
    limits: { tool_calls: 5_000, wall_time_ms: 7_200_000 },
  });
  for (const { id, tells, capabilities } of agents) {
    const program = join(import.meta.dirname, `${id}.ts`);
    await host.agents.upsert({
      id,
      name: `The ${id}`,
      command: process.execPath,
      args: [program, repository],
      capabilities,
    });
    await host.agents.start({ id });
    console.log(`   ${id.padEnd(10)} ${dim(tells)}`);
  }

  await rememberTogether(host);

  heading('3  Look at them');
  await printLink(host);
  console.log(dim(`   The command line sees the same: CAR_HOME=${home} npx car agents ls`));
  console.log(dim('   Enter: another link.  Ctrl-C: end all of it.'));
  const keys = createInterface({ input: process.stdin }).on('line', () => void printLink(host));
  await isOver;
  keys.close();
  await host.close();
  console.log('\n   ending the agents and the daemon');
}

/** What all of them know: one fact that was corrected, one that rests on it, and one that is in every context. */
async function rememberTogether(host: Client): Promise<void> {
  await host.memory.add_fact({ subject: 'release day', body: 'Friday', fact_id: 'release-day', source: 'the plan' });
  await host.memory.add_fact({ subject: 'mail', body: 'goes out on the release day', depends_on: ['release-day'] });
  await host.memory.add_fact({
    subject: 'release day',
    body: 'Tuesday',
    supersedes: 'release-day',
    source: 'a meeting',
  });
  await host.memory.add_fact({ subject: 'releases', body: 'are published by a person only', kind: 'constraint' });
}

async function printLink(host: Client): Promise<void> {
  const { url } = await host.host.console_ticket();
  console.log(`   ${bold(url)}`);
  console.log(dim('   Open it in a browser of this machine within a minute; it works once.'));
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}
