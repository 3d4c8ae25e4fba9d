// Whether the params of `proposal.submit` are surely as its schema would have them, member for member. Every plan is
// checked, and zod copies what it checks: a fifth of all memory that a plan takes. Anything out of the ordinary is left to
// the schema, which alone says what is wrong.

type Members = Record<string, unknown>;

/** True only where the schema accepts the params and makes of them what they are (tested against it). */
export function isPlainSubmission(params: unknown): boolean {
  if (!isPlainObject(params)) return false;
  let hasProposal = false;
  for (const key in params) {
    if (key === 'proposal') hasProposal = isPlainProposal(params[key]);
    else if (key !== 'session_id' || typeof params[key] !== 'string') return false;
  }
  return hasProposal;
}

function isPlainProposal(proposal: unknown): boolean {
  if (!isPlainObject(proposal)) return false;
  let hasActions = false;
  for (const key in proposal) {
    const value = proposal[key];
    switch (key) {
      case 'actions':
        if (!Array.isArray(value) || !value.every(isPlainAction)) return false;
        hasActions = true;
        break;
      case 'id':
        if (typeof value !== 'string' || value === '') return false;
        break;
      case 'source':
      case 'timestamp':
        if (typeof value !== 'string') return false;
        break;
      case 'context':
        if (!isPlainObject(value)) return false;
        break;
      default:
        return false;
    }
  }
  return hasActions;
}

function isPlainAction(action: unknown): boolean {
  if (!isPlainObject(action)) return false;
  let hasType = false;
  for (const key in action) {
    const value = action[key];
    switch (key) {
      case 'id':
        if (typeof value !== 'string' || value === '') return false;
        break;
      case 'type':
        if (value !== 'tool_call' && value !== 'state_write' && value !== 'state_read' && value !== 'assertion')
          return false;
        hasType = true;
        break;
      case 'tool':
        if (typeof value !== 'string') return false;
        break;
      case 'parameters':
      case 'expected_effects':
      case 'metadata':
        if (!isPlainObject(value)) return false;
        break;
      case 'state_dependencies':
      case 'dependencies':
      case 'read_set':
      case 'write_set':
        if (!Array.isArray(value) || !value.every(isString)) return false;
        break;
      case 'failure_behavior':
        if (value !== 'abort' && value !== 'retry' && value !== 'skip') return false;
        break;
      case 'timeout_ms':
        if (!Number.isFinite(value) || (value as number) < 0) return false;
        break;
      case 'max_retries':
        if (!Number.isSafeInteger(value) || (value as number) < 0) return false;
        break;
      case 'idempotent':
        if (typeof value !== 'boolean') return false;
        break;
      default:
        return false;
    }
  }
  return hasType;
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

/** What a parser of JSON makes of an object. */
export function isPlainObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
