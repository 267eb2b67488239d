// The filter box in a real Chromium: what it offers, its keys, what it keeps, what it says is wrong.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';

import { DESKTOP, PHONE, launch, open, picture } from './support/browser.js';
import { Meridian, until } from './support/meridian.js';

const HOME = '[home]\nname = "Makhanda"\nlatitude = -33.31\nlongitude = 26.52\n';

let browser;
let meridian;
let page;
before(async () => {
  browser = await launch();
  meridian = await Meridian.start({ configuration: HOME, databases: false });
});
after(async () => {
  await browser?.close();
  await meridian?.stop();
});
afterEach(async () => {
  const complaints = page?.complaints ?? [];
  await page?.context().close();
  page = undefined;
  assert.deepEqual(complaints, [], 'the browser complained');
});

const withoutWebGl = () => {
  HTMLCanvasElement.prototype.getContext = () => null;
};

/** The browser has taken the page over: its stream is open. */
const isAlive = () => until('the stream', async () => (await meridian.api('status')).stream_clients > 0, 60);

/** The live page with its filter box alive. Without WebGL, which takes the processor and which no filter needs. */
async function openLive(options) {
  await until('the page before to be gone', async () => (await meridian.api('status')).stream_clients === 0, 60);
  page = await open(browser, meridian.url, { ...options, script: withoutWebGl });
  await isAlive();
  return page.getByRole('combobox', { name: 'Filter' });
}

const offered = () => page.locator('.filter-bar__option .filter-bar__word').allTextContents();
const caretOf = (box) => box.evaluate((input) => input.selectionStart);

describe('the filter box', () => {
  it('offers fields, comparisons and values, and writes what is chosen by keys', async () => {
    const box = await openLive();
    await box.click();
    await until('the fields', async () => (await offered()).includes('country'));
    await box.pressSequentially('outside.cou');
    await until('one field', async () => (await offered()).join() === 'outside.country');
    await picture(page, 'controls-field');
    await box.press('Tab');
    assert.equal(await box.inputValue(), 'outside.country ');
    await until('comparisons', async () => (await offered()).join() === '=,!=,in,not in');
    await box.press('ArrowDown');
    assert.equal(await box.getAttribute('aria-activedescendant'), 'filter-option-0');
    assert.equal(await page.locator('#filter-option-0').getAttribute('aria-selected'), 'true');
    await box.press('Enter');
    assert.equal(await box.inputValue(), 'outside.country = ');
    await until('countries that were seen', async () => (await offered()).length > 5);
    await picture(page, 'controls-values');
    await box.pressSequentially('germ');
    await until('Germany by its name', async () => (await offered()).join() === 'DE');
    await box.press('ArrowDown');
    await box.press('Enter');
    assert.equal(await box.inputValue(), 'outside.country = DE ');
    await until('joints', async () => (await offered()).join() === 'and,or');
    await box.press('Escape');
    assert.equal(await box.getAttribute('aria-expanded'), 'false');
    await box.press('Enter');
    await until('the URL', () => decodeURIComponent(page.url()).includes('outside.country = "DE"'));
    assert.equal(await box.inputValue(), 'outside.country = "DE"');
  });

  it('completes in the middle of a filter, by the pointer, without losing what follows', async () => {
    const box = await openLive();
    await box.fill('port = 53 and dire and bytes > 1k');
    await box.evaluate((input) => input.setSelectionRange(18, 18));
    await box.click({ position: { x: 2, y: 10 } });
    await box.evaluate((input) => input.setSelectionRange(18, 18));
    await box.press('ArrowLeft');
    await box.press('ArrowRight');
    await until('the field', async () => (await offered()).join() === 'direction');
    await page.locator('.filter-bar__option').click();
    assert.equal(await box.inputValue(), 'port = 53 and direction and bytes > 1k');
    assert.equal(await caretOf(box), 24);
    assert.ok(await box.evaluate((input) => document.activeElement === input), 'the box keeps the focus');
  });

  it('knows flags by name, applies them, and takes single terms away again', async () => {
    const box = await openLive();
    await box.fill('flags has SA and service = https and bytes > 1k');
    await box.press('Enter');
    await until('the canonical filter', async () => (await box.inputValue()) === 'flags has syn+ack and service = 443 and bytes > 1000');
    const chips = page.locator('.filter-bar__chip');
    assert.equal(await chips.count(), 3);
    await chips.nth(1).click();
    await until('two terms', async () => (await box.inputValue()) === 'flags has syn+ack and bytes > 1000');
    await page.getByRole('button', { name: 'Clear the filter' }).click();
    await until('no filter', () => !page.url().includes('filter='));
  });

  it('points at what is wrong and says what to write', async () => {
    const box = await openLive();
    await box.fill('port = 53 and service = htps');
    await box.press('Enter');
    const fault = page.locator('.filter-bar__fault');
    await until('the fault', async () => /write http/.test(await fault.textContent()));
    assert.equal(await page.locator('.filter-bar__pointer').textContent(), `port = 53 and service = htps\n${' '.repeat(24)}^^^^`);
    assert.equal(await box.getAttribute('aria-invalid'), 'true');
    await picture(page, 'controls-fault');
  });

  it('keeps the filters used last and those saved by name, over a reload', async () => {
    const box = await openLive();
    for (const filter of ['port = 53', 'direction = inbound']) {
      await box.fill(filter);
      await box.press('Enter');
      await until('the URL', () => decodeURIComponent(page.url()).includes(filter));
    }
    await page.locator('.filter-menu__summary').click();
    await page.getByLabel('Save this filter as').fill('What comes in');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('button', { name: /^What comes in/ }).waitFor();
    await picture(page, 'controls-saved');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.filter-menu').getAttribute('open'), null);
    await page.goto('about:blank');
    await until('the page to be gone', async () => (await meridian.api('status')).stream_clients === 0);
    await page.goto(meridian.url);
    await isAlive();
    await box.click();
    await until('both', async () => (await offered()).slice(0, 2).join('|') === 'direction = inbound|port = 53');
    await page.locator('.filter-bar__option').nth(1).click();
    await until('it applies at once', () => decodeURIComponent(page.url()).includes('port = 53'));
    await page.locator('.filter-menu__summary').click();
    await page.getByRole('button', { name: 'Forget What comes in' }).click();
    assert.equal(await page.getByRole('button', { name: /^What comes in/ }).count(), 0);
  });

  it('is a plain form without JavaScript', async () => {
    page = await open(browser, `${meridian.url}/?colour=protocol`, { javaScriptEnabled: false });
    await page.locator('#filter').fill('port = 53');
    await page.locator('#filter').press('Enter');
    await page.waitForURL(/filter=port/);
    assert.match(page.url(), /colour=protocol/);
    assert.equal(await page.locator('#filter').inputValue(), 'port = 53');
  });

  for (const [name, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    for (const colorScheme of ['dark', 'light']) {
      it(`fits a ${name} in the ${colorScheme} theme, with its list and its help`, async () => {
        const box = await openLive({ viewport, colorScheme });
        await box.click();
        await box.pressSequentially('src.');
        await until('fields of the source', async () => (await offered()).length === 5);
        await picture(page, `controls-list-${name}-${colorScheme}`);
        await box.press('Escape');
        await page.locator('.filter-menu__summary').click();
        await page.getByText('How to write a filter').click();
        await picture(page, `controls-help-${name}-${colorScheme}`);
        const panel = await page.locator('.filter-menu__panel').boundingBox();
        assert.ok(panel.x >= 0 && panel.x + panel.width <= viewport.width, JSON.stringify(panel));
      });
    }
  }
});
