// What needs Node: WebSocket channels through `ws`. The rest of the package runs anywhere.
export { openWebSocket, type OpenWebSocketOptions } from './websocket-client.ts';
export { WebSocketAcceptor, type WebSocketAcceptorOptions } from './websocket-server.ts';
