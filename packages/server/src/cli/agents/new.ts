// `car agents new NAME`: a folder with an agent that works, known to the daemon.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { agentId } from '@car-runtime/protocol';
import { commandName } from '../../command-name.ts';
import type { CommandInput } from '../command-spec.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { paint, printJson, printLine, shown } from '../terminal.ts';
import { nameOf } from './agent-text.ts';

type Language = 'typescript' | 'python';
const programs = { typescript: 'agent.ts', python: 'agent.py' } as const;

export async function run({ context, args, options }: CommandInput): Promise<number> {
  const id = nameOf(args);
  const language = languageOf(options['language']);
  const given = options['dir'];
  const folder = resolve(typeof given === 'string' ? given : id);
  const checked = agentId().safeParse(id);
  if (!checked.success) throw new UsageError(`${shown(id)} is no id of an agent: ${checked.error.issues[0]?.message}`);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new UsageError(`${folder} is there already, and not empty`);
  const command = language === 'python' ? findPython() : process.execPath;
  // Asked first: without a daemon nothing is made.
  await using client = await context.connect();
  if ((await client.agents.list()).some((agent) => agent.id === id))
    throw new UsageError(`There is an agent ${shown(id)} already`);
  writeTemplate(language, folder, id);
  const program = join(folder, programs[language]);
  const agent = await client.agents.upsert({ id, name: id, command, args: [program], cwd: folder });
  const started = options['start'] ? await client.agents.start({ id }) : agent;
  if (context.isJson) printJson({ folder, agent: started }, { isRaw: true });
  else tellNext(id, program, started.status);
  return exitCode.ok;
}

function tellNext(id: string, program: string, status: string): void {
  const car = commandName('car');
  printLine(
    `${paint('green', '✓')} ${shown(relative(process.cwd(), program) || program)} is agent ${shown(id)}, ${status}`,
  );
  const next: [string, string][] = [
    ...(status === 'stopped' ? [[`${car} agents start ${id}`, 'run it'] as [string, string]] : []),
    [`${car} agents logs -f ${id}`, 'see what it writes'],
    [`${car} agents restart ${id}`, 'after a change'],
    [`${car} runs ls --agent ${id}`, 'see what it did'],
  ];
  for (const [line, why] of next) printLine(`  ${line.padEnd(40)} ${paint('dim', why)}`);
}

function writeTemplate(language: Language, folder: string, id: string): void {
  const source = join(templatesFolder(), language);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(source))
    writeFileSync(join(folder, name), readFileSync(join(source, name), 'utf8').replaceAll('AGENT_NAME', id), {
      flag: 'wx',
    });
}

/** Beside the sources in the repository, and beside the bundled program in the package. */
function templatesFolder(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const templates = join(folder, 'templates');
    if (existsSync(join(templates, 'typescript'))) return templates;
    if (folder === dirname(folder)) throw new Error('The templates of agents are missing from this installation');
  }
}

function languageOf(value: string | boolean | undefined): Language {
  if (value === undefined || value === 'typescript' || value === 'ts') return 'typescript';
  if (value === 'python' || value === 'py') return 'python';
  throw new UsageError(`--language is typescript or python, not ${JSON.stringify(value)}`);
}

/** A Python that has the one package the template needs. */
function findPython(): string {
  for (const candidate of ['python3', '/usr/bin/python3']) {
    try {
      const source = 'import sys, websockets; print(sys.executable)';
      return execFileSync(candidate, ['-c', source], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      // Not there, or without the package: the next.
    }
  }
  throw new UsageError(
    'no python3 with the package "websockets": pip install websockets, or apt-get install python3-websockets',
  );
}
