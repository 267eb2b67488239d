// Reports in a real Chromium: two months of known traffic, a clock that passes the month's end, and one report with
// exactly the right figures, on the page, printed, and as the server's PDF.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';

import { DESKTOP, PHONE, launch, open, picture } from './support/browser.js';
import { clockAt } from './support/clock.js';
import { writeTimed } from './support/exporters.js';
import { Meridian, freeTcpPort, until } from './support/meridian.js';
import { dense, readPdf } from './support/pdf.js';
import { PEERS } from './support/peers.js';

const ZONE = 'Europe/Paris';
// Markup, and an override that would turn what stands after it.
const OVERRIDE = '\u202e';
const HOSTILE = `<script>alert("report")</script> & ${OVERRIDE}Sons`;
const SHOWN = HOSTILE.replace(OVERRIDE, '');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
// The months in Paris: summer time ends on 2026-10-25.
const SEPTEMBER = Date.parse('2026-08-31T22:00:00Z');
const OCTOBER = Date.parse('2026-09-30T22:00:00Z');
const NOVEMBER = Date.parse('2026-10-31T23:00:00Z');
const METRICS = ['bytes', 'flows', 'packets'];

/** Flows of every day of both months, on both sides of every end of a month, and in the hour that comes twice. */
function known() {
  const countries = ['ZA', 'DE', 'BR', 'JP', 'US', 'FR', 'AU'];
  const times = [SEPTEMBER, SEPTEMBER - 1, OCTOBER - 1, OCTOBER, NOVEMBER - 1, NOVEMBER];
  for (let ms = SEPTEMBER; ms < NOVEMBER; ms += 9 * HOUR) times.push(ms + 17 * 60_000);
  times.push(Date.parse('2026-10-25T00:30:00Z'), Date.parse('2026-10-25T01:30:00Z'));
  return times.sort((one, other) => one - other).map((ms, index) => {
    const country = countries[(index * index) % countries.length];
    const inbound = index % 3 !== 0;
    const outside = PEERS[country].replace(/\d+$/, (last) => (Number(last) + (index % 5)) % 256);
    const inside = `192.168.1.${10 + (index % 9)}`;
    return {
      ms, country, outside, inbound, packets: 3 + (index % 11) * (ms < OCTOBER ? 90 : 140), payloadBytes: 400 + ((index * 37) % 1000),
      source: inbound ? outside : inside, destination: inbound ? inside : outside,
      sourcePort: inbound ? 443 : 40_000 + index, destinationPort: inbound ? 40_000 + index : 443,
    };
  });
}

const flows = known();
const within = (from, to) => flows.filter((flow) => flow.ms >= from && flow.ms < to);
const october = within(OCTOBER, NOVEMBER);
const september = within(SEPTEMBER, OCTOBER);

function sum(some) {
  const add = (of) => some.reduce((total, flow) => total + of(flow), 0);
  return { bytes: add((flow) => flow.packets * (flow.payloadBytes + 40)), flows: some.length, packets: add((flow) => flow.packets) };
}

const localDay = (ms) => new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE }).format(new Date(ms));

/** Sums by what `of` says of a flow. */
function grouped(some, of) {
  const groups = {};
  for (const flow of some) (groups[of(flow)] ??= []).push(flow);
  return Object.fromEntries(Object.entries(groups).map(([key, all]) => [key, sum(all)]));
}

/** Every figure of the page, to the last digit. */
const shown = (page) => page.evaluate((metrics) => {
  const cells = (row) => Object.fromEntries(metrics.map((metric) => [metric, Number(row.querySelector(`[data-metric=${metric}] data`).value)]));
  const rows = (selector, key) => Object.fromEntries([...document.querySelectorAll(selector)].map((row) => [row.dataset[key], cells(row)]));
  return {
    total: Object.fromEntries([...document.querySelectorAll('.report__figure-large')].map((figure) => [figure.dataset.metric, Number(figure.querySelector('data').value)])),
    ways: rows('.report__ways tbody tr', 'way'),
    days: rows('.report__days tbody tr', 'step'),
    countries: rows('#countries tbody tr', 'key'),
    exporters: [...document.querySelectorAll('#exporters tbody tr')].map((row) => row.dataset.key),
  };
}, METRICS);

/** The page has exactly the figures of these flows. */
async function assertExact(page, some) {
  const figures = await shown(page);
  const { addresses, ...total } = figures.total;
  assert.deepEqual(total, sum(some));
  assert.equal(addresses, new Set(some.map((flow) => flow.outside)).size, 'distinct outside addresses');
  assert.deepEqual(figures.ways.inbound, sum(some.filter((flow) => flow.inbound)));
  assert.deepEqual(figures.ways.outbound, sum(some.filter((flow) => !flow.inbound)));
  assert.deepEqual(figures.ways.all, sum(some));
  const days = Object.entries(figures.days).filter(([, day]) => day.flows > 0);
  assert.deepEqual(Object.fromEntries(days), grouped(some, (flow) => localDay(flow.ms)));
  assert.deepEqual(figures.countries, grouped(some, (flow) => flow.country));
  assert.deepEqual(figures.exporters, ['192.0.2.1']);
}

/** What of the page has to stand in a PDF of it: figures as people read them or to the last digit, names, dates. */
async function wanted(page) {
  const texts = await page.evaluate(() => [
    ...document.querySelectorAll('.report__period, .report__title, .report__number data, .report__ways td data, .report__peaks td data, #countries tbody th a, #countries td[data-metric] data, #systems td[data-metric] data'),
  ].map((element) => [element.textContent, element.value ?? element.textContent]));
  assert.ok(texts.length > 40, `${texts.length} texts`);
  return texts;
}

function assertContains(pages, texts, what) {
  const all = dense(pages.join(''));
  for (const [text, exact] of texts) assert.ok(all.includes(dense(text)) || all.includes(dense(exact)), `${what} lacks ${text}`);
}

const isWide = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
const rowsOf = (page) => page.locator('.reports__table tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset.report));

let browser;
const scratch = mkdtempSync(path.join(os.tmpdir(), 'meridian-reports-'));
before(async () => (browser = await launch()));
after(async () => {
  await browser?.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('a month of known traffic that ends while Meridian runs', () => {
  const folder = mkdtempSync(path.join(scratch, 'data-'));
  let configuration;
  let meridian;
  let page;
  /** Starts the program with its clock at a time. */
  const startAt = async (time) => Meridian.start({ configuration, folder, env: clockAt(time) });
  const show = async (where, options) => (page = await open(browser, `${meridian.url}${where}`, options));

  /** Asks for a report; its name when it is made. */
  const ordered = async (order) => {
    const answer = await fetch(`${meridian.url}/api/v1/reports`, { method: 'POST', body: JSON.stringify({ zone: ZONE, ...order }) });
    const { id } = await answer.json();
    await until('the report', async () => (await meridian.api(`reports/${id}`)).report, 60);
    return id;
  };

  before(async () => {
    // Nobody listens there.
    const closed = await freeTcpPort();
    configuration = [
      '[home]', 'name = "Makhanda"', 'latitude = -33.31', 'longitude = 26.52', '[reports]', `time_zone = "${ZONE}"`,
      '[[reports.schedules]]', 'name = "monthly"', 'period = "month"', `title = '${HOSTILE}'`, 'email = ["noc@example.net"]',
      '[reports.smtp]', 'server = "127.0.0.1"', `port = ${closed}`, 'security = "none"', 'from = "meridian@example.net"', '',
    ].join('\n');
    meridian = await startAt('2026-11-01 01:00:00');
    await meridian.end();
    const capture = writeTimed(path.join(scratch, 'months.pcap'), flows, { firstMs: flows[0].ms - 1 });
    await meridian.import(capture, { env: clockAt('2026-11-01 01:05:00') });
    meridian = await startAt('2026-11-01 01:59:35');
  });
  after(() => meridian?.stop());
  afterEach(async () => {
    const complaints = page?.complaints ?? [];
    await page?.context().close();
    page = undefined;
    assert.deepEqual(complaints, [], 'the browser complained');
  });

  it('says when the first report comes, and then has exactly one', async () => {
    await show('/reports');
    if (!(await page.locator('.reports__table tbody tr').count())) {
      assert.match(await page.locator('.reports__empty').textContent(), /There is no report yet[^]*2026-11-01 03:00/);
      await picture(page, 'reports-empty');
    }
    await until('the report', async () => (await meridian.api('reports')).reports.some((entry) => entry.state.state === 'done'), 90);
    await page.reload();
    assert.deepEqual(await rowsOf(page), ['monthly-2026-10']);
    assert.match(await page.locator('.reports__table tbody th').first().textContent(), /October 2026/);
    assert.match(await page.locator('.reports__schedules').textContent(), /monthly[^]*2026-12-01 03:00/);
    await picture(page, 'reports-list');
  });

  it('says that the mail server did not take it, and that it is tried again', async () => {
    await until('the try', async () => (await meridian.api('reports')).reports[0].deliveries[0].attempts > 0, 60);
    await show('/reports');
    assert.match(await page.locator('[data-report="monthly-2026-10"] .report-delivery--fault').textContent(), /noc@example\.net: failed[^]*ried again/);
  });

  it('has exactly these figures on its page, in each metric, without JavaScript', async () => {
    await show('/reports/monthly-2026-10', { javaScriptEnabled: false });
    await assertExact(page, october);
    assert.equal(await page.locator('.report__title').textContent(), SHOWN, 'a hostile title is text and turns nothing');
    assert.equal(await page.locator('.report script').count(), 0);
    assert.equal(await page.locator('h1').textContent(), 'October 2026');
    assert.match(await page.locator('.report__made').textContent(), /September 2026[^]*Europe\/Paris/);
    const changes = await page.locator('.report__ways [data-way=all] .trend').textContent();
    const [now, then] = [sum(october).bytes, sum(september).bytes];
    const percent = Math.round((now / then - 1) * 100);
    assert.ok(dense(changes).includes(percent > 0 ? `${percent}%more` : `${-percent}%less`), `${changes} is not ${percent} %`);
    assert.equal(await page.locator('.drawing--wide use[href="/world.svg#ZA"].ink--land').count(), 0, 'South Africa has a colour');
    assert.equal(await page.locator('[style]').count(), 0, 'no inline style');
  });

  it('leads to the heatmap, the explorer and the replay of the same month', async () => {
    await show('/reports/monthly-2026-10');
    const links = await page.locator('.report__links a').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    assert.deepEqual(links.map((link) => link.split('?')[0]), ['/heatmap', '/explore', '/replay']);
    for (const link of links) assert.equal(Date.parse(new URLSearchParams(link.split('?')[1]).get('from')), OCTOBER, link);
  });

  for (const format of ['A4', 'Letter']) {
    it(`prints on ${format} with every figure and the number of each page`, async () => {
      await show('/reports/monthly-2026-10');
      const texts = await wanted(page);
      const pages = await readPdf(`report-printed-${format}`, await page.pdf({ format }));
      assertContains(pages, texts, 'the printed page');
      for (const [index, text] of pages.entries()) assert.ok(dense(text).includes(`${index + 1}/${pages.length}`), `page ${index + 1} of ${pages.length} has its number`);
      assert.ok(!dense(pages.join('')).includes('Makeanew'), 'buttons are not printed');
    });
  }

  it('has the same figures in the PDF of the server, whose hostile title is text', async () => {
    await show('/reports/monthly-2026-10');
    const texts = await wanted(page);
    const href = await page.locator('.report-bar a', { hasText: 'PDF' }).getAttribute('href');
    const answer = await fetch(meridian.url + href);
    assert.equal(answer.headers.get('content-type'), 'application/pdf');
    const pages = await readPdf('report-server', Buffer.from(await answer.arrayBuffer()));
    assertContains(pages, texts, 'the PDF');
  });

  it('makes a report of another month on demand, without JavaScript too', async () => {
    await show('/reports', { javaScriptEnabled: false });
    const form = page.locator('.report-form').first();
    await form.locator('[name=from]').fill('2026-09');
    await form.locator('[name=title]').fill('Asked for');
    await form.getByRole('button', { name: 'Report of the month' }).click();
    await page.waitForURL(/\/reports\/custom-/);
    await page.locator('.report').waitFor({ timeout: 30_000 });
    await assertExact(page, september);
    assert.equal(await page.locator('.report__title').textContent(), 'Asked for');
  });

  it('turns no figure by an override in a filter, neither on the page nor printed', async () => {
    const id = await ordered({ from: '2026-10', filter: `outside.city != "${OVERRIDE}Atlantis"`, sections: ['days'] });
    await show(`/reports/${id}`);
    await page.locator('.report').waitFor();
    assert.ok((await page.locator('.report__made code').textContent()).includes(OVERRIDE), 'the filter is shown as it is');
    const sentences = page.locator('.report__summary > bdi');
    assert.ok((await sentences.count()) > 2);
    assert.ok(!(await page.locator('.report__summary').textContent()).includes(OVERRIDE));
    // Whether letters run from left to right: of a sentence that the override stands before, also where it is not taken out.
    const isTurned = () => sentences.evaluateAll(([first, second]) => {
      first.firstChild.data = `${first.firstChild.data}\u202e`;
      const left = (at) => {
        const range = document.createRange();
        range.setStart(second.firstChild, at);
        range.setEnd(second.firstChild, at + 1);
        return range.getBoundingClientRect().left;
      };
      return left(1) < left(0);
    });
    assert.equal(await isTurned(), false, 'each sentence is for itself');
    const pages = await readPdf('report-turned', await page.pdf({ format: 'A4' }));
    const bytes = await page.locator('.report__ways [data-way=all] [data-metric=bytes] data').textContent();
    assertContains(pages, [[bytes, bytes]], 'the printed page');
  });

  it('prints the table of days of a long report when its reader has opened it', async () => {
    const id = await ordered({ from: '2026-08-20', to: '2026-10-31', sections: ['days'] });
    await show(`/reports/${id}`);
    await page.locator('.report .fold').waitFor();
    // A day of the table only: the axis of the chart has others.
    const days = await page.locator('.report__days tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset.step));
    const printed = async (name) => dense((await readPdf(name, await page.pdf({ format: 'A4' }))).join(''));
    const closed = await printed('report-days-closed');
    assert.ok(days.some((day) => !closed.includes(day)), 'what is closed is not printed');
    await page.locator('.report .fold > summary').click();
    const opened = await printed('report-days-opened');
    for (const day of days) assert.ok(opened.includes(day), `${day} is printed`);
    assert.ok(!opened.includes(dense(`All ${days.length} days`)), 'its handle is not printed');
  });

  it('says what to write instead of a range that it does not understand, and keeps what was typed', async () => {
    await show('/reports');
    await page.getByText('Another range').click();
    const form = page.locator('.report-form').nth(1);
    await form.locator('[name=from]').fill('the day of the elephant');
    await form.getByRole('button', { name: 'Report of the range' }).click();
    await page.locator('.report-form__fault').first().waitFor();
    assert.equal(await form.locator('[name=from]').inputValue(), 'the day of the elephant');
    // The refusal itself is no complaint of the page.
    page.complaints = page.complaints.filter((complaint) => !/Failed to load resource/.test(complaint));
  });

  it('adds a schedule and removes it again, and says when it is due', async () => {
    await show('/reports', { javaScriptEnabled: false });
    await page.getByText('Add a schedule').click();
    const form = page.locator('.report-form', { has: page.locator('[name=name]') });
    await form.locator('[name=name]').fill('dns-daily');
    await form.locator('[name=period]').selectOption('day');
    await form.locator('[name=filter]').fill('port = 53');
    await form.getByRole('button', { name: 'Add the schedule' }).click();
    const row = page.locator('[data-schedule="dns-daily"]');
    await row.waitFor();
    assert.match(await row.textContent(), /2026-11-02 03:00/);
    await row.locator('summary').click();
    await row.getByRole('button', { name: 'Remove it' }).click();
    await row.waitFor({ state: 'detached' });
  });

  it('has no page of a report that does not exist', async () => {
    const answer = await fetch(`${meridian.url}/reports/nothing`);
    assert.equal(answer.status, 404);
    assert.match(await answer.text(), /There is no such report/);
  });

  for (const [name, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    for (const colorScheme of ['dark', 'light']) {
      it(`fits a ${name} in the ${colorScheme} theme`, async () => {
        for (const where of ['/reports', '/reports/monthly-2026-10']) {
          await page?.context().close();
          await show(where, { viewport, colorScheme });
          await page.locator('.reports__table, .report').first().waitFor();
          await picture(page, `report-${name}-${colorScheme}-${where === '/reports' ? 'list' : 'page'}`);
          assert.ok((await isWide(page)) <= 0, `${where} is ${await isWide(page)} px too wide`);
          assert.deepEqual(page.complaints, []);
        }
      });
    }
  }

  it('writes what it missed while it did not run, each once', async () => {
    await meridian.end();
    meridian = await startAt('2027-01-03 12:00:00');
    const scheduled = async () => (await meridian.api('reports')).reports.filter((entry) => entry.schedule === 'monthly' && entry.state.state === 'done').map((entry) => entry.id).sort();
    await until('the missed ones', async () => (await scheduled()).length === 3, 60);
    assert.deepEqual(await scheduled(), ['monthly-2026-10', 'monthly-2026-11', 'monthly-2026-12']);
    await show('/reports/monthly-2026-12', { javaScriptEnabled: false });
    assert.equal((await shown(page)).total.flows, 0);
    await picture(page, 'report-of-nothing');
  });
});
