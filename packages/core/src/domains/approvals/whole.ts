// All of what an approval covers, for whoever wants to read it before deciding: kept with the approval, within a bound.
import { escapeHidden, type ApprovalAction } from '@car-runtime/protocol';
import { canonicalJson } from '@car-runtime/engine';

/** Of the text that is kept; of a longer one its beginning and its end, where what is dangerous likes to stand. */
export const maxWholeChars = 64 * 1024;
const maxTailChars = 16 * 1024;

export interface KeptWhole {
  readonly head: string;
  /** Only of one that was cut. */
  readonly tail?: string;
  /** Of the text before it was cut. */
  readonly chars: number;
}

export function toKeptWhole(action: unknown): KeptWhole {
  const text = JSON.stringify(JSON.parse(canonicalJson(action)), null, 2);
  const { length: chars } = text;
  if (chars <= maxWholeChars) return { head: text, chars };
  return { head: text.slice(0, maxWholeChars - maxTailChars), tail: text.slice(-maxTailChars), chars };
}

/** As it goes over the wire: nothing in it is invisible. */
export function toApprovalAction({ head, tail, chars }: KeptWhole): ApprovalAction {
  return {
    text: escapeHidden(head),
    ...(tail !== undefined && { tail: escapeHidden(tail) }),
    chars,
    hidden_chars: tail === undefined ? 0 : chars - head.length - tail.length,
  };
}
