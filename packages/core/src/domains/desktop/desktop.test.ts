import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { serve, TempFolder, type DaemonOptions } from '@car-runtime/testkit';
import { Ocr } from './ocr.ts';
import { defaultTesseractLimits } from './tesseract.ts';
import { toTextLines } from './text-lines.ts';

type Json = Record<string, unknown>;

const ungated: DaemonOptions = { config: { approvalGate: { enabled: false } } };
/** The words CAR and 42, each on a line, black on white. */
const sample = new URL('./sample-image.png', import.meta.url).pathname;

const signal = new AbortController().signal;
const request = { languages: [], isFast: false, usesDictionary: true, minHeight: 0 };

/** A program that stands for tesseract where the point is what becomes of it. */
function createProgram(folder: TempFolder, script: string): string {
  const path = folder.join('tesseract');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return (error as { data?: { reason?: string } }).data?.reason ?? error;
  }
}

// req: desktop.unsupported
test('what needs a backend of another platform says so: automation as an error, mail and messages as not available', async () => {
  await using daemon = serve(ungated);
  const wire = await daemon.peer({ as: 'client' });
  const calls: [method: string, params: object][] = [
    ['automation.run_applescript', { script: 'beep' }],
    ['automation.run_powershell', { script: 'Get-Date' }],
    ['automation.shortcuts.list', {}],
    ['automation.shortcuts.run', { name_or_id: 'x' }],
  ];
  for (const [method, params] of calls) {
    const { code, message, data } = await wire.error(method, params);
    assert.deepEqual([code, data?.['reason']], [-32603, 'platform_unsupported']);
    assert.match(message, /PlatformUnsupported/);
  }
  const { reason, ...sent } = (await wire.result('messages.send', { recipient: 'r', body: 'b' })) as Json;
  assert.deepEqual(sent, { available: false, backend: null, sent: false });
  assert.match(String(reason), /no backend/);
  const mail = (await wire.result('mail.send', { to: ['r'], subject: 's', body: 'b' })) as Json;
  assert.deepEqual([mail['available'], mail['backend'], mail['message_id']], [false, null, null]);
  const reads: [method: string, params: object, empty: Json][] = [
    ['messages.services', {}, { services: [] }],
    ['messages.chats', { limit: 5 }, { chats: [] }],
    ['mail.accounts', {}, { accounts: [] }],
    ['mail.inbox', { account_ids: ['a'] }, { messages: [], summaries: [] }],
  ];
  for (const [method, params, empty] of reads) {
    const { reason: why, ...answer } = (await wire.result(method, params)) as Json;
    assert.deepEqual(answer, { available: false, backend: null, ...empty }, method);
    assert.match(String(why), /no backend/);
  }
});

// req: desktop.unsupported
test("what only reads the desktop asks nobody, and what reads mail and messages is no agent's to ask", async () => {
  await using daemon = serve();
  const client = await daemon.peer({ as: 'client' });
  assert.equal(((await client.result('mail.inbox', {})) as Json)['available'], false);
  const agent = await daemon.peer({ as: { agent: 'a' } });
  for (const method of [
    'automation.shortcuts.list',
    'mail.accounts',
    'mail.inbox',
    'messages.services',
    'messages.chats',
  ])
    assert.equal((await agent.error(method, {})).data?.['reason'], 'forbidden', method);
});

// req: desktop.ocr
test('vision.ocr reads the lines of an image with their places, from the bottom left', async () => {
  await using daemon = serve(ungated);
  const wire = await daemon.peer({ as: 'client' });
  const { available, observations } = (await wire.result('vision.ocr', {
    image_path: sample,
    languages: ['en-US'],
  })) as { available: boolean; observations: { text: string; confidence: number; y: number; h: number }[] };
  assert.equal(available, true, 'tesseract is installed (Debian: apt-get install tesseract-ocr)');
  assert.deepEqual(
    observations.map(({ text }) => text),
    ['CAR', '42'],
  );
  const [first, second] = observations;
  assert.ok(first && second && first.y > second.y, 'the first line is the higher one');
  for (const { confidence, y, h } of observations) {
    assert.ok(confidence > 0.3 && confidence <= 1 && y >= 0 && y + h <= 1);
  }
  const tall = { image_path: sample, minimum_text_height: 0.9 };
  assert.deepEqual(await wire.result('vision.ocr', tall), { available: true, observations: [] });
});

// req: desktop.ocr-missing
test('vision.ocr without tesseract is not available and names the package; without a language it names that package', async () => {
  const missing = new Ocr({ program: () => undefined });
  assert.deepEqual(await missing.read({}, { ...request, path: sample }, signal), { missingPackage: 'tesseract-ocr' });
  const ocr = new Ocr();
  await assert.rejects(ocr.read({}, { ...request, path: sample, languages: ['cy'] }, signal), {
    message: 'Cannot read the image: language "cy" is not known',
  });
  await assert.rejects(ocr.read({}, { ...request, path: sample, languages: ['cym'] }, signal), {
    message: 'Cannot read the image: no data for cym; install tesseract-ocr-cym',
  });
});

// req: desktop.ocr-bounds
test('only a file that is an image of modest size is read, whatever the path leads to', async () => {
  using folder = new TempFolder();
  const ocr = new Ocr();
  const read = (path: string) => outcomeOf(ocr.read({}, { ...request, path }, signal));
  writeFileSync(folder.join('list.txt'), `${sample}\n/etc/passwd\n`);
  writeFileSync(folder.join('huge.png'), Buffer.alloc(33 * 1024 * 1024));
  mkdirSync(folder.join('folder.png'));
  symlinkSync('/dev/zero', folder.join('endless.png'));
  assert.equal(await read('sample.png'), 'relative_path');
  assert.equal(await read('http://127.0.0.1/x.png'), 'relative_path');
  assert.equal(await read(folder.join('none.png')), 'unreadable');
  assert.equal(await read(folder.join('list.txt')), 'not_an_image');
  assert.equal(await read(folder.join('huge.png')), 'too_large');
  assert.equal(await read(folder.join('folder.png')), 'not_a_file');
  assert.equal(await read(folder.join('endless.png')), 'not_a_file');
});

// req: desktop.ocr-bounds
test('a program that hangs, floods or fails is ended, and the call says so', async () => {
  using folder = new TempFolder();
  const run = (script: string, limits = {}) => {
    const path = createProgram(folder, script);
    const ocr = new Ocr({ program: () => path, limits: { ...defaultTesseractLimits, ...limits } });
    return outcomeOf(ocr.read({}, { ...request, path: sample }, signal));
  };
  assert.equal(await run('exec sleep 1000', { timeoutMs: 50 }), 'timeout');
  assert.equal(await run('while :; do echo flood; done', { maxOutputBytes: 10_000 }), 'too_large');
  assert.equal(await run('echo broken >&2; exit 3'), 'program_failed');
  assert.deepEqual(await run('env > /dev/null; exit 0'), { lines: [] });
});

// req: desktop.ocr-bounds
test('a caller that goes away ends the program, and so many images at a time are the limit', async () => {
  using folder = new TempFolder();
  const path = createProgram(folder, 'exec sleep 1000');
  const ocr = new Ocr({ program: () => path });
  const controller = new AbortController();
  const reason = new Error('gone');
  const running = Array.from({ length: 8 }, () => ocr.read({}, { ...request, path: sample }, controller.signal));
  const settled = Promise.allSettled(running);
  assert.equal(await outcomeOf(ocr.read({}, { ...request, path: sample }, signal)), 'overloaded');
  controller.abort(reason);
  for (const each of await settled) assert.equal(each.status, 'rejected');
});

// req: desktop.ocr-bounds
test('the program gets nothing of the daemon’s environment, and the image but no path', async () => {
  using folder = new TempFolder();
  process.env['CAR_TEST_SECRET'] = 'secret';
  const path = createProgram(
    folder,
    `env > ${folder.join('env')}; echo "$@" > ${folder.join('args')}; cat > ${folder.join('image')}`,
  );
  await new Ocr({ program: () => path }).read({}, { ...request, path: sample }, signal);
  delete process.env['CAR_TEST_SECRET'];
  assert.doesNotMatch(readFileSync(folder.join('env'), 'utf8'), /secret/i);
  assert.equal(readFileSync(folder.join('args'), 'utf8'), 'stdin stdout -l eng tsv\n');
  assert.deepEqual(readFileSync(folder.join('image')), readFileSync(sample));
});

test('a table with tabs in words, rows out of place and no page gives what lines it can', () => {
  const row = (...cells: unknown[]) => cells.join('\t');
  const table = [
    row(
      'level',
      'page_num',
      'block_num',
      'par_num',
      'line_num',
      'word_num',
      'left',
      'top',
      'width',
      'height',
      'conf',
      'text',
    ),
    row(5, 1, 1, 1, 1, 1, 0, 0, 5, 5, 90, 'before any line'),
    row(1, 1, 0, 0, 0, 0, 0, 0, 100, 50, -1, ''),
    row(4, 1, 1, 1, 1, 0, 10, 5, 40, 10, -1, ''),
    row(5, 1, 1, 1, 1, 1, 10, 5, 20, 10, 90, 'a\tb'),
    row(5, 1, 1, 1, 2, 1, 10, 5, 20, 10, 90, 'of another line'),
    row(5, 1, 1, 1, 1, 2, 30, 5, 20, 10, 70, 'c'),
    'nonsense',
  ].join('\n');
  assert.deepEqual(toTextLines(table), [{ text: 'a\tb c', confidence: 0.8, x: 0.1, y: 0.7, w: 0.4, h: 0.2 }]);
});
