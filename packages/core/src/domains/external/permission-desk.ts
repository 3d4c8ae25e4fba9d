// Where an agent's requests for permission become approvals: a person decides, in the words of the daemon with the agent's own
// quoted, and what nobody decides is a no.
import type { PermissionOption, RequestPermissionRequest } from '@agentclientprotocol/sdk';
import type { RunContext } from './tool.ts';

/** Of one task at a time; what comes beyond is denied. */
const maxPending = 8;
const maxWordsChars = 2_000;

/** What people are asked with. */
export interface ApprovalDesk {
  request(request: {
    kind: 'external';
    action: string;
    details: Record<string, unknown>;
    agentId: string;
    timeoutMs: number;
  }): { id: string };
  settled(id: string, signal: AbortSignal): Promise<{ outcome: string }>;
  end(id: string, outcome: 'requester_gone'): unknown;
}

export class PermissionDesk implements AsyncDisposable {
  readonly #agentId: string;
  readonly #approvals: ApprovalDesk;
  readonly #timeoutMs: number;
  readonly #say: RunContext['say'];
  readonly #pending = new Set<string>();
  #isClosed = false;

  constructor(
    agentId: string,
    options: { approvals: ApprovalDesk; permissionTimeoutMs: number; say: RunContext['say'] },
  ) {
    this.#agentId = agentId;
    this.#approvals = options.approvals;
    this.#timeoutMs = options.permissionTimeoutMs;
    this.#say = options.say;
  }

  /** The option that was decided for; nothing when the agent offers none that says so. */
  async decide({ toolCall, options }: RequestPermissionRequest, signal: AbortSignal): Promise<string | undefined> {
    const yes = optionOf(options, 'allow_once') ?? optionOf(options, 'allow_always');
    const no = optionOf(options, 'reject_once') ?? optionOf(options, 'reject_always');
    if (!yes || this.#isClosed || this.#pending.size >= maxPending) return no?.optionId;
    const { title, kind, locations, rawInput } = toolCall;
    const isApproved = await this.#ask(
      {
        in_its_words: (title ?? '').slice(0, maxWordsChars),
        tool: kind ?? 'other',
        ...(rawInput !== undefined && { input: rawInput }),
        ...(locations && locations.length > 0 && { paths: locations.map(({ path }) => path) }),
        // It would not ask again, and a person is to know.
        ...(yes.kind === 'allow_always' && { scope: 'always' }),
      },
      signal,
    );
    return (isApproved ? yes : no)?.optionId;
  }

  async #ask(details: Record<string, unknown>, signal: AbortSignal): Promise<boolean> {
    const action = `Let external agent ${this.#agentId} use a tool`;
    let id: string;
    try {
      ({ id } = this.#approvals.request({
        kind: 'external',
        action,
        details,
        agentId: this.#agentId,
        timeoutMs: this.#timeoutMs,
      }));
    } catch {
      return false; // too large to be shown, or too many wait: nobody can be asked
    }
    this.#pending.add(id);
    this.#say({ kind: 'approval_pending', approval_id: id, action, tool: String(details['tool']), details });
    try {
      return (await this.#approvals.settled(id, signal)).outcome === 'approved';
    } catch {
      return false; // the agent gave up on it
    } finally {
      this.#approvals.end(id, 'requester_gone');
      this.#pending.delete(id);
    }
  }

  /** Nobody waits for what is still open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const id of this.#pending) this.#approvals.end(id, 'requester_gone');
    await Promise.resolve();
  }
}

function optionOf(options: readonly PermissionOption[], kind: PermissionOption['kind']): PermissionOption | undefined {
  return options.find((option) => option.kind === kind);
}
