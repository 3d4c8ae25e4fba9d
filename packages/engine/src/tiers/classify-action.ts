/** The tier an action needs: the highest that any of its five signals implies, each read at its own granularity: the segments
 *  of the tool's name, command text, the keys of parameters, target paths, fixed phrases (Permission tiers). */
import type { Action, Proposal, Reversibility } from '../proposal.ts';
import { readCommandText, readCommandWords, type CommandMeaning, type ProgramUse } from './command-tier.ts';
import { isSecretKey, readToolName, type NameMeaning } from './name-signals.ts';
import { looksLikePath, readPath } from './path-signals.ts';
import { findPhrase } from './phrase-signals.ts';
import { toPlainText } from './plain-text.ts';
import { maxScanned, ScanBudget } from './scan-budget.ts';
import { higherTier, worseReversibility } from './tier-order.ts';
import { argumentKeys, commandKeys, pathKeys, proseKeys, type Tier } from './tier-tables.ts';

export interface Classification {
  readonly tier: Tier;
  readonly reversibility: Reversibility;
  /** What was found, in words of the tables: never a value of the action. */
  readonly signals: readonly string[];
  /** Programs that its command lines start. */
  readonly uses: readonly ProgramUse[];
  /** Folders it is told to work in, as given. */
  readonly folder: string | undefined;
}

const maxSignals = 12;
const maxUses = 64;
const none: readonly never[] = Object.freeze([]);
/** Emptied when full: what recurs is back at once, and looking up stays one step. */
const maxRemembered = 4_000;
const maxRememberedChars = 200;
/** A longer one is not read, whatever it ends in. */
const maxKeyChars = 1_000;
/** What a member of an object or list costs to look at, as characters, and a name that is read for the first time. */
const memberCost = 8;
const newNameCost = 512;
/** What is large is read once for all who ask: actions do not change. */
const minKeptWork = 4_096;
const large = new WeakMap<object, Classification>();
const names = new Map<string, NameMeaning>();
const keys = new Map<string, KeyMeaning>();

interface KeyMeaning {
  readonly isSecret: boolean;
  readonly phrase: string | undefined;
  readonly role: 'command' | 'arguments' | 'path' | 'prose' | 'other';
  readonly isFolder: boolean;
  /** Its list is one of command lines, not of words. */
  readonly isPlural: boolean;
}

const reads: Classification = {
  tier: 'read_only',
  reversibility: 'reversible',
  signals: [],
  uses: [],
  folder: undefined,
};
const writesState: Classification = { ...reads, tier: 'sandbox_edit' };
const unreadSignal = `not read: what is beyond ${maxScanned} characters of the action`;
const unread: Classification = {
  ...reads,
  tier: 'full_access',
  reversibility: 'irreversible',
  signals: [unreadSignal],
};

/** What reaches nothing outside the session is judged by its type alone. What is beyond the budget is not read and counts as the
 *  worst. */
export function classifyAction(
  action: Pick<Action, 'type' | 'tool' | 'parameters'>,
  budget = new ScanBudget(),
): Classification {
  const known = large.get(action);
  if (known) return known;
  const classification = classify(action, budget);
  if (budget.work > minKeptWork) large.set(action, classification);
  return classification;
}

function classify(
  { type, tool, parameters }: Pick<Action, 'type' | 'tool' | 'parameters'>,
  budget: ScanBudget,
): Classification {
  if (type === 'state_read' || type === 'assertion') return reads;
  if (type === 'state_write') return writesState;
  if (tool !== undefined && !budget.pays(costOfName(names, tool))) return unread;
  const survey = new Survey(meaningOfName(tool ?? ''), budget);
  survey.look(parameters);
  return survey.conclude();
}

/** The worst reversibility that the actions declare; nothing to undo is reversible. */
export function declaredRollbackContract({ actions }: Proposal): Reversibility {
  return actions.reduce<Reversibility>(
    (worst, action) => worseReversibility(worst, action.reversibility),
    'reversible',
  );
}

/** Declared as one that can be made up for, and not how. */
export function isMissingCompensation({ reversibility, compensation }: Action): boolean {
  return reversibility === 'compensable' && compensation === undefined;
}

class Survey {
  readonly #name: NameMeaning;
  readonly #budget: ScanBudget;
  /** There is something that was not read. From then on nothing is. */
  #isUnread = false;
  #tier: Tier | undefined;
  #signals: Set<string> | undefined;
  #uses: ProgramUse[] | undefined;
  #commandReversibility: Reversibility | undefined;
  #isIrreversible = false;
  #commandTier: Tier | undefined;
  #folder: string | undefined;

  constructor(name: NameMeaning, budget: ScanBudget) {
    this.#name = name;
    this.#budget = budget;
    for (const found of name.found) this.#signal(`tool name: ${found}`);
  }

  look(parameters: object): void {
    const ownKeys = Object.keys(parameters);
    if (ownKeys.length === 0) return;
    this.#lookAt(parameters as Record<string, unknown>, ownKeys, 'other');
  }

  /** Whether there is room to read so much more. */
  #pays(units: number): boolean {
    if (this.#isUnread) return false;
    if (this.#budget.pays(units)) return true;
    this.#isUnread = true;
    return false;
  }

  conclude(): Classification {
    if (this.#isUnread) {
      this.#isIrreversible = true;
      this.#tier = 'full_access';
      // Said whatever else was found.
      this.#signals = new Set([unreadSignal, ...(this.#signals ?? [])].slice(0, maxSignals));
    }
    const { tier, isShell, reversibility } = this.#name;
    // A tool that runs commands takes what they take.
    const base = isShell && this.#commandTier !== undefined && tier !== 'full_access' ? this.#commandTier : tier;
    const own = isShell && reversibility === undefined ? undefined : (reversibility ?? 'irreversible');
    const worst = this.#isIrreversible ? 'irreversible' : worseReversibility(own, this.#commandReversibility);
    return {
      tier: this.#tier === undefined ? base : higherTier(base, this.#tier),
      reversibility: worst ?? 'irreversible',
      signals: this.#signals === undefined ? none : [...this.#signals],
      uses: this.#uses ?? none,
      folder: this.#folder,
    };
  }

  #lookAt(object: Record<string, unknown>, ownKeys: readonly string[], inherited: KeyMeaning['role']): void {
    const commands: string[] = [];
    const args: string[] = [];
    let hasCommand = false;
    for (const key of ownKeys) {
      if (key.length > maxKeyChars) this.#isUnread = true;
      if (!this.#pays(memberCost + costOfName(keys, key))) return;
      const meaning = meaningOfKey(key);
      if (meaning.isSecret) this.#raise('full_access', 'parameter key', 'a secret');
      if (meaning.phrase !== undefined) this.#phrase(meaning.phrase);
      const value = object[key];
      const role = meaning.role === 'other' ? inherited : meaning.role;
      if (meaning.isFolder && typeof value === 'string') this.#folder ??= value;
      if (role === 'command' || (this.#name.isShell && role === 'other')) {
        if (role === 'command') hasCommand = true;
        this.#gather(value, role === 'command' ? commands : undefined, meaning.isPlural);
      } else if (role === 'arguments') gatherTexts(value, args);
      this.#lookInto(value, role);
    }
    if (args.length === 0 || !this.#pays(charsOf(args) + (hasCommand ? charsOf(commands) : 0))) return;
    if (hasCommand) this.#command(readCommandWords([...commands, ...args], this.#name));
    else if (args.length > 1) this.#command(readCommandWords(args, { isShell: false }));
    else this.#command(readCommandText(args[0]!, { isShell: false }));
  }

  /** A command as text or as words; joined with its arguments later where there are some. */
  #gather(value: unknown, commands: string[] | undefined, isPlural: boolean): void {
    if (typeof value === 'string') {
      commands?.push(value);
      if (this.#pays(value.length)) this.#command(readCommandText(value, this.#name));
    } else if (Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')) {
      if (!this.#pays(charsOf(value))) return;
      if (commands) gatherTexts(value, commands);
      this.#command(readCommandWords(value, this.#name));
      // A list of whole command lines, one by one.
      if (isPlural || /\s/.test(value[0]!.trim())) {
        for (const each of value) {
          if (!this.#pays(each.length)) return;
          const alone = readCommandText(each, { isShell: false });
          if (alone.tier === 'full_access') this.#command(alone);
        }
      }
    }
  }

  #lookInto(value: unknown, role: KeyMeaning['role']): void {
    if (typeof value === 'string') this.#text(value, role);
    else if (Array.isArray(value)) {
      if (role === 'command' || role === 'arguments') this.#joined(value);
      for (const each of value) {
        if (!this.#pays(memberCost)) return;
        if (typeof each === 'string') this.#text(each, role);
        else if (typeof each === 'object' && each !== null) {
          // Commands in lists of records and of lists.
          if (role === 'command' && Array.isArray(each)) this.#gather(each, undefined, false);
          this.#lookInto(each, role);
        }
      }
    } else if (typeof value === 'object' && value !== null) {
      this.#lookAt(value as Record<string, unknown>, Object.keys(value), role);
    }
  }

  #text(text: string, role: KeyMeaning['role']): void {
    if (!this.#pays(text.length)) return;
    const phrase = findPhrase(text);
    if (phrase !== undefined) this.#phrase(phrase);
    if (role !== 'path' && role !== 'arguments' && !looksLikePath(text)) return;
    const path = readPath(text);
    if (path) this.#raise(path.tier, 'path', path.found);
  }

  #joined(values: readonly unknown[]): void {
    const texts = values.filter((each) => typeof each === 'string');
    if (!this.#pays(charsOf(texts))) return;
    const phrase = findPhrase(texts.join(' '));
    if (phrase !== undefined) this.#phrase(phrase);
  }

  #phrase(phrase: string): void {
    this.#isIrreversible = true;
    this.#raise('full_access', 'phrase', phrase);
  }

  #command({ tier, reversibility, found, uses }: CommandMeaning): void {
    this.#commandTier = this.#commandTier === undefined ? tier : higherTier(this.#commandTier, tier);
    if (tier !== 'read_only') this.#tier = this.#tier === undefined ? tier : higherTier(this.#tier, tier);
    this.#commandReversibility = worseReversibility(this.#commandReversibility, reversibility);
    for (const each of found) this.#signal(`command: ${each}`);
    this.#uses ??= [];
    for (const use of uses) if (this.#uses.length < maxUses) this.#uses.push(use);
  }

  #signal(text: string): void {
    this.#signals ??= new Set();
    if (this.#signals.size < maxSignals) this.#signals.add(text);
  }

  #raise(tier: Tier, signal: string, found: string): void {
    this.#tier = this.#tier === undefined ? tier : higherTier(this.#tier, tier);
    if (tier === 'full_access') this.#signal(`${signal}: ${found}`);
  }
}

function gatherTexts(value: unknown, texts: string[]): void {
  if (typeof value === 'string') texts.push(value);
  else if (Array.isArray(value)) for (const each of value) gatherTexts(each, texts);
}

/** Of texts that are read joined. */
function charsOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length + memberCost, 0);
}

/** What is known already costs nothing more. */
function costOfName(known: ReadonlyMap<string, unknown>, name: string): number {
  return known.has(name) ? 0 : newNameCost + name.length;
}

function meaningOfName(tool: string): NameMeaning {
  let meaning = names.get(tool);
  if (meaning === undefined) {
    meaning = readToolName(tool);
    remember(names, tool, meaning);
  }
  return meaning;
}

function meaningOfKey(key: string): KeyMeaning {
  let meaning = keys.get(key);
  if (meaning === undefined) {
    meaning = readKey(key);
    remember(keys, key, meaning);
  }
  return meaning;
}

function remember<T>(known: Map<string, T>, key: string, meaning: T): void {
  if (key.length > maxRememberedChars) return;
  if (known.size >= maxRemembered) known.clear();
  known.set(key, meaning);
}

function readKey(key: string): KeyMeaning {
  const name = (
    toPlainText(key)
      .toLowerCase()
      .match(/[a-z]+/g) ?? []
  ).join('');
  const role = commandKeys.has(name)
    ? 'command'
    : argumentKeys.has(name)
      ? 'arguments'
      : proseKeys.has(name) && !pathKeys.has(name)
        ? 'prose'
        : pathKeys.has(name)
          ? 'path'
          : 'other';
  const isFolder = /^(?:cwd|workdir|workingdir|workingdirectory)$/.test(name);
  return { isSecret: isSecretKey(key), phrase: findPhrase(key), role, isFolder, isPlural: name === 'commands' };
}
