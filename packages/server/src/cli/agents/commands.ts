// What the commands of `car agents` take; each command's file is loaded when it is called.
import { failedExits, type CommandSpec } from '../command-spec.ts';

const agentArgument = { name: 'agent', summary: 'id of the agent' } as const;

export const commands: readonly CommandSpec[] = [
  {
    name: 'new',
    summary: 'Make a folder with an agent that works, and register it',
    details: 'Example: car agents new hello --start && car agents logs -f hello',
    arguments: [{ name: 'name', summary: 'id of the agent: A-Z a-z 0-9 . _ -' }],
    options: [
      {
        flags: '--language <language>',
        summary: 'typescript (default) or python',
        completes: ['typescript', 'python'],
      },
      { flags: '--dir <folder>', summary: 'where (default: a folder of that name, here)', completes: 'file' },
      { flags: '--start', summary: 'start it too' },
    ],
    exits: failedExits,
    load: () => import('./new.ts'),
  },
  {
    name: 'ls',
    summary: 'List agents, with what they use',
    exits: failedExits,
    load: () => import('./ls.ts'),
  },
  {
    name: 'start',
    summary: 'Start an agent',
    arguments: [agentArgument],
    exits: ['0  it runs', '1  it does not; the answer says why'],
    load: () => import('./start.ts'),
  },
  {
    name: 'stop',
    summary: 'Stop an agent, and let it end by itself for some seconds',
    arguments: [agentArgument],
    options: [{ flags: '--kill', summary: 'at once' }],
    exits: failedExits,
    load: () => import('./stop.ts'),
  },
  {
    name: 'restart',
    summary: 'Stop an agent and start it again',
    arguments: [agentArgument],
    exits: ['0  it runs', '1  it does not; the answer says why'],
    load: () => import('./restart.ts'),
  },
  {
    name: 'logs',
    summary: 'Show what an agent writes: standard output, then standard error',
    arguments: [agentArgument],
    options: [
      { flags: '-f, --follow', summary: 'go on with what is written, across rotation' },
      { flags: '-n, --lines <count>', summary: 'last lines of each stream (default: 100)' },
      { flags: '--stream <stream>', summary: 'only stdout or stderr', completes: ['stdout', 'stderr'] },
    ],
    exits: failedExits,
    load: () => import('./logs.ts'),
  },
  {
    name: 'chat',
    summary: 'Talk to an agent: a conversation on a terminal, or one prompt',
    details:
      'y and n answer what the agent asks for; Ctrl-C cancels an answer, a second one leaves. Without a terminal, or with a ' +
      'prompt, it is one turn, and what the agent asks for is denied.',
    arguments: [agentArgument, { name: 'prompt', summary: 'one prompt; left out, standard input', isOptional: true }],
    options: [
      { flags: '--resume <session>', summary: 'go on with a chat that was left' },
      { flags: '--goal <command>', summary: 'what must exit with 0, in this folder, before the agent is done' },
      { flags: '--model <name>', summary: 'model for the agent to use' },
    ],
    exits: ['0  done', '1  the agent failed, or it could not be asked', '130  cancelled by Ctrl-C'],
    load: () => import('./chat.ts'),
  },
  {
    name: 'install',
    summary: 'Install an agent from its manifest',
    arguments: [{ name: 'file', summary: 'manifest, TOML or JSON', completes: 'file' }],
    exits: failedExits,
    load: () => import('./install.ts'),
  },
  {
    name: 'external',
    summary: 'Give tasks to coding agents of this machine: Claude Code, Codex, Gemini CLI, and those that speak ACP',
    subcommands: () => import('./external/commands.ts'),
  },
  {
    name: 'rm',
    summary: 'Stop an agent and forget it; its folder and its logs stay',
    arguments: [agentArgument],
    exits: ['0  removed', '1  there is none of that id, or it failed'],
    load: () => import('./rm.ts'),
  },
];
