// Tokens of supervised agents, by which they authenticate.
import { isSameSecret, mintToken } from '../../infra/secrets.ts';
import { Listeners } from '../../kernel/listeners.ts';

export class SupervisorCredentials {
  readonly #tokens = new Map<string, string>();
  readonly #revoked = new Listeners<[agentId: string]>();
  readonly #decoy = mintToken();

  mint(): string {
    return mintToken();
  }

  /** From now on this is the agent's token; connections made with another are closed. */
  set(agentId: string, token: string): void {
    const previous = this.#tokens.get(agentId);
    this.#tokens.set(agentId, token);
    if (previous !== undefined && previous !== token) this.#revoked.tell(agentId);
  }

  revoke(agentId: string): void {
    if (this.#tokens.delete(agentId)) this.#revoked.tell(agentId);
  }

  /** An unknown agent takes as long as a wrong token. */
  verify(agentId: string, token: string): boolean {
    const expected = this.#tokens.get(agentId);
    return isSameSecret(token, expected ?? this.#decoy) && expected !== undefined;
  }

  onRevoked(listener: (agentId: string) => void): Disposable {
    return this.#revoked.add(listener);
  }
}
