// The approvals in memory, within their bounds: those that wait, and the newest of those that ended.
import { fail } from '@car-runtime/protocol';
import { isOpen, type StoredApproval } from './approval.ts';

/** That wait, of clients and agents. The daemon's own have room beyond it, so that nobody can keep a gate from asking. */
export const maxOpenRequests = 20_000;
/** Of one connection. */
export const maxOpenPerOwner = 10_000;
/** That wait, in all. */
export const maxOpen = 25_000;
/** Of what waits, as JSON. */
export const maxOpenBytes = 32 * 1024 * 1024;
/** Of what waits about one agent. */
export const maxOpenBytesPerAgent = 8 * 1024 * 1024;
/** Ended ones that are still shown. */
export const maxEnded = 1_000;
/** As JSON. */
export const maxEndedBytes = 8 * 1024 * 1024;
export const maxDetailsBytes = 128 * 1024;

/** Room that only what the daemon itself asks may take. */
const reservedBytes = 8 * 1024 * 1024;

interface Entry {
  row: StoredApproval;
  readonly bytes: number;
}

export class ApprovalShelf {
  readonly #rows = new Map<string, Entry>();
  /** Ids in the order they ended. */
  readonly #ended = new Set<string>();
  readonly #openOf = new Map<string, Set<string>>();
  readonly #openBytesOf = new Map<string, number>();
  #openBytes = 0;
  #endedBytes = 0;
  #openCount = 0;

  get count(): number {
    return this.#rows.size;
  }

  get(id: string): StoredApproval | undefined {
    return this.#rows.get(id)?.row;
  }

  /** As JSON. */
  sizeOf(id: string): number {
    return this.#rows.get(id)?.bytes ?? 0;
  }

  /** In the order they were asked. */
  *all(): Generator<StoredApproval> {
    for (const { row } of this.#rows.values()) yield row;
  }

  /** Throws when there is no room for another one. */
  checkRoom({ approval }: StoredApproval, bytes: number): void {
    const isRequest = approval.kind === 'request';
    const owned = this.#openOf.get(approval.client_id ?? '')?.size ?? 0;
    const ofAgent = this.#openBytesOf.get(approval.agent_id ?? '') ?? 0;
    const limits: [isOver: boolean, why: string][] = [
      [this.#openCount >= (isRequest ? maxOpenRequests : maxOpen), `${this.#openCount} approvals wait, the limit`],
      [approval.client_id != null && owned >= maxOpenPerOwner, `${owned} of this connection wait, the limit`],
      [
        approval.agent_id != null && ofAgent + bytes > maxOpenBytesPerAgent,
        `those of this agent that wait take ${ofAgent} bytes, the limit is ${maxOpenBytesPerAgent}`,
      ],
      [
        this.#openBytes + bytes > maxOpenBytes + (isRequest ? 0 : reservedBytes),
        `those that wait take ${this.#openBytes} bytes, the limit is ${maxOpenBytes}`,
      ],
    ];
    const over = limits.find(([isOver]) => isOver);
    if (over) {
      throw fail('overloaded', `Cannot ask for approval: ${over[1]}`, {
        data: { reason: 'too_many_approvals', retry_after_ms: 1_000 },
      });
    }
  }

  add(row: StoredApproval, bytes: number): void {
    this.#rows.set(row.approval.id, { row, bytes });
    if (isOpen(row)) this.#opened(row, bytes);
    else this.#endedNow(row.approval.id, bytes);
  }

  /** Puts a changed row in the place of the one before. */
  replace(row: StoredApproval): void {
    const { id, client_id, agent_id } = row.approval;
    const entry = this.#rows.get(id);
    if (!entry) return;
    const wasOpen = isOpen(entry.row);
    entry.row = row;
    if (!wasOpen || isOpen(row)) return;
    this.#openCount--;
    this.#openBytes -= entry.bytes;
    this.#addBytesOf(agent_id, -entry.bytes);
    const owned = this.#openOf.get(client_id ?? '');
    owned?.delete(id);
    if (owned?.size === 0) this.#openOf.delete(client_id ?? '');
    this.#endedNow(id, entry.bytes);
  }

  /** Those of one owner that wait. */
  openOf(owner: string): StoredApproval[] {
    return [...(this.#openOf.get(owner) ?? [])].map((id) => this.#rows.get(id)?.row).filter((row) => row !== undefined);
  }

  #opened({ approval: { id, client_id, agent_id } }: StoredApproval, bytes: number): void {
    this.#openCount++;
    this.#openBytes += bytes;
    this.#addBytesOf(agent_id, bytes);
    if (client_id == null) return;
    const owned = this.#openOf.get(client_id) ?? new Set();
    this.#openOf.set(client_id, owned.add(id));
  }

  #addBytesOf(agentId: string | null | undefined, bytes: number): void {
    if (agentId == null) return;
    const sum = (this.#openBytesOf.get(agentId) ?? 0) + bytes;
    if (sum > 0) this.#openBytesOf.set(agentId, sum);
    else this.#openBytesOf.delete(agentId);
  }

  #endedNow(id: string, bytes: number): void {
    this.#ended.add(id);
    this.#endedBytes += bytes;
    while (this.#ended.size > maxEnded || this.#endedBytes > maxEndedBytes) {
      const [oldest = id] = this.#ended;
      this.#ended.delete(oldest);
      this.#endedBytes -= this.#rows.get(oldest)?.bytes ?? 0;
      this.#rows.delete(oldest);
    }
  }
}
