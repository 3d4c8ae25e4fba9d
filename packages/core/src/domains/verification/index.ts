import { verification } from '@car-runtime/protocol';
import type { StateStore, ToolRegistry } from '@car-runtime/engine';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import { verificationMethods } from './methods.ts';

export interface VerificationDependencies {
  registryOf(connection: Connection): ToolRegistry;
  storeOf(connection: Connection): StateStore;
}

/** `verify` and its siblings: everything that can be said of a plan without running it. */
export function verificationDomain(dependencies: VerificationDependencies): Domain<typeof verification> {
  return { name: 'verification', contract: verification, methods: verificationMethods(dependencies) };
}
