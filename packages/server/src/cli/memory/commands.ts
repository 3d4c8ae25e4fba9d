// What the commands of `car memory` take; each command's file is loaded when it is called.
import { failedExits, type CommandSpec, type OptionSpec } from '../command-spec.ts';

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

export const commands: readonly CommandSpec[] = [
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
    load: () => import('./add.ts'),
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
    load: () => import('./query.ts'),
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
    load: () => import('./context.ts'),
  },
  {
    name: 'show',
    summary: 'Show one fact: where it came from, what it rests on, and what took its place',
    details: whoseMemory,
    arguments: [{ name: 'id', summary: 'id of a fact' }],
    options: memoryOptions,
    exits: failedExits,
    load: () => import('./show.ts'),
  },
  {
    name: 'timeline',
    summary: 'Show the values of a subject over time',
    details: whoseMemory,
    arguments: [{ name: 'subject', summary: 'subject of the facts' }],
    options: memoryOptions,
    exits: failedExits,
    load: () => import('./timeline.ts'),
  },
  {
    name: 'export',
    summary: 'Print what a memory holds',
    details: `Example: car memory export > memory.jsonl\n${whoseMemory}`,
    options: [formatOption, ...memoryOptions],
    exits: failedExits,
    load: () => import('./export.ts'),
  },
  {
    name: 'import',
    summary: 'Add what an export holds; what is there already is left alone',
    details: whoseMemory,
    arguments: [{ name: 'file', summary: 'file of the export, or - for standard input', completes: 'file' }],
    options: [formatOption, ...memoryOptions],
    exits: [...failedExits, '2  no usable file, or called wrongly'],
    load: () => import('./import.ts'),
  },
];
