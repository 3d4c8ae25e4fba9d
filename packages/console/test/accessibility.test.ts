// What holds for every view: no serious finding of axe in light and dark, and everything within reach of the keyboard.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { openConsole } from './open-console.ts';
import { fillDaemon, viewsUnderTest, type Ids, type ViewUnderTest } from './views.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  id: string;
  impact: string | null;
  nodes: { target: unknown; failureSummary?: string }[];
}

async function open(page: Page, origin: string, { path, ready }: ViewUnderTest, ids: Ids): Promise<void> {
  await page.goto(`${origin}/#/${path(ids)}`);
  await page.locator(ready).first().waitFor();
}

async function findings(page: Page): Promise<string[]> {
  // As a string: the content policy of the page refuses script tags, and the debugger's evaluation is not bound by it.
  const violations = await page.evaluate<Finding[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => JSON.parse(JSON.stringify(violations)))`,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} at ${JSON.stringify(target)}: ${failureSummary ?? ''}`),
    );
}

// req: console.accessible
test('no view has a serious finding of axe, in light and dark, wide and narrow', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page } = opened;
  const ids = await fillDaemon(opened.daemon);
  await page.evaluate(axe);
  const found: Record<string, string[]> = {};
  for (const view of viewsUnderTest) {
    await open(page, opened.origin, view, ids);
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1_280, 360]) {
        await page.setViewportSize({ width, height: 800 });
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        const serious = await findings(page);
        if (serious.length > 0) found[`${view.name}, ${colorScheme}, ${width} px`] = serious;
      }
    }
  }
  assert.deepEqual(found, {});
  await page.evaluate(
    `document.querySelector('car-app').shadowRoot.querySelector('main').append(document.createElement('button'))`,
  );
  assert.match(String(await findings(page)), /button-name/, 'and axe sees into views');
});

// req: console.no-sideways
test('no view is wider than a narrow page', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page } = opened;
  const ids = await fillDaemon(opened.daemon);
  await page.setViewportSize({ width: 360, height: 740 });
  const wide: string[] = [];
  for (const view of viewsUnderTest) {
    await open(page, opened.origin, view, ids);
    const over = await page.evaluate<number>(
      `(() => { const main = document.querySelector('car-app').shadowRoot.querySelector('main');
        return Math.max(main.scrollWidth - main.clientWidth, document.documentElement.scrollWidth - innerWidth); })()`,
    );
    if (over > 0) wide.push(`${view.name}: ${over} px too wide`);
  }
  assert.deepEqual(wide, []);
});

interface Stop {
  /** Where it is, through shadow roots. */
  path: string;
  hasOutline: boolean;
  hasName: boolean;
}

/** What has the focus, as deep as it is, and whether one sees it. */
const focusedStop = `(() => {
  let element = document.activeElement;
  const path = [];
  const name = (each) => each.tagName.toLowerCase() + (each.id ? '#' + each.id : '') + '[' + [...(each.parentNode?.children ?? [])].indexOf(each) + ']';
  const up = (each) => { const names = []; for (let at = each; at && at.nodeType === 1; at = at.parentNode) names.unshift(name(at)); return names.join('>'); };
  path.push(up(element));
  while (element?.shadowRoot?.activeElement) { element = element.shadowRoot.activeElement; path.push(up(element)); }
  const style = getComputedStyle(element);
  const label = element.getAttribute('aria-label') || element.textContent.trim() || element.getAttribute('aria-labelledby')
    || [...(element.labels ?? [])].map((each) => each.textContent).join('') || element.getAttribute('title');
  return { path: path.join(' / '), hasOutline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0, hasName: Boolean(label) };
})()`;

/** Controls one can see and use, through shadow roots. */
const visibleControls = `(() => {
  const found = [];
  const walk = (root) => {
    for (const element of root.querySelectorAll('*')) {
      if (element.shadowRoot) walk(element.shadowRoot);
      if (!element.matches('a[href], button, input, select, textarea, summary, [tabindex="0"]')) continue;
      if (element.disabled || element.tabIndex < 0 || !element.checkVisibility({ visibilityProperty: true })) continue;
      if (element.type === 'radio' && !element.checked) continue;
      found.push(element);
    }
  };
  walk(document);
  return found.length;
})()`;

const maxStops = 300;
/** Stops in a row that were known: it goes around again. */
const maxKnown = 8;

// req: console.keyboard
test('the tab key reaches every control of every view, each with a name and a visible focus', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page } = opened;
  const ids = await fillDaemon(opened.daemon);
  const problems: string[] = [];
  for (const view of viewsUnderTest) {
    await page.goto('about:blank');
    await open(page, opened.origin, view, ids);
    const controls = await page.evaluate<number>(visibleControls);
    const stops = new Map<string, Stop>();
    let known = 0;
    for (let pressed = 0; pressed < maxStops && known < maxKnown; pressed++) {
      await page.keyboard.press('Tab');
      const stop = await page.evaluate<Stop>(focusedStop);
      // Around once the page's own end comes between. A view may also take the focus itself, once it is ready.
      const isOutside = stop.path.startsWith('html[0]>body[1]') && !stop.path.includes('/');
      if (isOutside || stops.has(stop.path)) known++;
      else {
        known = 0;
        stops.set(stop.path, stop);
      }
    }
    if (stops.size < controls) problems.push(`${view.name}: ${stops.size} of ${controls} controls are reached`);
    for (const { path, hasOutline, hasName } of stops.values()) {
      if (!hasOutline) problems.push(`${view.name}: no visible focus at ${path}`);
      if (!hasName) problems.push(`${view.name}: no name at ${path}`);
    }
  }
  assert.deepEqual(problems, []);
});

// req: console.keyboard
test('the first stop skips to the content, and the navigation says where one is', async (context) => {
  await using opened = await openConsole(context);
  if (!opened) return;
  const { page } = opened;
  await page.goto('about:blank');
  await page.goto(`${opened.origin}/#/runs`);
  await page.waitForSelector('car-runs h1');
  await page.keyboard.press('Tab');
  await page.waitForSelector('a.skip:focus');
  await page.keyboard.press('Enter');
  await page.waitForSelector('main:focus');
  assert.equal(await page.locator('nav a[aria-current=page]').textContent(), 'Runs');
  assert.equal(new URL(page.url()).hash, '#/runs', 'skipping is no navigation');
});
