// A plan as somebody wrote it into a file: read in bounded memory, checked against the contract and by the engine, and
// when it cannot be used, the one line that says where and why.
import { createReadStream } from 'node:fs';
import { normalizeProposal, ProposalError, type Proposal } from '@car-runtime/engine';
import { checkParams, methods, type ActionProposal, type ToolDefinition } from '@car-runtime/protocol';
import { findSyntaxError, offsetOf, placeAt, type Path } from './json-text.ts';
import { nameOf } from './plan-text.ts';

/** What one frame to the daemon may hold. */
const maxBytes = 16 * 1024 * 1024;
/** The daemon accepts 128 levels, two of which go round a plan. */
const maxDepth = 126;
const maxIgnored = 20;

export interface PlanFile {
  /** The file as messages name it. */
  readonly name: string;
  /** As written, with the ids that were left out. */
  readonly proposal: ActionProposal & { id: string };
  readonly plan: Proposal;
  /** Path of its actions in the file, as messages name it. */
  readonly actionsPath: string;
  /** Tools that the file describes; without them those of a session with the built-in tools. */
  readonly tools: readonly ToolDefinition[];
  /** Members that the contract does not know, so that nothing comes of them. */
  readonly ignored: readonly string[];
}

export interface PlanFault {
  file: string;
  line?: number;
  column?: number;
  action?: string;
  /** Path in the file, such as `actions[3].type`. */
  field?: string;
  message: string;
}

/** A file that holds no usable plan. */
export class PlanFileError extends Error {
  override readonly name = 'PlanFileError';
  readonly fault: PlanFault;

  constructor(fault: PlanFault) {
    const { file, line, column, action, field, message } = fault;
    const place = line === undefined ? file : `${file}:${line}:${column}`;
    const subject = [action === undefined ? undefined : `action ${nameOf(action)}`, field].filter(Boolean).join(', ');
    super(`${place}: ${subject === '' ? '' : `${subject}: `}${message}`);
    this.fault = fault;
  }
}

/** Reads a plan from a file, or from standard input for `-`. Rejects with a `PlanFileError`. */
export async function readPlan(path: string): Promise<PlanFile> {
  const name = path === '-' ? 'standard input' : path;
  return new PlanReader(name, await readText(path, name)).read();
}

async function readText(path: string, file: string): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    // Counted while reading: the size of a pipe or a device is not known before.
    for await (const piece of path === '-' ? process.stdin : createReadStream(path)) {
      pieces.push(piece as Buffer);
      bytes += (piece as Buffer).length;
      if (bytes > maxBytes)
        throw new PlanFileError({ file, message: `larger than ${maxBytes} bytes, more than the daemon accepts` });
    }
  } catch (error) {
    if (error instanceof PlanFileError) throw error;
    throw new PlanFileError({ file, message: `cannot be read: ${(error as Error).message}` });
  }
  try {
    // Fatal, and without the byte order mark some editors write.
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
  } catch {
    throw new PlanFileError({ file, message: 'not UTF-8' });
  }
}

interface Document {
  readonly proposal: unknown;
  readonly tools: unknown;
  /** Where the proposal is in the file. */
  readonly base: Path;
}

class PlanReader {
  readonly #name: string;
  readonly #text: string;
  #document: Document = { proposal: undefined, tools: [], base: [] };

  constructor(name: string, text: string) {
    this.#name = name;
    this.#text = text;
  }

  read(): PlanFile {
    this.#document = this.#toDocument(this.#parse());
    const { proposal, tools, base } = this.#document;
    this.#refuseForbidden(proposal, base);
    this.#refuseForbidden(tools, ['tools']);
    const checked = checkParams('verify', methods.verify, { proposal });
    if (checked.problem) throw this.#faultOf(checked.problem.data, 'proposal', base);
    const toolsChecked = checkParams('tools.register', methods['tools.register'], tools);
    if (toolsChecked.problem) throw this.#faultOf(toolsChecked.problem.data, '', ['tools']);
    const given = (checked.params as { proposal: ActionProposal }).proposal;
    const plan = this.#normalize(given);
    const actions = given.actions.map((action, index) => ({ ...action, id: plan.actions[index]?.id }));
    return {
      name: this.#name,
      proposal: { ...given, id: plan.id, actions },
      plan,
      actionsPath: pathText([...base, 'actions']),
      tools: toolsChecked.params as ToolDefinition[],
      ignored: unknownMembers(proposal as ActionProposal, pathText(base)),
    };
  }

  #parse(): unknown {
    try {
      return JSON.parse(this.#text);
    } catch (error) {
      const found = findSyntaxError(this.#text);
      if (!found) throw error;
      throw this.#fault(`not JSON: ${found.message}`, found.offset);
    }
  }

  #toDocument(value: unknown): Document {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.#fault('a plan is a JSON object', 0);
    if (Object.hasOwn(value, 'actions')) return { proposal: value, tools: [], base: [] };
    const { proposal, tools } = value as { proposal?: unknown; tools?: unknown };
    if (!Object.hasOwn(value, 'proposal')) throw this.#fault('a plan has "actions", or "proposal" and "tools"', 0);
    return { proposal, tools: tools ?? [], base: ['proposal'] };
  }

  /** What the daemon would not even look at. */
  #refuseForbidden(value: unknown, base: Path): void {
    const path = findForbidden(value);
    if (!path) return;
    const isProto = path.at(-1) === '__proto__';
    const message = isProto ? 'no member may be named "__proto__"' : `nested deeper than ${maxDepth} levels`;
    throw this.#faultAt([...base, ...path], message, isProto ? undefined : [...base, ...path].slice(0, 4));
  }

  #normalize(proposal: ActionProposal): Proposal {
    try {
      return normalizeProposal(proposal);
    } catch (error) {
      if (!(error instanceof ProposalError)) throw error;
      throw this.#faultAt([...this.#document.base, ...toPath(error.field)], error.message);
    }
  }

  /** From the answer to params of the wrong shape: its first problem, and how many there are besides. */
  #faultOf(data: unknown, prefix: string, base: Path): PlanFileError {
    const { issues } = data as { issues: { path: string; message: string }[] };
    const [{ path, message } = { path: '', message: 'of the wrong shape' }] = issues;
    const within = toPath(path === 'params' ? '' : path).slice(prefix === '' ? 0 : 1);
    const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
    return this.#faultAt([...base, ...within], message + more);
  }

  #faultAt(path: Path, message: string, shown: Path = path): PlanFileError {
    const action = this.#actionAt(path);
    const field = pathText(shown);
    const details = { ...(action !== undefined && { action }), ...(field !== '' && { field }) };
    return this.#fault(message, offsetOf(this.#text, path), details);
  }

  #fault(message: string, offset: number, details: Partial<PlanFault> = {}): PlanFileError {
    return new PlanFileError({ file: this.#name, ...placeAt(this.#text, offset), ...details, message });
  }

  /** Id of the action that a path in the file leads into. */
  #actionAt(path: Path): string | undefined {
    const { proposal, base } = this.#document;
    const [member, index] = path.slice(base.length);
    if (member !== 'actions' || typeof index !== 'number') return undefined;
    const id = (proposal as { actions?: { id?: unknown }[] }).actions?.[index]?.id;
    return typeof id === 'string' ? id : undefined;
  }
}

/** Path to a member named `__proto__`, or to what is nested too deep. */
function findForbidden(value: unknown): (string | number)[] | undefined {
  const path: (string | number)[] = [];
  const isIn = (each: unknown): boolean => {
    if (typeof each !== 'object' || each === null) return false;
    if (path.length >= maxDepth) return true;
    const isArray = Array.isArray(each);
    // Not `Object.entries`: it lists the millions of a large array first.
    for (const key in each) {
      path.push(isArray ? Number(key) : key);
      if (key === '__proto__' || isIn((each as Record<string, unknown>)[key])) return true;
      path.pop();
    }
    return false;
  };
  return isIn(value) ? path : undefined;
}

/** `actions[3].id` as steps. Only members of the contract's own records are named that way, so no name holds a dot. */
function toPath(text: string): (string | number)[] {
  return [...text.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([name, index]) => (index === undefined ? name : Number(index)));
}

function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

const proposalShape = methods.verify.params.shape.proposal.shape;
const actionShape = proposalShape.actions.element.shape;

/** Members that nothing reads: a misspelt one changes what the plan does, and nobody else says so. */
function unknownMembers(proposal: ActionProposal, base: string): string[] {
  const found: string[] = [];
  const look = (object: object, shape: object, at: string): void => {
    for (const key of Object.keys(object)) {
      if (found.length < maxIgnored && !Object.hasOwn(shape, key)) found.push(at === '' ? key : `${at}.${key}`);
    }
  };
  look(proposal, proposalShape, base);
  const list = base === '' ? 'actions' : `${base}.actions`;
  proposal.actions.forEach((action, index) => look(action, actionShape, `${list}[${index}]`));
  return found;
}
