import { approvals as contract, type HostApproval } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';
import type { Domain } from '../../kernel/domain.ts';
import type { Health } from '../../kernel/health.ts';
import type { Logger } from '../../kernel/logger.ts';
import { approvalMethods } from './methods.ts';
import { pageOf, shownOf, type Page, type PageQuery } from './pages.ts';
import { ApprovalService, type ApprovalHost } from './service.ts';
import { ApprovalFile, ApprovalMemory } from './store.ts';

export { digestOf, type ApprovalRequest, type Settled } from './approval.ts';
export { ApprovalGate, defaultGateTimeoutMs, type ApprovalGateConfig } from './gate.ts';
export type { ApprovalHost, Resolution, ResolutionListener } from './service.ts';

/** What other domains ask people with. A row is stored before anybody hears of it, decided once, and survives the daemon
 *  unless a connection owns it or a call waits at the gate. */
export interface Approvals extends Pick<
  ApprovalService,
  'request' | 'find' | 'findWhole' | 'settled' | 'resolve' | 'end' | 'onResolved'
> {
  list(query: PageQuery): Page;
}

export interface ApprovalParts extends Approvals, Disposable {
  readonly service: ApprovalService;
  shown(): { approvals: HostApproval[]; pending: number; next: number | undefined };
  /** Resolves when the file is not being rewritten. */
  stored(): Promise<void>;
}

export interface ApprovalsOptions {
  /** Of the file; without one nothing outlives this process. */
  path: string | undefined;
  host: ApprovalHost;
  health: Health;
  logger: Logger;
  mayGovern(connection: Connection): boolean;
  isStopping(): boolean;
}

export function createApprovals({ path, health, ...options }: ApprovalsOptions): ApprovalParts {
  const store = path === undefined ? new ApprovalMemory() : new ApprovalFile({ path, health, logger: options.logger });
  const service = new ApprovalService({ ...options, store });
  return {
    service,
    request: (request) => service.request(request),
    find: (id) => service.find(id),
    findWhole: (id) => service.findWhole(id),
    settled: (id, signal) => service.settled(id, signal),
    resolve: (id, resolution, by) => service.resolve(id, resolution, by),
    end: (id, outcome) => service.end(id, outcome),
    onResolved: (kind, listener) => service.onResolved(kind, listener),
    list: (query) => pageOf(service.shelf, query),
    shown: () => shownOf(service.shelf),
    stored: () => store.settled(),
    [Symbol.dispose]: () => service[Symbol.dispose](),
  };
}

/** `host.*` of approvals. */
export function approvalsDomain(parts: ApprovalParts): Domain<typeof contract> {
  return {
    name: 'approvals',
    contract,
    methods: approvalMethods(parts),
    onClose: { registry: (connection) => parts.service.endAllOf(connection) },
  };
}
