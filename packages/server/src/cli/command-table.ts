// Every command of `car`: what it takes, what its exit status means, and the file that does it. A group has a folder, whose
// `commands.ts` is loaded when the group is called, as a command's file is.
import { failedExits, type CommandSpec, type OptionSpec } from './command-spec.ts';

/** Understood before and after every command. */
export const globalOptions: readonly OptionSpec[] = [
  { flags: '--json', summary: 'print JSON, one value on one line' },
  {
    flags: '--url <url>',
    summary: 'where the daemon is: ws://…, wss://… or ws+unix:/path (default: CAR_DAEMON_URL, else its socket)',
  },
  { flags: '--socket <path>', summary: "the daemon's Unix socket", completes: 'file' },
  {
    flags: '--token-file <path>',
    summary: "file of the daemon token; the host token's is host-token beside it",
    completes: 'file',
  },
  {
    flags: '--role <role>',
    summary: 'credential to present: client (default), host or none',
    completes: ['client', 'host', 'none'],
  },
  { flags: '--insecure-unproven', summary: 'send the token to a server that did not prove that it knows it' },
  { flags: '--insecure-remote', summary: 'send the token over plain ws:// to another machine' },
];

export const commands: readonly CommandSpec[] = [
  {
    name: 'status',
    summary: 'Say whether the daemon runs, and how it is doing',
    exits: ['0  running', '3  stopped', '4  unknown: something answers, but not as a daemon or not to this user'],
    load: () => import('./status.ts'),
  },
  {
    name: 'call',
    summary: 'Call a method and print its result',
    details:
      'Params are JSON, "-" to read them from standard input, or "@file". Example: car call state.set \'{"key":"a","value":1}\'\nEvery call is a session of its own: the state and the tools that it sets end with it.',
    arguments: [
      { name: 'method', summary: 'wire name of the method', completes: 'method' },
      { name: 'params', summary: 'JSON, - or @file', isOptional: true, completes: 'file' },
    ],
    options: [{ flags: '--timeout <seconds>', summary: 'give up on the answer after so long (default: wait)' }],
    exits: failedExits,
    load: () => import('./call.ts'),
  },
  {
    name: 'methods',
    summary: 'List the methods of this version, or describe one',
    arguments: [
      {
        name: 'pattern',
        summary: 'part of a name, a pattern with *, or a whole name',
        isOptional: true,
        completes: 'method',
      },
    ],
    exits: ['0  found', '1  no method of that name'],
    globals: ['--json'],
    load: () => import('./methods.ts'),
  },
  {
    name: 'plan',
    globals: ['--json'],
    summary: 'Check, run or draw a plan',
    subcommands: () => import('./plan/commands.ts'),
  },
  {
    name: 'permissions',
    summary: 'Say what actions need, and decide what may run',
    subcommands: () => import('./permissions/commands.ts'),
  },
  {
    name: 'journal',
    globals: ['--json'],
    summary: 'Read and verify the journal of a session',
    subcommands: () => import('./journal/commands.ts'),
  },
  {
    name: 'memory',
    summary: 'Add, find, show, export and import what agents remember',
    subcommands: () => import('./memory/commands.ts'),
  },
  {
    name: 'runs',
    summary: 'List, read, follow, replay, export and compare runs',
    subcommands: () => import('./runs/commands.ts'),
  },
  {
    name: 'approvals',
    summary: 'See what waits for a person, and decide',
    subcommands: () => import('./approvals/commands.ts'),
  },
  {
    name: 'console',
    summary: 'Open the web console in the browser',
    details:
      'The link works once and for a minute. Without a terminal, or where no browser can be started, it is printed.',
    options: [{ flags: '--print', summary: 'print the link, do not start a browser' }],
    exits: failedExits,
    load: () => import('./console.ts'),
  },
  {
    name: 'agents',
    summary: 'Make, list, start, stop and watch agents that the daemon keeps running',
    subcommands: () => import('./agents/commands.ts'),
  },
  {
    name: 'budget',
    summary: 'See, set and extend what agents may use',
    subcommands: () => import('./budget/commands.ts'),
  },
  {
    name: 'tools',
    summary: 'List the tools that every session has',
    exits: failedExits,
    load: () => import('./tools.ts'),
  },
  {
    name: 'logs',
    summary: "Show the daemon's own log",
    options: [
      { flags: '-f, --follow', summary: 'go on with what is written, across rotation' },
      { flags: '-n, --lines <count>', summary: 'last lines to show, or "all" (default: 100; all with --since)' },
      { flags: '--since <time>', summary: 'from then on: 90s, 10m, 2h, 3d, or a date and time' },
      {
        flags: '--level <level>',
        summary: 'only lines at least this severe',
        completes: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
      },
    ],
    exits: failedExits,
    globals: ['--json'],
    load: () => import('./logs.ts'),
  },
  {
    name: 'token',
    globals: ['--json'],
    summary: 'Find the token files',
    subcommands: () => import('./token/commands.ts'),
  },
  {
    name: 'stop',
    summary: 'Stop the daemon and wait until it is gone',
    options: [{ flags: '--timeout <seconds>', summary: 'how long to wait (default: 15)' }],
    exits: ['0  stopped, or none was running', '1  failed, or still running after the time'],
    load: () => import('./stop.ts'),
  },
  {
    name: 'doctor',
    summary: 'Check this machine, the state root and the daemon',
    options: [
      { flags: '--only <ids>', summary: 'run these checks only, parted by commas', completes: 'checks' },
      { flags: '--skip <ids>', summary: 'leave these checks out, parted by commas', completes: 'checks' },
      { flags: '--list', summary: 'print the ids of all checks' },
    ],
    exits: ['0  all is well', '1  warnings', '2  errors, or called wrongly'],
    load: () => import('./doctor.ts'),
  },
  {
    name: 'completion',
    summary: 'Print a completion script',
    details: 'bash: car completion bash > ~/.local/share/bash-completion/completions/car',
    arguments: [{ name: 'shell', summary: 'bash, zsh or fish', completes: ['bash', 'zsh', 'fish'] }],
    exits: ['0  done', '2  called wrongly'],
    globals: [],
    load: () => import('./completion.ts'),
  },
];
