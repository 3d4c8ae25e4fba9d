// What the commands of `car token` take; each command's file is loaded when it is called.
import { failedExits, type CommandSpec } from '../command-spec.ts';

export const commands: readonly CommandSpec[] = [
  {
    name: 'path',
    summary: 'Print where the token files are; never what they hold',
    arguments: [
      { name: 'which', summary: 'daemon or host (default: both)', isOptional: true, completes: ['daemon', 'host'] },
    ],
    exits: failedExits,
    globals: ['--json', '--token-file'],
    load: () => import('./path.ts'),
  },
];
