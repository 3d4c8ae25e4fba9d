// What the commands of `car permissions` take; each command's file is loaded when it is called.
import type { CommandSpec } from '../command-spec.ts';

const tiers = ['read_only', 'sandbox_edit', 'full_access'] as const;
const modes = ['always_allow', 'require_approval', 'deny'] as const;

const planFile = {
  name: 'file',
  summary: 'JSON file of the plan, or - for standard input',
  completes: 'file',
} as const;
const skill = { flags: '--skill <skill>', summary: 'as if the plan ran for this skill' } as const;
const reason = { flags: '--reason <text>', summary: 'why; kept with the decision' } as const;
const evidence = { flags: '--evidence <text>', summary: 'what it rests on; kept with the decision' } as const;
const exits = ['0  done', '1  failed; standard error says why', '2  no usable plan, or called wrongly'];
const decides =
  'Decides as host where the host token of the daemon is at hand. A decision counts for every session from now on.';

const decision = (name: 'approve' | 'reject', summary: string): CommandSpec => ({
  name,
  summary,
  details: `${decides}\nExample: car permissions ${name} plan.json --action deploy`,
  arguments: [{ name: 'operation', summary: 'fingerprint of the operation, or a plan file, or -', completes: 'file' }],
  options: [
    {
      flags: '--action <id>',
      summary: 'of a plan, only this action (default: each that may not run as it is); may be repeated',
      isRepeatable: true,
    },
    { flags: '--tier <tier>', summary: 'of a fingerprint: up to which tier (default: full_access)', completes: tiers },
    reason,
    evidence,
  ],
  exits,
  load: async () => {
    const { decide } = await import('./decide.ts');
    return { run: (input) => decide(input, name) };
  },
});

const agentCommands: readonly CommandSpec[] = [
  {
    name: 'ls',
    summary: 'List the default and what single agents have of their own',
    exits,
    load: () => import('./agents-ls.ts'),
  },
  {
    name: 'set',
    summary: 'Set the mode of an agent',
    details: 'Example: car permissions agents set reviewer deny --tier full_access',
    arguments: [
      { name: 'agent', summary: 'id of the agent' },
      { name: 'mode', summary: modes.join(', '), completes: modes },
    ],
    options: [{ flags: '--tier <tier>', summary: 'for this tier alone (default: all three)', completes: tiers }],
    exits,
    load: () => import('./agents-set.ts'),
  },
  {
    name: 'default',
    summary: 'Set what counts for agents that have nothing of their own',
    details: 'Example: car permissions agents default cautious, or … default deny --tier full_access',
    arguments: [
      {
        name: 'preset',
        summary: 'cautious, balanced or trusting; or a mode, with --tier',
        completes: ['cautious', 'balanced', 'trusting', ...modes],
      },
    ],
    options: [{ flags: '--tier <tier>', summary: 'for this tier alone', completes: tiers }],
    exits,
    load: () => import('./agents-default.ts'),
  },
  {
    name: 'reset',
    summary: 'Take what an agent has of its own away: the default counts for it again',
    arguments: [{ name: 'agent', summary: 'id of the agent' }],
    exits,
    load: () => import('./agents-reset.ts'),
  },
];

export const commands: readonly CommandSpec[] = [
  {
    name: 'tier',
    summary: 'Show the tier granted to a session, or set it',
    arguments: [{ name: 'tier', summary: `to set: ${tiers.join(', ')}`, isOptional: true, completes: tiers }],
    options: [{ flags: '--session <id>', summary: 'id of the session (default: the one of this command, a new one)' }],
    exits,
    load: () => import('./tier.ts'),
  },
  {
    name: 'classify',
    summary: 'Say the tier each action of a plan needs, and whether it can be undone',
    arguments: [planFile],
    exits,
    load: () => import('./classify.ts'),
  },
  {
    name: 'evaluate',
    summary: 'Say what submitting a plan would come to: allowed, to be approved, or denied',
    arguments: [planFile],
    options: [skill],
    exits: ['0  every action is allowed', '1  not every action is, or the daemon could not be asked', exits[2]!],
    load: () => import('./evaluate.ts'),
  },
  {
    name: 'pending',
    summary: 'List the actions of a plan that need an approval they do not have',
    arguments: [planFile],
    options: [skill],
    exits,
    load: () => import('./pending.ts'),
  },
  decision('approve', 'Approve an operation, or the actions of a plan'),
  decision('reject', 'Reject an operation, or the actions of a plan'),
  {
    name: 'review',
    summary: 'Show a whole plan on one card, and approve all of it with --approve',
    arguments: [planFile],
    options: [skill, { flags: '--approve', summary: 'approve every action of it' }, reason, evidence],
    exits,
    load: () => import('./review.ts'),
  },
  {
    name: 'agents',
    summary: 'Show and set what agents may do without asking',
    subcommands: async () => ({ commands: agentCommands }),
  },
];
