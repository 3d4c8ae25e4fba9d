/** What tells one operation from another, and one plan from another: digests of canonical JSON (RFC 8785). */
import { hash } from 'node:crypto';
import { canonicalJson } from '../json-value.ts';
import type { Action } from '../proposal.ts';

/** The same type, tool and parameters have the same fingerprint, whatever the action is called. */
export function fingerprintOf({ type, tool, parameters }: Pick<Action, 'type' | 'tool' | 'parameters'>): string {
  return sha256(canonicalJson({ parameters, tool: tool ?? null, type }));
}

export function sha256(text: string): string {
  return hash('sha256', text);
}
