// What the commands of `car agents external` take; each command's file is loaded when it is called.
import { failedExits, type CommandSpec } from '../../command-spec.ts';

export const commands: readonly CommandSpec[] = [
  {
    name: 'ls',
    summary: 'List those that are there',
    options: [{ flags: '--refresh', summary: 'look for them again' }],
    exits: failedExits,
    load: () => import('./ls.ts'),
  },
  {
    name: 'health',
    summary: 'Ask them whether they are logged in',
    arguments: [{ name: 'agent', summary: 'only this one', isOptional: true }],
    exits: ['0  all are ready', '1  one is not, or it failed'],
    load: () => import('./health.ts'),
  },
  {
    name: 'run',
    summary: 'Give one a task, and show what it says; Ctrl-C cancels it',
    details: 'Example: car agents external run claude-code "why does the build fail?"',
    arguments: [
      { name: 'agent', summary: 'claude-code, codex, gemini, or the id of one that speaks ACP' },
      { name: 'task', summary: 'what it is to do' },
    ],
    options: [
      { flags: '--cwd <folder>', summary: 'folder it works in (default: this one)', completes: 'file' },
      { flags: '--timeout <seconds>', summary: 'time it has (default: 300, at most 3600)' },
      { flags: '--turns <count>', summary: 'turns it has, where it can be told' },
      { flags: '--tool <name>', summary: 'a tool it may use (repeatable)', isRepeatable: true },
      { flags: '--no-tools', summary: 'let it use none' },
      { flags: '--attach <file>', summary: 'an image (repeatable)', completes: 'file', isRepeatable: true },
    ],
    exits: ['0  done', '1  the agent failed, or the call did', '130  cancelled'],
    load: () => import('./run.ts'),
  },
];
