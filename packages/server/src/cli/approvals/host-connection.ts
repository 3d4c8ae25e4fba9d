// What the commands on approvals have in common: a connection that may decide, and the approval that an id means.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Client } from '@car-runtime/client';
import { hostTokenPath } from '@car-runtime/client/node-paths';
import { escapeHidden, type ApprovalAction, type HostApproval } from '@car-runtime/protocol';
import type { CliContext } from '../context.ts';
import { paint } from '../terminal.ts';

/** As host where the daemon's host token is at hand, else as a client: that decides what no host has to. */
export async function connectHost(context: CliContext, options: { reconnect?: boolean } = {}): Promise<Client> {
  const { role, tokenFile } = context.globals;
  const hostToken = tokenFile === undefined ? hostTokenPath() : join(dirname(tokenFile), 'host-token');
  const given = role === undefined && existsSync(hostToken) ? ({ role: 'host' } as const) : {};
  return await context.connect({ ...given, ...options });
}

/** Nobody has decided, and it has not ended otherwise. */
export function isOpen({ status, outcome }: HostApproval): boolean {
  return status === 'pending' && outcome === undefined;
}

/** All that wait, or all there are, oldest first. */
export async function readApprovals(
  client: Client,
  status?: 'pending' | 'resolved',
  signal?: AbortSignal,
): Promise<HostApproval[]> {
  const all: HostApproval[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: Awaited<ReturnType<typeof client.host.approvals>> = await client.host.approvals(
      { status, after },
      { signal },
    );
    all.push(...page.approvals);
    after = page.next;
  }
  return all;
}

const prefix = 'approval-';
const minChars = 4;

/** By its id, with or without `approval-`, or the beginning of it. */
export async function findApproval(client: Client, reference: string): Promise<HostApproval> {
  const wanted = reference.startsWith(prefix) ? reference : `${prefix}${reference}`;
  const all = await readApprovals(client);
  const exact = all.find(({ id }) => id === wanted);
  if (exact) return exact;
  const isLong = wanted.length >= prefix.length + minChars;
  const found = isLong ? all.filter(({ id }) => id.startsWith(wanted)) : [];
  const [only] = found;
  if (only && found.length === 1) return only;
  const why = found.length > 1 ? `${found.length} approvals begin so` : 'there is none of that id';
  throw new Error(`Cannot find approval ${JSON.stringify(reference)}: ${why}`);
}

/** The part of its id that tells it from others. */
export function shortId({ id }: HostApproval): string {
  return id.slice(prefix.length, prefix.length + 8);
}

/** How it stands, in a word. */
export function standing({ status, outcome, resolution }: HostApproval): string {
  if (outcome === undefined) return status;
  return outcome === 'approved' && resolution !== 'approve' ? `approved: ${resolution}` : outcome;
}

/** All of what an approval covers; where something of a very long one is missing, how much. */
export function wholeLines({ text, tail, chars, hidden_chars: hidden }: ApprovalAction): string[] {
  // Escapes only, nothing is cut or trimmed: what stands here is what is approved.
  const linesOf = (part: string): string[] => escapeHidden(part).split('\n');
  const head = [paint('dim', `All of it, ${chars} characters of JSON:`), ...linesOf(text)];
  if (tail === undefined) return head;
  return [...head, paint('yellow', `[… ${hidden} characters are not kept and not shown …]`), ...linesOf(tail)];
}
