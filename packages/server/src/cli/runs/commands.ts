// What the commands of `car runs` take; each command's file is loaded when it is called.
import { failedExits, type CommandSpec } from '../command-spec.ts';

const runId = { name: 'run', summary: 'id of the run' } as const;
const readsRuns =
  'Reads as host where the host token of the daemon is at hand, else as the agent of CAR_AGENT_ID and CAR_AGENT_TOKEN.';

export const commands: readonly CommandSpec[] = [
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
    load: () => import('./ls.ts'),
  },
  {
    name: 'show',
    summary: 'Show what is stored of a run: a timeline, or with --json a record on each line',
    details: readsRuns,
    arguments: [runId],
    exits: failedExits,
    load: () => import('./show.ts'),
  },
  {
    name: 'tail',
    summary: 'Follow a run from its start to its end, across reconnects and restarts of the daemon',
    details: `Every record comes once and in order. With --json each line is { "kind", "cursor", "record" }; "reset" says that a crash of the daemon lost turns, and the run follows from its start.\n${readsRuns}`,
    arguments: [runId],
    options: [{ flags: '--after <cursor>', summary: 'go on behind this cursor, the last one seen' }],
    exits: ['0  the run has ended', '1  failed; standard error says why', '130  stopped with Ctrl-C'],
    load: () => import('./tail.ts'),
  },
  {
    name: 'replay',
    summary: 'Play a run as it was recorded',
    details: readsRuns,
    arguments: [runId],
    options: [{ flags: '--speed <factor>', summary: 'so many times as fast, or max (default: 1)', completes: ['max'] }],
    exits: ['0  done', '1  failed; standard error says why', '130  stopped with Ctrl-C'],
    load: () => import('./replay.ts'),
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
    load: () => import('./export.ts'),
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
    load: () => import('./diff.ts'),
  },
];
