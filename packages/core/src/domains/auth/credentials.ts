import { isSameSecret, mintToken } from '../../infra/secrets.ts';

export { isSameSecret, mintToken };

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
