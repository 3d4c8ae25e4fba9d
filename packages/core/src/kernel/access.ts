import { fail, type Access, type MethodDeclaration } from '@car-runtime/protocol';
import type { RpcError } from '@car-runtime/rpc';
import type { Connection } from './connection.ts';

/** What the gate must know of the credentials this process installed. */
export interface CredentialState {
  /** Whether a daemon token is installed; without one every connection counts as authenticated. */
  readonly isAuthRequired: boolean;
  /** Whether the host role can be had; without it, host-only methods are not gated. */
  readonly hasHostToken: boolean;
  /** Whether methods that take a command, a path or an endpoint are for hosts alone. */
  readonly hasStrictRoles?: boolean;
}

/** The access that counts, which strict roles narrow. */
export function accessOf(
  { access, takesCommand }: Pick<MethodDeclaration, 'access' | 'takesCommand'>,
  { hasStrictRoles = false }: CredentialState,
): Access {
  return takesCommand === true && hasStrictRoles ? 'host' : access;
}

/** Why this connection may not call a method of this access, or `undefined` when it may. */
export function refusalOf(
  method: string,
  access: Access,
  connection: Connection,
  credentials: CredentialState,
): RpcError | undefined {
  switch (access) {
    case 'public':
    case 'session':
      return undefined;
    case 'client':
      return connection.role === 'agent' ? forbidden(method, 'not available to agents', connection) : undefined;
    case 'host':
    // What is not declared is not allowed, should a declaration ever come without a known access.
    default:
      if (connection.isHost || (!credentials.hasHostToken && connection.role !== 'agent')) return undefined;
      return forbidden(method, 'needs the host role', connection);
  }
}

function forbidden(method: string, why: string, connection: Connection): RpcError {
  return fail(
    'forbidden',
    `Cannot call ${method}: ${why} (this connection is ${connection.role === 'none' ? 'unauthenticated' : connection.role})`,
    {
      data: { role: connection.role },
    },
  );
}
