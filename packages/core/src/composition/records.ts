// What is written down: journals, runs and memories.
import { createJournals, type Journals } from '../domains/events/index.ts';
import { Memories } from '../domains/memory/index.ts';
import { createRuns, type Runs } from '../domains/runs/index.ts';
import type { Ground } from './ground.ts';

export interface Records {
  readonly journals: Journals;
  readonly runs: Runs;
  readonly memories: Memories;
}

export function createRecords({ config, files, health, logger, opened }: Ground): Records {
  return {
    journals: opened.use(createJournals({ directory: files.journalDir, keyDir: files.keyDir, health, logger })),
    memories: opened.use(
      new Memories({
        root: files.memoryDir,
        shared: config.sharedMemory,
        keepsShared: config.keepsSharedMemory ?? false,
        utility: config.memoryUtility,
        health,
        logger,
      }),
    ),
    runs: opened.use(
      createRuns({
        root: files.runsDir,
        isSynced: config.runDurability === 'fsync',
        health,
        logger,
        defaultAgentId: config.defaultAgentId ?? (process.env['CAR_AGENT_ID'] || undefined),
        spanSink: config.spanSink,
      }),
    ),
  };
}
