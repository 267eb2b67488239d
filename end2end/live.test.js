// The live page in a real Chromium: exact totals, arcs, rows, filters, pause, restarts.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';

import { DESKTOP, PHONE, launch, open, picture, runTogether } from './support/browser.js';
import { mixedFlows, writeCapture } from './support/capture.js';
import { sampledRouter, send } from './support/exporters.js';
import { Meridian, until } from './support/meridian.js';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'meridian-captures-'));
const capture = path.join(scratch, 'mixed.pcap');
const truth = writeCapture(capture, mixedFlows(120));
const HOME = '[home]\nname = "Makhanda"\nlatitude = -33.31\nlongitude = 26.52\n';

/** Numbers of a title such as `1 234 flows · 5 678 bytes · 9 packets`, whatever separates thousands. */
function figures(title) {
  const [flows, bytes, packets] = title.split('·').map((part) => Number(part.replace(/[^\d]/g, '')));
  return { flows, bytes, packets };
}

const shownTotals = async (page) => figures(await page.locator('.totals__figures').getAttribute('title'));
const isLive = (page) => until('the badge LIVE', async () => (await page.locator('.badge__word').first().textContent()) === 'LIVE');

/** The map draws, and its stream is open. */
async function mapIsAlive(page, meridian) {
  await page.locator('.world-map--alive').waitFor({ state: 'attached' });
  await until('the stream', async () => (await meridian.api('status')).stream_clients > 0);
}

/** Pixels of the arcs' canvas that are not transparent. */
function litPixels(page) {
  return page.evaluate(() => new Promise((resolve) => {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const canvas = document.querySelectorAll('.world-map__canvas')[1];
      const copy = document.createElement('canvas');
      copy.width = canvas.width;
      copy.height = canvas.height;
      const context = copy.getContext('2d');
      context.drawImage(canvas, 0, 0);
      const { data } = context.getImageData(0, 0, copy.width, copy.height);
      let lit = 0;
      for (let index = 3; index < data.length; index += 4) if (data[index] > 8) lit += 1;
      resolve(lit);
    }));
  }));
}

let browser;
before(async () => (browser = await launch()));
after(async () => {
  await browser?.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('the live page', () => {
  let meridian;
  let page;
  before(async () => (meridian = await Meridian.start({ configuration: HOME })));
  after(() => meridian?.stop());
  afterEach(async () => {
    const complaints = page?.complaints ?? [];
    await page?.context().close();
    page = undefined;
    assert.deepEqual(complaints, [], 'the browser complained');
  });

  it('says NO DATA and how to get some before the first flow', async () => {
    page = await open(browser, meridian.url);
    await until('NO DATA', async () => (await page.locator('.badge__word').first().textContent()) === 'NO DATA');
    assert.match(await page.locator('main').textContent(), /softflowd/);
    await picture(page, 'live-empty');
  });

  it('shows what softflowd sends: exact totals, arcs on the map, rows in the table', async () => {
    page = await open(browser, meridian.url);
    await mapIsAlive(page, meridian);
    const before = await shownTotals(page);
    assert.deepEqual(before, { flows: 0, bytes: 0, packets: 0 });
    assert.equal(await litPixels(page), 0, 'no arcs before any flow');
    await meridian.softflowd(capture, 9);
    await until('arcs', async () => (await litPixels(page)) > 200, 20);
    await picture(page, 'live-arcs');
    await until('the totals', async () => (await shownTotals(page)).flows === truth.flows);
    assert.deepEqual(await shownTotals(page), truth);
    await isLive(page);
    const rows = await until('rows', async () => {
      const texts = await page.locator('.flow-table tbody tr').allTextContents();
      return texts.length > 10 && texts;
    });
    assert.ok(rows.some((row) => row.includes('146.231.123.92')), 'the table names an address of the capture');
    await until('the arcs to fade', async () => (await litPixels(page)) < 50, 20);
  });

  it('is there without JavaScript, with the totals of the moment', async () => {
    page = await open(browser, meridian.url, { javaScriptEnabled: false });
    assert.deepEqual(await shownTotals(page), truth);
    assert.ok((await page.locator('.flow-table tbody tr').count()) > 10);
    await picture(page, 'live-without-javascript');
  });

  it('brings a second tab and a reload to the same totals', async () => {
    const first = await open(browser, meridian.url);
    page = await open(browser, meridian.url);
    for (const tab of [first, page]) await until('totals', async () => (await shownTotals(tab)).flows === truth.flows);
    await page.reload();
    await until('totals after the reload', async () => (await shownTotals(page)).flows === truth.flows);
    assert.deepEqual(first.complaints, []);
    await first.context().close();
  });

  it('filters by address bar, says what is wrong with a filter, and keeps the filter in the URL', async () => {
    page = await open(browser, `${meridian.url}/?filter=${encodeURIComponent('port = 443')}`);
    assert.equal(await page.locator('#filter').inputValue(), 'port = 443');
    await until('the filtered view', async () => (await meridian.api('status')).stream_clients > 0);
    await page.locator('#filter').fill('contry = ZA');
    await page.locator('#filter').press('Enter');
    const fault = page.locator('.filter-bar__fault');
    await until('the fault', async () => /country/.test(await fault.textContent()));
    assert.match(await page.locator('.filter-bar__pointer').textContent(), /contry = ZA\n\^+/);
    const subscriptions = async () => (await meridian.metrics()).sum('live_snapshots_total', { reason: 'subscribed' });
    const earlier = await subscriptions();
    await page.locator('#filter').fill('country = ZA and direction = inbound');
    await page.locator('#filter').press('Enter');
    await until('the URL', () => page.url().includes('direction'));
    await until('the subscription', async () => (await subscriptions()) > earlier);
    await until('totals from now on', async () => (await shownTotals(page)).flows === 0);
    await meridian.softflowd(capture, 10);
    const filtered = await until('filtered flows', async () => {
      const shown = await shownTotals(page);
      return shown.flows > 0 && shown;
    });
    const wanted = mixedFlows(120).filter((flow) => flow.source === '146.231.123.92').length;
    await until('all of them', async () => (await shownTotals(page)).flows === wanted, 5).catch(() => {});
    assert.equal((await shownTotals(page)).flows, wanted, JSON.stringify(filtered));
    for (const row of await page.locator('.flow-table tbody tr').allTextContents()) assert.match(row, /ZA/);
  });

  it('adds what is clicked in the table to the filter', async () => {
    page = await open(browser, meridian.url);
    await page.locator('.flow-table tbody [data-term]').first().click();
    await until('the filter', async () => (await page.locator('#filter').inputValue()) !== '');
    assert.match(page.url(), /filter=/);
  });

  it('holds still while paused, counts what passed, and loses nothing', async () => {
    page = await open(browser, meridian.url);
    await until('the stream', async () => (await meridian.api('status')).stream_clients > 0);
    await isLive(page);
    const before = await shownTotals(page);
    await page.getByRole('button', { name: 'Pause' }).click();
    await until('PAUSED', async () => (await page.locator('.badge__word').first().textContent()) === 'PAUSED');
    await meridian.softflowd(capture, 5);
    await until('the counter', async () => figures(await page.locator('.pause__passed').getAttribute('title')).flows === truth.flows);
    assert.deepEqual(await shownTotals(page), before, 'the figures hold still');
    await page.getByRole('button', { name: 'Resume' }).click();
    await until('the totals', async () => (await shownTotals(page)).flows === before.flows + truth.flows);
    assert.deepEqual(await shownTotals(page), {
      flows: before.flows + truth.flows,
      bytes: before.bytes + truth.bytes,
      packets: before.packets + truth.packets,
    });
  });

  for (const [name, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    for (const colorScheme of ['dark', 'light']) {
      it(`fits a ${name} in the ${colorScheme} theme`, async () => {
        page = await open(browser, meridian.url, { viewport, colorScheme });
        await mapIsAlive(page, meridian);
        await meridian.softflowd(capture, 9);
        await until('arcs', async () => (await litPixels(page)) > 100, 20);
        await picture(page, `live-${name}-${colorScheme}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
      });
    }
  }

  it('reads well aloud: names, figures, units and notes are words of their own', async () => {
    page = await open(browser, meridian.url);
    await mapIsAlive(page, meridian);
    await meridian.softflowd(capture, 9);
    await page.locator('.top-list__button').first().waitFor();
    const units = [
      '.rate', '.totals__figures', '.totals__directions', '.latency__figures', '.top-list__entries', '.colour-legend', '.badge-group',
      '.panel__title', '.credits', '.flow-table__place', 'td.flow-table__protocol', '.site-header__nav',
    ];
    for (const unit of units) assert.deepEqual(await runTogether(page, unit), [], unit);
    const session = await page.context().newCDPSession(page);
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    const names = nodes.filter((node) => node.role?.value === 'button').map((node) => node.name.value.replace(/\s+/g, ' '));
    assert.ok(names.some((name) => /^South Africa ZA [\d.]+ k?B$/.test(name)), `no such button: ${names.join(' | ')}`);
    assert.ok(names.some((name) => /^https 443 TCP [\d.]+ k?B$/.test(name)), `no such button: ${names.join(' | ')}`);
    assert.ok(names.some((name) => /^inbound [\d.]+ k?B [\d ]+ flows$/.test(name)), `no such button: ${names.join(' | ')}`);
  });

  it('says where figures are scaled by sampling, and only there', async () => {
    const sampled = await Meridian.start({ configuration: HOME });
    try {
      page = await open(browser, sampled.url);
      await mapIsAlive(page, sampled);
      const side = page.locator('.live__side');
      assert.doesNotMatch(await side.textContent(), /scaled/i);
      await send(sampledRouter(mixedFlows(60), 1000), sampled.udpPort);
      await until('the tops', async () => /by bytes, scaled, last/.test(await side.textContent()));
      await until('the rates', async () => /Throughput scaled/.test(await side.textContent()));
      await until('the totals', async () => /Scaled by sampling\. As exported: /.test(await side.textContent()));
      assert.doesNotMatch(await page.locator('.rate').first().textContent(), /scaled/, 'flows are never scaled');
      // Closed before its server ends, so that the browser does not complain of that.
      assert.deepEqual(page.complaints, []);
      await page.context().close();
      page = undefined;
    } finally {
      await sampled.stop();
    }
  });

  it('works from the keyboard: skip link, filter, map', async () => {
    page = await open(browser, meridian.url);
    await mapIsAlive(page, meridian);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
    const before = page.url();
    await page.locator('.world-map__stage').focus();
    await page.keyboard.press('+');
    await page.keyboard.press('ArrowRight');
    await until('the view in the URL', () => page.url() !== before);
  });
});

describe('what happens around the live page', () => {
  it('comes back to live by itself after the server restarts', async () => {
    const meridian = await Meridian.start({ configuration: HOME });
    const page = await open(browser, meridian.url);
    try {
      await until('the stream', async () => (await meridian.api('status')).stream_clients > 0);
      assert.equal(await meridian.end('SIGTERM'), 0);
      await until('RECONNECTING', async () => (await page.locator('.badge__word').first().textContent()) === 'RECONNECTING');
      await meridian.launch();
      await until('the stream again', async () => (await meridian.api('status')).stream_clients > 0, 30);
      await meridian.softflowd(capture, 9);
      await until('the totals', async () => (await shownTotals(page)).flows === truth.flows);
      await isLive(page);
      assert.deepEqual(page.complaints.filter((text) => text.includes('exception')), []);
    } finally {
      await page.context().close();
      await meridian.stop();
    }
  });

  it('survives 200 parallel page loads of which half are aborted, without a panic in the log', async () => {
    const meridian = await Meridian.start();
    try {
      const loads = Array.from({ length: 200 }, async (_, index) => {
        const controller = new AbortController();
        const load = fetch(`${meridian.url}${['/', '/exporters', '/settings'][index % 3]}`, { signal: controller.signal });
        if (index % 2) setTimeout(() => controller.abort(), index % 40);
        const response = await load;
        await response.text();
        return response.status;
      });
      const results = await Promise.allSettled(loads);
      const answered = results.filter((result) => result.status === 'fulfilled');
      assert.ok(answered.length >= 100, `${answered.length} loads were answered`);
      assert.ok(answered.every((result) => result.value === 200));
      assert.doesNotMatch(meridian.log, /panicked/);
      assert.equal((await fetch(meridian.url)).status, 200, 'it still answers');
    } finally {
      await meridian.stop();
    }
  });

  it('stays useful without WebGL: the still map, a notice, live lists', async () => {
    const meridian = await Meridian.start({ configuration: HOME });
    const page = await open(browser, 'about:blank');
    try {
      await page.addInitScript(() => {
        const original = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function getContext(kind, ...rest) {
          return kind === 'webgl2' ? null : original.call(this, kind, ...rest);
        };
      });
      await page.goto(meridian.url);
      await until('the notice', async () => /WebGL2/.test(await page.locator('.live__map').textContent()));
      await meridian.softflowd(capture, 9);
      await until('the totals', async () => (await shownTotals(page)).flows === truth.flows);
      await picture(page, 'live-without-webgl');
    } finally {
      await page.context().close();
      await meridian.stop();
    }
  });

  it('runs without a database, says so on every page, and asks where home is', async () => {
    const meridian = await Meridian.start({ databases: false });
    const page = await open(browser, meridian.url);
    try {
      for (const address of ['/', '/exporters', '/settings']) {
        await page.goto(meridian.url + address);
        assert.match(await page.locator('body').textContent(), /No database with places is in use/, address);
      }
      await page.goto(meridian.url);
      await page.getByText('Where is home?', { exact: true }).click();
      const form = page.locator('.home-form').first();
      await form.waitFor();
      await picture(page, 'live-without-database');
      await form.locator('input[name*="name"]').fill('Makhanda');
      await form.locator('input[name*="latitude"]').fill('-33.31');
      await form.locator('input[name*="longitude"]').fill('26.52');
      await form.locator('button[type="submit"]').click();
      await until('home', async () => (await meridian.api('status')).home_networks[0].place.precision === 'home');
      await meridian.end();
      await meridian.launch();
      const [home] = (await meridian.api('status')).home_networks;
      assert.equal(home.place.city, 'Makhanda', 'it is kept over a restart');
    } finally {
      await page.context().close();
      await meridian.stop();
    }
  });

  it('shows synthetic traffic with a badge in demo mode', async () => {
    const meridian = await Meridian.start({ flags: ['--demo', '--demo-seed', '7'], configuration: HOME });
    const page = await open(browser, meridian.url);
    try {
      await page.getByText('DEMO', { exact: true }).waitFor();
      await isLive(page);
      await until('three exporters', async () => (await meridian.api('exporters')).length === 3);
      const exporters = await meridian.api('exporters');
      assert.deepEqual(exporters.flatMap((exporter) => exporter.undecodable), []);
      assert.deepEqual(exporters.map((exporter) => exporter.sequence_missing), [0, 0, 0]);
      await until('arcs', async () => (await litPixels(page)) > 200, 20);
      await picture(page, 'live-demo');
      assert.deepEqual(page.complaints, []);
    } finally {
      await page.context().close();
      await meridian.stop();
    }
  });
});
