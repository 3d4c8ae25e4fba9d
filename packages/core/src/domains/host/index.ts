import { host as contract, type HostApproval, type HostIdentity } from '@car-runtime/protocol';
import type { Domain } from '../../kernel/domain.ts';
import type { Logger } from '../../kernel/logger.ts';
import { createEventFeed, createHostEvents, type EventFeed, type HostEvents } from './event-feed.ts';
import { hostMethods } from './methods.ts';
import { HostRegistry } from './registry.ts';

export type { HostEvents, NewHostEvent } from './event-feed.ts';
export type { AgentSource, HostRegistry, NewHostAgent, StatusChange } from './registry.ts';

/** Approvals as a new subscriber is shown them. */
export interface ApprovalsShown {
  approvals: HostApproval[];
  pending: number;
  next: number | undefined;
}

export interface Host {
  /** Tells hosts what happens. */
  readonly events: HostEvents;
  /** Where supervised, declarative and multi-agent runners show their agents. */
  readonly registry: HostRegistry;
  readonly feed: EventFeed;
}

export function createHost({ logger }: { logger: Logger }): Host {
  const feed = createEventFeed(logger);
  const events = createHostEvents(feed);
  return { events, registry: new HostRegistry(events), feed };
}

export interface HostDependencies {
  approvalsShown(): ApprovalsShown;
  /** Read from what is there: it takes no lock and makes nothing. */
  identity(): HostIdentity;
  /** Whether `host.subscribe` needs `server.handshake` before it. */
  needsHandshake: boolean;
}

/** `host.*` but for approvals: what a dashboard shows of all connections. */
export function hostDomain(host: Host, dependencies: HostDependencies): Domain<typeof contract> {
  return {
    name: 'host',
    contract,
    methods: hostMethods(host, dependencies),
    onClose: {
      registry: (connection) => {
        host.feed.unsubscribe(connection);
        host.registry.forget(connection);
      },
    },
  };
}
