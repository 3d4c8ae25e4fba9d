// The engine alone, in ten lines: a plan, two tools, no daemon. Checks itself.
import assert from 'node:assert/strict';
import { executeProposal, normalizeProposal, StateStore, ToolRegistry } from '@car-runtime/engine';

const tools = new ToolRegistry();
await tools.register([{ name: 'add', parameters: { type: 'object', required: ['a', 'b'] } }, { name: 'double' }]);
const run: Record<string, (parameters: Record<string, unknown>) => unknown> = {
  add: ({ a, b }) => Number(a) + Number(b),
  double: ({ n }) => Number(n) * 2,
};
const proposal = normalizeProposal({
  actions: [
    { id: 'sum', type: 'tool_call', tool: 'add', parameters: { a: 20, b: 1 } },
    { id: 'twice', type: 'tool_call', tool: 'double', parameters: { n: '$sum.output' } },
  ],
});
const state = new StateStore();
const { results } = await executeProposal(proposal, {
  tools,
  state,
  dispatch: ({ tool, parameters }) => run[tool]?.(parameters),
  emit: (kind, { action_id }) => console.log(kind, action_id ?? ''),
});
assert.equal(results[1]?.output, 42);
console.log('twice the sum is', results[1]?.output);
