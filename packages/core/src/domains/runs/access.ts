// Who may read runs, and who may write them (Run tracing, Authorization).
import { fail } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';

type Caller = Pick<Connection, 'agentId' | 'isHost'>;

/** The agent itself; having the host role is not enough to write in its name. */
export function isOwner({ agentId }: Caller, ownerId: string): boolean {
  return agentId !== undefined && agentId === ownerId;
}

export function mayRead(caller: Caller, ownerId: string): boolean {
  return caller.isHost || isOwner(caller, ownerId);
}

export function checkMayRead(caller: Caller, ownerId: string, what: string): void {
  if (mayRead(caller, ownerId)) return;
  throw fail('forbidden', `Cannot read ${what}: needs the agent it belongs to, or the host role`);
}
