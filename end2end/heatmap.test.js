// The heatmap in a real Chromium: exact figures of every country in each metric, and colours that say them.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';

import { DESKTOP, PHONE, launch, open, picture } from './support/browser.js';
import { sampledRouter, send } from './support/exporters.js';
import { Meridian, until } from './support/meridian.js';
import { PEERS } from './support/peers.js';

const HOME = '[home]\nname = "Makhanda"\nlatitude = -33.31\nlongitude = 26.52\n';
const METRICS = ['flows', 'bytes', 'packets', 'addresses'];

/** The address `step` further in the same network. */
const nextTo = (address, step) => address.replace(/\d+$/, (last) => (Number(last) + step) % 256);

/** A flow between a host at home and one in a country. */
function flow(country, index, { packets, payloadBytes, inbound = true, host = 0 }) {
  const [outside, inside] = [nextTo(PEERS[country], host), `192.168.1.${10 + (index % 40)}`];
  return {
    country, packets, payloadBytes, sourcePort: inbound ? 443 : 40_000 + index, destinationPort: inbound ? 40_000 + index : 443,
    source: inbound ? outside : inside, destination: inbound ? inside : outside, outside,
  };
}

/** What every country exchanged, counted from the flows themselves. */
function truthOf(flows) {
  const truth = {};
  for (const each of flows) {
    const country = (truth[each.country] ??= { flows: 0, bytes: 0, packets: 0, addresses: new Set() });
    country.flows += 1;
    country.bytes += each.packets * (each.payloadBytes + 40);
    country.packets += each.packets;
    country.addresses.add(each.outside);
  }
  return Object.fromEntries(Object.entries(truth).map(([code, { addresses, ...rest }]) => [code, { ...rest, addresses: addresses.size }]));
}

/** The figures of all lines of the table, to the last digit. */
const shownFigures = (page) => page.evaluate(() => Object.fromEntries([...document.querySelectorAll('.country-table tbody tr')].map((row) => [
  row.dataset.country,
  Object.fromEntries([...row.querySelectorAll('td[data-metric]')].map((cell) => [cell.dataset.metric, Number(cell.querySelector('data').value)])),
])));

/** The shade of every coloured country. */
const shades = (page) => page.evaluate(() => Object.fromEntries([...document.querySelectorAll('use[data-country]')]
  .map((country) => [country.dataset.country, country.getAttribute('class').match(/world-map__country--(\d+)/)?.[1]])
  .filter(([, shade]) => shade !== undefined).map(([code, shade]) => [code, Number(shade)])));

const sum = (truth, metric) => Object.values(truth).reduce((total, country) => total + country[metric], 0);
const address = (meridian, query = {}) => `${meridian.url}/heatmap?${new URLSearchParams({ from: '-1h', to: 'now', ...query })}`;

/** The page with everything that was sent. */
async function openWith(browser, url, truth, options) {
  const page = await open(browser, url, options);
  await until('the figures', async () => {
    if (sum(await shownFigures(page), 'flows') === sum(truth, 'flows')) return true;
    await page.reload();
    return false;
  });
  return page;
}

/** Moves the pointer about a place of the world map until the card is of a country; answers the card's text. */
async function cardOf(page, name, [longitude, latitude]) {
  await page.locator('.world-map--alive').waitFor({ state: 'attached' });
  const box = await page.locator('.world-map__stage').boundingBox();
  const card = page.locator('.world-map__card--shown');
  // As the whole world is shown: its middle is 11° east and about 6° north.
  const scale = Math.max(box.width, 1.3 * box.height) / 360;
  const middle = [box.x + box.width / 2 + (longitude - 11) * scale, box.y + box.height / 2 - (latitude - 6) * scale];
  for (let reach = 0; reach <= 120; reach += 6) {
    for (let turn = 0; turn < 16; turn += 1) {
      const angle = (turn / 16) * 2 * Math.PI;
      await page.mouse.move(middle[0] + reach * Math.cos(angle), middle[1] + reach * Math.sin(angle));
      if ((await card.count()) && (await card.textContent()).startsWith(name)) return (await card.textContent()).replace(/[\u202f\u00a0]/g, '');
    }
  }
  throw new Error(`no card of ${name}`);
}

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

describe('the heatmap of flows with known figures', () => {
  const flows = [
    ...Array.from({ length: 40 }, (_, index) => flow('ZA', index, { packets: 1 + (index % 5), payloadBytes: 60 + index, host: index % 7 })),
    ...Array.from({ length: 23 }, (_, index) => flow('DE', index, { packets: 10 + index, payloadBytes: 1000, inbound: index % 2 === 0, host: index % 3 })),
    ...Array.from({ length: 11 }, (_, index) => flow('BR', index, { packets: 2, payloadBytes: 40, inbound: false, host: index })),
    ...Array.from({ length: 3 }, (_, index) => flow('JP', index, { packets: 900, payloadBytes: 1400 })),
  ];
  const truth = truthOf(flows);
  let meridian;
  let page;
  before(async () => {
    meridian = await Meridian.start({ configuration: HOME });
    page = await open(browser, address(meridian));
    await page.locator('.heatmap__empty').waitFor();
    assert.match(await page.locator('.heatmap__empty').textContent(), /No flow is kept yet[^]*softflowd/);
    await picture(page, 'heatmap-empty');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
    page = undefined;
    await send(sampledRouter(flows, 1), meridian.udpPort);
  });
  after(() => meridian?.stop());
  afterEach(async () => {
    const complaints = page?.complaints ?? [];
    await page?.context().close();
    page = undefined;
    assert.deepEqual(complaints, [], 'the browser complained');
  });

  it('shows exactly these in the table, in each metric, and in all', async () => {
    page = await openWith(browser, address(meridian), truth);
    assert.deepEqual(await shownFigures(page), truth);
    const all = await page.locator('.country-table tfoot data').evaluateAll((cells) => cells.map((cell) => Number(cell.value)));
    assert.deepEqual(all, METRICS.map((metric) => sum(truth, metric)));
    for (const metric of METRICS) {
      await page.locator(`.metric-switch [value=${metric}]`).click();
      await until('the metric in the address', () => new URL(page.url()).searchParams.get('metric') === metric);
      const order = Object.keys(truth).sort((left, right) => truth[right][metric] - truth[left][metric]);
      await until(`the order by ${metric}`, async () => {
        const shown = await page.locator('.country-table tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset.country));
        return shown.every((code, position) => truth[code][metric] === truth[order[position]][metric]);
      });
      assert.deepEqual(await shownFigures(page), truth);
    }
  });

  it('shows exactly these on the card beside the pointer', async () => {
    page = await openWith(browser, address(meridian), truth);
    for (const [code, name, place] of [['ZA', 'South Africa', [24, -29]], ['BR', 'Brazil', [-53, -10]], ['DE', 'Germany', [10, 51]]]) {
      const card = await cardOf(page, name, place);
      const { flows: number, bytes, packets, addresses } = truth[code];
      assert.match(card, new RegExp(`Flows ${number} \\(.*Bytes ${bytes} \\(.*Packets ${packets} \\(.*Distinct IPs ${addresses} \\(exact\\)`));
    }
    await picture(page, 'heatmap-card');
  });

  it('shows the same without JavaScript: figures, colours, and every choice as a link', async () => {
    page = await open(browser, address(meridian, { metric: 'flows' }), { javaScriptEnabled: false });
    assert.deepEqual(await shownFigures(page), truth);
    assert.deepEqual(Object.keys(await shades(page)).sort(), Object.keys(truth).sort());
    /** Follows a link until its page is whole: a click waits for its beginning only. */
    const follow = async (link) => {
      await link.click();
      await page.waitForLoadState();
    };
    await follow(page.getByRole('link', { name: 'Linear' }));
    assert.equal(new URL(page.url()).searchParams.get('scale'), 'linear');
    assert.equal((await shades(page)).ZA, 7);
    await follow(page.getByRole('link', { name: 'Inbound' }));
    assert.deepEqual(await shownFigures(page), truthOf(flows.filter((each) => each.source === each.outside)));
    await follow(page.locator('tr[data-country=ZA] a'));
    assert.equal(await page.locator('h1').textContent(), 'South Africa');
    const figures = await page.locator('.country-page__figure data').evaluateAll((cells) => cells.map((cell) => Number(cell.value)));
    assert.deepEqual(figures, METRICS.map((metric) => truth.ZA[metric]));
    await picture(page, 'heatmap-without-javascript');
  });

  it('sorts by a click on a column, from the keyboard too, and keeps the order in the address', async () => {
    page = await openWith(browser, address(meridian), truth);
    const head = page.getByRole('columnheader', { name: 'Country' });
    await head.getByRole('link').focus();
    await page.keyboard.press('Enter');
    await until('the order', async () => (await head.getAttribute('aria-sort')) === 'ascending');
    const names = () => page.locator('.country-table tbody th a').allTextContents();
    assert.deepEqual(await names(), ['Brazil', 'Germany', 'Japan', 'South Africa']);
    await until('the other link', async () => /order=descending/.test(await head.getByRole('link').getAttribute('href')));
    await until('the address', () => new URL(page.url()).searchParams.get('order') === 'ascending');
    await page.keyboard.press('Enter');
    await until('the other order', async () => (await names())[0] === 'South Africa');
    assert.equal(new URL(page.url()).searchParams.get('order'), 'descending');
    assert.equal(await page.evaluate(() => document.activeElement.closest('th')?.textContent.trim().startsWith('Country')), true, 'the focus stays');
  });

  it('grows while the range ends now, and keeps scroll and focus', async () => {
    page = await openWith(browser, address(meridian), truth);
    await page.locator('tr[data-country=DE] a').focus();
    const more = [flow('DE', 500, { packets: 3, payloadBytes: 100 })];
    await send(sampledRouter(more, 1), meridian.udpPort, '127.0.0.2');
    flows.push(...more);
    Object.assign(truth, truthOf(flows));
    await until('the new flow', async () => (await shownFigures(page)).DE.flows === truth.DE.flows, 40);
    assert.deepEqual(await shownFigures(page), truth);
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Germany');
  });

  it('opens the page of a country that is clicked on the map', async () => {
    page = await openWith(browser, address(meridian), truth);
    await cardOf(page, 'Brazil', [-53, -10]);
    await page.mouse.down();
    await page.mouse.up();
    await until('the page', async () => (await page.locator('h1').textContent()) === 'Brazil');
    await page.locator('.group-table .top-list__entry').first().waitFor();
    const links = await page.locator('.group-table a').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    assert.ok(links.length > 3 && links.every((link) => link.startsWith('/explore?')), links.join('\n'));
    await picture(page, 'heatmap-country');
  });

  it('gives the figures away as CSV and the picture as SVG and PNG', async () => {
    page = await openWith(browser, address(meridian), truth);
    const saved = async (name) => {
      const control = page.locator('.export__file', { hasText: name });
      const [download] = await Promise.all([page.waitForEvent('download'), control.click()]);
      const chunks = [];
      for await (const chunk of await download.createReadStream()) chunks.push(chunk);
      return [download.suggestedFilename(), Buffer.concat(chunks)];
    };
    await page.locator('.export summary').click();
    const [csvName, csv] = await saved('CSV table');
    assert.match(csvName, /^meridian-bytes-\d{4}-\d\d-\d\d\.csv$/);
    const { flows: number, bytes, packets } = truth.ZA;
    assert.match(csv.toString(), new RegExp(`\nZA,South Africa,${number},${bytes},${packets},`));
    const link = await page.locator('.export__file', { hasText: 'CSV table' }).getAttribute('href');
    assert.equal(await meridian.text(link), csv.toString(), 'the link is the API, with and without JavaScript');
    const [, json] = await saved('JSON answer');
    assert.equal(JSON.parse(json).total.traffic.flows, sum(truth, 'flows'));
    const [, svg] = await saved('SVG picture');
    assert.match(svg.toString(), /id="ZA" fill="(#|rgb\()/);
    const [, png] = await saved('PNG picture');
    assert.equal(png.subarray(1, 4).toString(), 'PNG');
    assert.ok(png.length > 50_000, `${png.length} bytes`);
  });

  for (const [name, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    for (const colorScheme of ['dark', 'light']) {
      it(`fits a ${name} in the ${colorScheme} theme`, async () => {
        page = await openWith(browser, address(meridian), truth, { viewport, colorScheme });
        await page.locator('.world-map--alive').waitFor({ state: 'attached' });
        await picture(page, `heatmap-${name}-${colorScheme}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
      });
    }
  }
});

describe('a large download from peers in thirty countries, of which two carry most bytes but few flows', () => {
  const countries = Object.keys(PEERS).slice(0, 30);
  const heavy = ['NL', 'DE'];
  const flows = countries.flatMap((country, position) => (heavy.includes(country)
    ? Array.from({ length: 4 }, (_, index) => flow(country, index, { packets: 500_000, payloadBytes: 1400, host: index }))
    : Array.from({ length: 40 + 4 * position }, (_, index) => flow(country, index, { packets: 4, payloadBytes: 60, host: index }))));
  const truth = truthOf(flows);
  let meridian;
  before(async () => {
    meridian = await Meridian.start({ configuration: HOME });
    await send(sampledRouter(flows, 1), meridian.udpPort);
  });
  after(() => meridian?.stop());

  it('has two heatmaps that differ as they should', async () => {
    const page = await openWith(browser, address(meridian, { metric: 'flows', scale: 'linear' }), truth);
    try {
      assert.equal(countries.length, 30);
      assert.deepEqual(await shownFigures(page), truth);
      const byFlows = await shades(page);
      await picture(page, 'heatmap-download-flows');
      await page.locator('.metric-switch [value=bytes]').click();
      await until('the colours of bytes', async () => (await shades(page)).NL === 7);
      const byBytes = await shades(page);
      await picture(page, 'heatmap-download-bytes');
      for (const country of heavy) {
        assert.equal(byFlows[country], 0, `${country} has few flows`);
        assert.equal(byBytes[country], 7, `${country} carries most bytes`);
      }
      for (const country of countries.filter((each) => !heavy.includes(each))) {
        assert.ok(byFlows[country] > 0, `${country} has many flows`);
        assert.equal(byBytes[country], 0, `${country} carries few bytes`);
      }
      await page.getByRole('group', { name: 'Compare with' }).getByRole('link', { name: 'Flows' }).click();
      await until('the comparison', async () => (await shades(page)).NL === 14);
      const compared = await shades(page);
      assert.ok(countries.filter((each) => !heavy.includes(each)).every((each) => compared[each] === 8), JSON.stringify(compared));
      await picture(page, 'heatmap-download-compared');
      assert.deepEqual(page.complaints, []);
    } finally {
      await page.context().close();
    }
  });
});
