import { z } from 'zod';
import { method } from './declare.ts';

export const agentBasics = {
  'agents.register_basics': method({
    summary:
      'Add the built-in tools (read_file, list_dir, find_files, grep_files, calculate, write_file, edit_file) to this session. `root` (ours) names the folder they work in: an absolute path, not for agents, or one beneath the root folder of the daemon',
    params: () => z.object({ root: z.string().min(1).max(4_096).optional() }),
    result: () => z.null(),
    access: 'session',
    effect: 'write',
    order: 'tools',
    errors: ['failed', 'forbidden'],
    section: 'Tool methods',
  }),
};
