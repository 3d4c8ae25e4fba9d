// What the commands of `car journal` take; each command's file is loaded when it is called.
import { failedExits, type CommandSpec } from '../command-spec.ts';

const journalFile = { name: 'file', summary: 'journal of a session, <client id>.jsonl', completes: 'file' } as const;

export const commands: readonly CommandSpec[] = [
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
    load: () => import('./show.ts'),
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
    load: () => import('./verify.ts'),
  },
];
