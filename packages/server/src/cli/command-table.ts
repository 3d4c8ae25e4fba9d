// Every command of `car`: what it takes, what its exit status means, and the file that does it. Parsing, help and
// completion derive from this table; a command's file is loaded when it is called.
import type { CliContext } from './context.ts';
import { permissionCommands } from './permissions/commands.ts';

export interface CommandInput {
  readonly context: CliContext;
  /** Positional arguments, in the order of the table; `undefined` for one left out. */
  readonly args: readonly (string | undefined)[];
  /** Values of the command's own options, by long name in camel case. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Values of those of its options that may be given many times, by long name. */
  readonly repeated: Readonly<Record<string, readonly string[]>>;
}

export interface CommandModule {
  /** Resolves with the exit status; nothing means success. */
  run(input: CommandInput): Promise<number | void>;
}

/** What a shell may offer for a value. `checks` is a list of ids of `doctor`, parted by commas. */
export type Completes = 'method' | 'file' | 'checks' | readonly string[];

export interface OptionSpec {
  /** As commander writes it: `-n, --lines <count>`. */
  readonly flags: string;
  readonly summary: string;
  readonly completes?: Completes;
  /** May be given many times. */
  readonly isRepeatable?: boolean;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** More for the command's own help. */
  readonly details?: string;
  readonly arguments?: readonly { name: string; summary: string; isOptional?: boolean; completes?: Completes }[];
  readonly options?: readonly OptionSpec[];
  readonly exits?: readonly string[];
  readonly subcommands?: readonly CommandSpec[];
  /** Of the global options those its help names, by long name; left out, all. Every command understands them. */
  readonly globals?: readonly string[];
  readonly load?: () => Promise<CommandModule>;
}

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

const failedExits = ['0  done', '1  failed; standard error says why'];

const whoseMemory =
  'Whose memory: that of --namespace or CAR_MEMORY_NAMESPACE, else of the agent CAR_AGENT_ID, else the one all share.';
const memoryOptions: readonly OptionSpec[] = [
  { flags: '--namespace <name>', summary: 'memory of this namespace' },
  { flags: '--tenant <id>', summary: 'only what belongs to this tenant' },
];
const rankingOption: OptionSpec = {
  flags: '--ranking <name>',
  summary: 'hybrid (default) or classic',
  completes: ['hybrid', 'classic'],
};
const formatOption: OptionSpec = {
  flags: '--format <format>',
  summary: 'jsonl (default) or markdown',
  completes: ['jsonl', 'markdown'],
};

const planFile = {
  name: 'file',
  summary: 'JSON file of the plan, or - for standard input',
  completes: 'file',
} as const;
const planDetails = (example: string): string =>
  `A plan is { "actions": [...] }, or { "proposal": { "actions": [...] }, "tools": [...] } with the tools it calls beside the built-in ones.\nExample: ${example}`;
const checkExits = [
  '0  valid',
  '1  not valid, or the daemon could not be asked',
  '2  no usable plan, or called wrongly',
];
const monteCarlo: OptionSpec = { flags: '--monte-carlo', summary: 'also sample how the plan ends when tools fail' };
const agentArgument = { name: 'agent', summary: 'id of the agent' } as const;
const runId = { name: 'run', summary: 'id of the run' } as const;
const readsRuns =
  'Reads as host where the host token of the daemon is at hand, else as the agent of CAR_AGENT_ID and CAR_AGENT_TOKEN.';
const approvalId = { name: 'approval', summary: 'its id, or the beginning of it' } as const;
const decidesAs = 'Decides as host where the host token of the daemon is at hand, else as a client.';
const decideExits = ['0  decided', '1  too late, handed to its owner, or failed; standard error says which'];
const budgetName = { name: 'name', summary: 'name of the budget' } as const;
const accountOptions: readonly OptionSpec[] = [
  { flags: '--agent <id>', summary: 'only the account of this agent' },
  { flags: '--run <id>', summary: 'only the account of this run' },
];
const amountOptions: readonly OptionSpec[] = [
  { flags: '--calls <count>', summary: 'calls of tools' },
  { flags: '--time <duration>', summary: 'time that calls take: 500ms, 90s, 10m, 2h, 1d' },
  { flags: '--tokens <count>', summary: 'tokens' },
  { flags: '--usd <amount>', summary: 'money, in US dollars' },
];
const journalFile = { name: 'file', summary: 'journal of a session, <client id>.jsonl', completes: 'file' } as const;

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
    subcommands: [
      {
        name: 'check',
        summary: 'Say what is wrong with a plan; nothing of it runs',
        details: planDetails('car plan check examples/plans/repository-survey.json'),
        arguments: [planFile],
        options: [
          { flags: '--online', summary: 'ask the daemon, on a new session with the built-in tools' },
          monteCarlo,
          {
            flags: '--rate <tool=rate>',
            summary: 'with --monte-carlo: how often a tool succeeds, such as read_file=0.9; for each tool once',
            isRepeatable: true,
          },
          { flags: '--state <file>', summary: 'JSON object of the state that the plan begins with', completes: 'file' },
        ],
        exits: checkExits,
        load: () => import('./plan/check.ts'),
      },
      {
        name: 'run',
        summary: 'Run a plan with the built-in tools, on a session of its own',
        details: planDetails('car plan run examples/plans/release-check.json'),
        arguments: [planFile],
        options: [
          { flags: '--root <folder>', summary: 'where the file tools work (default: this folder)', completes: 'file' },
          { flags: '--wait <seconds>', summary: 'wait so long for people where it needs their approval' },
          { flags: '--dry-run', summary: 'only check it, as car plan check does' },
        ],
        exits: [
          '0  every action succeeded',
          '1  not every action did, or the daemon could not be asked',
          '2  no usable plan, or called wrongly',
          '130  cancelled with Ctrl-C',
        ],
        load: () => import('./plan/run.ts'),
      },
      {
        name: 'graph',
        summary: 'Show the order of a plan, and why each action waits',
        details: planDetails('car plan graph --dot examples/plans/announce.json | dot -Tsvg > plan.svg'),
        arguments: [planFile],
        options: [{ flags: '--dot', summary: 'print Graphviz DOT' }],
        exits: ['0  done', '2  no usable plan, or called wrongly'],
        globals: ['--json'],
        load: () => import('./plan/graph.ts'),
      },
    ],
  },
  permissionCommands,
  {
    name: 'journal',
    globals: ['--json'],
    summary: 'Read and verify the journal of a session',
    subcommands: [
      {
        name: 'show',
        summary: 'Show the events of a journal: a table on a terminal, else JSON lines',
        arguments: [journalFile],
        options: [
          { flags: '--kind <kinds>', summary: 'only events of these kinds, parted by commas' },
          { flags: '--action <id>', summary: 'only events of this action' },
          { flags: '--proposal <id>', summary: 'only events of this proposal' },
          { flags: '-n, --lines <count>', summary: 'the last so many of them (default: all)' },
        ],
        exits: failedExits,
        globals: ['--json'],
        load: () => import('./journal/show.ts'),
      },
      {
        name: 'verify',
        summary: 'Check a journal against its hash chain and signed checkpoints, without a daemon',
        details: 'Without a key, whoever could write the journal could have written its checkpoints too.',
        arguments: [journalFile],
        options: [
          {
            flags: '--key <file>',
            summary:
              'public key the daemon signs with, PEM (default: journal-key.pub of the state root, where there is one)',
            completes: 'file',
          },
        ],
        exits: [
          '0  nothing is wrong',
          '1  tampered with, cut off, or not proven by the key',
          '2  no usable journal or key',
        ],
        globals: ['--json'],
        load: () => import('./journal/verify.ts'),
      },
    ],
  },
  {
    name: 'memory',
    summary: 'Add, find, show, export and import what agents remember',
    subcommands: [
      {
        name: 'add',
        summary: 'Remember a fact, or correct one',
        details: `Example: car memory add "deploy day" Tuesday --supersedes "deploy day"\n${whoseMemory}`,
        arguments: [
          { name: 'subject', summary: 'what it is about' },
          { name: 'body', summary: 'what holds' },
        ],
        options: [
          { flags: '--supersedes <target>', summary: 'id or subject of the fact that holds no longer' },
          { flags: '--kind <kind>', summary: 'constraint is in every context, others are ranked (default: pattern)' },
          { flags: '--id <id>', summary: 'what to call it (default: minted)' },
          { flags: '--tag <tag>', summary: 'a tag', isRepeatable: true },
          { flags: '--depends-on <id>', summary: 'a fact that it rests on', isRepeatable: true },
          { flags: '--source <source>', summary: 'where it is from' },
          ...memoryOptions,
        ],
        exits: failedExits,
        load: () => import('./memory/add.ts'),
      },
      {
        name: 'query',
        summary: 'Find the facts that match a text, the best first',
        details: whoseMemory,
        arguments: [{ name: 'text', summary: 'what to look for' }],
        options: [
          { flags: '-n, --lines <count>', summary: 'at most so many (default: 5; 1000 at most)' },
          rankingOption,
          ...memoryOptions,
        ],
        exits: failedExits,
        load: () => import('./memory/query.ts'),
      },
      {
        name: 'context',
        summary: 'Print what a model would be shown for a text',
        details: whoseMemory,
        arguments: [{ name: 'text', summary: 'what the model is about to do' }],
        options: [
          { flags: '--window <tokens>', summary: "size of the model's window" },
          { flags: '--fast', summary: 'without ranking: facts in order of creation' },
          rankingOption,
          ...memoryOptions,
        ],
        exits: failedExits,
        load: () => import('./memory/context.ts'),
      },
      {
        name: 'show',
        summary: 'Show one fact: where it came from, what it rests on, and what took its place',
        details: whoseMemory,
        arguments: [{ name: 'id', summary: 'id of a fact' }],
        options: memoryOptions,
        exits: failedExits,
        load: () => import('./memory/show.ts'),
      },
      {
        name: 'timeline',
        summary: 'Show the values of a subject over time',
        details: whoseMemory,
        arguments: [{ name: 'subject', summary: 'subject of the facts' }],
        options: memoryOptions,
        exits: failedExits,
        load: () => import('./memory/timeline.ts'),
      },
      {
        name: 'export',
        summary: 'Print what a memory holds',
        details: `Example: car memory export > memory.jsonl\n${whoseMemory}`,
        options: [formatOption, ...memoryOptions],
        exits: failedExits,
        load: () => import('./memory/export.ts'),
      },
      {
        name: 'import',
        summary: 'Add what an export holds; what is there already is left alone',
        details: whoseMemory,
        arguments: [{ name: 'file', summary: 'file of the export, or - for standard input', completes: 'file' }],
        options: [formatOption, ...memoryOptions],
        exits: [...failedExits, '2  no usable file, or called wrongly'],
        load: () => import('./memory/import.ts'),
      },
    ],
  },
  {
    name: 'runs',
    summary: 'List, read, follow, replay, export and compare runs',
    subcommands: [
      {
        name: 'ls',
        summary: 'List runs, newest first',
        details: readsRuns,
        options: [
          { flags: '--agent <id>', summary: 'only runs of this agent' },
          {
            flags: '--status <status>',
            summary: 'only runs of this status: in_progress, completed or incomplete',
            completes: ['in_progress', 'completed', 'incomplete'],
          },
          { flags: '--since <time>', summary: 'only runs started from then on: 90s, 10m, 2h, 3d, or a date and time' },
          { flags: '-n, --lines <count>', summary: 'at most so many (default: 20; 1000 at most)' },
        ],
        exits: failedExits,
        load: () => import('./runs/ls.ts'),
      },
      {
        name: 'show',
        summary: 'Show what is stored of a run: a timeline, or with --json a record on each line',
        details: readsRuns,
        arguments: [runId],
        exits: failedExits,
        load: () => import('./runs/show.ts'),
      },
      {
        name: 'tail',
        summary: 'Follow a run from its start to its end, across reconnects and restarts of the daemon',
        details: `Every record comes once and in order. With --json each line is { "kind", "cursor", "record" }; "reset" says that a crash of the daemon lost turns, and the run follows from its start.\n${readsRuns}`,
        arguments: [runId],
        options: [{ flags: '--after <cursor>', summary: 'go on behind this cursor, the last one seen' }],
        exits: ['0  the run has ended', '1  failed; standard error says why', '130  stopped with Ctrl-C'],
        load: () => import('./runs/tail.ts'),
      },
      {
        name: 'replay',
        summary: 'Play a run as it was recorded',
        details: readsRuns,
        arguments: [runId],
        options: [
          { flags: '--speed <factor>', summary: 'so many times as fast, or max (default: 1)', completes: ['max'] },
        ],
        exits: ['0  done', '1  failed; standard error says why', '130  stopped with Ctrl-C'],
        load: () => import('./runs/replay.ts'),
      },
      {
        name: 'export',
        summary: 'Print a run as OTLP/JSON traces with the GenAI conventions',
        details: `Example: car runs export RUN > otlp.json\n${readsRuns}`,
        arguments: [runId],
        options: [
          {
            flags: '--content',
            summary: 'with intent, prompts, parameters, outputs and summary, which are left out else',
          },
        ],
        exits: failedExits,
        load: () => import('./runs/export.ts'),
      },
      {
        name: 'diff',
        summary: 'Show the first turn in which two runs part, field by field',
        details: readsRuns,
        arguments: [
          { name: 'a', summary: 'id of a run' },
          { name: 'b', summary: 'id of another' },
        ],
        exits: ['0  alike', '1  they part, or the daemon could not be asked', '2  called wrongly'],
        load: () => import('./runs/diff.ts'),
      },
    ],
  },
  {
    name: 'approvals',
    summary: 'See what waits for a person, and decide',
    subcommands: [
      {
        name: 'watch',
        summary: 'Wait for approvals; on a terminal, show each one and take a key for it',
        details: `Keys: a approves, d denies, s puts off, v shows all of a long one, q quits. What cannot be undone takes a second key.\nWithout a terminal a line is printed for each change; with --json a value.\n${decidesAs}`,
        exits: ['0  stopped with q or Ctrl-C', '1  failed; standard error says why'],
        load: () => import('./approvals/watch.ts'),
      },
      {
        name: 'ls',
        summary: 'List approvals that wait, oldest first',
        options: [
          {
            flags: '--status <status>',
            summary: 'waiting (default), ended or all',
            completes: ['waiting', 'ended', 'all'],
          },
          { flags: '-n, --lines <count>', summary: 'at most so many, the newest (default: 50)' },
        ],
        exits: failedExits,
        load: () => import('./approvals/ls.ts'),
      },
      {
        name: 'show',
        summary: 'Show what an approval is about and what became of it',
        arguments: [approvalId],
        exits: failedExits,
        load: () => import('./approvals/show.ts'),
      },
      {
        name: 'approve',
        summary: 'Approve it; what waits for it goes on',
        details: decidesAs,
        arguments: [approvalId],
        options: [
          { flags: '--option <option>', summary: 'this one of its own options' },
          { flags: '--notes <text>', summary: 'why, for the record' },
        ],
        exits: decideExits,
        load: () => import('./approvals/approve.ts'),
      },
      {
        name: 'deny',
        summary: 'Deny it',
        details: decidesAs,
        arguments: [approvalId],
        options: [{ flags: '--notes <text>', summary: 'why, for the record' }],
        exits: decideExits,
        load: () => import('./approvals/deny.ts'),
      },
    ],
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
    subcommands: [
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
        load: () => import('./agents/new.ts'),
      },
      {
        name: 'ls',
        summary: 'List agents, with what they use',
        exits: failedExits,
        load: () => import('./agents/ls.ts'),
      },
      {
        name: 'start',
        summary: 'Start an agent',
        arguments: [agentArgument],
        exits: ['0  it runs', '1  it does not; the answer says why'],
        load: () => import('./agents/start.ts'),
      },
      {
        name: 'stop',
        summary: 'Stop an agent, and let it end by itself for some seconds',
        arguments: [agentArgument],
        options: [{ flags: '--kill', summary: 'at once' }],
        exits: failedExits,
        load: () => import('./agents/stop.ts'),
      },
      {
        name: 'restart',
        summary: 'Stop an agent and start it again',
        arguments: [agentArgument],
        exits: ['0  it runs', '1  it does not; the answer says why'],
        load: () => import('./agents/restart.ts'),
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
        load: () => import('./agents/logs.ts'),
      },
      {
        name: 'chat',
        summary: 'Talk to an agent: a conversation on a terminal, or one prompt',
        details:
          'y and n answer what the agent asks for; Ctrl-C cancels an answer, a second one leaves. Without a terminal, or with a ' +
          'prompt, it is one turn, and what the agent asks for is denied.',
        arguments: [
          agentArgument,
          { name: 'prompt', summary: 'one prompt; left out, standard input', isOptional: true },
        ],
        options: [
          { flags: '--resume <session>', summary: 'go on with a chat that was left' },
          { flags: '--goal <command>', summary: 'what must exit with 0, in this folder, before the agent is done' },
          { flags: '--model <name>', summary: 'model for the agent to use' },
        ],
        exits: ['0  done', '1  the agent failed, or it could not be asked', '130  cancelled by Ctrl-C'],
        load: () => import('./agents/chat.ts'),
      },
      {
        name: 'install',
        summary: 'Install an agent from its manifest',
        arguments: [{ name: 'file', summary: 'manifest, TOML or JSON', completes: 'file' }],
        exits: failedExits,
        load: () => import('./agents/install.ts'),
      },
      {
        name: 'external',
        summary:
          'Give tasks to coding agents of this machine: Claude Code, Codex, Gemini CLI, and those that speak ACP',
        subcommands: [
          {
            name: 'ls',
            summary: 'List those that are there',
            options: [{ flags: '--refresh', summary: 'look for them again' }],
            exits: failedExits,
            load: () => import('./agents/external/ls.ts'),
          },
          {
            name: 'health',
            summary: 'Ask them whether they are logged in',
            arguments: [{ name: 'agent', summary: 'only this one', isOptional: true }],
            exits: ['0  all are ready', '1  one is not, or it failed'],
            load: () => import('./agents/external/health.ts'),
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
            load: () => import('./agents/external/run.ts'),
          },
        ],
      },
      {
        name: 'rm',
        summary: 'Stop an agent and forget it; its folder and its logs stay',
        arguments: [agentArgument],
        exits: ['0  removed', '1  there is none of that id, or it failed'],
        load: () => import('./agents/rm.ts'),
      },
    ],
  },
  {
    name: 'budget',
    summary: 'See, set and extend what agents may use',
    subcommands: [
      {
        name: 'ls',
        summary: 'List budgets',
        exits: failedExits,
        load: () => import('./budget/ls.ts'),
      },
      {
        name: 'show',
        summary: 'Show a budget and its accounts',
        arguments: [budgetName],
        exits: failedExits,
        load: () => import('./budget/show.ts'),
      },
      {
        name: 'usage',
        summary: 'Show what was used of budgets; 3+1 of 10 is 3 used, 1 set aside for what is under way, 10 allowed',
        arguments: [{ ...budgetName, isOptional: true }],
        options: [
          ...accountOptions,
          { flags: '-n, --lines <count>', summary: 'at most so many (default: 50; 1000 at most)' },
        ],
        exits: failedExits,
        load: () => import('./budget/usage.ts'),
      },
      {
        name: 'set',
        summary: 'Add a budget, or replace the one of this name; what was used stays used',
        details: 'Example: car budget set daily --per day --agent "*" --calls 500 --usd 5',
        arguments: [budgetName],
        options: [
          { flags: '--per <period>', summary: 'run, day (of UTC) or total', completes: ['run', 'day', 'total'] },
          { flags: '--agent <id>', summary: 'only this agent, or * for each on its own (default: all together)' },
          ...amountOptions,
        ],
        exits: failedExits,
        load: () => import('./budget/set.ts'),
      },
      {
        name: 'rm',
        summary: 'Remove a budget; those of budgets.toml are removed there',
        arguments: [budgetName],
        exits: ['0  removed', '1  there was none, or it could not be removed'],
        load: () => import('./budget/rm.ts'),
      },
      {
        name: 'extend',
        summary: 'Add to an account: at once as host, else once a host approves',
        details: 'Example: car budget extend daily --agent researcher --calls 100',
        arguments: [budgetName],
        options: [...accountOptions, ...amountOptions, { flags: '--reason <text>', summary: 'why, for who approves' }],
        exits: ['0  added, or asked for', '1  failed; standard error says why'],
        load: () => import('./budget/extend.ts'),
      },
      {
        name: 'reset',
        summary: 'Begin accounts anew: nothing used, no extension',
        arguments: [budgetName],
        options: accountOptions,
        exits: failedExits,
        load: () => import('./budget/reset.ts'),
      },
    ],
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
    subcommands: [
      {
        name: 'path',
        summary: 'Print where the token files are; never what they hold',
        arguments: [
          { name: 'which', summary: 'daemon or host (default: both)', isOptional: true, completes: ['daemon', 'host'] },
        ],
        exits: failedExits,
        globals: ['--json', '--token-file'],
        load: () => import('./token-path.ts'),
      },
    ],
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
