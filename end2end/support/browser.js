// A real Chromium, and what every page must hold: no console error, nothing from elsewhere.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const results = path.resolve(import.meta.dirname, '../results');
export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

export function launch() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless', '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
    ],
  });
}

/** A page that keeps what it complained of and what it loaded from elsewhere; `script` runs before its own. */
export async function open(browser, url, { viewport = DESKTOP, colorScheme = 'dark', script, ...context } = {}) {
  const session = await browser.newContext({ viewport, colorScheme, ...context });
  const page = await session.newPage();
  page.complaints = [];
  page.on('console', (message) => {
    // Without JavaScript nothing uses what was loaded for it.
    if (context.javaScriptEnabled === false && /preloaded using link preload but not used/.test(message.text())) return;
    if (['error', 'warning'].includes(message.type())) page.complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => page.complaints.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== new URL(url).origin) page.complaints.push(`loaded from elsewhere: ${request.url()}`);
  });
  if (script) await page.addInitScript(script);
  await page.goto(url);
  return page;
}

/** Keeps a picture for people to look at. */
export async function picture(page, name) {
  mkdirSync(results, { recursive: true });
  const file = path.join(results, `${name}.png`);
  await page.screenshot({ path: file });
  return file;
}

/**
 * Texts within elements of `selector` that run together in what a screen reader reads: two pieces of text of
 * different elements without a space between them.
 */
export function runTogether(page, selector) {
  return page.evaluate((wanted) => [...document.querySelectorAll(wanted)].flatMap((unit) => {
    const walker = document.createTreeWalker(unit, NodeFilter.SHOW_TEXT);
    const found = [];
    let before;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.data === '' || node.parentElement.closest('[aria-hidden="true"]')) continue;
      const isGlued = before && before.parentElement !== node.parentElement && /\S$/.test(before.data) && /^\S/.test(node.data);
      if (isGlued) found.push(`${before.data}|${node.data}`);
      before = node;
    }
    return found;
  }), selector);
}

/** Pairs of elements of `selector` whose boxes overlap, by their texts. */
export const overlaps = (page, selector) => page.locator(selector).evaluateAll((all) => {
  const boxes = all.map((element) => ({ text: element.textContent, ...element.getBoundingClientRect().toJSON() }));
  const meet = (one, other) => one.left < other.right - 0.5 && other.left < one.right - 0.5
    && one.top < other.bottom - 0.5 && other.top < one.bottom - 0.5;
  return boxes.flatMap((one, index) => boxes.slice(index + 1).filter((other) => meet(one, other)).map((other) => `${one.text} | ${other.text}`));
});

/** What of the page reaches beyond the screen to a side where nobody can scroll, or is cut off without dots. */
export const cutOff = (page) => page.evaluate(() => {
  const isMeant = (element) => element.closest('.visually-hidden, .world-map, .table-scroll, .flow-table, svg, [aria-hidden="true"]') !== null;
  // A text that ends in "…" hides what is in its rest.
  const isShortened = (element) => element !== null && (getComputedStyle(element).textOverflow === 'ellipsis' || isShortened(element.parentElement));
  const told = (element) => `${element.tagName.toLowerCase()}.${element.className}: ${element.textContent.trim().slice(0, 40)}`;
  return [...document.querySelectorAll('main *')].filter((element) => {
    const { left, right, width, height } = element.getBoundingClientRect();
    if (width < 2 || height < 2 || isMeant(element) || isShortened(element.parentElement) || !element.checkVisibility({ visibilityProperty: true })) return false;
    const style = getComputedStyle(element);
    const hides = ['hidden', 'clip'].includes(style.overflowX) && style.textOverflow !== 'ellipsis';
    return left < -0.5 || right > window.innerWidth + 0.5 || (hides && element.scrollWidth > element.clientWidth + 1);
  }).map(told);
});
