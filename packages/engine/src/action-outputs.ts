/** What the actions of a run answered, for the actions that refer to it (Ordering). */
import type { JsonExtents } from './json-extents.ts';
import type { Action } from './proposal.ts';
import { substituteReferences } from './references.ts';

/**
 * A reference shares what it stands for, so that a few of them, each standing for two others, spell a value that no
 * memory holds once it is written out. As much as the largest frame.
 */
export const MAX_RESOLVED_CHARS = 16 * 1024 * 1024;

/** Of the 128 levels of a frame, a few are its own. */
export const MAX_RESOLVED_DEPTH = 120;

export class ActionOutputs {
  readonly #outputs = new Map<string, unknown>();
  readonly #extents: JsonExtents;
  /** Of the values that actions wrote to state: those stay. */
  #keptChars = 0;

  constructor(extents: JsonExtents) {
    this.#extents = extents;
  }

  set(actionId: string, output: unknown): void {
    this.#outputs.set(actionId, output);
  }

  /** The action with outputs in place of its references, or why it cannot be had. */
  resolve(action: Action): Action | string {
    const parameters = substituteReferences(action.parameters, this.#outputs);
    if (parameters === action.parameters) return action;
    const { chars, depth } = this.#extents.of(parameters);
    if (depth > MAX_RESOLVED_DEPTH) {
      return `parameters nest more than ${MAX_RESOLVED_DEPTH} deep with the outputs they refer to`;
    }
    if (chars > MAX_RESOLVED_CHARS) {
      return `parameters have more than ${MAX_RESOLVED_CHARS} characters with the outputs they refer to`;
    }
    if (action.type === 'state_write') {
      if (this.#keptChars + chars > MAX_RESOLVED_CHARS) {
        return `the proposal writes more than ${MAX_RESOLVED_CHARS} characters of outputs to state`;
      }
      this.#keptChars += chars;
    }
    return { ...action, parameters };
  }
}
