// What the commands of `car budget` take; each command's file is loaded when it is called.
import { failedExits, type CommandSpec, type OptionSpec } from '../command-spec.ts';

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

export const commands: readonly CommandSpec[] = [
  {
    name: 'ls',
    summary: 'List budgets',
    exits: failedExits,
    load: () => import('./ls.ts'),
  },
  {
    name: 'show',
    summary: 'Show a budget and its accounts',
    arguments: [budgetName],
    exits: failedExits,
    load: () => import('./show.ts'),
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
    load: () => import('./usage.ts'),
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
    load: () => import('./set.ts'),
  },
  {
    name: 'rm',
    summary: 'Remove a budget; those of budgets.toml are removed there',
    arguments: [budgetName],
    exits: ['0  removed', '1  there was none, or it could not be removed'],
    load: () => import('./rm.ts'),
  },
  {
    name: 'extend',
    summary: 'Add to an account: at once as host, else once a host approves',
    details: 'Example: car budget extend daily --agent researcher --calls 100',
    arguments: [budgetName],
    options: [...accountOptions, ...amountOptions, { flags: '--reason <text>', summary: 'why, for who approves' }],
    exits: ['0  added, or asked for', '1  failed; standard error says why'],
    load: () => import('./extend.ts'),
  },
  {
    name: 'reset',
    summary: 'Begin accounts anew: nothing used, no extension',
    arguments: [budgetName],
    options: accountOptions,
    exits: failedExits,
    load: () => import('./reset.ts'),
  },
];
