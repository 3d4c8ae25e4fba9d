// Lays out a graph beside the page, which goes on meanwhile: a large plan takes seconds.
import { Graph, layout } from '@dagrejs/dagre';
import { gap, nodeHeight, nodeWidth, type Layout, type LayoutRequest } from './layout.ts';

/** Above, the quick way to rank: it takes a line for what could be shorter, and no minutes. */
const maxCarefulNodes = 200;

addEventListener('message', ({ data }: MessageEvent<LayoutRequest>) => {
  const graph = new Graph();
  const isCareful = data.nodes <= maxCarefulNodes;
  graph.setGraph({
    rankdir: data.direction,
    nodesep: gap,
    ranksep: gap * 3,
    ranker: isCareful ? 'network-simplex' : 'longest-path',
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (let place = 0; place < data.nodes; place++)
    graph.setNode(String(place), { width: nodeWidth, height: nodeHeight });
  for (const [from, to] of data.edges) graph.setEdge(String(from), String(to));
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const answer: Layout = {
    id: data.id,
    direction: data.direction,
    width,
    height,
    nodes: Array.from({ length: data.nodes }, (_, place) => {
      const { x, y } = graph.node(String(place)) as { x: number; y: number };
      return { x, y };
    }),
    edges: data.edges.map(([from, to]) => {
      const { points } = graph.edge(String(from), String(to)) as { points: { x: number; y: number }[] };
      return points.map(({ x, y }) => ({ x, y }));
    }),
  };
  postMessage(answer);
});
