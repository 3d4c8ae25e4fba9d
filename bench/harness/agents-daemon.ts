// Our daemon with agents: the program of this version knows no agents of its own, an embedder's does.
//   node agents-daemon.ts [--fsync]
import { InMemoryAgentCredentials } from '@car-runtime/core';
import { startServer } from '../../packages/server/src/index.ts';
import { agentIds } from './agent-ids.ts';

const stateRoot = process.env['CAR_HOME'] as string;
const running = await startServer({
  stateRoot,
  port: 0,
  socketPath: null,
  runDurability: process.argv.includes('--fsync') ? 'fsync' : 'buffered',
});
const agents = new InMemoryAgentCredentials();
running.state.installAgentCredentials(agents);
const agentTokens = Object.fromEntries(agentIds.map((id) => [id, agents.issue(id)]));
console.log(JSON.stringify({ ready: true, ws: running.ws, hostToken: running.tokens?.hostToken, agentTokens }));
process.on('SIGTERM', () => void running.stop().then(() => process.exit(0)));
