// AGENT_NAME, an agent of CAR. The daemon starts this file, keeps it running, and writes what it prints to its log.
//   car agents restart AGENT_NAME     after a change
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

// The daemon asks agents to finish before it stops them.
car.on('agent.drain', () => process.exit(0));

console.log('ready');
// Without a connection there is nothing to do: the daemon starts a new process.
await car.closed;
process.exit(1);
