// Agents and devices as hosts see them. Who registered one owns it: nobody else changes it (Host surface, Access rules).
import { randomUUID } from 'node:crypto';
import { fail, type HostAgent, type HostAgentStatus, type HostDevice } from '@car-runtime/protocol';
import { timestamp } from '../../infra/timestamp.ts';
import type { Connection } from '../../kernel/connection.ts';
import type { HostEvents } from './event-feed.ts';

/** Of one connection, agents and devices each. */
const maxPerConnection = 1_000;
/** As JSON, of all agents or all devices: they are sent in one answer. */
export const maxTotalBytes = 8 * 1024 * 1024;
const maxRecordBytes = 64 * 1024;

export type NewHostAgent = Pick<HostAgent, 'name' | 'kind'> &
  Partial<Pick<HostAgent, 'capabilities' | 'project' | 'pid' | 'display' | 'metadata'>> & { id?: string | undefined };

export type NewHostDevice = Pick<HostDevice, 'name' | 'platform'> &
  Partial<Pick<HostDevice, 'capabilities' | 'status' | 'metadata'>> & { id?: string | undefined };

export interface StatusChange {
  status: HostAgentStatus;
  currentTask?: string | undefined;
  message?: string | undefined;
  payload?: object | undefined;
}

/** Agents that are known elsewhere and shown beside those that registered. Asked at every read. */
export type AgentSource = () => readonly HostAgent[];

interface Owned {
  id: string;
  session_id?: string | null | undefined;
}

/** Records of one kind by id, within their bounds. */
class Shelf<T extends Owned> {
  readonly #what: string;
  readonly #records = new Map<string, { record: T; bytes: number }>();
  #bytes = 0;

  constructor(what: string) {
    this.#what = what;
  }

  get(id: string): T | undefined {
    return this.#records.get(id)?.record;
  }

  /** The record, for who may change it. `owner` is absent for the daemon's own. */
  owned(id: string, owner: Connection | undefined): T {
    const record = this.get(id);
    if (!record) throw fail('failed', `unknown ${this.#what} '${id}'`, { data: { reason: `unknown_${this.#what}` } });
    this.checkOwner(id, owner);
    return record;
  }

  checkOwner(id: string, owner: Connection | undefined): void {
    const record = this.get(id);
    if (!record || (record.session_id ?? undefined) === owner?.id) return;
    throw fail('failed', `${this.#what} '${id}' is owned by another session`, { data: { reason: 'not_owner' } });
  }

  put(record: T): void {
    const bytes = JSON.stringify(record).length;
    const before = this.#records.get(record.id);
    if (bytes > maxRecordBytes) {
      throw fail(
        'failed',
        `Cannot keep ${this.#what} '${record.id}': it takes ${bytes} bytes, limit ${maxRecordBytes}`,
        {
          data: { reason: 'too_large' },
        },
      );
    }
    const total = this.#bytes - (before?.bytes ?? 0) + bytes;
    const isFull = !before && this.#countOf(record.session_id) >= maxPerConnection;
    if (total > maxTotalBytes || isFull) {
      const why = isFull ? `this connection has ${maxPerConnection}` : `all of them take ${maxTotalBytes} bytes`;
      throw fail('overloaded', `Cannot keep ${this.#what} '${record.id}': ${why}, the limit`);
    }
    this.#records.set(record.id, { record, bytes });
    this.#bytes = total;
  }

  delete(id: string): void {
    this.#bytes -= this.#records.get(id)?.bytes ?? 0;
    this.#records.delete(id);
  }

  all(): T[] {
    return [...this.#records.values()].map(({ record }) => record);
  }

  of(owner: Connection): T[] {
    return this.all().filter(({ session_id }) => session_id === owner.id);
  }

  #countOf(session: string | null | undefined): number {
    let count = 0;
    for (const { record } of this.#records.values()) if (record.session_id === session) count++;
    return count;
  }
}

export class HostRegistry {
  readonly #agents = new Shelf<HostAgent>('agent');
  readonly #devices = new Shelf<HostDevice>('device');
  readonly #sources = new Set<AgentSource>();
  readonly #events: HostEvents;

  constructor(events: HostEvents) {
    this.#events = events;
  }

  /** Agents that registered, then those of the sources; of one id, the one that registered. */
  agents(): HostAgent[] {
    const agents = new Map(this.#agents.all().map((agent) => [agent.id, agent]));
    for (const source of this.#sources)
      for (const agent of source()) if (!agents.has(agent.id)) agents.set(agent.id, agent);
    return [...agents.values()];
  }

  devices(): HostDevice[] {
    return this.#devices.all();
  }

  addSource(source: AgentSource): Disposable {
    this.#sources.add(source);
    return { [Symbol.dispose]: () => void this.#sources.delete(source) };
  }

  /** Without an owner it is the daemon's own, which no connection changes. */
  registerAgent(owner: Connection | undefined, { id = `agent-${randomUUID()}`, ...given }: NewHostAgent): HostAgent {
    this.#agents.checkOwner(id, owner);
    const agent: HostAgent = {
      id,
      name: given.name,
      kind: given.kind,
      capabilities: given.capabilities ?? [],
      project: given.project ?? null,
      session_id: owner?.id ?? null,
      status: this.#agents.get(id)?.status ?? 'idle',
      current_task: this.#agents.get(id)?.current_task ?? null,
      pid: given.pid ?? null,
      ...(given.display && { display: given.display }),
      metadata: given.metadata ?? {},
      updated_at: timestamp(),
    };
    this.#agents.put(agent);
    this.#events.publish('agent.registered', { agentId: id, message: agent.name, payload: agent });
    return agent;
  }

  unregisterAgent(owner: Connection | undefined, id: string): void {
    const agent = this.#agents.owned(id, owner);
    this.#agents.delete(id);
    this.#events.publish('agent.unregistered', { agentId: id, message: agent.name, payload: { id } });
  }

  setStatus(owner: Connection | undefined, id: string, change: StatusChange): HostAgent {
    return this.#changeStatus(this.#agents.owned(id, owner), change);
  }

  /** The one change that is not its owner's: somebody is asked about what it is to do. */
  agentWaits(id: string): void {
    const agent = this.#agents.get(id);
    if (agent) this.#changeStatus(agent, { status: 'waiting_for_approval' });
  }

  #changeStatus(agent: HostAgent, { status, currentTask, message, payload }: StatusChange): HostAgent {
    const changed = {
      ...agent,
      status,
      current_task: currentTask ?? agent.current_task ?? null,
      updated_at: timestamp(),
    };
    // Told first: an event that is too large changes nothing.
    this.#events.publish('agent.status_changed', {
      agentId: agent.id,
      message,
      payload: payload ?? { id: agent.id, status, current_task: changed.current_task },
    });
    this.#agents.put(changed);
    return changed;
  }

  registerDevice(owner: Connection, { id = `device-${randomUUID()}`, ...given }: NewHostDevice): HostDevice {
    this.#devices.checkOwner(id, owner);
    const device: HostDevice = {
      id,
      name: given.name,
      platform: given.platform,
      capabilities: given.capabilities ?? [],
      status: given.status ?? 'online',
      session_id: owner.id,
      updated_at: timestamp(),
      metadata: given.metadata ?? {},
    };
    this.#devices.put(device);
    this.#events.publish('device.registered', { message: device.name, payload: device });
    return device;
  }

  updateDevice(owner: Connection, id: string, changes: Partial<NewHostDevice>): HostDevice {
    const device: HostDevice = { ...this.#devices.owned(id, owner), ...changes, id, updated_at: timestamp() };
    this.#devices.put(device);
    this.#events.publish('device.updated', { message: device.name, payload: device });
    return device;
  }

  /** What a closed connection registered goes with it: nobody else could take it away. */
  forget(owner: Connection): void {
    for (const { id } of this.#agents.of(owner)) this.unregisterAgent(owner, id);
    for (const { id } of this.#devices.of(owner)) this.#devices.delete(id);
  }
}
