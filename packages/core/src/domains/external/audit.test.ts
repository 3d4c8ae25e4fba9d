import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Health } from '../../kernel/health.ts';
import { AuditFile } from './audit.ts';

const result = { answer: '', turns: 0, tool_calls: 0, duration_ms: 1, is_error: false };

// req: external.audit
test('the record is private, has a bound for each text, and goes into at most four files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'car-audit-'));
  try {
    const path = join(folder, 'external-agents.jsonl');
    const audit = new AuditFile(path, { health: new Health(), maxBytes: 2_000 });
    for (let number = 0; number < 60; number++)
      audit.append({ adapter_id: 'codex', task: `task ${number}`, options: {}, result });
    const files = readdirSync(folder).toSorted();
    assert.deepEqual(
      files,
      ['', '.1', '.2', '.3'].map((ending) => `external-agents.jsonl${ending}`),
    );
    assert.ok(files.every((name) => statSync(join(folder, name)).size <= 2_000));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const numbers = files
      .toReversed()
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
      .map((line) => Number((JSON.parse(line) as { task: string }).task.slice(5)));
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, index) => 60 - numbers.length + index),
    );
    audit.append({ adapter_id: 'codex', task: 'x'.repeat(1_000_000), options: {}, result });
    assert.ok(statSync(path).size < 270_000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

// req: external.audit
test('a disk that refuses the record is told, and told again when it takes one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'car-audit-'));
  try {
    const path = join(folder, 'external-agents.jsonl');
    mkdirSync(path);
    const health = new Health();
    const audit = new AuditFile(path, { health });
    audit.append({ adapter_id: 'codex', task: 'x', options: {}, result });
    assert.match(health.problems[0] ?? '', /^external agents: .*EISDIR/);
    rmSync(path, { recursive: true });
    audit.append({ adapter_id: 'codex', task: 'x', options: {}, result });
    assert.deepEqual(health.problems, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
