// What the commands of `car approvals` take; each command's file is loaded when it is called.
import { failedExits, type CommandSpec } from '../command-spec.ts';

const approvalId = { name: 'approval', summary: 'its id, or the beginning of it' } as const;
const decidesAs = 'Decides as host where the host token of the daemon is at hand, else as a client.';
const decideExits = ['0  decided', '1  too late, handed to its owner, or failed; standard error says which'];

export const commands: readonly CommandSpec[] = [
  {
    name: 'watch',
    summary: 'Wait for approvals; on a terminal, show each one and take a key for it',
    details: `Keys: a approves, d denies, s puts off, v shows all of a long card, f all of the action where the card says that it is cut, q quits. What cannot be undone takes a second key.\nWithout a terminal a line is printed for each change; with --json a value.\n${decidesAs}`,
    exits: ['0  stopped with q or Ctrl-C', '1  failed; standard error says why'],
    load: () => import('./watch.ts'),
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
    load: () => import('./ls.ts'),
  },
  {
    name: 'show',
    summary: 'Show what an approval is about and what became of it',
    arguments: [approvalId],
    options: [{ flags: '--full', summary: 'with all of the action it covers, as JSON' }],
    exits: failedExits,
    load: () => import('./show.ts'),
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
    load: () => import('./approve.ts'),
  },
  {
    name: 'deny',
    summary: 'Deny it',
    details: decidesAs,
    arguments: [approvalId],
    options: [{ flags: '--notes <text>', summary: 'why, for the record' }],
    exits: decideExits,
    load: () => import('./deny.ts'),
  },
];
