// What the commands of `car plan` take; each command's file is loaded when it is called.
import { type CommandSpec, type OptionSpec } from '../command-spec.ts';

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

export const commands: readonly CommandSpec[] = [
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
    load: () => import('./check.ts'),
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
    load: () => import('./run.ts'),
  },
  {
    name: 'graph',
    summary: 'Show the order of a plan, and why each action waits',
    details: planDetails('car plan graph --dot examples/plans/announce.json | dot -Tsvg > plan.svg'),
    arguments: [planFile],
    options: [{ flags: '--dot', summary: 'print Graphviz DOT' }],
    exits: ['0  done', '2  no usable plan, or called wrongly'],
    globals: ['--json'],
    load: () => import('./graph.ts'),
  },
];
