// The part that needs no daemon, for tests of the packages below it.
export { Inbox } from './inbox.ts';
export { Wire, type WireMessage, type WireRequest } from './wire.ts';
