// Facts of one key are related to each other, all to all. Kept as one group per key that is walked as if those edges stood:
// ten thousand facts of one key would need fifty million of them.
import { none } from './adjacency.ts';
import { Uint32Column } from './columns.ts';

export class KeyGroups {
  /** Group of a node, or `none`. */
  readonly groupOf = new Uint32Column();
  /** The next and the previous member of a node's group, in order of creation. */
  readonly next = new Uint32Column();
  readonly previous = new Uint32Column();
  /** By group: first and last member, and how many there are. Only valid facts are members. */
  readonly first = new Uint32Column();
  readonly last = new Uint32Column();
  readonly size = new Uint32Column();

  addNode(): void {
    this.groupOf.push(none);
    this.next.push(none);
    this.previous.push(none);
  }

  createGroup(): number {
    this.last.push(none);
    this.size.push(0);
    return this.first.push(none);
  }

  join(node: number, group: number): void {
    const last = this.last.at(group);
    this.groupOf.set(node, group);
    this.previous.set(node, last);
    if (last === none) this.first.set(group, node);
    else this.next.set(last, node);
    this.last.set(group, node);
    this.size.set(group, this.size.at(group) + 1);
  }

  leave(node: number): void {
    const group = this.groupOf.at(node);
    if (group === none) return;
    const previous = this.previous.at(node);
    const next = this.next.at(node);
    if (previous === none) this.first.set(group, next);
    else this.next.set(previous, next);
    if (next === none) this.last.set(group, previous);
    else this.previous.set(next, previous);
    this.groupOf.set(node, none);
    this.next.set(node, none);
    this.previous.set(node, none);
    this.size.set(group, this.size.at(group) - 1);
  }

  *members(group: number): Generator<number> {
    for (let node = this.first.at(group); node !== none; node = this.next.at(node)) yield node;
  }

  clear(): void {
    for (const column of [this.groupOf, this.next, this.previous, this.first, this.last, this.size]) column.clear();
  }
}
