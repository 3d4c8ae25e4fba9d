import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '@car-runtime/testkit';

// req: runs.diff
test('two runs part at the first turn that says something else, however late they were recorded', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const record = async (...turns: object[]): Promise<string> => {
    const { run_id } = await agent.runs.start({ intent: 'i' });
    if (turns.length > 0) await agent.runs.record_turns({ run_id, turns });
    return run_id;
  };
  const base = [
    { tool: 'a', parameters: { x: 1, y: 2 } },
    { tool: 'b', output: 'one' },
  ];
  const a = await record(...base);
  const differenceTo = async (...turns: object[]) => {
    const { first_difference, turns_b } = await agent.runs.diff({ a, b: await record(...turns) });
    assert.equal(turns_b, turns.length);
    return (
      first_difference && [
        first_difference.index,
        first_difference.fields,
        !!first_difference.turn_a,
        !!first_difference.turn_b,
      ]
    );
  };
  assert.equal(await differenceTo({ parameters: { y: 2, x: 1 }, tool: 'a' }, base[1] ?? {}), null);
  assert.deepEqual(await differenceTo(base[0] ?? {}, { tool: 'b', output: 'two', prompt: 'p' }), [
    1,
    ['output', 'prompt'],
    true,
    true,
  ]);
  assert.deepEqual(await differenceTo(base[0] ?? {}), [1, ['output', 'tool', 'verifier_verdict'], true, false]);
  assert.deepEqual(await differenceTo(...base, {}), [2, ['verifier_verdict'], false, true]);
  await assert.rejects(agent.runs.diff({ a, b: 'nope' }), /unknown run_id/);
});

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code?: number };
  attributes: { key: string; value: Record<string, unknown> }[];
}

// req: runs.export
test('an exported run is one trace: invoke_agent, and execute_tool below it; its words only where they are asked for', async () => {
  await using daemon = serve();
  const agent = await daemon.connect({ as: { agent: 'worker' } });
  const { run_id } = await agent.runs.start({ intent: 'secret intent' });
  await agent.runs.record_turns({
    run_id,
    turns: [
      { tool: 'search', parameters: { q: 'secret' }, output: 'secret' },
      { prompt: 'secret' },
      { tool: 'write', policy_rejected: true },
    ],
  });
  await agent.runs.complete({ run_id, outcome: { status: 'timeout', summary: 'secret' } });
  const { otlp, format } = await agent.runs.export({ run_id });
  assert.equal(format, 'otlp-json');
  assert.ok(!JSON.stringify(otlp).includes('secret'));
  const [resource] = otlp['resourceSpans'] as { scopeSpans: { spans: Span[] }[] }[];
  const spans = resource?.scopeSpans[0]?.spans ?? [];
  assert.deepEqual(
    spans.map(({ name, status }) => [name, status.code]),
    [
      ['invoke_agent worker', 2],
      ['execute_tool search', undefined],
      ['execute_tool write', 2],
    ],
  );
  const [root, ...tools] = spans;
  assert.match(root?.traceId ?? '', /^[0-9a-f]{32}$/);
  for (const { traceId, spanId, parentSpanId, startTimeUnixNano, endTimeUnixNano } of tools) {
    assert.deepEqual([traceId, parentSpanId], [root?.traceId, root?.spanId]);
    assert.match(spanId, /^[0-9a-f]{16}$/);
    assert.ok(BigInt(root?.startTimeUnixNano ?? 0) <= BigInt(startTimeUnixNano));
    assert.ok(BigInt(startTimeUnixNano) <= BigInt(endTimeUnixNano));
    assert.ok(BigInt(endTimeUnixNano) <= BigInt(root?.endTimeUnixNano ?? 0));
  }
  const operations = spans.map(
    ({ attributes }) => attributes.find(({ key }) => key === 'gen_ai.operation.name')?.value,
  );
  assert.deepEqual(operations, [
    { stringValue: 'invoke_agent' },
    { stringValue: 'execute_tool' },
    { stringValue: 'execute_tool' },
  ]);
  assert.deepEqual(await agent.runs.export({ run_id }), { run_id, format, otlp }, 'the same run is the same trace');
  const open = JSON.stringify(await agent.runs.export({ run_id, include_content: true }));
  assert.ok(open.includes('secret intent') && open.includes('gen_ai.tool.call.arguments'));
  await assert.rejects(agent.runs.export({ run_id: 'nope' }), /unknown run_id/);
});
