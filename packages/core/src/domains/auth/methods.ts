import { fail, type auth, type CheckedParamsOf, type ResultOf } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Handlers } from '../../kernel/domain.ts';
import type { AuthService } from './service.ts';

type Params = CheckedParamsOf<(typeof auth)['session.auth']>;
type Result = ResultOf<(typeof auth)['session.auth']>;

export function authMethods(service: AuthService): Handlers<typeof auth> {
  return {
    'session.auth': (params, { connection }) => {
      if (service.isAuthRequired) return authenticate(service, params, connection);
      bindNamespace(connection, params);
      return { ok: true, auth_enabled: false, ...namespaceOf(params) };
    },
  };
}

async function authenticate(service: AuthService, params: Params, connection: Connection): Promise<Result> {
  const { token, agent_id, host_token } = params;
  if (host_token !== undefined) {
    if (token !== undefined || agent_id !== undefined) throw badForm('host_token stands alone');
    await service.authenticateHost(connection, host_token);
  } else if (token === undefined) throw badForm('token or host_token is missing');
  else if (agent_id === undefined) await service.authenticateClient(connection, token);
  else await service.authenticateAgent(connection, agent_id, token);
  bindNamespace(connection, params);
  return {
    ok: true,
    auth_enabled: true,
    ...(agent_id !== undefined && { agent_id }),
    ...(host_token !== undefined && { role: 'host' as const }),
    ...namespaceOf(params),
  };
}

function bindNamespace(connection: Connection, { memory_namespace }: Params): void {
  if (memory_namespace !== undefined) connection.memoryNamespace = memory_namespace;
}

function namespaceOf({ memory_namespace }: Params): { memory_namespace?: string } {
  return memory_namespace === undefined ? {} : { memory_namespace };
}

function badForm(why: string): Error {
  return fail(
    'invalid_params',
    `Invalid params for session.auth: ${why}; give { token }, { token, agent_id } or { host_token }`,
  );
}
