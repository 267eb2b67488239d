// Events of a range and the timeline of the replay in a real Chromium.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';

import { DESKTOP, PHONE, launch, open, picture, runTogether } from './support/browser.js';
import { writeTimed } from './support/exporters.js';
import { Meridian, until } from './support/meridian.js';
import { PEERS } from './support/peers.js';

const HOME = '[home]\nname = "Makhanda"\nlatitude = -33.31\nlongitude = 26.52\n';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
// Half a day that is over.
const FROM = Math.floor(Date.now() / HOUR) * HOUR - 14 * HOUR;
const TO = FROM + 12 * HOUR;
/** Twenty-five times as many flows as usual. */
const BURST = FROM + 5 * HOUR + 30 * MINUTE;
/** The first flow with Japan. */
const JAPAN = FROM + 8 * HOUR + 7 * MINUTE;

const usual = Array.from({ length: 12 * 60 * 2 }, (_, index) => ({ ms: FROM + index * 30_000 + 1_000, country: ['DE', 'US'][index % 2] }));
const burst = Array.from({ length: 300 }, (_, index) => ({ ms: BURST + index * 600, country: 'US' }));
const japan = Array.from({ length: 5 }, (_, index) => ({ ms: JAPAN + index * 20_000, country: 'JP' }));
const flows = [...usual, ...burst, ...japan].sort((one, other) => one.ms - other.ms).map(({ ms, country }, index) => ({
  ms, source: PEERS[country], destination: `192.168.1.${10 + (index % 40)}`, sourcePort: 443,
  destinationPort: 40_000 + (index % 20_000), packets: 3, payloadBytes: 500,
}));
const iso = (ms) => new Date(ms).toISOString();
const range = new URLSearchParams({ from: iso(FROM), to: iso(TO) });

let browser;
let meridian;
let page;
const scratch = mkdtempSync(path.join(os.tmpdir(), 'meridian-timeline-'));

/** A Meridian whose whole history is these flows. */
const meridianOf = (name, history) => Meridian.withPast([writeTimed(path.join(scratch, `${name}.pcap`), history)], { configuration: HOME });

before(async () => {
  browser = await launch();
  meridian = await meridianOf('half-a-day', flows);
});
after(async () => {
  await browser?.close();
  await meridian?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

describe('events of half a day with a burst and a country that is new', () => {
  it('are told by the API with their time, their traffic and a filter', async () => {
    const { events, left_out: leftOut } = await meridian.api(`events?${range}`);
    const bursts = events.filter((event) => event.kind === 'burst');
    assert.equal(bursts.length, 1, JSON.stringify(events));
    assert.ok(bursts[0].range.from_ms <= BURST && BURST + 3 * MINUTE <= bursts[0].range.to_ms);
    assert.ok(bursts[0].traffic.flows >= 300 && bursts[0].traffic.flows < 320, bursts[0].text);
    const [country, ...others] = events.filter((event) => event.kind === 'new_country');
    assert.deepEqual(others, [], 'what the first hour had is not new');
    assert.deepEqual(
      [country.key, country.range.from_ms, country.traffic.flows, country.filter],
      [{ value: 'JP', label: 'Japan' }, Math.floor(JAPAN / MINUTE) * MINUTE, 5, 'outside.country = "JP"'],
    );
    assert.ok(events.some((event) => event.kind === 'new_as' && event.range.from_ms === country.range.from_ms));
    assert.equal(leftOut, 0);
  });

  it('are those of the flows that pass a filter', async () => {
    const { events } = await meridian.api(`events?${range}&filter=${encodeURIComponent('country = US')}`);
    assert.deepEqual(events.map((event) => event.kind), ['burst']);
    const { message } = await meridian.api('events?from=yesterday&to=noon-ish');
    assert.match(message, /write|like/);
  });
});

describe('the timeline of the replay', () => {
  afterEach(async () => {
    const complaints = page?.complaints ?? [];
    await page?.context().close();
    page = undefined;
    assert.deepEqual(complaints, [], 'the browser complained');
  });
  const replay = (query = '') => `${meridian.url}/replay?${range}&at=${iso(FROM + HOUR)}${query}`;
  const moment = () => page.locator('.timeline__stage').getAttribute('aria-valuenow').then(Number);
  const ready = () => page.waitForSelector('.timeline__marker.timeline__sign--country', { timeout: 20_000 });

  it('shows events as signs with names, and goes to the one that is clicked', async () => {
    page = await open(browser, replay());
    await ready();
    const sign = page.locator('.timeline__marker.timeline__sign--country');
    await sign.hover();
    await until('the sign is told', async () => (await page.locator('.timeline__readout').textContent()).includes('Japan for the first time'));
    await picture(page, 'timeline');
    await sign.click();
    await until('the playhead is there', async () => (await moment()) === Math.floor(JAPAN / MINUTE) * MINUTE);
    // The list of the sign lies over the button until it is closed.
    await page.keyboard.press('Escape');
    await page.locator('.timeline__events summary').click();
    assert.match(await page.locator('.timeline__events .timeline__event-list').innerText(), /Burst[\s\S]*times as many[\s\S]*Japan/);
    await picture(page, 'timeline-list');
    assert.deepEqual(await runTogether(page, '.timeline__event'), []);
  });

  it('is dragged, moved with keys, and zoomed by a drag with Shift', async () => {
    page = await open(browser, replay());
    await ready();
    const stage = page.locator('.timeline__stage');
    const box = await stage.boundingBox();
    const [left, middle] = [box.x + box.width / 4, box.x + box.width / 2];
    await page.mouse.move(left, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(middle, box.y + 20, { steps: 5 });
    await page.mouse.up();
    await until('the playhead is in the middle', async () => Math.abs((await moment()) - (FROM + 6 * HOUR)) < 2 * MINUTE);
    const before = await moment();
    await stage.press('ArrowRight');
    await until('a bar on', async () => (await moment()) > before);
    await stage.press('Home');
    await until('at the beginning', async () => (await moment()) === FROM);
    await page.keyboard.down('Shift');
    await page.mouse.move(left, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(middle, box.y + 20, { steps: 5 });
    await picture(page, 'timeline-part');
    await page.mouse.up();
    await page.keyboard.up('Shift');
    await until('the part fills it', async () => {
      const { searchParams } = new URL(page.url());
      return Math.abs(Date.parse(searchParams.get('from')) - (FROM + 3 * HOUR)) < 10 * MINUTE
        && Math.abs(Date.parse(searchParams.get('to')) - (FROM + 6 * HOUR)) < 10 * MINUTE;
    });
  });

  it('fits a phone in the light', async () => {
    page = await open(browser, replay(), { viewport: PHONE, colorScheme: 'light' });
    await ready();
    await page.locator('.timeline').scrollIntoViewIfNeeded();
    await picture(page, 'timeline-phone-light');
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
  });
});

describe('the timeline of a first day, on which everything is new', () => {
  const countries = Object.keys(PEERS).filter((code) => code !== 'DE');
  const first = FROM + 2 * HOUR;
  const day = [
    ...Array.from({ length: 200 }, (_, index) => ({ ms: FROM + index * 200_000 + 1_000, country: 'DE' })),
    ...countries.map((country, index) => ({ ms: first + index * 2 * MINUTE, country })),
  ].sort((one, other) => one.ms - other.ms).map(({ ms, country }, index) => ({
    ms, source: PEERS[country], destination: '192.168.1.10', sourcePort: 443, destinationPort: 40_000 + index, packets: 3, payloadBytes: 500,
  }));
  let newborn;
  let events;
  before(async () => {
    newborn = await meridianOf('first-day', day);
    ({ events } = await newborn.api(`events?${range}`));
    assert.ok(events.length > countries.length, `${events.length} events`);
  });
  after(() => newborn?.stop());
  afterEach(async () => {
    const complaints = page?.complaints ?? [];
    await page?.context().close();
    page = undefined;
    assert.deepEqual(complaints, [], 'the browser complained');
  });
  const show = async (viewport) => {
    page = await open(browser, `${newborn.url}/replay?${range}&at=${iso(FROM)}`, { viewport });
    await page.locator('.timeline__group').first().waitFor({ state: 'attached' });
    await page.locator('.timeline').scrollIntoViewIfNeeded();
  };
  const signs = () => page.locator('.timeline__marker').evaluateAll((all) => all.map((sign) => {
    const { left, right } = sign.getBoundingClientRect();
    return { left, right, count: Number(sign.querySelector('.timeline__count')?.textContent ?? 1) };
  }));
  const moment = () => page.locator('.timeline__stage').getAttribute('aria-valuenow').then(Number);

  for (const [name, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    it(`has a sign for those that stand close, with their number, and none overlaps another on a ${name}`, async () => {
      await show(viewport);
      const shown = await signs();
      assert.equal(shown.reduce((sum, { count }) => sum + count, 0), events.length);
      for (const [index, { left, right }] of shown.entries()) {
        assert.ok(left >= 0 && right <= viewport.width, `${left} to ${right}`);
        assert.ok(index === 0 || left >= shown[index - 1].right, JSON.stringify(shown));
      }
      await page.locator('.timeline__group > summary').first().hover();
      const list = page.locator('.timeline__group[open] .timeline__panel');
      await list.waitFor();
      await picture(page, `timeline-group-${name}`);
      const box = await list.boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= viewport.width, JSON.stringify(box));
    });
  }

  it('lists the events of a sign for a pointer and for keys, and goes to each', async () => {
    await show(DESKTOP);
    const group = page.locator('.timeline__group:has(> .timeline__sign--country)').last();
    const news = events.filter(({ kind }) => kind.startsWith('new')).map((event) => event.range.from_ms);
    const sign = group.locator('summary');
    const isOpen = () => group.evaluate((details) => details.open);
    await sign.hover();
    await until('the list', isOpen);
    const count = Number(await sign.locator('.timeline__count').textContent());
    assert.equal(await group.locator('.timeline__event').count(), count);
    await group.locator('.timeline__event-go').last().click();
    await until('the last event', async () => (await moment()) === news.at(-1));
    assert.ok(await isOpen(), 'the way from sign to list does not close it');
    await page.mouse.move(10, 10);
    await until('the list is gone', async () => !(await isOpen()));
    await sign.focus();
    await page.keyboard.press('Enter');
    await until('the list by a key', isOpen);
    await until('the first event of the sign', async () => (await moment()) === news.at(-count));
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Escape');
    await until('it is closed', async () => !(await isOpen()));
    assert.ok(await sign.evaluate((summary) => summary === document.activeElement), 'the sign has the focus again');
    assert.deepEqual(await runTogether(page, '.timeline__group .timeline__event'), []);
  });
});
