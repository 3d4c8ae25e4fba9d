// Conversations in the console, in a real browser, with a real agent that the daemon started.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openConsole } from './open-console.ts';
import { startTalker } from './views.ts';

/** One transparent point. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

async function openChat(context: TestContext) {
  const opened = await openConsole(context);
  if (!opened) return undefined;
  const { page, daemon } = opened;
  await startTalker(daemon.host);
  await page.goto(`${opened.origin}/#/agent/talker/chat`);
  const prompt = page.getByLabel('Prompt');
  const ready = () => page.waitForSelector('.hint:has-text("Enter sends")');
  await ready();
  return {
    ...opened,
    prompt,
    ready,
    say: async (text: string) => {
      await prompt.fill(text);
      await prompt.press('Enter');
    },
    answers: page.locator('.answer'),
    /** The text of an answer, from all its parts. */
    said: async (turn: number) =>
      (await page.locator('.answer').nth(turn).locator('car-markdown .content').allInnerTexts()).join('|'),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

// req: console.chat
test('an answer streams in, a tool is a card, a question is answered in place, and a cancel ends it', async (context) => {
  await using opened = await openChat(context);
  if (!opened) return;
  const { page, say, answers, prompt } = opened;
  await say('say **one** two');
  await answers.nth(0).locator('strong:has-text("one")').waitFor();

  await say('tool the weather');
  const card = answers.nth(1).locator('details');
  await card.locator('car-badge:has-text("done")').waitFor();
  assert.match(await card.locator('summary').innerText(), /look <b>up<\/b>[^]*the weather[^]*12 ms/);
  assert.equal(await card.getAttribute('open'), null, 'closed until somebody looks');
  await card.locator('summary').click();
  await card.locator('pre:has-text("found")').waitFor();

  await say('ask mail');
  const question = answers.nth(2).locator('.question');
  await question.locator('pre:has-text("<img src=x onerror=alert(1)> ‹U+202E›")').waitFor();
  await question.getByRole('button', { name: 'Approve' }).click();
  await answers.nth(2).getByText('you said "approve"').waitFor();

  await say('ask forever');
  const irreversible = answers.nth(3).locator('.question');
  await irreversible.getByRole('button', { name: 'Approve' }).click();
  await irreversible.locator('car-hold input').fill('approve');
  await irreversible.locator('car-hold input').press('Enter');
  await answers.nth(3).getByText('you said "approve"').waitFor();

  await say('hold it');
  await answers.nth(4).getByText('first it').waitFor();
  await prompt.press('Escape');
  await answers.nth(4).getByText('Cancelled').waitFor();
  await opened.daemon.host.host.notify({ kind: 'test.go-on' });
  await prompt.press('Shift+Enter');
  await prompt.pressSequentially('say after');
  assert.equal(await prompt.inputValue(), '\nsay after', 'Shift+Enter makes a line');
  await prompt.fill('say after');
  await prompt.press('Enter');
  await answers.nth(5).getByText('after').waitFor();
  assert.equal((await opened.said(4)).trim(), 'first it', 'what was cancelled says no more');

  await say('fail <b>badly</b>');
  await answers.nth(6).getByText('The agent failed: <b>badly</b>').waitFor();
  await answers.nth(6).getByRole('button', { name: 'Try again' }).click();
  await answers.nth(7).getByText('The agent failed: <b>badly</b>').waitFor();
  assert.deepEqual(opened.problems, []);
  await page.waitForSelector('nav[aria-label=Chats] a:has-text("say **one** two")');
});

// req: console.chat-resume
test('chats go on after a reload and after a restart of the daemon: nothing missing, nothing twice', async (context) => {
  await using opened = await openChat(context);
  if (!opened) return;
  const { page, say, answers } = opened;
  await say('say hello');
  await answers.nth(0).getByText('hello').waitFor();
  await page.getByRole('link', { name: '+ New chat' }).click();
  await page.getByRole('heading', { name: 'Talk to talker' }).waitFor();
  await say('hold on');
  await answers.nth(0).getByText('first on').waitFor();

  await page.reload();
  await answers.nth(0).getByText('first on').waitFor();
  assert.equal(await page.locator('nav[aria-label=Chats] a').count(), 3, 'the new one and both there are');
  await opened.daemon.host.host.notify({ kind: 'test.go-on' });
  await answers.nth(0).getByText('first on and last', { exact: true }).waitFor();

  await say('hold again');
  await answers.nth(1).getByText('first again').waitFor();
  const restarted = await opened.restart();
  await answers.nth(1).getByText('The answer is not complete: The daemon was restarted').waitFor();
  await restarted.host.agents.wait({ id: 'talker', targets: ['running'] });
  await opened.ready();
  await say('say still here');
  await answers.nth(2).getByText('still here').waitFor();
  assert.deepEqual(
    await page.locator('.prompt').allInnerTexts(),
    ['hold on', 'hold again', 'say still here'],
    'each prompt once, in order',
  );
  assert.equal(await opened.said(0), 'first on and last');
});

// req: console.chat-images
test('images are pasted, dropped and picked, refused with a reason where they are too large or none, and reach the agent', async (context) => {
  await using opened = await openChat(context);
  if (!opened) return;
  const { page, prompt, answers } = opened;
  const picker = page.locator('input[type=file]');
  await picker.setInputFiles([
    { name: '<img src=x>.png', mimeType: 'image/png', buffer: png },
    { name: 'page.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg onload="alert(1)"/>') },
    { name: 'large.png', mimeType: 'image/png', buffer: Buffer.concat([png, Buffer.alloc(12_000_000)]) },
  ]);
  await page.getByText('“page.svg” is not taken: agents get PNG, JPEG, GIF and WebP images').waitFor();
  await page.getByText(/“large.png” is too large with 12.0 MB/).waitFor();
  await page.locator('figure', { hasText: '<img src=x>.png' }).waitFor();
  const files = await page.evaluateHandle(
    (bytes) => {
      // @ts-expect-error a type of browsers
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], 'dropped.png', { type: 'image/png' }));
      return transfer;
    },
    [...png],
  );
  await page.locator('car-chat-composer form').dispatchEvent('drop', { dataTransfer: files });
  await page.locator('figure', { hasText: 'dropped.png' }).waitFor();
  await prompt.evaluate((field, clipboardData) => {
    // @ts-expect-error a type of browsers
    const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
    field.dispatchEvent(event);
  }, files);
  await page.locator('figure').nth(2).waitFor();
  await page.getByRole('button', { name: 'Remove dropped.png' }).first().click();
  await prompt.fill('say seen');
  await prompt.press('Enter');
  await answers.nth(0).getByText('seen with image/png,image/png').waitFor();
  assert.equal(await page.locator('figure').count(), 0);
  assert.deepEqual(opened.problems, []);
});

// req: console.chat-hostile
test('what an agent writes is text and harmless markdown: no element, script, image or link of its own choosing', async (context) => {
  await using opened = await openChat(context);
  if (!opened) return;
  const { page, say, answers } = opened;
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  await say(
    [
      'say <img src=x onerror="document.title=1"> <script>document.title=2</script>',
      '[bad](javascript:document.title=3) [data](data:text/html,x) [good](https://example.com/a)',
      '![seen](https://example.com/pixel.png) ![](data:image/png;base64,AAAA)',
      'hid\u202Eden <a href="https://example.com/b">raw</a> 👩\u200D💻',
      '',
      '| a |',
      '| :-: |',
      '| `b` |',
      '',
      '```html',
      '<script>document.title=4</script>',
      '```',
    ].join('\n'),
  );
  const answer = answers.nth(0);
  await answer.getByRole('button', { name: 'Copy' }).waitFor();
  const text = await opened.said(0);
  for (const shown of ['<img src=x', '<script>document.title=2</script>', 'hid‹U+202E›den', '<a href=', '👩\u200D💻'])
    assert.ok(text.includes(shown), `${shown} is shown as it is in ${text}`);
  const links = await answer
    .locator('a')
    .evaluateAll((all) => all.map((each) => [each.getAttribute('href'), each.getAttribute('rel'), each.textContent]));
  assert.deepEqual(links, [
    ['https://example.com/a', 'noopener noreferrer', 'good'],
    ['https://example.com/pixel.png', 'noopener noreferrer', 'image: seen'],
    ['https://example.com/b', 'noopener noreferrer', 'https://example.com/b'],
  ]);
  assert.equal(await answer.locator('img, script, iframe, [style]').count(), 0);
  assert.equal(await page.title(), 'CAR');

  await say('large 1000000');
  await answers.nth(1).locator('.content.as-it-is').waitFor();
  await page.getByRole('button', { name: 'Send' }).waitFor();
  await say('say still smooth');
  await answers.nth(2).getByText('still smooth').waitFor();
  assert.deepEqual(
    requests.filter((url) => !url.startsWith(opened.origin)),
    [],
    'nothing was fetched from elsewhere',
  );
  assert.deepEqual(opened.problems, []);
});

// req: console.chat-external
test('an external agent takes a task, and what it asks the daemon for is the card of the daemon, decided in place', async (context) => {
  const program = join(import.meta.dirname, '..', '..', 'core', 'test', 'stand-ins', 'acp-agent.ts');
  await using opened = await openConsole(context, {
    acpAgents: { helper: { command: process.execPath, args: [program] } },
  });
  if (!opened) return;
  const { page } = opened;
  await page.goto(`${opened.origin}/#/agents`);
  await page.getByLabel('External agents').locator('li', { hasText: 'helper' }).getByRole('link').click();
  const prompt = page.getByLabel('Prompt');
  const answers = page.locator('.answer');
  await prompt.fill('go');
  await prompt.press('Enter');
  const question = answers.nth(0).locator('.question');
  await question.locator('pre', { hasText: 'Let external agent helper use a tool' }).waitFor();
  assert.equal(await page.getByLabel('Waits for you').count(), 0, 'it is asked in one place');
  await question.getByRole('button', { name: 'Approve' }).click();
  await answers.nth(0).getByText('yes, 0 images').waitFor();
  await question.getByText('approved').first().waitFor();

  await prompt.fill('hang');
  await prompt.press('Enter');
  await answers.nth(1).getByText('Let me see.').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await answers.nth(1).getByText('Cancelled').waitFor();
  assert.deepEqual(opened.problems, []);
});

// req: console.chat
test('what waits for a person because of an agent is shown beside its conversation', async (context) => {
  await using opened = await openChat(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const waiting = page.getByLabel('Waits for you');
  const { id } = await daemon.agent.host.request_approval({
    action: 'send the mail',
    agent_id: 'talker',
    system_level: true,
  });
  await waiting.locator('pre', { hasText: 'send the mail' }).waitFor();
  await waiting.getByRole('button', { name: 'Deny' }).click();
  await waiting.waitFor({ state: 'detached' });
  const { approvals } = await daemon.host.host.approvals({});
  assert.deepEqual(
    approvals.map((approval) => [approval.id, approval.outcome]),
    [[id, 'denied_by_human']],
  );
});
