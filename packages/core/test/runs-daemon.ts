// A daemon in a process of its own, to be killed:  node runs-daemon.ts <folder> <durability>
// Says where it listens, and who may come, once it has swept what an earlier one left.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { InMemoryAgentCredentials, mintToken, ServerState } from '@car-runtime/core';
import { WebSocketAcceptor } from '@car-runtime/rpc/node';

const [, , folder = '', durability = 'buffered'] = process.argv;
const state = ServerState.withConfig({
  journalDir: join(folder, 'journals'),
  runDurability: durability === 'fsync' ? 'fsync' : 'buffered',
  runRetention: { maxPerAgent: 0, maxAgeDays: 0 },
});
const [token, hostToken] = [mintToken(), mintToken()];
const agents = new InMemoryAgentCredentials();
state.installAuthToken(token);
state.installHostToken(hostToken);
state.installAgentCredentials(agents);
const { runsAdopted } = await state.sweepStorage();
const acceptor = new WebSocketAcceptor();
const server = createServer();
server.on('upgrade', (request, socket, head) => {
  acceptor.accept(request, socket, head, { transport: 'tcp' }, (channel) => void state.createSession(channel));
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ port, hostToken, agentToken: agents.issue('worker'), runsAdopted });
});
process.on('message', () => {
  // The kind that gives memory back to the system.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
  process.send?.({ rssBytes, heapBytes });
});
process.on('disconnect', () => process.exit());
