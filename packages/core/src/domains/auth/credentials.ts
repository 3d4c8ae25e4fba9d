// Secrets and how they are compared.
import { randomBytes, timingSafeEqual } from 'node:crypto';

const tokenBytes = 32;

/** 32 random bytes as base64url without padding: 43 characters. */
export function mintToken(): string {
  return randomBytes(tokenBytes).toString('base64url');
}

/** Whether two secrets are equal, in time that does not depend on where they differ. */
export function isSameSecret(given: string, expected: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(expected);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Per-agent tokens. The supervisor of agents stands behind this; embedders may bring their own. */
export interface AgentCredentials {
  /** Whether `token` is the current token of that agent; false for an unknown agent. */
  verify(agentId: string, token: string): boolean;
  /** Registers for tokens that stop being valid, so that connections made with them can be closed. */
  onRevoked(listener: (agentId: string) => void): Disposable;
}

const unknownAgentToken = mintToken();

/** Agent tokens kept in memory. */
export class InMemoryAgentCredentials implements AgentCredentials {
  readonly #tokens = new Map<string, string>();
  readonly #listeners = new Set<(agentId: string) => void>();

  /** Mints a token for an agent; an earlier one stops being valid and its connection is closed. */
  issue(agentId: string): string {
    const isRotation = this.#tokens.has(agentId);
    const token = mintToken();
    this.#tokens.set(agentId, token);
    if (isRotation) this.#announce(agentId);
    return token;
  }

  revoke(agentId: string): void {
    if (this.#tokens.delete(agentId)) this.#announce(agentId);
  }

  verify(agentId: string, token: string): boolean {
    const expected = this.#tokens.get(agentId);
    // An unknown agent takes as long as a wrong token.
    return isSameSecret(token, expected ?? unknownAgentToken) && expected !== undefined;
  }

  onRevoked(listener: (agentId: string) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #announce(agentId: string): void {
    for (const listener of this.#listeners) listener(agentId);
  }
}
