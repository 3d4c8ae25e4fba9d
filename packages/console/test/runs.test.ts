// Runs in a real browser, against a real daemon.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openConsole } from './open-console.ts';

const call = (id: string, more: object = {}) => ({ id, type: 'tool_call' as const, tool: 'work', ...more });
const success = { status: 'success' } as const;

// req: console.run-timeline, console.graph
test('a plan that is under way is seen action by action, as a timeline and as a graph, and then as turns', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const begun = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string>();
  await daemon.agent.registerTool('work', undefined, ({ waits }) => {
    if (!waits) return 'at once';
    begun.resolve();
    return answer.promise;
  });
  const { run_id } = await daemon.agent.runs.start({ intent: 'plan', agent_name: 'planner' });
  await page.goto(`${opened.origin}/#/run/${run_id}`);
  await page.waitForSelector('text=No turn yet');
  const submitted = daemon.agent.proposal.submit({
    proposal: {
      actions: [
        call('first'),
        call('second', { dependencies: ['first'], parameters: { waits: true } }),
        call('third', { dependencies: ['second'] }),
      ],
    },
  });
  await begun.promise;
  const statuses = () =>
    page.locator('.span').evaluateAll((spans) => spans.map((span) => span.getAttribute('data-status')));
  await page.waitForSelector('.span[data-status=executing]');
  assert.deepEqual(await statuses(), ['executing', 'succeeded', 'executing', 'proposed'], 'the plan and its actions');
  await page.click('[role=tab]:has-text("Graph")');
  await page.waitForSelector('.node[data-status=executing]');
  const nodes = () => page.locator('.node').evaluateAll((all) => all.map((node) => node.getAttribute('aria-label')));
  assert.match(String(await nodes()), /work, first, succeeded.*,work, second, running,work, third, waiting/);
  await page.reload();
  await page.waitForSelector('.node[data-status=executing]');
  assert.match(page.url(), new RegExp(`#/run/${run_id}\\?tab=graph$`), 'the address says how it is shown');
  answer.resolve('at last');
  await submitted;
  await page.locator('.node[data-status=succeeded]').nth(2).waitFor();
  assert.equal(await page.locator('.edge.critical').count(), 2, 'all three are the critical path');
  await page.locator('.node').first().focus();
  for (const key of ['ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
  await page.keyboard.press('Enter');
  await page.waitForSelector('h2:has-text("Turn 1")');
  assert.match(page.url(), new RegExp(`#/run/${run_id}/1\\?tab=graph$`), 'the address says which turn is open');
  await page.click('[role=tab]:has-text("Timeline")');
  assert.deepEqual(await statuses(), ['succeeded', 'succeeded', 'succeeded', 'succeeded']);
  assert.deepEqual(opened.problems, []);
});

// req: console.run-timeline
test('a link to a turn opens it and scrolls there, and the arrow keys go on from it', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const { run_id } = await daemon.worker.runs.start({ intent: 'long' });
  for (let n = 0; n < 4; n++) {
    const turns = Array.from({ length: 250 }, (_, at) => ({
      tool: `tool ${n * 250 + at}`,
      output: `said ${n * 250 + at}`,
    }));
    await daemon.worker.runs.record_turns({ run_id, turns });
  }
  await page.goto(`${opened.origin}/#/run/${run_id}/777`);
  await page.waitForSelector('h2:has-text("Turn 777")');
  const row = page.locator('.span[data-turn="777"]');
  await row.waitFor();
  assert.equal(await row.getAttribute('aria-current'), 'true');
  const [box, list] = await Promise.all([row.boundingBox(), page.locator('car-virtual-list').boundingBox()]);
  assert.ok(box && list && box.y >= list.y && box.y + box.height <= list.y + list.height, 'it is on the screen');
  assert.ok((await page.locator('.span').count()) < 100, 'and only what is on the screen is in the page');
  await row.focus();
  for (let n = 0; n < 30; n++) await page.keyboard.press('ArrowDown');
  await page.waitForSelector('h2:has-text("Turn 807")');
  await page.locator('.span[data-turn="807"]:focus').waitFor();
  assert.deepEqual(opened.problems, []);
});

// req: console.links
test('a run leads to its agent and to what it waits for, an agent to its runs, and the navigation says where they belong', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await daemon.host.agents.upsert({ id: 'worker', name: 'worker', command: process.execPath, args: ['-v'] });
  const { run_id } = await daemon.worker.runs.start({ intent: 'of the worker' });
  await daemon.agent.runs.start({ intent: 'of nobody that is supervised', agent_name: 'visitor' });
  const current = () => page.locator('nav[aria-label=Views] a[aria-current]').textContent();
  await page.goto(`${opened.origin}/#/run/${run_id}`);
  await page.waitForSelector('h1:has-text("of the worker")');
  assert.equal((await current())?.trim(), 'Runs');
  assert.equal(await page.locator('a.waits').count(), 0);

  const { id } = await daemon.worker.host.request_approval({ action: 'may I', system_level: true });
  await page.click('a.waits:has-text("waits for an approval")');
  await page.waitForSelector('car-approval-card h2:has-text("may I")');
  assert.match(page.url(), new RegExp(`#/approvals/${id}$`));
  await page.goBack();
  await page.waitForSelector('a.waits');
  await daemon.host.host.resolve_approval({ approval_id: id, resolution: 'approve' });
  await page.waitForSelector('a.waits', { state: 'detached' });

  await page.locator('.facts').getByRole('link', { name: 'worker' }).click();
  await page.getByRole('link', { name: 'Its runs' }).waitFor();
  assert.equal((await current())?.trim(), 'Agents');
  await page.getByRole('link', { name: 'Its runs' }).click();
  await page.waitForSelector('a.run:has-text("of the worker")');
  assert.equal(await page.locator('a.run').count(), 1, 'and no other');

  await page.goto(`${opened.origin}/#/runs?q=nobody`);
  await page.click('a.run:has-text("of nobody")');
  await page.waitForSelector('h1:has-text("of nobody")');
  assert.equal(await page.locator('.facts a').count(), 0, 'there is no page of who is not supervised');
  assert.deepEqual(opened.problems, []);
});

// req: console.replay
test('a run is replayed by key: what had not happened is not there, and at the end it is as it was', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await daemon.agent.registerTool('work', undefined, ({ text }) => `the answer to ${String(text)}`);
  const { run_id } = await daemon.agent.runs.start({ intent: 'replayed', agent_name: 'planner' });
  await daemon.agent.proposal.submit({
    proposal: {
      actions: [
        call('a', { parameters: { text: 'one' } }),
        call('b', { dependencies: ['a'], parameters: { text: 'two' } }),
      ],
    },
  });
  await daemon.agent.runs.complete({ run_id, outcome: { status: 'give_up', summary: 'tired' } });
  await page.goto(`${opened.origin}/#/run/${run_id}/1`);
  await page.waitForSelector('car-badge:has-text("give up")');
  await page.waitForSelector('pre:has-text("the answer to two")');
  const slider = page.locator('input[type=range]');
  await slider.focus();
  await page.keyboard.press('Home');
  await page.waitForSelector('text=Not there yet');
  assert.equal(await page.locator('.span').count(), 0);
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.locator('.span').count(), 0, 'the run has started, and nothing else');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector('.span[data-turn="0"][data-status=proposed]');
  assert.match((await slider.getAttribute('aria-valuetext')) ?? '', /^2 of 8 events/);
  await page.waitForSelector('car-badge:has-text("in progress")');
  while ((await page.locator('.span[data-turn="1"][data-status=executing]').count()) === 0)
    await page.keyboard.press('ArrowRight');
  assert.equal(await page.locator('pre:has-text("the answer to two")').count(), 0, 'it has not answered yet');
  await page.click('button:has-text("16×")');
  await slider.focus();
  await page.keyboard.press(' ');
  await page.waitForSelector('car-badge:has-text("give up")');
  await page.waitForSelector('pre:has-text("the answer to two")');
  await page.keyboard.press('ArrowLeft');
  await page.waitForSelector('car-badge:has-text("in progress")');
  await page.keyboard.press('End');
  await page.waitForSelector('car-badge:has-text("give up")');
  assert.deepEqual(opened.problems, []);
});

const hostile = [
  '<img src=x onerror="window.hacked=1">',
  '</pre></car-value><script>window.hacked=1</script>',
  '"><svg onload=window.hacked=1>',
  '${7*7}{{7*7}}javascript:window.hacked=1',
  '\u202E\u0000\u200B\u001B[31m',
];

// req: console.run-detail
test('whatever anybody wrote in any field of a run is text: in the list, the timeline, the graph and in full', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  for (const text of hostile) {
    const tool = `tool ${text}`;
    await daemon.worker.registerTool(tool, undefined, () => ({ [text]: text, usage: { tokens: text, [text]: 1 } }));
    await daemon.worker.policy.register({ name: `policy ${text}`, rule: 'deny_tool', target: 'denied' });
    const { run_id } = await daemon.worker.runs.start({ intent: text, outcome_description: text });
    const actions = [
      {
        id: `id ${text}`,
        type: 'tool_call' as const,
        tool,
        parameters: { [text]: [text], prompt: text },
        failure_behavior: 'skip' as const,
      },
      { id: `other ${text}`, type: 'tool_call' as const, tool: 'denied', dependencies: [`id ${text}`] },
    ];
    await daemon.worker.proposal.submit({ proposal: { id: `plan ${text}`, actions } });
    const turn = {
      prompt: text,
      tool: text,
      parameters: text,
      output: text,
      cli_outcome: { [text]: text },
      verifier_verdict: text,
    };
    await daemon.worker.runs.record_turns({ run_id, turns: [turn] });
    await daemon.worker.runs.complete({
      run_id,
      outcome: { status: 'done', summary: text, evidence: [text, { [text]: text }] },
    });
    await page.goto(`${opened.origin}/#/runs`);
    await page.locator('a.run').first().waitFor();
    await page.goto(`${opened.origin}/#/run/${encodeURIComponent(run_id)}`);
    await page.waitForSelector('car-value[label=Evidence] pre');
    for (const index of [0, 1, 2]) {
      await page.goto(`${opened.origin}/#/run/${run_id}/${index}`);
      await page.waitForSelector(`h2:has-text("Turn ${index}")`);
    }
    await page.waitForSelector(`car-value[label=Output] pre`);
    const shown = await page.locator('car-value[label=Output] pre').innerText();
    assert.ok(!['\u202E', '\u0000', '\u200B', '\u001B'].some((character) => shown.includes(character)));
    await page.click('[role=tab]:has-text("Graph")');
    await page.waitForSelector('.node');
    await page.goto(`${opened.origin}/#/events`);
  }
  assert.equal(await page.evaluate('window.hacked'), undefined);
  assert.deepEqual(opened.problems, []);
});

// req: console.run-detail
test('a large value is cut, and shown and copied whole when asked for; JSON is indented', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, browser, daemon } = opened;
  const output = 'word '.repeat(3_000);
  const { run_id } = await daemon.worker.runs.start({ intent: 'large' });
  const usage = { usage: { tokens_in: 3, tokens_out: 4, cost_usd: 0.5 } };
  await daemon.worker.runs.record_turns({
    run_id,
    turns: [{ output, parameters: { a: { b: 1 } }, cli_outcome: usage }],
  });
  await daemon.worker.runs.complete({ run_id, outcome: success });
  await browser.contexts()[0]?.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: opened.origin });
  await page.goto(`${opened.origin}/#/run/${run_id}/0`);
  const value = page.locator('car-value[label=Output]');
  await value.locator('pre').waitFor();
  assert.ok((await value.locator('pre').innerText()).length < 5_000);
  await value.locator('button:has-text("Copy")').click();
  await value.locator('button:has-text("Copied")').waitFor();
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), output);
  await value.locator('button.all').click();
  assert.equal((await value.locator('pre').innerText()).trim().length, output.trim().length);
  assert.equal(await page.locator('car-value[label=Parameters] pre').innerText(), '{\n  "a": {\n    "b": 1\n  }\n}');
  assert.deepEqual(
    await page
      .locator('dd')
      .allInnerTexts()
      .then((all) => all.slice(-2)),
    ['7 (3 in, 4 out)', '$0.50'],
  );
  assert.deepEqual(opened.problems, []);
});

// req: console.runs-list
test('runs are found by what the address says, newer ones come by themselves, and the page holds only what is on screen', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const start = async (intent: string, agent_name: string, status?: 'success' | 'failure') => {
    const { run_id } = await daemon.agent.runs.start({ intent, agent_name });
    if (status) await daemon.agent.runs.complete({ run_id, outcome: { status } });
  };
  for (let n = 0; n < 260; n++) await start(`number ${n}`, n % 2 === 0 ? 'even' : 'odd', 'success');
  await start('broken', 'odd', 'failure');
  await page.goto(`${opened.origin}/#/runs`);
  await page.waitForSelector('a.run:has-text("broken"):has-text("failure")');
  assert.ok((await page.locator('a.run').count()) < 60);
  const list = page.locator('car-virtual-list');
  await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
  await page.waitForSelector('span[role=status]:has-text("261")');
  await list.evaluate((element) => (element.scrollTop = element.scrollHeight));
  await page.locator('a.run', { hasText: /^\s*number 0\b/ }).waitFor();
  assert.ok((await page.locator('a.run').count()) < 60, 'rows that left the screen left the page');
  await page.fill('input[type=search]', 'number 25');
  await page.waitForURL(/#\/runs\?q=number\+25$/);
  await page.waitForSelector('span[role=status]:text-is("11")');
  await page.fill('input[list=agents]', 'name:even');
  await page.waitForSelector('span[role=status]:text-is("5")');
  await start('number 25 of a new kind', 'even');
  await page.waitForSelector('a.run:has-text("of a new kind"):has-text("in progress")');
  await page.goto(`${opened.origin}/#/runs?status=in_progress&since=24h`);
  await page.waitForSelector('span[role=status]:text-is("1")');
  assert.equal(await page.locator('select[aria-label=Status]').inputValue(), 'in_progress');
  await page.goto(`${opened.origin}/#/runs?q=nothing+like+it`);
  await page.waitForSelector('h2:has-text("Nothing found")');
  assert.deepEqual(opened.problems, []);
});

// req: console.compare
test('two runs are compared side by side: figures, rows in common, and line by line what differs', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  const record = async (intent: string, turns: object[]): Promise<string> => {
    const { run_id } = await daemon.worker.runs.start({ intent });
    await daemon.worker.runs.record_turns({ run_id, turns });
    await daemon.worker.runs.complete({ run_id, outcome: success });
    return run_id;
  };
  const step = (tool: string, output: string) => ({ tool, output, parameters: { of: tool } });
  const a = await record('the first', [step('read', 'one\ntwo'), step('think', 'hm'), step('write', 'done')]);
  const b = await record('the second', [
    step('read', 'one\n<b>three</b>'),
    step('write', 'done'),
    step('send', 'sent'),
  ]);
  await page.goto(`${opened.origin}/#/run/${a}`);
  await page.click('button:has-text("Compare…")');
  await page.click('car-run-picker a:has-text("the second")');
  await page.waitForURL(`**/#/run/${a}?against=${b}`);
  await page.waitForSelector('text=3 of 4 rows differ');
  const rows = () =>
    page
      .locator('.pair')
      .evaluateAll((pairs) => pairs.map((pair) => pair.querySelector('.visually-hidden')?.textContent));
  assert.deepEqual(await rows(), [
    'Turns 0 and 0, different: Output',
    'Turn 1 of the first run alone',
    'Turns 2 and 1, the same',
    'Turn 2 of the second run alone',
  ]);
  await page.click('button:has-text("Next difference")');
  await page.waitForSelector('mark');
  assert.deepEqual(await page.locator('mark').allInnerTexts(), ['two', '<b>three</b>']);
  assert.match(await page.locator('table').innerText(), /Turns\s+3\s+3/);
  assert.deepEqual(opened.problems, []);
});

// req: console.run-reconnect
test('a run during which the daemon is restarted shows each turn that was recorded once, and how it ended', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page, daemon } = opened;
  await page.setViewportSize({ width: 1_000, height: 3_000 });
  const numbers = () =>
    page.locator('.span').evaluateAll((spans) => spans.map((span) => span.getAttribute('data-turn')));
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => String(index));
  const { run_id } = await daemon.worker.runs.start({ intent: 'cut short' });
  await page.goto(`${opened.origin}/#/run/${run_id}`);
  const record = async (by: typeof daemon.worker, to: string): Promise<void> => {
    await by.runs.record_turns({ run_id: to, turns: [{ tool: 'a' }, { tool: 'b' }, { tool: 'c' }] });
  };
  for (let n = 0; n < 10; n++) await record(daemon.worker, run_id);
  await page.waitForSelector('.span[data-turn="29"]');
  let recorded = 30;
  const recording = (async () => {
    // Until the daemon is gone in the middle of it.
    for (; recorded < 60; recorded += 3) await record(daemon.worker, run_id);
  })().catch(() => undefined);
  const restarted = await opened.restart();
  await recording;
  await page.waitForSelector('car-badge:has-text("connected")');
  await page.waitForSelector('car-badge:has-text("incomplete")');
  const trace = await restarted.host.runs.get_trace({ run_id });
  const stored = 'records' in trace ? trace.records.filter(({ record: kind }) => kind === 'turn').length : 0;
  assert.ok(stored >= recorded, 'what was acknowledged is there');
  assert.deepEqual(await numbers(), upTo(stored));
  const next = await restarted.worker.runs.start({ intent: 'goes on' });
  await page.goto(`${opened.origin}/#/run/${next.run_id}`);
  for (let n = 0; n < 5; n++) await record(restarted.worker, next.run_id);
  await page.waitForSelector('.span[data-turn="14"]');
  assert.deepEqual(await numbers(), upTo(15));
});
