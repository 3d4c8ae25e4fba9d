// A memory of 100 000 facts is written, read, carried and compacted while others are served.
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Client } from '@car-runtime/client';
import { openDaemon } from '@car-runtime/testkit';

const count = 100_000;
/** Answers that somebody else gets while a memory is worked on; were that one step, it would be two at most. */
const minAnswers = 12;

function rowOf(nth: number): string {
  return JSON.stringify({ subject: `note ${nth % 997}`, body: `is ${nth}`, fact_id: `f${nth}` });
}

/** Asks something small, one after the other, until the work is done; how often that was answered. */
async function answersDuring(other: Client, work: Promise<unknown>): Promise<number> {
  const ended = new AbortController();
  const done = work.finally(() => ended.abort());
  let answers = 0;
  while (!ended.signal.aborted) {
    await other.state.get({ key: 'k' });
    answers++;
  }
  await done;
  return answers;
}

// req: memory.off-loop
test('100 000 facts are imported, persisted, loaded and exported while another connection is answered', async () => {
  await using daemon = await openDaemon('tcp');
  const [client, other] = [await daemon.connect(), await daemon.connect()];
  const loader = await daemon.connect({ memoryNamespace: 'loaded' });
  const during = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const answers = await answersDuring(other, work());
    assert.ok(answers >= minAnswers, `${answers} answers during ${what}`);
  };
  const halves = [0, count / 2].map((first) =>
    Array.from({ length: count / 2 }, (_none, nth) => rowOf(first + nth)).join('\n'),
  );
  await during('memory.import', async () => {
    for (const text of halves) assert.equal((await client.memory.import({ text })).imported, count / 2);
  });
  await during('memory.persist', async () => assert.equal(await client.memory.persist({ path: 'all.json' }), count));
  await loader.memory.add_fact({ subject: 'k', body: 'gone afterwards' });
  await during('memory.load', async () => assert.equal(await loader.memory.load({ path: 'all.json' }), count));
  assert.equal(await loader.memory.fact_count(), count);

  let rows = 0;
  let pages = 0;
  let last = '';
  await during('memory.export', async () => {
    let after: string | undefined;
    do {
      const page = await loader.memory.export({ ...(after !== undefined && { after }) });
      rows += page.rows;
      pages++;
      last = page.text.trimEnd().split('\n').at(-1) ?? '';
      after = page.next;
    } while (after !== undefined);
  });
  assert.deepEqual([rows, pages > 1], [count, true]);
  assert.equal((JSON.parse(last) as { body: string }).body, `is ${count - 1}`);
});

// req: memory.off-loop, memory.index.slices
test('the first question to a memory of 100 000 facts that was just read from its file holds nobody up', async () => {
  await using daemon = await openDaemon('tcp');
  const [written, other] = [await daemon.connect({ memoryNamespace: 'written' }), await daemon.connect()];
  for (const first of [0, count / 2]) {
    const text = Array.from({ length: count / 2 }, (_none, nth) => rowOf(first + nth)).join('\n');
    await written.memory.import({ text });
  }
  await written.skill.ingest({ name: 'count', code: 'x', task_keywords: ['note'] });
  const query = 'note 99 is 99';
  const questions: Record<string, (client: Client) => Promise<unknown>> = {
    query: async ({ memory }) => assert.equal((await memory.query({ query }))[0]?.body, 'is 99'),
    context: async ({ memory }) => assert.match(await memory.build_context({ query }), /## Task Skills\n- count\n/),
    skills: async ({ skill }) => assert.equal((await skill.find({ task: query }))[0]?.name, 'count'),
    explain: async ({ memory }) =>
      assert.equal((await memory.explain({ query, fact_id: 'f99' })).results[0]?.fact_id, 'f99'),
  };
  const folder = join(dirname(daemon.state.journalDir), 'memory', 'memory-namespaces');
  for (const [name, ask] of Object.entries(questions)) {
    copyFileSync(join(folder, 'written.jsonl'), join(folder, `${name}.jsonl`));
    const client = await daemon.connect({ memoryNamespace: name });
    // Reads the file, and makes no index.
    assert.ok((await client.memory.fact_count()) > count);
    const answers = await answersDuring(other, ask(client));
    assert.ok(answers >= minAnswers, `${answers} answers during the first ${name}`);
  }
});
