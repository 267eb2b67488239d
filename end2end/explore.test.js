// The explorer in a real Chromium: exact rows and totals, filters by click, every chart, zoom, pages of flow records.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';

import { DESKTOP, PHONE, launch, open, overlaps, picture } from './support/browser.js';
import { mixedFlows, writeCapture } from './support/capture.js';
import { sampledRouter, send, writeTimed } from './support/exporters.js';
import { Meridian, until } from './support/meridian.js';
import { PEERS } from './support/peers.js';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'meridian-captures-'));
const capture = path.join(scratch, 'explored.pcap');
const flows = mixedFlows(250);
const truth = writeCapture(capture, flows);

/** What flows add up to: IP headers are 20 bytes, those of TCP 20 and of UDP 8. */
function sum(wanted) {
  return wanted.reduce((all, { packets, payloadBytes, protocol }) => ({
    flows: all.flows + 1,
    bytes: all.bytes + packets * (payloadBytes + (protocol === 'udp' ? 28 : 40)),
    packets: all.packets + packets,
  }), { flows: 0, bytes: 0, packets: 0 });
}

/** Sums by what `termOf` calls the group of a flow. */
function grouped(termOf) {
  const terms = [...new Set(flows.map(termOf))].sort();
  return Object.fromEntries(terms.map((term) => [term, sum(flows.filter((flow) => termOf(flow) === term))]));
}

const isInbound = (flow) => flow.destination.startsWith('192.168.');
const outside = (flow) => (isInbound(flow) ? flow.source : flow.destination);
const service = (flow) => Math.min(flow.sourcePort, flow.destinationPort);
const addressTerm = (flow) => `outside.address = ${outside(flow)}`;
const serviceTerm = (flow) => `service = ${service(flow)} and protocol = ${flow.protocol}`;
const directionTerm = (flow) => `direction = ${isInbound(flow) ? 'inbound' : 'outbound'}`;

/** Numbers of a title such as `1 234 flows · 5 678 bytes · 9 packets`, whatever separates thousands. */
function figures(title) {
  const [count, bytes, packets] = title.split('·').map((part) => Number(part.replace(/[^\d]/g, '')));
  return { flows: count, bytes, packets };
}

/** The rows of the table by their terms, with their exact totals. */
async function rows(page) {
  const found = await page.locator('.explore-table tbody tr').evaluateAll((all) => all.map((row) => [
    [...row.querySelectorAll('[data-term]')].map((button) => button.dataset.term).join(' + '),
    row.querySelector('.explore-table__total').title,
  ]));
  return Object.fromEntries(found.map(([term, title]) => [term, figures(title)]).sort());
}

const total = async (page) => figures(await page.locator('.explore-table tfoot .explore-table__total').first().getAttribute('title'));

/** WASM has taken the page over: a click does what it says. */
const isAlive = (page) => page.waitForFunction(() => document.querySelector('.explore__results[aria-busy="false"]') !== null
  && window.__RESOLVED_RESOURCES !== undefined);

let browser;
before(async () => (browser = await launch()));
after(async () => {
  await browser?.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('the explorer', () => {
  let meridian;
  let page;
  const question = (query) => `${meridian.url}/explore?from=-1h&to=now&rows=50&${query}`;
  const ask = async (query, options) => {
    page = await open(browser, question(query), options);
    await page.locator('.explore__source').waitFor();
    await page.waitForLoadState('networkidle');
    return page;
  };
  before(async () => {
    meridian = await Meridian.start();
    await meridian.softflowd(capture, 9);
    await until('every flow', async () => (await meridian.text('/explore?from=-1h&to=now&by=none')).includes(`title="${truth.flows} flows`));
  });
  after(() => meridian?.stop());
  afterEach(async () => {
    const complaints = page?.complaints ?? [];
    await page?.context().close();
    page = undefined;
    assert.deepEqual(complaints, [], 'the browser complained');
  });

  it('has exactly the flows, bytes and packets of every group, by several dimensions', async () => {
    const questions = [
      ['by=outside.address', grouped(addressTerm)],
      ['by=service', grouped(serviceTerm)],
      ['by=direction', grouped(directionTerm)],
      ['by=direction,service&metric=packets', grouped((flow) => `${directionTerm(flow)} + ${serviceTerm(flow)}`)],
    ];
    for (const [query, wanted] of questions) {
      await ask(query);
      assert.deepEqual(await rows(page), wanted, query);
      assert.deepEqual(await total(page), truth, query);
      await page.context().close();
    }
    page = undefined;
  });

  it('puts what is not among the rows into the row "other", exactly', async () => {
    page = await open(browser, `${meridian.url}/explore?from=-1h&to=now&rows=5&by=outside.address`);
    const shown = await rows(page);
    const wanted = grouped(addressTerm);
    const five = Object.entries(shown).filter(([term]) => term !== '');
    assert.equal(five.length, 5);
    for (const [term, amount] of five) assert.deepEqual(amount, wanted[term]);
    const rest = Object.entries(wanted).filter(([term]) => !(term in shown)).map(([, amount]) => amount);
    const bytes = rest.reduce((all, amount) => all + amount.bytes, 0);
    assert.equal(shown[''].bytes, bytes);
    assert.ok(rest.every((amount) => five.every(([, larger]) => larger.bytes >= amount.bytes)));
  });

  it('is there without JavaScript: chart, table, choices as links', async () => {
    await ask('by=service', { javaScriptEnabled: false });
    assert.deepEqual(await rows(page), grouped(serviceTerm));
    assert.ok((await page.locator('.chart__band').count()) >= 4);
    await page.getByRole('link', { name: 'Lines', exact: true }).click();
    assert.ok((await page.locator('.chart__line').count()) >= 4);
    await picture(page, 'explore-without-javascript');
  });

  it('adds a value to the filter by a click, once, and the totals are those of the flows that pass', async () => {
    await ask('by=service');
    await isAlive(page);
    const term = serviceTerm({ sourcePort: 443, destinationPort: 50_000, protocol: 'tcp' });
    const passing = flows.filter((flow) => service(flow) === 443);
    const click = () => page.locator(`[data-term="${term}"]`).first().click();
    await click();
    await until('the totals of the filter', async () => JSON.stringify(await total(page)) === JSON.stringify(sum(passing)));
    assert.deepEqual(Object.keys(await rows(page)), [term]);
    const filter = () => new URL(page.url()).searchParams.get('filter');
    const once = filter();
    assert.equal(await page.locator('#filter').inputValue(), once);
    await click();
    assert.equal(filter(), once);
    await page.goBack();
    await until('all flows again', async () => (await total(page)).flows === truth.flows);
  });

  it('leaves a value out by the sign beside it', async () => {
    await ask('by=outside.address');
    await isAlive(page);
    const address = outside(flows[0]);
    const cell = page.locator('.choice').filter({ has: page.locator(`[data-term="outside.address = ${address}"]`) }).first();
    await cell.hover();
    await cell.locator('[data-not]').click();
    const passing = flows.filter((flow) => outside(flow) !== address);
    await until('the totals without it', async () => JSON.stringify(await total(page)) === JSON.stringify(sum(passing)));
  });

  it('reads a chart at the pointer, zooms in by dragging, and goes back', async () => {
    await ask('by=direction&sides=mirrored');
    await isAlive(page);
    const plot = await page.locator('.chart__plot').boundingBox();
    const at = (share) => [plot.x + plot.width * share, plot.y + plot.height / 2];
    const readout = page.locator('.chart__readout');
    await page.mouse.move(...at(0.5));
    await until('the readout of the time before the start', async () => /nothing was collected\s*$/.test(await readout.textContent()));
    await page.mouse.move(plot.x + plot.width - 1, plot.y + plot.height / 2);
    await until('the readout', async () => /inbound/.test(await readout.textContent()));
    const before = page.url();
    await page.mouse.move(...at(0.6));
    await page.mouse.down();
    await page.mouse.move(...at(0.8));
    await page.mouse.move(...at(0.99));
    await page.mouse.up();
    await until('the zoom', () => /from=\d{4}-/.test(page.url()));
    await page.getByRole('button', { name: 'Zoom back out' }).click();
    await until('the range before', () => page.url() === before);
    await until('all flows', async () => {
      const amounts = await page.locator('.explore-table tfoot .explore-table__total').evaluateAll((all) => all.map((cell) => cell.title));
      return amounts.length === 2 && amounts.reduce((all, title) => all + figures(title).flows, 0) === truth.flows;
    });
    await picture(page, 'explore-mirrored');
  });

  it('draws parts of a whole, small charts and a Sankey diagram', async () => {
    await ask('by=service&chart=shares');
    assert.equal(await page.locator('.chart__band').count(), 4);
    assert.match(await page.locator('.chart__amounts').textContent(), /100/);
    await page.getByRole('link', { name: 'Grid', exact: true }).click();
    await until('a chart for each row', async () => (await page.locator('.chart-grid__cell').count()) === 4);
    await page.goto(question('by=direction,service&chart=sankey'));
    await page.locator('.sankey__box').first().waitFor();
    assert.equal(await page.locator('.sankey__box').count(), 6);
    assert.equal(await page.locator('.sankey__ribbon').count(), 4);
    await picture(page, 'explore-sankey');
  });

  it('has labels of thin boxes in a Sankey diagram that never overlap, and tells what has no room in full', async () => {
    for (const viewport of [DESKTOP, PHONE]) {
      for (const by of ['home.address,home.port', 'outside.country,home.address,home.port', 'outside.address,home.address,home.port,service']) {
        page = await open(browser, `${meridian.url}/explore?from=-1h&to=now&rows=20&chart=sankey&by=${by}`, { viewport });
        await page.locator('.sankey__box').first().waitFor();
        assert.ok((await page.locator('.sankey__name').count()) >= 40, by);
        assert.deepEqual(await overlaps(page, '.sankey__name, .sankey__amount, .sankey__box'), [], `${by} at ${viewport.width}`);
        const isWhole = await page.locator('.sankey__label').evaluateAll((all) => all.every((label) => {
          const [name, amount] = ['name', 'amount'].map((part) => label.querySelector(`.sankey__${part}`).textContent);
          return label.querySelector('title').textContent === `${name}: ${amount}`;
        }));
        assert.ok(isWhole);
        await page.locator('.sankey').scrollIntoViewIfNeeded();
        await picture(page, `explore-sankey-${by.split(',').length}-${viewport.width}`);
        assert.deepEqual(page.complaints, []);
        await page.context().close();
      }
    }
    page = undefined;
  });

  it('counts distinct addresses over time, each once in the total, and in a table of the whole range', async () => {
    await ask('by=direction&metric=addresses');
    const counted = (inbound) => new Set(flows.filter((flow) => isInbound(flow) === inbound).map(outside)).size;
    const wanted = [counted(true), counted(false)].sort();
    const totals = page.locator('.explore-table tbody .explore-table__total');
    assert.deepEqual((await totals.allTextContents()).map(Number).sort(), wanted);
    assert.equal(await page.locator('.chart__line').count(), 2);
    await page.getByRole('link', { name: 'Table', exact: true }).click();
    await until('the table', async () => (await page.locator('.chart').count()) === 0);
    const cells = await page.locator('.explore-table tbody tr').evaluateAll((all) => all.map((row) => row.children[1].textContent.trim()));
    assert.deepEqual(cells.map(Number).sort(), wanted);
  });

  it('draws both directions with the same lines, those with most of both together', async () => {
    page = await open(browser, `${meridian.url}/explore?from=-1h&to=now&rows=5&by=outside.address&sides=mirrored`);
    await page.locator('.explore__source').waitFor();
    const found = await page.locator('.explore-table tbody tr').evaluateAll((all) => all.map((row) => [
      row.querySelector('[data-term]')?.dataset.term, row.querySelector('.explore-table__total').title,
    ]));
    const wanted = (term, inbound) => sum(flows.filter((flow) => addressTerm(flow) === term && isInbound(flow) === inbound));
    assert.equal(found.length, 12);
    for (let row = 0; row < 10; row += 2) {
      const term = found[row][0];
      assert.deepEqual(figures(found[row][1]), wanted(term, true), term);
      assert.deepEqual(figures(found[row + 1][1]), wanted(term, false), term);
    }
    const ranked = Object.values(grouped(addressTerm)).map(({ bytes }) => bytes).sort((one, other) => other - one);
    const shown = [0, 2, 4, 6, 8].map((row) => figures(found[row][1]).bytes + figures(found[row + 1][1]).bytes);
    assert.deepEqual(shown, ranked.slice(0, 5));
  });

  it('calls autonomous systems by their names beside flow records', async () => {
    await ask('chart=flows');
    const { systems } = await (await fetch(`${meridian.url}/api/v1/flows?from=-1h&rows=100`)).json();
    assert.ok(systems.length > 0);
    const text = await page.locator('.flow-list').textContent();
    for (const { value, label } of systems) assert.ok(text.includes(`${label} AS${value}`), label);
  });

  it('lists every flow record once, page by page', async () => {
    await ask('chart=flows');
    await isAlive(page);
    const seen = [];
    for (let number = 0; number < 10; number += 1) {
      const texts = await page.locator('.flow-list__end').evaluateAll((all) => all.map((end) =>
        [...end.querySelectorAll('.flow-list__address [data-term]')].map((button) => button.dataset.term).join(' ')));
      for (let index = 0; index < texts.length; index += 2) seen.push(`${texts[index]} ${texts[index + 1]}`);
      const older = page.locator('.explore__older');
      if ((await older.count()) === 0) break;
      const first = texts.join();
      await older.click();
      await until('the next page', async () => (await page.locator('.flow-list__end').evaluateAll((all) => all.map((end) =>
        [...end.querySelectorAll('.flow-list__address [data-term]')].map((button) => button.dataset.term).join(' '))).then((next) => next.join())) !== first);
    }
    assert.equal(seen.length, truth.flows);
    const wanted = flows.map((flow) =>
      `src.address = ${flow.source} src.port = ${flow.sourcePort} dst.address = ${flow.destination} dst.port = ${flow.destinationPort}`);
    assert.deepEqual([...seen].sort(), wanted.sort());
  });

  it('says what is wrong with a filter or a dimension, and where', async () => {
    page = await open(browser, `${meridian.url}/explore?filter=${encodeURIComponent('port = 443 and contry = ZA')}&by=src.contry`);
    assert.match(await page.locator('.filter-bar__pointer').textContent(), /contry = ZA\n +\^+/);
    assert.match(await page.locator('.explore').textContent(), /src\.country/);
    assert.match(await page.locator('.explore__waiting').textContent(), /cannot be read/);
  });

  it('says that there is nothing, and what to do', async () => {
    page = await open(browser, `${meridian.url}/explore?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z`);
    assert.match(await page.locator('.explore__empty').textContent(), /No flows/);
  });

  it('fits on a telephone', async () => {
    await ask('by=outside.address,service', { viewport: PHONE });
    for (const chart of ['Lines', 'Grid', 'Sankey', 'Flow records', 'Stacked']) {
      await page.getByRole('link', { name: chart, exact: true }).click();
      await until(`the chart ${chart}`, async () => (await page.locator('.choice-bar__choice[aria-current]').filter({ hasText: chart }).count()) === 1);
      await page.locator('.explore__results[aria-busy="false"]').waitFor();
      const { wide, screen } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, screen: window.innerWidth }));
      assert.ok(wide <= screen, `${chart} is ${wide} px wide on a screen of ${screen}`);
    }
    await picture(page, 'explore-phone');
  });

  it('marks figures that are scaled by sampling, with the exported ones in the hover text', async () => {
    await send(sampledRouter([{ source: '192.0.2.7', destination: '192.168.1.99', sourcePort: 4_000, destinationPort: 50_000, packets: 3, payloadBytes: 60 }], 1000), meridian.udpPort, '127.0.0.9');
    const filter = encodeURIComponent('exporter = 127.0.0.9');
    const html = await until('the sampled flow', async () => {
      const text = await meridian.text(`/explore?from=-1h&to=now&by=none&filter=${filter}`);
      return text.includes('as exported; scaled by sampling') && text;
    });
    assert.match(html, /300.kB/);
    await ask(`by=outside.address&filter=${filter}`);
    assert.match(await page.locator('.explore__panel').textContent(), /scaled by sampling/);
  });
});

describe('the explorer of a time with a gap in it', () => {
  const HOUR = 3_600_000;
  const FROM = Math.floor(Date.now() / HOUR) * HOUR - 20 * HOUR;
  const stretch = (from) => Array.from({ length: 720 }, (_, index) => ({
    ms: from + index * 10_000 + 1_000, source: PEERS[['DE', 'US'][index % 2]], destination: '192.168.1.10',
    sourcePort: 443, destinationPort: 40_000 + index, packets: 3, payloadBytes: 500,
  }));
  let meridian;
  let page;
  /** Two hours in which something was collected, two in which nothing was, and two more in which something was. */
  before(async () => {
    const captures = [0, 4].map((hours) => writeTimed(path.join(scratch, `gap-${hours}.pcap`), stretch(FROM + hours * HOUR)));
    meridian = await Meridian.withPast(captures);
  });
  after(() => meridian?.stop());
  afterEach(async () => {
    const complaints = page?.complaints ?? [];
    await page?.context().close();
    page = undefined;
    assert.deepEqual(complaints, [], 'the browser complained');
  });
  /** Shows from so many hours after the beginning to so many. */
  const show = async (from, to, query) => {
    await page?.context().close();
    const [first, last] = [from, to].map((hours) => new Date(FROM + hours * HOUR).toISOString());
    page = await open(browser, `${meridian.url}/explore?from=${first}&to=${last}&by=outside.country&${query}`);
    await page.locator('.explore__source').waitFor();
    await isAlive(page);
  };
  const paths = (selector) => page.locator(selector).evaluateAll((all) => all.map((path) => path.getAttribute('d')));

  it('breaks lines and bands there instead of letting them fall to zero, and says why', async () => {
    await show(0.1, 5.9, 'chart=stacked');
    for (const path of await paths('.chart__band')) assert.equal(path.match(/M/g).length, 2, path);
    assert.match(await page.locator('.chart-key').textContent(), /nothing was collected/);
    assert.match(await page.locator('.chart__gap title').textContent(), /\d: nothing was collected$/);
    assert.match(await page.locator('.explore__source').textContent(), /nothing was collected in 1 stretch of it/);
    const plot = await page.locator('.chart__plot').boundingBox();
    await page.mouse.move(plot.x + plot.width / 2, plot.y + plot.height / 2);
    await until('the readout', async () => /nothing was collected\s*$/.test(await page.locator('.chart__readout').textContent()));
    await picture(page, 'explore-gap');
    await show(0.1, 5.9, 'chart=lines');
    const lines = await paths('.chart__line');
    assert.equal(lines.length, 2);
    for (const line of lines) {
      assert.equal(line.match(/M/g).length, 2, line);
      const heights = [...line.matchAll(/ ([\d.]+)/g)].map(([, y]) => Number(y));
      assert.ok(heights.every((y) => y < 900), `it falls to the foot: ${line}`);
    }
    await picture(page, 'explore-gap-lines');
  });

  it('counts no step of it in the table, and no time of it in the mean', async () => {
    await show(0.1, 5.9, 'chart=lines&metric=flows');
    const cells = await page.locator('.explore-table tfoot .data-table__number').allTextContents();
    const [least, most, , mean] = cells.map((text) => Number(text));
    // A flow each ten seconds while something was collected.
    assert.ok(least >= 0.09 && most <= 0.21 && Math.abs(mean - 0.1) < 0.011, cells.join(' '));
  });

  it('explains the dashed lines of the period before in words', async () => {
    await show(3, 5.9, 'chart=stacked&previous=yes');
    assert.match(await page.locator('.chart-key').textContent(), /all flows in the period before: \d+ \w+ \d{4}/);
    const [dashed] = await paths('.chart__plot .chart__previous');
    assert.equal(dashed.match(/M/g).length, 1, 'the period before has a gap at its end');
    await picture(page, 'explore-previous');
    await page.getByRole('link', { name: 'Lines', exact: true }).click();
    await until('a line each', async () => /the same line in the period before/.test(await page.locator('.chart-key').textContent()));
    await page.getByRole('link', { name: 'Period before', exact: true }).click();
    await until('no dashed line', async () => !/before/.test(await page.locator('.chart-key').textContent()));
  });
});
