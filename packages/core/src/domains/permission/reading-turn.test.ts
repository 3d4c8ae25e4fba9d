import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '@car-runtime/testkit';
import { maxActionsPerTurn, maxReadPerTurn, ReadingTurn } from './reading-turn.ts';

// req: permission.turns
test('a turn is over after so many actions, or so much that was read', () => {
  const many = new ReadingTurn();
  for (let count = 0; count < maxActionsPerTurn; count++) {
    assert.equal(many.isOver, false);
    many.budget();
  }
  assert.equal(many.isOver, true);
  const large = new ReadingTurn();
  for (let read = 0; read < maxReadPerTurn; read += 16_384) {
    assert.equal(large.isOver, false);
    large.budget().pays(16_384);
  }
  assert.equal(large.isOver, true);
});

// req: permission.turns
test('other calls are answered while a plan of megabytes is judged, and the verdicts are those of its actions', async () => {
  await using daemon = serve();
  const client = await daemon.connect();
  const actions = Array.from({ length: 40 }, (_, index) => ({
    id: `a${index}`,
    type: 'tool_call' as const,
    tool: 'write_note',
    parameters: { note: 'calm "words" '.repeat(8_000), later: index === 39 ? 'rm -rf /' : 'nothing' },
  }));
  const order: string[] = [];
  const judged = client.permission.evaluate({ proposal: { actions } }).then((answer) => {
    order.push('judged');
    return answer;
  });
  const other = client.tools.list();
  void other.then(() => order.push('other'));
  const { decisions } = await judged;
  await other;
  assert.deepEqual(order, ['other', 'judged']);
  assert.deepEqual(
    [decisions.length, decisions[0]?.required, decisions[39]?.required],
    [40, 'sandbox_edit', 'full_access'],
  );
});
