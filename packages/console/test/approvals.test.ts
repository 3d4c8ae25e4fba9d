// Deciding approvals in a real browser: keys, the second gesture, what changed, and what others decide.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { openConsole } from './open-console.ts';

const hostile = '<img src=x onerror=alert(1)> \u202E\u200B';

/** The plan is refused until somebody approves the operation. */
const deploy = (version: number) => ({
  actions: [
    {
      id: 'd',
      type: 'tool_call' as const,
      tool: 'count',
      parameters: { command: 'curl example.org', version, hostile },
    },
  ],
});

async function openCard(page: Page, text: string): Promise<void> {
  await page.locator('a.approval', { hasText: text }).first().click();
  await page.waitForSelector(`car-approval-card h2:has-text(${JSON.stringify(text)})`);
}

// req: console.approvals.gesture
test('what cannot be undone is approved by holding a key or typing a word, never by a click, and Escape goes back', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await page.goto(`${opened.origin}/#/approvals`);
  const send = () =>
    daemon.agent.messages.send({ recipient: hostile, body: hostile }).then(
      () => 'ran',
      () => 'refused',
    );
  const first = send();
  await openCard(page, 'messages.send');
  await page.waitForSelector('car-approval-card car-countdown:has-text("expires in")');
  await page.click('car-approval-card button.approve');
  const hold = page.locator('car-hold button');
  await hold.click();
  await page.locator('car-hold input').fill('approved');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.waitForSelector('car-approval-card button.approve');
  assert.equal((await daemon.host.host.approvals({ status: 'pending' })).approvals.length, 1, 'nothing was decided');

  await page.fill('car-approval-card #notes', 'it is fine');
  await page.click('car-approval-card button.approve');
  await hold.focus();
  await page.keyboard.down('Space');
  await page.waitForSelector('car-approval-card car-badge:has-text("approved")');
  await page.keyboard.up('Space');
  assert.equal(await first, 'ran');
  await page.waitForSelector('car-approval-card :text("it is fine")');

  const second = send();
  await page.locator('a.approval').first().click();
  await page.waitForSelector('car-approval-card button.approve');
  await page.keyboard.press('a');
  await page.locator('car-hold input').fill('approve');
  await page.keyboard.press('Enter');
  await page.waitForSelector('car-approval-card car-badge:has-text("approved")');
  assert.equal(await second, 'ran');
  assert.deepEqual(opened.problems, []);
});

// req: console.approvals.changes
test('a card says what differs from the last approval of the same, as text', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await daemon.agent.proposal.submit({ proposal: deploy(1) });
  const { approvals } = await daemon.host.host.approvals({ status: 'pending' });
  await daemon.host.host.resolve_approval({ approval_id: approvals[0]!.id, resolution: 'approve' });
  await daemon.agent.proposal.submit({ proposal: deploy(2) });
  await page.goto(`${opened.origin}/#/approvals`);
  await openCard(page, 'Run "count"');
  await page.waitForSelector('section[aria-label="Since the last approval"] .removed:has-text("1")');
  await page.waitForSelector('section[aria-label="Since the last approval"] .added:has-text("2")');
  assert.equal(await page.locator('section[aria-label="Since the last approval"] dt').count(), 1, 'and nothing else');
  await page.waitForSelector('car-approval-card car-badge:has-text("full access")');
  await page.click('car-approval-card summary');
  await page.waitForSelector('car-approval-card details pre:has-text("<img src=x")');
  assert.deepEqual(opened.problems, []);
});

// req: console.approvals.whole
test('where a card was cut, all of the action is read before it is decided, as text that scrolls in a box', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const script = `${hostile}${'x'.repeat(20_000)} the end`;
  const huge = `${'y'.repeat(70_000)} the last`;
  const ask = (action: string, details?: Record<string, unknown>) =>
    daemon.agent.host.request_approval({ action, details, system_level: true });
  const { id } = await ask('run a script', { script });
  await ask('write a book', { huge });
  await ask('say hello');
  await page.goto(`${opened.origin}/#/approvals/${id}`);
  const card = page.locator('car-approval-card');
  await card.locator('pre', { hasText: 'more characters)' }).waitFor();
  await card.getByRole('button', { name: 'Show all of it' }).click();
  const whole = card.locator('#whole:focus');
  await whole.waitFor();
  const text = (await whole.textContent()) ?? '';
  assert.ok(
    text.includes(`<img src=x onerror=alert(1)> \\u202e\\u200b${'x'.repeat(20_000)} the end`),
    text.slice(0, 200),
  );
  assert.equal(await page.locator('car-approval-card img').count(), 0);
  const box = await whole.boundingBox();
  assert.ok(box && box.height <= (page.viewportSize()?.height ?? 0) / 2, 'it scrolls');
  assert.ok(await card.getByRole('button', { name: 'Approve' }).isVisible(), 'and the decision stays in sight');
  await card.getByRole('button', { name: 'Hide' }).click();
  await whole.waitFor({ state: 'detached' });

  await openCard(page, 'write a book');
  await card.getByRole('button', { name: 'Show all of it' }).click();
  await whole.waitFor();
  await card.getByText(/Beginning and end of 70,\d\d\d characters; 4,\d\d\d between them are not kept/).waitFor();
  assert.match((await whole.textContent()) ?? '', /y\[… 4,\d\d\d characters …\]y.* the last/s);

  await openCard(page, 'say hello');
  await card.getByRole('button', { name: 'Show it as JSON' }).waitFor();
  assert.equal(await whole.count(), 0, 'what was open belongs to the other');
  await card.getByRole('button', { name: 'Approve' }).click();
  await card.locator('car-badge:has-text("approved")').waitFor();
  assert.deepEqual(opened.problems, []);
});

// req: console.approvals.elsewhere
test('what somebody else decides leaves the list at once, and the page says who decided', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const ask = (action: string) => daemon.agent.host.request_approval({ action, system_level: true });
  const [first] = [await ask(`first ${hostile}`), await ask('second')];
  await page.goto(`${opened.origin}/#/approvals`);
  await openCard(page, 'first');
  await daemon.host.host.resolve_approval({ approval_id: first.id, resolution: 'deny', notes: hostile });
  await page.waitForSelector('.notice:has-text("denied by human, by conn:")');
  await page.waitForSelector('car-approval-card car-badge:has-text("denied by human")');
  assert.equal(await page.locator('a.approval').count(), 1, 'the card stays, the list goes on');
  assert.equal(await page.locator('car-approval-card button.approve').count(), 0, 'and cannot be decided again');
  await page.keyboard.press('j');
  await page.waitForSelector('car-approval-card h2:has-text("second")');
  assert.deepEqual(opened.problems, []);
});

// req: console.approvals.keys
test('keys move through the list, decide, filter, and explain themselves', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  for (const action of ['one', 'two', 'three'])
    await daemon.agent.host.request_approval({ action, system_level: true });
  await page.goto(`${opened.origin}/#/approvals`);
  const title = (text: string) => page.waitForSelector(`car-approval-card h2:has-text("${text}")`);
  await title('one');
  await page.keyboard.press('j');
  await title('two');
  await page.keyboard.press('ArrowDown');
  await title('three');
  await page.keyboard.press('k');
  await title('two');
  await page.keyboard.press('?');
  await page.waitForSelector('section[aria-label="Keys"]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('section[aria-label="Keys"]', { state: 'detached' });
  await page.keyboard.press('d');
  await page.waitForSelector('car-approval-card car-badge:has-text("denied by human")');
  await page.waitForSelector('car-approval-card :text("you")');
  await page.keyboard.press('/');
  await page.keyboard.type('three');
  await page.locator('a.approval', { hasText: 'one' }).waitFor({ state: 'detached' });
  assert.equal(await page.locator('a.approval').count(), 1);
  assert.deepEqual(opened.problems, []);
});

// req: console.approvals.plan
test('a whole plan is looked at, the gravest operation first, and approved with one gesture', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const call = (id: string, parameters: Record<string, unknown>) => ({
    id,
    type: 'tool_call' as const,
    tool: 'count',
    parameters,
  });
  const plan = {
    source: hostile,
    actions: [
      call('look', { text: hostile }),
      call('fetch', { command: 'curl example.org', hostile }),
      call('ship', { command: 'kubectl apply -f x' }),
    ],
  };
  await daemon.agent.proposal.submit({ proposal: plan });
  await page.goto(`${opened.origin}/#/approvals`);
  await page.locator('a.approval.plan', { hasText: 'Plan of 3 actions' }).click();
  await page.waitForSelector('car-approval-plan h2:has-text("A plan of 3 actions from <img src=x")');
  const operations = await page.locator('car-approval-plan li').allTextContents();
  assert.equal(operations.length, 3);
  const isAsking = operations.map((text) => text.includes('needs approval'));
  assert.deepEqual(isAsking, [true, true, false], 'what is gravest stands first');
  await page.keyboard.press('a');
  await page.locator('car-hold input').fill('approve');
  await page.keyboard.press('Enter');
  await page.waitForSelector('car-approval-plan car-badge:has-text("3 operations approved")');
  const again = await daemon.agent.proposal.submit({ proposal: plan });
  assert.ok(again.results.every(({ status }) => status === 'succeeded'));

  await daemon.agent.proposal.submit({
    proposal: {
      source: hostile,
      actions: [
        ...plan.actions,
        call('more', { command: 'curl more.example.org' }),
        call('most', { command: 'ssh x' }),
      ],
    },
  });
  await page.locator('a.approval.plan', { hasText: 'Plan of 5 actions' }).click();
  await page.waitForSelector('car-approval-plan :text("2 new, 0 gone")');
  await page.keyboard.press('d');
  await page.waitForSelector('car-approval-plan :text("2 denied: it does not run")');
  assert.deepEqual((await daemon.host.host.approvals({ status: 'pending' })).approvals, []);
  assert.deepEqual(opened.problems, []);
});

// req: console.approvals.history
test('the history is read backwards page by page and filtered by how it ended', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const { host } = daemon;
  for (let index = 0; index < 230; index++) {
    const { id } = await daemon.agent.host.request_approval({ action: `ask ${index}`, system_level: true });
    await host.host.resolve_approval({ approval_id: id, resolution: index === 3 ? 'deny' : 'approve' });
  }
  await page.reload();
  await page.goto(`${opened.origin}/#/approvals`);
  await page.click('button:has-text("History")');
  await page.fill('input[type=search]', 'ask 3');
  await page.waitForSelector('a.approval:has-text("ask 39")');
  const last = page.locator('a.approval', { hasText: /^\s*ask 3\b(?!\d)/ });
  assert.equal(await last.count(), 0, 'it is older than what was read');
  await page.click('button:has-text("Show older")');
  await page.click('button:has-text("Show older")');
  await page.waitForSelector('button:has-text("Show older")', { state: 'detached' });
  await page.selectOption('select[aria-label="How it ended"]', 'denied_by_human');
  await last.waitFor();
  assert.equal(await page.locator('a.approval').count(), 1);
  await last.click();
  await page.waitForSelector('car-approval-card car-badge:has-text("denied by human")');
});
