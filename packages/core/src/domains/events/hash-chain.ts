import { chainStart, linkLine } from '../../journal/chain.ts';

export interface ChainState {
  /** Hash of the newest event. */
  head: string;
  /** Number of the newest event, from 1 where the chain began. */
  count: number;
  /** Events that retention took from the beginning of the file, and the hash of the last of them. */
  removed: number;
  base: string;
}

/** The growing end of a journal's chain. */
export class HashChain implements ChainState {
  head: string;
  count: number;
  removed: number;
  base: string;

  constructor({ head = chainStart, count = 0, removed = 0, base = chainStart }: Partial<ChainState> = {}) {
    this.head = head;
    this.count = count;
    this.removed = removed;
    this.base = base;
  }

  link(line: string): string {
    const linked = linkLine(line, this.head);
    this.head = linked.hash;
    this.count++;
    return linked.line;
  }
}
