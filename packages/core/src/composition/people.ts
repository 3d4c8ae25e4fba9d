// How people are told, shown and asked.
import { methods, type MethodDeclaration } from '@car-runtime/protocol';
import {
  ApprovalGate,
  createApprovals,
  defaultGateTimeoutMs,
  type ApprovalGateConfig,
  type ApprovalParts,
} from '../domains/approvals/index.ts';
import { createDesktop, type Desktop } from '../domains/desktop/index.ts';
import { createHost, type Host } from '../domains/host/index.ts';
import type { Ground } from './ground.ts';

export interface People {
  readonly host: Host;
  readonly approvals: ApprovalParts;
  readonly desktop: Desktop;
  readonly gate: ApprovalGate;
}

export function createPeople(ground: Ground): People {
  const { config, files, health, logger, opened } = ground;
  const host = createHost({ logger });
  health.onChange = (component, problem) => tellHealth(host, component, problem);
  const { events, registry } = host;
  const approvals = opened.use(
    createApprovals({
      path: files.approvals,
      health,
      logger,
      host: {
        publish: (kind, event) => events.publish(kind, event),
        tell: (clientId, kind, event) => {
          const connection = ground.connectionOf(clientId);
          if (connection) events.tell(connection, kind, event);
        },
        isSubscribed: (connection) => events.isSubscribed(connection),
        agentWaits: (agentId) => registry.agentWaits(agentId),
      },
      mayGovern: ground.mayGovern,
      isStopping: ground.isStopping,
    }),
  );
  const desktop = createDesktop();
  return { host, approvals, desktop, gate: createGate(config.approvalGate, approvals, desktop) };
}

function createGate(
  { enabled = true, methods: gated, timeoutMs = defaultGateTimeoutMs }: ApprovalGateConfig = {},
  { service }: ApprovalParts,
  { facts }: Desktop,
): ApprovalGate {
  return new ApprovalGate({
    service,
    enabled,
    methods: gated ?? methodsWhere(({ approval }) => approval === true),
    timeoutMs,
    facts,
    reads: methodsWhere(({ effect }) => effect === 'read'),
  });
}

function methodsWhere(fits: (declaration: MethodDeclaration) => boolean): string[] {
  const declared: [string, MethodDeclaration][] = Object.entries(methods);
  return declared.filter(([, declaration]) => fits(declaration)).map(([name]) => name);
}

function tellHealth({ events }: Host, component: string, problem: string | undefined): void {
  const [kind, message] =
    problem === undefined
      ? ['store.recovered', `${component} works again`]
      : ['store.degraded', `${component}: ${problem}`];
  events.publish(kind, { message, payload: { component, problem: problem ?? null } });
}
