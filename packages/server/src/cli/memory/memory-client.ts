// What the commands on memory have in common: whose memory, and how facts are printed.
import type { Client } from '@car-runtime/client';
import type { FactRow } from '@car-runtime/protocol';
import type { CommandInput } from '../command-spec.ts';
import { textOf } from '../plan/plan-text.ts';

/** With the credential of an agent where the environment names one: then it is that agent's memory. */
export async function connectMemory({ context, options }: CommandInput): Promise<Client> {
  const { namespace } = options;
  const hasRole = context.globals.role !== undefined;
  return await context.connect({
    ...(!hasRole && process.env['CAR_AGENT_ID'] !== undefined && { role: 'auto' }),
    ...(typeof namespace === 'string' && { memoryNamespace: namespace }),
  });
}

export function tenantOf({ options: { tenant } }: CommandInput): { tenant_id?: string } {
  return typeof tenant === 'string' ? { tenant_id: tenant } : {};
}

export function textOption(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** One line: what it is called, what it says, and a warning where that is not to be trusted. */
export function factText({ subject, body, trust, origin }: FactRow): string {
  const warning = trust === 'untrusted' ? ` (untrusted, from ${origin ?? 'unknown'})` : '';
  return `${textOf(subject)}: ${textOf(body)}${warning}`;
}
