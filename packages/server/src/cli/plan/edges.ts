// Why one action of a plan waits for another. The engine's ordering says that it does; this says by which of its rules
// (Ordering), for people to read. A test holds the two against each other.
import { findReferences, type Action } from '@car-runtime/engine';

export type EdgeReason = { readonly kind: 'dependency' | 'output' } | { readonly kind: 'state'; readonly key: string };

export interface Edge {
  /** Indices into the actions. */
  readonly from: number;
  readonly to: number;
  readonly reasons: readonly EdgeReason[];
}

/** One edge for each pair, in the order of the actions that wait. */
export function findEdges(actions: readonly Action[]): Edge[] {
  const indexOf = new Map(actions.map(({ id }, index) => [id, index]));
  const lastWriter = new Map<string, number>();
  const lastStateWrite = new Map<string, number>();
  return actions.flatMap((action, to) => {
    const found = new Map<number, EdgeReason[]>();
    const add = (from: number | undefined, reason: EdgeReason): void => {
      if (from === undefined || from === to) return;
      const reasons = found.get(from) ?? [];
      if (!reasons.some((each) => isSame(each, reason))) reasons.push(reason);
      found.set(from, reasons);
    };
    for (const id of action.dependencies) add(indexOf.get(id), { kind: 'dependency' });
    findReferences(action.parameters, (id) => add(indexOf.get(id), { kind: 'output' }));
    for (const key of action.state_dependencies) add(lastWriter.get(key), { kind: 'state', key });
    for (const key of Object.keys(action.expected_effects)) lastWriter.set(key, to);
    const written = keyWrittenBy(action);
    if (written !== undefined) {
      add(lastStateWrite.get(written), { kind: 'state', key: written });
      lastStateWrite.set(written, to);
      lastWriter.set(written, to);
    }
    return [...found]
      .toSorted(([left], [right]) => left - right)
      .map(([from, reasons]): Edge => ({ from, to, reasons }));
  });
}

function keyWrittenBy({ type, parameters }: Action): string | undefined {
  const key = type === 'state_write' && Object.hasOwn(parameters, 'key') ? parameters['key'] : undefined;
  return typeof key === 'string' ? key : undefined;
}

function isSame(left: EdgeReason, right: EdgeReason): boolean {
  return left.kind === right.kind && (left.kind !== 'state' || right.kind !== 'state' || left.key === right.key);
}
