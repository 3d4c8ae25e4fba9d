/** What running a command line would take. Known programs are judged by their table entry; everything that cannot be read
 *  counts as the worst it could be. */
import type { Reversibility } from '../proposal.ts';
import { decoded } from './folded-text.ts';
import { isMixedScript, toPlainText } from './plain-text.ts';
import { readPath } from './path-signals.ts';
import { readCommandLine, type SimpleCommand, type Word } from './shell-reader.ts';
import { higherTier, worseReversibility } from './tier-order.ts';
import { dangerousVariables, programs, shellKeywords, type Program, type Tier } from './tier-tables.ts';

/** A program that a command line starts, as it names it. */
export interface ProgramUse {
  readonly program: string;
  /** The file of commands or code it is given, where that is plain. */
  readonly script?: string;
}

export interface CommandMeaning {
  tier: Tier;
  reversibility: Reversibility;
  readonly found: Set<string>;
  readonly uses: ProgramUse[];
}

/** Commands in commands in commands. */
const maxNesting = 6;
/** Longer command lines are written by nobody and read by nobody. */
const maxCommandChars = 128 * 1024;
const maxUses = 32;
/** Programs looked at and pieces of text read, of one command line. */
const maxSteps = 20_000;
const charsPerStep = 32;

export interface CommandOptions {
  /** Whether the tool runs what it is given: then a program that is not known may do anything. */
  readonly isShell: boolean;
}

/** A command line as text. */
export function readCommandText(text: string, options: CommandOptions): CommandMeaning {
  const reader = new CommandJudge(options);
  reader.readText(text, 0);
  return reader.meaning;
}

/** A program and its arguments, or arguments alone. The first may itself be a command line. */
export function readCommandWords(words: readonly string[], options: CommandOptions): CommandMeaning {
  const judge = new CommandJudge(options);
  judge.readArgv(words);
  return judge.meaning;
}

class CommandJudge {
  readonly meaning: CommandMeaning = {
    tier: 'read_only',
    reversibility: 'reversible',
    found: new Set(),
    uses: [],
  };
  readonly #options: CommandOptions;
  /** Shared by all that read parts of one command line: what names itself over and over is not read over and over. */
  readonly #budget: { left: number };

  constructor(options: CommandOptions, budget = { left: maxSteps }) {
    this.#options = options;
    this.#budget = budget;
  }

  #spend(steps: number): boolean {
    this.#budget.left -= steps;
    if (this.#budget.left >= 0) return true;
    this.#raise('full_access', 'a command line too long to read');
    return false;
  }

  readText(given: string, depth: number): void {
    if (!this.#spend(1 + given.length / charsPerStep)) return;
    if (given.length > maxCommandChars) return this.#raise('full_access', 'a command line too long to read');
    if (depth > maxNesting) return this.#raise('full_access', 'commands nested too deep to read');
    const text = toPlainText(given);
    if (isMixedScript(text) && /^[\s]*[^\s]*[^\p{ASCII}]/u.test(text))
      this.#raise('full_access', 'a program in mixed scripts');
    const { commands, isUnreadable } = readCommandLine(text);
    if (isUnreadable) this.#raise('full_access', 'a command line that cannot be read');
    for (const command of commands) this.#readCommand(command, depth);
    // Twice encoded is still encoded.
    const once = depth === 0 ? decoded(text) : undefined;
    if (once !== undefined) this.#readHidden(toPlainText(decoded(once) ?? once));
    if (depth === 0) this.#readBase64(text);
  }

  readArgv(given: readonly string[]): void {
    if (given.length > maxCommandChars) return this.#raise('full_access', 'a command line too long to read');
    const words = given.map((text) => toPlainText(text));
    if (words.reduce((sum, word) => sum + word.length + 1, 0) > maxCommandChars) {
      return this.#raise('full_access', 'a command line too long to read');
    }
    const [first = ''] = words;
    if (/[\s;&|<>$`]/.test(first.trim())) {
      // A command line and more arguments.
      const { commands, isUnreadable } = readCommandLine(first);
      if (isUnreadable) this.#raise('full_access', 'a command line that cannot be read');
      const last = commands.at(-1);
      for (const word of words.slice(1)) last?.words.push(plainWord(word));
      for (const command of commands) this.#readCommand(command, 0);
    } else {
      const command = { words: words.map(plainWord), redirects: [], inputs: [], hasInput: false, writes: false };
      this.#readCommand(command, 0);
    }
    // Some tools join what they are given and hand it to a shell.
    for (const word of words) {
      if (/[;&|<>$`\n%\\]/.test(word)) this.#readHidden(toPlainText(decoded(word) ?? word));
    }
  }

  /** Text that may be read as commands somewhere: it counts when it is certainly dangerous, and not because it is odd. */
  #readHidden(text: string): void {
    if (!this.#spend(1 + text.length / charsPerStep)) return;
    const hidden = new CommandJudge({ isShell: false }, this.#budget);
    const { commands } = readCommandLine(text);
    for (const command of commands) {
      const words = command.words.filter(({ isDynamic }) => !isDynamic);
      if (words.length > 0) hidden.#readCommand({ ...command, words }, maxNesting - 1);
    }
    if (hidden.meaning.tier === 'full_access') this.#merge(hidden.meaning);
  }

  /** Words that are commands once decoded. */
  #readBase64(text: string): void {
    for (const [encoded] of text.slice(0, 16_384).matchAll(/[A-Za-z0-9+/]{12,4096}={0,2}/g)) {
      let text64: string;
      try {
        text64 = atob(encoded);
      } catch {
        continue; // not base64
      }
      if (/^[\t\n\r\x20-\x7e]+$/.test(text64)) this.#readHidden(text64);
    }
  }

  #readCommand(command: SimpleCommand, depth: number): void {
    if (command.writes) this.#raise('sandbox_edit', undefined, 'compensable');
    for (const { text } of [...command.redirects, ...command.words]) this.#readTarget(text);
    this.#readWords(command.words, command, depth);
  }

  #readWords(all: readonly Word[], command: SimpleCommand, depth: number): void {
    if (!this.#spend(1 + all.length / charsPerStep)) return;
    let words = all;
    while (words.length > 0) {
      const { text } = words[0]!;
      if (shellKeywords.has(text)) words = words.slice(1);
      else if (/^[A-Za-z_]\w{0,200}\+?=/.test(text)) {
        if (dangerousVariables.test(text))
          this.#raise('full_access', `the variable ${text.slice(0, text.indexOf('='))}`);
        words = words.slice(1);
      } else break;
    }
    const [first] = words;
    if (first === undefined) return;
    if (depth > maxNesting) return this.#raise('full_access', 'commands nested too deep to read');
    const name = programName(first.text);
    const program = lookUp(name);
    if (first.isDynamic && name !== '[') {
      return this.#raise('full_access', program ? name : 'a program known only when it runs');
    }
    this.#note({ program: first.text });
    if (program === undefined) this.#readUnknown(first, words.slice(1), depth);
    else this.#readProgram(name, program, words.slice(1), command, depth);
  }

  #readProgram(name: string, program: Program, args: readonly Word[], command: SimpleCommand, depth: number): void {
    if (!this.#spend(1)) return;
    switch (program.kind) {
      case 'known':
        return this.#readKnown(name, program, args, depth);
      case 'wrapper':
        return this.#readWrapped(args, command, depth);
      case 'shell':
        return this.#readShell(name, args, command, depth);
      case 'interpreter': {
        const script = args.findIndex(({ text }) => !text.startsWith('-'));
        const options = script === -1 ? args : args.slice(0, script + 1);
        if (script === -1 ? !args.some(({ text }) => /^--?(?:v|version|h|help)$/i.test(text)) : false) {
          return this.#raise('full_access', `${name} with code from elsewhere`);
        }
        if (options.some(({ text, isDynamic }) => isDynamic || program.risky.test(text))) {
          return this.#raise('full_access', `${name} with code on the command line`);
        }
        if (script !== -1) this.#note({ program: name, script: args[script]!.text });
        return this.#raise('sandbox_edit');
      }
      case 'subcommands': {
        const { known, otherwise, risky } = program;
        const at = args.findIndex(({ text }) => !text.startsWith('-'));
        const subcommand = at === -1 ? '' : args[at]!.text.toLowerCase();
        if (at !== -1 && args[at]!.isDynamic)
          return this.#raise('full_access', `${name}, to do what is known only when it runs`);
        const isRisky =
          risky !== undefined &&
          args.some(({ text }, index) => (at === -1 || index < at || !/^-[a-z]$/i.test(text)) && risky.test(text));
        const tier = isRisky ? 'full_access' : (known.get(subcommand) ?? (at === -1 ? 'read_only' : otherwise));
        return this.#raise(tier, isRisky ? `${name} with options that run code` : `${name} ${subcommand}`.trim());
      }
    }
  }

  #readKnown(
    name: string,
    { tier, risky }: Extract<Program, { kind: 'known' }>,
    args: readonly Word[],
    depth: number,
  ): void {
    if (name === 'rm' || name === 'rmdir' || name === 'kill') {
      const options = args.filter(({ text }) => text.startsWith('-')).map(({ text }) => text.toLowerCase());
      const has = (letter: string, long: string): boolean =>
        options.some((option) => (option.startsWith('--') ? option === long : option.includes(letter)));
      const isForced = has('r', '--recursive') && has('f', '--force');
      return this.#raise(isForced ? 'full_access' : tier, 'rm -rf', 'irreversible');
    }
    const found = risky && args.findIndex(({ text }) => risky.test(text));
    if (found === undefined || found === -1) return this.#raise(tier, name);
    if (name !== 'find') return this.#raise('full_access', `${name} with options that run code`);
    const text = args[found]!.text.toLowerCase();
    if (!text.startsWith('-exec') && !text.startsWith('-ok'))
      return this.#raise('sandbox_edit', undefined, 'irreversible');
    this.#raise('sandbox_edit');
    // Each program it starts, up to the end of its arguments.
    for (let at = found; at < args.length; at += 1) {
      if (!/^-(?:exec|execdir|ok|okdir)$/i.test(args[at]!.text)) continue;
      const rest = args.slice(at + 1);
      const end = rest.findIndex((word) => word.text === ';' || word.text === '+');
      this.#readWords(end === -1 ? rest : rest.slice(0, end), noCommand, depth + 1);
    }
  }

  /** The program it starts is its first argument that is neither option, assignment nor number; any that is dangerous
   *  behind it counts too, since nobody knows which options take a value. */
  #readWrapped(args: readonly Word[], command: SimpleCommand, depth: number): void {
    this.#raise('read_only');
    const at = args.findIndex(({ text }) => !/^(?:-|\d[\d.]*[smhd]?$)/.test(text));
    if (at === -1) return this.#raise('sandbox_edit');
    this.#readWords(args.slice(at), command, depth + 1);
    this.#scan(args.slice(0, at), depth);
    this.#scan(args.slice(at + 1), depth, false);
  }

  #readShell(name: string, args: readonly Word[], command: SimpleCommand, depth: number): void {
    for (const { text, isDynamic } of command.inputs) {
      if (isDynamic) this.#raise('full_access', `${name} with commands known only when it runs`);
      this.readText(text, depth + 1);
    }
    const at = args.findIndex(({ text }) => /^(?:-[a-z]*c[a-z]*|-{1,2}command|\/[ck])$/i.test(text));
    if (at !== -1) {
      const rest = args.slice(at + 1);
      if (rest.length === 0 || rest[0]!.isDynamic)
        return this.#raise('full_access', `${name} with commands known only when it runs`);
      this.readText(rest[0]!.text, depth + 1);
      // `cmd /c` and PowerShell take all that follows.
      if (rest.length > 1) this.#scan(rest, depth);
      return;
    }
    const script = args.find(({ text }) => !text.startsWith('-'));
    if (
      script === undefined ||
      script.isDynamic ||
      args.some(({ text }) => /^-(?:[a-z]*s|-stdin|e[a-z]*|ec[a-z]*)$/i.test(text))
    ) {
      if (command.inputs.length > 0 && script === undefined) return;
      return this.#raise('full_access', `${name} with commands from elsewhere`);
    }
    this.#note({ program: name, script: script.text });
    this.#raise(
      this.#options.isShell ? 'full_access' : 'sandbox_edit',
      `${name} ${programName(script.text)}`,
      'irreversible',
    );
  }

  #readUnknown({ text }: Word, args: readonly Word[], depth: number): void {
    const isMixed = isMixedScript(text);
    const tier = this.#options.isShell || isMixed ? 'full_access' : 'sandbox_edit';
    this.#raise(tier, 'a program that is not known', 'irreversible');
    this.#scan(args, depth);
  }

  /** Arguments of something that may run them. */
  #scan(args: readonly Word[], depth: number, takesText = true): void {
    args.forEach(({ text, isDynamic }, index) => {
      if (isDynamic) return;
      const value = text.startsWith('-') && text.includes('=') ? text.slice(text.indexOf('=') + 1) : text;
      if (/\s/.test(value.trim())) {
        if (takesText) this.#readHiddenAt(value, depth);
        return;
      }
      const name = programName(value);
      const program = lookUp(name);
      if (program?.kind === 'known' && program.tier === 'full_access') this.#raise('full_access', name);
      else if (program !== undefined && (program.kind === 'shell' || program.kind === 'subcommands' || name === 'rm')) {
        if (index + 1 < args.length)
          this.#readProgram(name, program, args.slice(index + 1, index + 16), noCommand, depth + 1);
      }
    });
  }

  #readHiddenAt(text: string, depth: number): void {
    if (depth >= maxNesting) return this.#raise('full_access', 'commands nested too deep to read');
    const inner = new CommandJudge({ isShell: false }, this.#budget);
    inner.readText(text, depth + 1);
    if (inner.meaning.tier === 'full_access') this.#merge(inner.meaning);
  }

  #readTarget(text: string): void {
    const path = readPath(text.startsWith('-') && text.includes('=') ? text.slice(text.indexOf('=') + 1) : text);
    if (path) this.#raise(path.tier, path.found, 'reversible');
    if (text.includes('/dev/tcp/') || text.includes('/dev/udp/')) this.#raise('full_access', '/dev/tcp');
  }

  #note(use: ProgramUse): void {
    if (this.meaning.uses.length < maxUses) this.meaning.uses.push(use);
  }

  #raise(tier: Tier, found?: string, reversibility: Reversibility = defaultReversibility[tier]): void {
    this.meaning.tier = higherTier(this.meaning.tier, tier);
    this.meaning.reversibility = worseReversibility(this.meaning.reversibility, reversibility);
    if (tier === 'full_access' && found !== undefined) this.meaning.found.add(found);
  }

  #merge({ tier, reversibility, found }: CommandMeaning): void {
    this.#raise(tier, undefined, reversibility);
    for (const each of found) this.meaning.found.add(each);
  }
}

const defaultReversibility: Readonly<Record<Tier, Reversibility>> = {
  read_only: 'reversible',
  sandbox_edit: 'compensable',
  full_access: 'irreversible',
};

const noCommand: SimpleCommand = { words: [], redirects: [], inputs: [], hasInput: false, writes: false };

function plainWord(text: string): Word {
  return { text, isDynamic: false };
}

/** The last step of the path a program is called by, without what no system tells apart. */
function programName(text: string): string {
  if (text.length > 4_096 || /^[a-z][a-z\d+.-]*:\/\//i.test(text)) return '';
  const lower = text.toLowerCase().replaceAll(/[\^"']/g, '');
  const last = lower.split(/[/\\]/).at(-1) ?? '';
  return last === '' && lower !== '' ? lower : last.replace(/\.(?:exe|com|cmd|bat|ps1)$/, '');
}

/** By name, and by name without its version (`python3.12`). */
function lookUp(name: string): Program | undefined {
  return programs.get(name) ?? programs.get(name.replace(/-?\d[\d.]{0,10}$/, ''));
}
