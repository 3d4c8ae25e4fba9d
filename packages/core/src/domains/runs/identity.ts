// Who a run belongs to, and which identifiers may name one (Run tracing, runs.start and Disk store).
import { fail } from '@car-runtime/protocol';
import type { Connection } from '../../kernel/connection.ts';

const maxIdBytes = 200;

export interface ClaimedIdentity {
  agentId: string | undefined;
  agentName: string | undefined;
}

/** The first that is there: the agent id in the call, the agent the connection is, the daemon's default, the slug of the
 *  name. An agent speaks only for itself. */
export function resolveAgentId(
  { agentId, agentName }: ClaimedIdentity,
  { agentId: boundId }: Pick<Connection, 'agentId'>,
  defaultAgentId: string | undefined,
): string {
  const resolved = agentId ?? boundId ?? defaultAgentId ?? nameToId(agentName);
  if (resolved === undefined) {
    throw fail(
      'failed',
      'Cannot start a run: no agent to run as; give agent_id, or agent_name with a letter or digit',
      {
        data: { reason: 'no_identity' },
      },
    );
  }
  checkId('agent_id', resolved);
  if (boundId !== undefined && resolved !== boundId) {
    throw fail(
      'forbidden',
      `Cannot start a run of agent ${JSON.stringify(resolved)}: this connection is another agent`,
    );
  }
  return resolved;
}

function nameToId(name: string | undefined): string | undefined {
  const slug = name
    ?.toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return slug ? `name:${slug}` : undefined;
}

/** Refuses what must not become part of a path. */
export function checkId(field: string, id: string): void {
  const problem = idProblem(id);
  if (problem === undefined) return;
  throw fail('invalid_params', `Cannot use ${field}: ${problem}`, { data: { reason: 'invalid_id', field } });
}

/** Why an identifier is refused, if it is. */
export function idProblem(id: string): string | undefined {
  if (id === '') return 'it is empty';
  if (id === '.' || id === '..') return `${JSON.stringify(id)} names a folder`;
  if (/[/\\]/.test(id)) return 'it has a slash in it';
  if (/\p{Cc}/u.test(id)) return 'it has a control character in it';
  // Half a surrogate pair has no bytes of its own, so two such ids would be one file.
  if (!id.isWellFormed()) return 'it is not well-formed Unicode';
  const bytes = Buffer.byteLength(id);
  return bytes > maxIdBytes ? `it has ${bytes} bytes, limit ${maxIdBytes}` : undefined;
}
