import type { CheckedParamsOf, external } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import type { ExternalService, Invocation } from './service.ts';

export function externalMethods(service: ExternalService): Handlers<typeof external> {
  const { roster } = service;
  return {
    'agents.list_external': async ({ include_health }) =>
      await roster.list({ withHealth: include_health ?? false, force: false }),
    'agents.detect_external': async ({ include_health }) => {
      await roster.detect();
      return await roster.list({ withHealth: include_health ?? false, force: true });
    },
    'agents.health_external': async ({ id, force }) => await roster.health(id ?? undefined, force ?? false),
    'agents.invoke_external': (params, { connection, signal }) => {
      const invocation = toInvocation(params);
      if (params.stream !== true) return service.invoke(invocation, signal);
      return { accepted: true, session_id: service.stream(connection, params.session_id ?? undefined, invocation) };
    },
  };
}

function toInvocation(params: CheckedParamsOf<(typeof external)['agents.invoke_external']>): Invocation {
  const { id, task, cwd, allowed_tools, max_turns, timeout_secs, mcp_endpoint, attachments } = params;
  return {
    id,
    task,
    cwd: cwd ?? undefined,
    allowedTools: allowed_tools ?? undefined,
    maxTurns: max_turns ?? undefined,
    timeoutSecs: timeout_secs ?? undefined,
    mcpEndpoint: mcp_endpoint ?? undefined,
    attachments: (attachments ?? []).map(({ path }) => path),
  };
}
