// The part that needs no daemon, for tests of the packages below it.
export { Inbox } from './inbox.ts';
export {
  clientFrame,
  RawSocket,
  readServerFrame,
  type ClientFrameOptions,
  type RawAddress,
  type ServerFrame,
} from './raw-socket.ts';
export { TempFolder } from './temp-folder.ts';
export { Wire, type WireMessage, type WireRequest } from './wire.ts';
