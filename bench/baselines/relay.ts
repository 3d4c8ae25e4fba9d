// The least a server can do for a chat: parse what the agent says, put the agent's name to it, send it to the host that asked.
import type { WebSocket } from 'ws';
import { listen } from './listen.ts';

let host: WebSocket | undefined;

listen((socket) => ({ id, method, params }) => {
  if (method === 'agents.chat') {
    host = socket;
    const { session_id } = params as { session_id: string };
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: { accepted: true, session_id } }));
  } else if (method === 'agent.chat.event') {
    const event = { ...(params as object), agent_id: 'worker-0' };
    host?.send(JSON.stringify({ jsonrpc: '2.0', method: 'agents.chat.event', params: event }));
  }
});
