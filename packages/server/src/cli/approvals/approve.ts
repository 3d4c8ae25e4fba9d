import type { CommandInput } from '../command-spec.ts';
import { decide } from './decide.ts';

export function run(input: CommandInput): Promise<number> {
  return decide(input, 'approve');
}
