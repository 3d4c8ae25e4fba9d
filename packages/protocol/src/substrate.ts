import { z } from 'zod';
import { once } from './once.ts';
import { method } from './declare.ts';

const section = 'Sessions';
const bound = once(() => z.object({ bound: z.literal(true), substrate: z.string() }));

export const substrate = {
  'session.bindSubstrate': method({
    summary:
      'Let the file tools of this session work through a connector; they are listed, and no longer offered to the client first',
    params: () => z.object({ connector: z.string().min(1).max(200) }),
    result: bound,
    access: 'session',
    effect: 'write',
    order: 'tools',
    errors: ['failed'],
    section,
  }),
  'session.bindSandbox': method({
    summary: 'Let the file tools of this session, and `shell`, work in a container; never on the host instead',
    params: () =>
      z.object({
        working_dir: z.string().min(1).max(4_096),
        image: z.string().min(1).max(500).default('python:3.11-slim'),
        network: z.string().min(1).max(200).default('none'),
        memory: z.string().min(1).max(50).default('512m'),
        cpus: z.number().positive().default(1),
        pids_limit: z.int().min(1).default(256),
        command_timeout_secs: z.number().min(1).optional(),
      }),
    result: bound,
    access: 'client',
    effect: 'write',
    order: 'tools',
    errors: ['failed', 'forbidden'],
    section,
  }),
};
