// What each tool prints is understood the same, however it is cut into pieces and whatever stands between.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CliDialect } from './cli-tool.ts';
import { claudeCode } from './claude-code.ts';
import { codex } from './codex.ts';
import { gemini } from './gemini.ts';
import { JsonLines } from './json-lines.ts';
import type { Saying } from './tool.ts';
import { Transcript } from './transcript.ts';

const fine = { problem: undefined, errorText: '' };

function read(dialect: CliDialect, pieces: readonly Buffer[]) {
  const said: Saying[] = [];
  const reader = dialect.createReader(new Transcript((each) => said.push(each)));
  for (const piece of pieces) reader.write(piece);
  return { outcome: reader.end(fine), said };
}

/** A line of Claude Code or of Codex, or of neither. */
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const claudeLine = fc.oneof(
  text.map((each) => ({ type: 'assistant', message: { id: 'm', content: [{ type: 'text', text: each }] } })),
  text.map((name) => ({
    type: 'assistant',
    message: { content: [{ type: 'tool_use', id: name, name, input: { name } }] },
  })),
  text.map((result) => ({ type: 'result', subtype: 'success', is_error: false, num_turns: 1, result })),
  fc.record({
    type: fc.constantFrom('assistant', 'result', 'system', 'x'),
    message: fc.jsonValue(),
    result: fc.jsonValue(),
  }),
);
const codexLine = fc.oneof(
  text.map((each) => ({ type: 'item.completed', item: { id: each, type: 'agent_message', text: each } })),
  text.map((id) => ({ type: 'item.started', item: { id, type: 'command_execution', command: id } })),
  text.map((id) => ({ type: 'item.started', item: { id, type: 'web_search', query: id } })),
  fc.constant({ type: 'turn.completed' }),
  fc.record({
    type: fc.constantFrom('item.updated', 'turn.failed', 'error'),
    item: fc.jsonValue(),
    error: fc.jsonValue(),
  }),
);
const noise = fc.constantFrom('', '{', 'null', '[]', 'warning: é', '{"type":', '\u2028');

for (const [dialect, line] of [
  [claudeCode, claudeLine],
  [codex, codexLine],
  [gemini, codexLine],
] as const) {
  // req: external.tolerant
  test(`${dialect.id}: output is the same however it is cut, and nothing in it throws`, () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            line.map((each) => JSON.stringify(each)),
            noise,
          ),
        ),
        fc.array(fc.nat(), { maxLength: 30 }),
        fc.boolean(),
        (lines, cuts, hasLastEnd) => {
          const bytes = Buffer.from(lines.join('\n') + (hasLastEnd ? '\n' : ''));
          const at = [...new Set(cuts.map((each) => each % (bytes.length + 1)))].toSorted((a, b) => a - b);
          const pieces = [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
          assert.deepEqual(read(dialect, pieces), read(dialect, [bytes]));
        },
      ),
    );
  });
}

// req: external.tolerant
test('noise between the lines changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(claudeLine, noise)), (pairs) => {
      const clean = pairs.map(([line]) => JSON.stringify(line)).join('\n');
      const noisy = pairs.map(([line, between]) => `${between}\n${JSON.stringify(line)}\r\n${between}`).join('\n');
      assert.deepEqual(read(claudeCode, [Buffer.from(noisy)]), read(claudeCode, [Buffer.from(clean)]));
    }),
  );
});

// req: external.tolerant
test('a line at the bound is taken, one beyond it is passed over and costs no memory', () => {
  const taken: unknown[] = [];
  const lines = new JsonLines((value) => taken.push(value), 20);
  lines.write(Buffer.from(`{"a":"${'x'.repeat(12)}"}\n{"a":"${'x'.repeat(13)}"}\n{"b":1}`));
  for (let count = 0; count < 100; count++) lines.write(Buffer.alloc(1024, 0x20));
  lines.write(Buffer.from('\n{"c":1}'));
  lines.end();
  assert.deepEqual(taken, [{ a: 'x'.repeat(12) }, { c: 1 }]);
  assert.equal(lines.skipped, 2);
});

// req: external.bounds
test('uses of tools are counted beyond what is kept of them, and what is deep or large is left out', () => {
  const transcript = new Transcript(() => undefined);
  let deep: unknown = 1;
  for (let depth = 0; depth < 5_000; depth++) deep = [deep];
  transcript.tool('1', 'deep', deep);
  transcript.tool('2', 'large', 'x'.repeat(3 * 1024 * 1024));
  transcript.tool('3', 'large', 'x'.repeat(3 * 1024 * 1024));
  for (let count = 0; count < 10_000; count++) transcript.tool(String(count), 'small', null);
  const { tool_uses: uses, tool_calls: calls } = transcript.succeeded('');
  assert.deepEqual([uses?.length, calls], [10_000, 10_003]);
  assert.deepEqual(uses?.[0]?.input, { omitted: 'nested too deeply' });
  assert.deepEqual(uses?.[2]?.input, { omitted: '3145730 bytes' });
});

// req: external.argv
test('a task for gemini that begins with a dash is no option', () => {
  const task = {
    task: '--yolo',
    cwd: '/',
    allowedTools: undefined,
    maxTurns: undefined,
    timeoutMs: 1,
    mcpUrl: 'http://x',
  };
  assert.deepEqual(gemini.launch({ ...task, attachments: [] }, undefined).args, ['-p', ' --yolo', '--yolo']);
});
