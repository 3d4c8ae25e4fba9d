// A host on the raw wire: what it is told, apart from what it is answered.
import type { HostApproval, HostEvent } from '@car-runtime/protocol';
import { Peer } from '@car-runtime/rpc';
import { Inbox, type As, type TestDaemon } from '@car-runtime/testkit';

export class HostWire implements Disposable {
  readonly events = new Inbox<HostEvent>('host event');
  readonly peer: Peer;

  constructor(peer: (onEvent: (event: HostEvent) => void) => Peer) {
    this.peer = peer((event) => this.events.push(event));
    this.peer.start();
  }

  static async connect(daemon: TestDaemon, as: As = 'client'): Promise<HostWire> {
    const channel = await daemon.channel();
    const wire = new HostWire(
      (onEvent) =>
        new Peer(channel, {
          onRequest: (call) => call.resolve(null),
          onNotification: (_method, params) => onEvent(params as HostEvent),
        }),
    );
    const credential = daemon.credential(as);
    if (credential) await wire.call('session.auth', credential);
    return wire;
  }

  /** The result; rejects with the error. */
  async call<T = unknown>(method: string, params: object = {}): Promise<T> {
    return (await this.peer.request(method, params)) as T;
  }

  /** The error of a call that must fail, as code and message. */
  async refusal(method: string, params: object = {}): Promise<{ code: number; message: string; reason: unknown }> {
    try {
      const result = await this.call(method, params);
      throw new Error(`${method} succeeded: ${JSON.stringify(result)}`);
    } catch (error) {
      const { code, message, data } = error as { code?: number; message: string; data?: { reason?: unknown } };
      if (code === undefined) throw error;
      return { code, message, reason: data?.reason };
    }
  }

  subscribe(params: object = {}): Promise<Snapshot> {
    return this.call<Snapshot>('host.subscribe', params);
  }

  /** The next event of this kind; others are passed over. */
  async next(kind: string): Promise<HostEvent> {
    for (;;) {
      const event = await this.events.next();
      if (event.kind === kind) return event;
    }
  }

  /** What the next event of this kind is about. */
  async nextApproval(kind = 'approval.requested'): Promise<HostApproval> {
    return (await this.next(kind)).payload as HostApproval;
  }

  resolve(approval_id: string, resolution: string): Promise<HostApproval> {
    return this.call<HostApproval>('host.resolve_approval', { approval_id, resolution });
  }

  async approvals(params: object = {}): Promise<HostApproval[]> {
    return (await this.call<{ approvals: HostApproval[] }>('host.approvals', params)).approvals;
  }

  [Symbol.dispose](): void {
    this.peer.close();
  }
}

export interface Snapshot {
  agents: { id: string; status: string }[];
  devices: { id: string }[];
  approvals: HostApproval[];
  events: HostEvent[];
  cursor: { epoch: string; seq: number };
  delivery?: string;
  approvals_pending: number;
  approvals_next?: number;
  identity: object;
}
