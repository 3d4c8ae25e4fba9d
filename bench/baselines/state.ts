// The least a server can do for `state.set` and `state.get`: parse, keep or look up, stringify, send.
import { listen } from './listen.ts';

listen((socket) => {
  const values = new Map<string, unknown>();
  return ({ id, method, params }) => {
    const { key, value } = params as { key: string; value: unknown };
    if (method === 'state.set') values.set(key, value);
    const result = method === 'state.set' ? 'ok' : (values.get(key) ?? null);
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, result }));
  };
});
