// The host surface: what a dashboard of this daemon shows for all connections. Approvals are in approvals.ts.
import { z } from 'zod';
import { hostApproval } from './approvals.ts';
import { event, method } from './declare.ts';
import { once } from './once.ts';
import { jsonObject } from './records.ts';

const section = 'Host surface, Mutations';
const reads = 'Host surface, Subscription and reads';

/** Characters of an id that a client gives. */
const maxIdChars = 200;
const maxTextChars = 4_096;
const maxCapabilities = 100;

const id = once(() => z.string().min(1).max(maxIdChars));
const shortText = once(() => z.string().max(maxTextChars));
const capabilities = once(() => z.array(z.string().max(maxIdChars)).max(maxCapabilities));

const hostAgentStatus = once(() =>
  z.enum(['idle', 'running', 'waiting_for_approval', 'paused', 'completed', 'errored', 'stopped']),
);

const hostAgent = once(() =>
  z
    .object({
      id: z.string(),
      name: z.string(),
      kind: z.string(),
      capabilities: z.array(z.string()),
      project: z.string().nullish(),
      /** Client id of the connection that registered it, and alone may change it. */
      session_id: z.string().nullish(),
      status: hostAgentStatus(),
      current_task: z.string().nullish(),
      pid: z.number().nullish(),
      display: jsonObject().optional(),
      metadata: jsonObject(),
      updated_at: z.string().optional(),
    })
    .meta({ id: 'HostAgent' }),
);

const hostDevice = once(() =>
  z
    .object({
      id: z.string(),
      name: z.string(),
      platform: z.string(),
      capabilities: z.array(z.string()),
      status: z.string(),
      session_id: z.string().nullish(),
      updated_at: z.string(),
      metadata: jsonObject(),
    })
    .meta({ id: 'HostDevice' }),
);

const hostEvent = once(() =>
  z
    .object({
      id: z.string(),
      /** Strictly increasing in the life of a daemon; absent on what is said to one connection alone. */
      sequence: z.number().optional(),
      timestamp: z.string(),
      kind: z.string(),
      agent_id: z.string().nullish(),
      message: z.string().nullish(),
      payload: jsonObject(),
    })
    .meta({ id: 'HostEvent' }),
);

const hostIdentity = once(() =>
  z
    .object({
      version: z.string(),
      pid: z.number(),
      manifest_path: z.string().nullable(),
      manifest_role: z.enum(['owner', 'observer', 'none']),
    })
    .meta({ id: 'HostIdentity' }),
);

export const feedCursor = once(() =>
  z
    .object({
      /** Of one life of the daemon; numbers of another mean nothing. */
      epoch: z.string().max(maxIdChars),
      seq: z.int().min(0),
    })
    .meta({ id: 'FeedCursor' }),
);

export const host = {
  'host.subscribe': method({
    summary: 'Follow host events, and get all there is to show: agents, devices, approvals, recent events',
    params: () =>
      z.object({
        /** Ours: the cursor of the last event seen. The answer says whether what came after it could be given. */
        after: feedCursor().nullish(),
      }),
    result: () =>
      z.object({
        subscribed: z.literal(true),
        agents: z.array(hostAgent()),
        devices: z.array(hostDevice()),
        /** Pending ones, oldest first, as many as an answer holds, then the newest ended ones while there is room. */
        approvals: z.array(hostApproval()),
        events: z.array(hostEvent()),
        identity: hostIdentity().optional(),
        pending_signins: z.array(z.unknown()).optional(),
        /** Number of the newest event. */
        event_sequence: z.number().optional(),
        /** Ours: where this snapshot stands. */
        cursor: feedCursor().optional(),
        /** Ours, only for who sent `after`: `events` is all that came after it (`replayed`), that is no longer all there
         *  (`snapshot`), or the daemon is another one (`reset`). */
        delivery: z.enum(['replayed', 'snapshot', 'reset']).optional(),
        /** Ours: pending approvals in all. */
        approvals_pending: z.number().optional(),
        /** Ours: there are more pending ones; ask `host.approvals` for them with this as `after`. */
        approvals_next: z.number().optional(),
      }),
    access: 'session',
    effect: 'write',
    errors: ['handshake_required'],
    section: reads,
  }),
  'host.agents': method({
    summary: 'Agents of all connections, supervised and declarative ones included',
    params: () => z.object({}),
    result: () => z.array(hostAgent()),
    access: 'session',
    effect: 'read',
    section: reads,
  }),
  'host.devices': method({
    summary: 'Devices of all connections',
    params: () => z.object({}),
    result: () => z.array(hostDevice()),
    access: 'session',
    effect: 'read',
    section: reads,
  }),
  'host.events': method({
    summary: 'The newest host events, in the order they happened',
    params: () => z.object({ limit: z.int().min(0).nullish() }),
    result: () => z.object({ events: z.array(hostEvent()) }),
    access: 'session',
    effect: 'read',
    section: reads,
  }),
  'host.register_agent': method({
    summary: 'Show an agent to hosts; the connection that registers it owns it',
    params: () =>
      z.object({
        name: shortText(),
        kind: shortText(),
        id: id().nullish(),
        capabilities: capabilities().nullish(),
        project: shortText().nullish(),
        pid: z.number().nullish(),
        display: jsonObject().nullish(),
        metadata: jsonObject().nullish(),
      }),
    result: hostAgent,
    access: 'session',
    effect: 'write',
    errors: ['failed', 'overloaded'],
    section,
  }),
  'host.unregister_agent': method({
    summary: 'Take an agent of this connection away',
    params: () => z.object({ agent_id: z.string() }),
    result: () => z.object({ ok: z.boolean() }),
    access: 'session',
    ownership: 'registrant',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
  'host.set_status': method({
    summary: 'Say what an agent of this connection is doing',
    params: () =>
      z.object({
        agent_id: z.string(),
        status: hostAgentStatus(),
        current_task: shortText().nullish(),
        message: shortText().nullish(),
        payload: jsonObject().nullish(),
      }),
    result: hostAgent,
    access: 'session',
    ownership: 'registrant',
    effect: 'write',
    errors: ['failed', 'overloaded'],
    section,
  }),
  'host.register_device': method({
    summary: 'Show a device to hosts; the connection that registers it owns it',
    params: () =>
      z.object({
        name: shortText(),
        platform: shortText(),
        id: id().nullish(),
        capabilities: capabilities().nullish(),
        status: shortText().nullish(),
        metadata: jsonObject().nullish(),
      }),
    result: hostDevice,
    access: 'session',
    effect: 'write',
    errors: ['failed', 'overloaded'],
    section,
  }),
  'host.update_device': method({
    summary: 'Change a device of this connection',
    params: () =>
      z.object({
        device_id: z.string(),
        name: shortText().nullish(),
        platform: shortText().nullish(),
        capabilities: capabilities().nullish(),
        status: shortText().nullish(),
        metadata: jsonObject().nullish(),
      }),
    result: hostDevice,
    access: 'session',
    ownership: 'registrant',
    effect: 'write',
    errors: ['failed', 'overloaded'],
    section,
  }),
  'host.notify': method({
    summary: 'Tell all hosts something',
    params: () =>
      z.object({
        kind: z.string().min(1).max(maxIdChars).nullish(),
        agent_id: z.string().max(maxIdChars).nullish(),
        message: shortText().nullish(),
        payload: jsonObject().nullish(),
      }),
    result: hostEvent,
    access: 'session',
    effect: 'write',
    errors: ['failed'],
    section,
  }),
};

export const hostEvents = {
  'host.event': event({
    summary: 'Something happened that hosts show',
    params: hostEvent,
    precondition: '`host.subscribe`',
    section: 'Host surface, host.event',
  }),
};

export type HostAgent = z.output<ReturnType<typeof hostAgent>>;
export type HostAgentStatus = z.output<ReturnType<typeof hostAgentStatus>>;
export type HostDevice = z.output<ReturnType<typeof hostDevice>>;
export type HostEvent = z.output<ReturnType<typeof hostEvent>>;
export type HostIdentity = z.output<ReturnType<typeof hostIdentity>>;
export type FeedCursor = z.output<ReturnType<typeof feedCursor>>;
