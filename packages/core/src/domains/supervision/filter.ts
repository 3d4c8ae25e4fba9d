import { severityOf, type Candidate } from './intent.ts';

export interface FilterInput {
  tools?: readonly string[] | null | undefined;
  sessions?: readonly string[] | null | undefined;
  min_reversibility?: string | null | undefined;
}

/** Which plans a supervisor wants to see. What it does not name does not matter. */
export class IntentFilter {
  /** What it names, as it was given. */
  readonly named: { tools?: string[]; sessions?: string[]; min_reversibility?: string };
  readonly #tools: ReadonlySet<string> | undefined;
  readonly #sessions: ReadonlySet<string> | undefined;
  readonly #minSeverity: number;

  constructor(input: FilterInput = {}) {
    const { tools, sessions, min_reversibility } = input;
    this.named = {
      ...(tools?.length && { tools: [...tools] }),
      ...(sessions?.length && { sessions: [...sessions] }),
      ...(min_reversibility != null && { min_reversibility }),
    };
    this.#tools = tools?.length ? new Set(tools) : undefined;
    this.#sessions = sessions?.length ? new Set(sessions) : undefined;
    this.#minSeverity =
      min_reversibility === null || min_reversibility === undefined ? 0 : severityOf(min_reversibility);
  }

  /** A session is the connection or the policy session: whichever a supervisor knows. */
  matches({ reversibility, clientId, sessionId, actions }: Candidate): boolean {
    if (severityOf(reversibility) < this.#minSeverity) return false;
    const sessions = this.#sessions;
    if (sessions && !sessions.has(clientId) && !(sessionId !== undefined && sessions.has(sessionId))) return false;
    const tools = this.#tools;
    return !tools || actions.some(({ tool }) => tool !== undefined && tools.has(tool));
  }
}
