import { agentPermissions, permission } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import { agentPermissionMethods, permissionMethods } from './methods.ts';
import type { PermissionService } from './service.ts';

export { PermissionGate, type Recheck } from './gate.ts';
export { PermissionService, type PermissionOptions } from './service.ts';

/** `permission.*`: tiers, and what people decided about operations. */
export function permissionDomain(service: PermissionService): Domain<typeof permission> {
  return { name: 'permission', contract: permission, methods: permissionMethods(service) };
}

/** `agent_permissions.*`: what each agent may do without asking. */
export function agentPermissionsDomain(service: PermissionService): Domain<typeof agentPermissions> {
  return { name: 'agent-permissions', contract: agentPermissions, methods: agentPermissionMethods(service) };
}
