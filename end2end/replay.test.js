// The replay in a real Chromium: at every moment exactly what the records up to that moment say.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';

import { DESKTOP, PHONE, cutOff, launch, open, picture, runTogether } from './support/browser.js';
import { writeTimed } from './support/exporters.js';
import { Meridian, until } from './support/meridian.js';
import { PEERS } from './support/peers.js';

const HOME = '[home]\nname = "Makhanda"\nlatitude = -33.31\nlongitude = 26.52\n';
const DAY = 86_400_000;
// A whole day, long enough ago that it is over.
const FROM = Math.floor(Date.now() / DAY) * DAY - 2 * DAY;
const TO = FROM + DAY;
const CLUSTER = FROM + 10 * 3_600_000;

/** Times of a day that look like chance and are the same each time: all over it, and many within six seconds. */
function times() {
  let state = 7;
  const chance = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
  const day = Array.from({ length: 600 }, () => FROM + Math.floor(chance() * DAY));
  const cluster = Array.from({ length: 90 }, () => CLUSTER + Math.floor(chance() * 6_000));
  return [...day, ...cluster].sort((one, other) => one - other);
}

const codes = Object.keys(PEERS);
const flows = times().map((ms, index) => {
  const country = codes[(index * 7) % codes.length];
  const inbound = index % 3 !== 0;
  const [outside, inside] = [PEERS[country], `192.168.1.${10 + (index % 40)}`];
  return {
    ms, country, inbound, packets: 1 + (index % 9), payloadBytes: 60 + ((index * 37) % 1200),
    source: inbound ? outside : inside, destination: inbound ? inside : outside,
    sourcePort: inbound ? 443 : 40_000 + index, destinationPort: inbound ? 40_000 + index : 443,
  };
});
const size = (flow) => flow.packets * (flow.payloadBytes + 40);
const iso = (ms) => new Date(ms).toISOString();

/** What passed before a moment. */
function truthAt(ms) {
  const passed = flows.filter((flow) => flow.ms < ms);
  const sum = (of) => passed.reduce((total, flow) => total + of(flow), 0);
  return { flows: passed.length, bytes: sum(size), packets: sum((flow) => flow.packets) };
}

/** Bytes of the countries with most, and the ends of the arcs of a stretch, as the page names them. */
function countriesAt(ms) {
  const bytes = new Map();
  for (const flow of flows.filter((each) => each.ms < ms)) bytes.set(flow.country, (bytes.get(flow.country) ?? 0) + size(flow));
  return new Map([...bytes].sort((one, other) => other[1] - one[1]).slice(0, 10));
}

function arcsAt(ms, stretchMs) {
  const arcs = new Map();
  for (const flow of flows.filter((each) => each.ms >= ms - stretchMs && each.ms < ms)) {
    const ends = flow.inbound ? `${flow.country}→home` : `home→${flow.country}`;
    arcs.set(ends, (arcs.get(ends) ?? 0) + 1);
  }
  return Object.fromEntries([...arcs].sort());
}

const address = (meridian, query = {}) => `${meridian.url}/replay?${new URLSearchParams({ from: iso(FROM), to: iso(TO), ...query })}`;

/** Clock and totals of one instant. */
const seen = (page) => page.evaluate(() => {
  const [flowCount, bytes, packets] = (document.querySelector('.totals__figures').getAttribute('title') ?? '')
    .split('·').map((part) => Number(part.replace(/[^\d]/g, '')));
  return {
    ms: Date.parse(document.querySelector('.player-bar__clock time').dateTime),
    totals: { flows: flowCount, bytes, packets },
    isCounting: document.querySelector('.replay__side').ariaBusy === 'true',
  };
});

/** Everything that a still page shows: clock, totals, lists, arcs, newest flows. */
async function standsStill(page) {
  await page.locator('.replay__arcs').waitFor({ state: 'attached' });
  await until('the count', async () => !(await seen(page)).isCounting);
  const rest = await page.evaluate(() => ({
    stretchMs: Number(document.querySelector('.replay__arcs').dataset.ms),
    arcs: [...document.querySelectorAll('.replay__arcs tbody tr')].map((row) => [
      `${row.dataset.from}→${row.dataset.to}`, Number(row.querySelector('.flow-table__number').textContent.replace(/[^\d]/g, ''))]),
    countryTitles: [...[...document.querySelectorAll('.top-list')].find((list) => list.textContent.includes('Countries')).querySelectorAll('.top-list__entry')]
      .map((entry) => [entry.querySelector('.top-list__note').textContent.trim(), Number(entry.title.split('·')[1].replace(/[^\d]/g, ''))]),
    newest: [...document.querySelectorAll('.flow-table tbody tr')].map((row) => row.textContent),
  }));
  return { ...(await seen(page)), ...rest };
}

/** A still page says exactly what the records up to its clock say. */
async function assertExact(page, wantedMs) {
  if (wantedMs !== undefined) await until(`the moment ${iso(wantedMs)}`, async () => (await seen(page)).ms === wantedMs);
  const shown = await standsStill(page);
  const { ms } = shown;
  assert.deepEqual(shown.totals, truthAt(ms), `totals at ${iso(ms)}`);
  assert.deepEqual(shown.countryTitles.map(([, bytes]) => bytes), [...countriesAt(ms).values()], `countries at ${iso(ms)}`);
  assert.deepEqual(new Set(shown.countryTitles.map(([code]) => code)).size, countriesAt(ms).size);
  const arcs = new Map();
  for (const [ends, number] of shown.arcs) arcs.set(ends, (arcs.get(ends) ?? 0) + number);
  assert.deepEqual(Object.fromEntries([...arcs].sort()), arcsAt(ms, shown.stretchMs), `arcs at ${iso(ms)}`);
  const newest = flows.filter((flow) => flow.ms < ms).slice(-50).reverse();
  assert.equal(shown.newest.length, newest.length, `rows at ${iso(ms)}`);
  for (const [index, flow] of newest.entries()) {
    const peer = PEERS[flow.country];
    assert.ok(shown.newest[index].includes(iso(flow.ms).slice(11, 19)) && shown.newest[index].includes(peer), `${shown.newest[index]} is not ${peer} at ${iso(flow.ms)}`);
  }
  return shown;
}

/** Watches what plays for a while: every instant is exact, and the clock goes one way. */
async function watch(page, seconds, isBackward = false) {
  const end = Date.now() + seconds * 1000;
  const clocks = [];
  while (Date.now() < end) {
    const { ms, totals, isCounting } = await seen(page);
    if (!isCounting && Number.isFinite(totals.flows)) {
      assert.deepEqual(totals, truthAt(ms), `totals at ${iso(ms)}`);
      clocks.push(ms);
    }
    await page.waitForTimeout(23);
  }
  const isOrdered = clocks.every((ms, index) => index === 0 || (isBackward ? ms <= clocks[index - 1] : ms >= clocks[index - 1]));
  assert.ok(isOrdered, 'the clock goes one way');
  return clocks;
}

const presses = (page, key) => page.evaluate((wanted) => {
  document.activeElement?.blur?.();
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: wanted, bubbles: true, cancelable: true }));
}, key);

let browser;
const scratch = mkdtempSync(path.join(os.tmpdir(), 'meridian-replay-'));
before(async () => (browser = await launch()));
after(async () => {
  await browser?.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('the replay of a capture with known times', () => {
  let meridian;
  let page;
  before(async () => {
    const capture = writeTimed(path.join(scratch, 'timed.pcap'), flows);
    meridian = await Meridian.withPast([capture], { configuration: HOME, seconds: 180 });
  });
  after(() => meridian?.stop());
  afterEach(async () => {
    const complaints = page?.complaints ?? [];
    await page?.context().close();
    page = undefined;
    assert.deepEqual(complaints, [], 'the browser complained');
  });

  it('opens a link to a moment with exactly the picture of that moment', async () => {
    for (const ms of [FROM, CLUSTER + 3_000, flows[200].ms, flows[200].ms + 1, TO]) {
      page = await open(browser, address(meridian, { at: iso(ms), speed: '3600' }));
      await assertExact(page, ms);
      if (ms === CLUSTER + 3_000) await picture(page, 'replay-moment');
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    }
    page = undefined;
  });

  it('goes to any moment by keys and by dragging, each time exactly', async () => {
    page = await open(browser, address(meridian, { at: iso(CLUSTER), speed: '600' }));
    await assertExact(page, CLUSTER);
    await presses(page, 'ArrowRight');
    await assertExact(page, CLUSTER + 600_000);
    await presses(page, 'ArrowLeft');
    await presses(page, 'ArrowLeft');
    await assertExact(page, CLUSTER - 600_000);
    await presses(page, 'End');
    await assertExact(page, TO);
    await presses(page, 'Home');
    await assertExact(page, FROM);
    const box = await page.locator('.timeline__stage').boundingBox();
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height / 2);
    await page.mouse.down();
    for (let part = 0.2; part < 0.72; part += 0.01) {
      await page.mouse.move(box.x + box.width * part, box.y + box.height / 2);
      await page.waitForTimeout(10);
    }
    await until('a picture while it is dragged', async () => (await page.locator('.replay__arcs').count()) > 0 && (await seen(page)).totals.flows > 100);
    await page.mouse.up();
    const { ms } = await until('rest', async () => {
      const one = await seen(page);
      await page.waitForTimeout(300);
      const other = await seen(page);
      return one.ms === other.ms && other;
    });
    assert.ok(Math.abs(ms - (FROM + 0.71 * DAY)) < 0.02 * DAY, iso(ms));
    await assertExact(page, ms);
    await until('the address', async () => Date.parse(new URL(page.url()).searchParams.get('at')) === ms);
  });

  it('is exact at every instant at 10,000×, forwards and backwards, and when it is stopped', async () => {
    page = await open(browser, address(meridian, { at: iso(FROM), speed: '10000' }));
    await assertExact(page, FROM);
    await presses(page, ' ');
    const clocks = await watch(page, 3);
    assert.ok(clocks.at(-1) - clocks[0] > 0.15 * DAY, `it moved by ${(clocks.at(-1) - clocks[0]) / 1000} s`);
    await picture(page, 'replay-playing');
    await presses(page, ' ');
    await assertExact(page);
    await presses(page, 'r');
    await presses(page, ' ');
    const back = await watch(page, 1.5, true);
    assert.ok(back[0] > back.at(-1), 'it moves back');
    await presses(page, ' ');
    await assertExact(page);
    await presses(page, ' ');
    await until('its end', async () => (await seen(page)).ms === FROM, 30);
    await assertExact(page, FROM);
  });

  it('is exact at every instant at 1×', async () => {
    page = await open(browser, address(meridian, { at: iso(CLUSTER), speed: '1' }));
    await assertExact(page, CLUSTER);
    await presses(page, ' ');
    const clocks = await watch(page, 4);
    const moved = clocks.at(-1) - CLUSTER;
    assert.ok(moved > 2_500 && moved < 5_500, `in 4 s it moved by ${moved} ms`);
    await presses(page, ' ');
    const { totals } = await assertExact(page);
    assert.ok(totals.flows > truthAt(CLUSTER).flows + 20);
    await presses(page, 'r');
    await presses(page, ' ');
    await watch(page, 2, true);
    await presses(page, ' ');
    await assertExact(page);
  });

  it('plays a range into ten seconds by itself, and begins again when it is looped', async () => {
    const [from, to] = [CLUSTER - 1_000, CLUSTER + 7_000];
    page = await open(browser, address(meridian, { from: iso(from), to: iso(to), speed: 'fit10', loop: '1' }));
    await until('the beginning', async () => (await seen(page)).ms > from + 500);
    await until('the second time', async () => (await seen(page)).ms > to - 1_500, 30);
    await until('the beginning again', async () => (await seen(page)).ms < from + 3_000, 30);
    await presses(page, 'l');
    await until('its end', async () => (await seen(page)).ms === to, 30);
    const all = truthAt(to);
    const before = truthAt(from);
    assert.deepEqual((await seen(page)).totals, { flows: all.flows - before.flows, bytes: all.bytes - before.bytes, packets: all.packets - before.packets });
  });

  it('colours the countries by what has passed, and filters by a click', async () => {
    page = await open(browser, address(meridian, { at: iso(CLUSTER), heat: 'flows' }));
    await assertExact(page, CLUSTER);
    await page.locator('.heat-legend').waitFor();
    const passed = flows.filter((flow) => flow.ms < CLUSTER);
    const coloured = await until('the colours', async () => {
      const number = await page.locator('use[data-country][class*="world-map__country--"]').count();
      return number > 0 && number;
    });
    assert.equal(coloured, new Set(passed.map((flow) => flow.country)).size);
    await picture(page, 'replay-heat');
    await page.locator('.totals__direction').first().click();
    const inbound = passed.filter((flow) => flow.inbound);
    await until('the filtered totals', async () => (await seen(page)).totals.flows === inbound.length);
    assert.equal(new URL(page.url()).searchParams.get('filter'), 'direction = inbound');
    assert.equal((await seen(page)).ms, CLUSTER, 'the moment stays');
    await page.goBack();
    await until('all again', async () => (await seen(page)).totals.flows === passed.length);
  });

  it('lets the bars over time measure flows or bytes, whatever colours the countries', async () => {
    page = await open(browser, address(meridian, { at: iso(CLUSTER), heat: 'packets' }));
    await assertExact(page, CLUSTER);
    const bars = (place) => page.locator(`${place} .brush__bar`).first().getAttribute('d');
    await until('both histograms', async () => (await bars('.history-overview')) && (await bars('.timeline')));
    const bytes = [await bars('.history-overview'), await bars('.timeline')];
    assert.match(await page.locator('.history-overview .brush__readout').textContent(), /^Bytes over time/);
    await page.locator('.history-overview .metric-switch [value=flows]').click();
    await until('the address', () => new URL(page.url()).searchParams.get('metric') === 'flows');
    await until('flows', async () => /^Flows over time/.test(await page.locator('.history-overview .brush__readout').textContent()));
    await until('other bars', async () => (await bars('.history-overview')) !== bytes[0] && (await bars('.timeline')) !== bytes[1]);
    assert.equal(new URL(page.url()).searchParams.get('heat'), 'packets');
    assert.equal((await seen(page)).ms, CLUSTER, 'the moment stays');
    await page.locator('.history-overview .metric-switch [value=bytes]').click();
    await until('bytes again', async () => (await bars('.timeline')) === bytes[1] && new URL(page.url()).searchParams.get('metric') === null);
  });

  it('says without JavaScript what there is, and where to see it', async () => {
    page = await open(browser, address(meridian), { javaScriptEnabled: false });
    const told = await page.locator('main').textContent();
    assert.match(told.replace(/\s/g, ' '), new RegExp(`In this range: ${flows.length} flows`));
    assert.match(await page.getByRole('link', { name: 'explore the flows' }).getAttribute('href'), /^\/explore\?.*from=/);
    await picture(page, 'replay-without-javascript');
  });

  for (const [name, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    for (const colorScheme of ['dark', 'light']) {
      it(`fits a ${name} in the ${colorScheme} theme`, async () => {
        page = await open(browser, address(meridian, { at: iso(CLUSTER + 4_000), heat: 'bytes', speed: '3600' }), { viewport, colorScheme });
        await page.locator('.world-map--alive').waitFor({ state: 'attached' });
        await standsStill(page);
        await page.waitForTimeout(500);
        await picture(page, `replay-${name}-${colorScheme}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
        assert.deepEqual(await cutOff(page), [], 'nothing is cut off');
        assert.deepEqual(await runTogether(page, '.player-bar__clock, .player-bar__keys > div'), []);
      });
    }
  }

  it('leaves the map most of the height of a desk, and its legends let home be seen and fold away', async () => {
    page = await open(browser, address(meridian, { at: iso(CLUSTER + 4_000), heat: 'bytes', speed: '3600' }));
    await page.locator('.world-map--alive').waitFor({ state: 'attached' });
    await page.locator('.heat-legend').waitFor();
    const map = await page.locator('.replay__map').boundingBox();
    assert.ok(map.height > 0.52 * DESKTOP.height, `the map is ${map.height} px high`);
    // Where the flat map of the whole world has Makhanda.
    const height = (latitude) => (Math.log(Math.tan(Math.PI / 4 + (latitude * 0.8 * Math.PI) / 360)) / 0.8) * (180 / Math.PI);
    const scale = Math.max(map.width, 1.3 * map.height) / 360;
    const home = { x: map.x + map.width / 2 + (26.52 - 11) * scale, y: map.y + map.height / 2 - (height(-33.31) - height(24)) * scale };
    for (const legend of ['.replay__heat', '.colour-legend', '.world-map__controls', '.replay__fold']) {
      const { x, y, width, height: high } = await page.locator(legend).boundingBox();
      const isOver = x - 8 < home.x && home.x < x + width + 8 && y - 8 < home.y && home.y < y + high + 8;
      assert.ok(!isOver, `${legend} covers home`);
      assert.ok(x >= map.x && x + width <= map.x + map.width && y >= map.y && y + high <= map.y + map.height, `${legend} is on the map`);
    }
    const [heat, colours] = await Promise.all(['.replay__heat', '.colour-legend'].map((legend) => page.locator(legend).boundingBox()));
    assert.ok(colours.x + colours.width <= heat.x || heat.y + heat.height <= colours.y, 'the legends stand beside each other');
    await page.getByRole('button', { name: 'Legends' }).press('Enter');
    await page.locator('.replay__heat').waitFor({ state: 'hidden' });
    await page.locator('.colour-legend').waitFor({ state: 'hidden' });
    await picture(page, 'replay-folded');
    await page.getByRole('button', { name: 'Legends' }).click();
    await page.locator('.replay__heat').waitFor();
  });
});
