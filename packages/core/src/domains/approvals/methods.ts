import type { approvals as contract } from '@car-runtime/protocol';
import type { Handlers } from '../../kernel/domain.ts';
import { digestOf } from './approval.ts';
import type { Approvals } from './index.ts';

export function approvalMethods(approvals: Approvals): Handlers<typeof contract> {
  return {
    'host.approvals': ({ status, limit, after, before }) => {
      const { next, ...page } = approvals.list({
        status: status ?? undefined,
        limit: limit ?? undefined,
        after: after ?? undefined,
        before: before ?? undefined,
      });
      return { ...page, ...(next !== undefined && { next }) };
    },
    'host.approval': ({ approval_id }) => approvals.findWhole(approval_id),
    'host.request_approval': (params, { connection }) => {
      const { agent_id, options, system_level } = params;
      const action = params.action ?? params.title ?? '';
      const details = detailsOf(params);
      return approvals.request({
        kind: 'request',
        action,
        details,
        options: options ?? undefined,
        agentId: connection.agentId ?? agent_id ?? undefined,
        ...(system_level !== true && { owner: connection.id, isOwnerAgent: connection.agentId !== undefined }),
        digest: digestOf({ action, details: details ?? null }),
      });
    },
    'host.resolve_approval': ({ approval_id, resolution, approved, notes }, { connection }) =>
      approvals.resolve(
        approval_id,
        { resolution: resolution ?? (approved === true ? 'approve' : 'deny'), notes: notes ?? undefined },
        connection,
      ),
  };
}

/** The earlier generation's fields are part of the details. */
function detailsOf({
  details,
  description,
  context,
}: {
  details?: Record<string, unknown> | null | undefined;
  description?: string | null | undefined;
  context?: unknown;
}): Record<string, unknown> | undefined {
  if (description == null && context == null) return details ?? undefined;
  return { ...details, ...(description != null && { description }), ...(context != null && { context }) };
}
