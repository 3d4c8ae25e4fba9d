import { auth } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import { authMethods } from './methods.ts';
import type { AuthService } from './service.ts';

export { InMemoryAgentCredentials, mintToken, type AgentCredentials } from './credentials.ts';
export { AuthService } from './service.ts';

/** `session.auth`. The service is made by the composition root, since the access gate asks it too. */
export function authDomain(service: AuthService): Domain<typeof auth> {
  return {
    name: 'auth',
    contract: auth,
    methods: authMethods(service),
    onClose: { attachment: (connection) => service.release(connection) },
  };
}
