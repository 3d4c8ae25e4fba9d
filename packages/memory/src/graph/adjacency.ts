// Edges as linked lists in columns: following one costs an array read, and adding one never moves another.
import { Float32Column, Uint32Column, Uint8Column } from './columns.ts';
import { edgeKinds, edgeMultiplier, walkedBackwards, type EdgeKind } from './model.ts';

/** No edge, no node, no group. */
export const none = 0xffffffff;

export const edgeCode = Object.fromEntries(edgeKinds.map((kind, code) => [kind, code])) as Record<EdgeKind, number>;
/** Multipliers by edge code. */
export const multiplierByCode: readonly number[] = edgeKinds.map((kind) => edgeMultiplier[kind]);
/** By edge code, whether activation also follows it backwards. */
export const isWalkedBackwards: readonly boolean[] = edgeKinds.map((kind) => walkedBackwards.has(kind));

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  readonly weight: number;
}

/** The columns themselves, for those who walk many edges. `firstOut[node]` is an edge, `nextOut[edge]` the one after it. */
export class Adjacency {
  readonly firstOut = new Uint32Column();
  readonly firstIn = new Uint32Column();
  readonly nextOut = new Uint32Column();
  readonly nextIn = new Uint32Column();
  readonly from = new Uint32Column();
  readonly to = new Uint32Column();
  readonly kind = new Uint8Column();
  readonly weight = new Float32Column();

  get edgeCount(): number {
    return this.to.length;
  }

  addNode(): void {
    this.firstOut.push(none);
    this.firstIn.push(none);
  }

  addEdge(from: number, to: number, kind: EdgeKind, weight: number): number {
    const edge = this.to.push(to);
    this.from.push(from);
    this.kind.push(edgeCode[kind]);
    this.weight.push(weight);
    this.nextOut.push(this.firstOut.at(from));
    this.nextIn.push(this.firstIn.at(to));
    this.firstOut.set(from, edge);
    this.firstIn.set(to, edge);
    return edge;
  }

  /** Edges that leave a node, the newest first. */
  *out(node: number): Generator<Edge> {
    for (let edge = this.firstOut.at(node); edge !== none; edge = this.nextOut.at(edge)) yield this.edge(edge);
  }

  /** Edges that reach a node, the newest first. */
  *in(node: number): Generator<Edge> {
    for (let edge = this.firstIn.at(node); edge !== none; edge = this.nextIn.at(edge)) yield this.edge(edge);
  }

  edge(edge: number): Edge {
    return {
      from: this.from.at(edge),
      to: this.to.at(edge),
      kind: edgeKinds[this.kind.at(edge)] as EdgeKind,
      weight: this.weight.at(edge),
    };
  }

  clear(): void {
    for (const column of [this.firstOut, this.firstIn, this.nextOut, this.nextIn, this.from, this.to]) column.clear();
    this.kind.clear();
    this.weight.clear();
  }
}
