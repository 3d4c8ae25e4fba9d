export type { Channel, ChannelHandlers, CloseInfo } from './channel.ts';
export { ChannelClosedError, RequestTimeoutError, RpcError, rpcCode } from './errors.ts';
export { SharedFrame } from './frame.ts';
export { IncomingCall } from './incoming-call.ts';
export { createMemoryPair, MemoryChannel } from './memory-channel.ts';
export { Peer, type PeerHandler, type PeerOptions } from './peer.ts';
export type { RequestOptions } from './pending-requests.ts';
export { atEndOfTurn, type TurnParticipant } from './turn.ts';
export { openWebChannel } from './web-channel.ts';
