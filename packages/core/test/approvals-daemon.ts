// A daemon in a process of its own, to be killed:  node approvals-daemon.ts <folder> <tesseract folder>
// Says where it listens. What `vision.ocr` runs is the program of that folder.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ServerState } from '@car-runtime/core';
import { WebSocketAcceptor } from '@car-runtime/rpc/node';

const [, , folder = '', programs = ''] = process.argv;
process.env['PATH'] = programs;
const state = ServerState.standalone(join(folder, 'journals'));
const acceptor = new WebSocketAcceptor();
const server = createServer();
server.on('upgrade', (request, socket, head) => {
  acceptor.accept(request, socket, head, { transport: 'tcp' }, (channel) => void state.createSession(channel));
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit());
