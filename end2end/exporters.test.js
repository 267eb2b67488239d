// The exporters and settings pages in a real Chromium.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { DESKTOP, PHONE, launch, open, picture } from './support/browser.js';
import { mixedFlows, writeCapture } from './support/capture.js';
import { sampledRouter, send, sflowAgent, troubledRouter } from './support/exporters.js';
import { Meridian, freeTcpPort, root, until } from './support/meridian.js';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'meridian-captures-'));
const capture = path.join(scratch, 'mixed.pcap');
writeCapture(capture, mixedFlows(60));

let browser;
let meridian;
before(async () => {
  browser = await launch();
  meridian = await Meridian.start();
});
after(async () => {
  await browser?.close();
  await meridian?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

describe('the exporters page', () => {
  it('says how to get an exporter before there is one', async () => {
    const page = await open(browser, `${meridian.url}/exporters`);
    assert.match(await page.locator('main').textContent(), /softflowd/);
    await picture(page, 'exporters-empty');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  for (const [name, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    for (const colorScheme of ['dark', 'light']) {
      it(`shows an exporter with its templates by IANA name on a ${name} in the ${colorScheme} theme`, async () => {
        await meridian.softflowd(capture, 10);
        await until('the flows', async () => (await meridian.api('exporters'))[0]?.traffic.flows > 0);
        const page = await open(browser, `${meridian.url}/exporters`, { viewport, colorScheme });
        const main = page.locator('main');
        await until('the exporter', async () => /127\.0\.0\.1/.test(await main.textContent()));
        for (const details of await page.locator('main details:not([open]) > summary').all()) {
          if (await details.isVisible()) await details.click();
        }
        await until('a field', async () => /sourceIPv4Address/.test(await main.textContent()));
        await picture(page, `exporters-${name}-${colorScheme}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
        assert.deepEqual(page.complaints, []);
        await page.context().close();
      });
    }
  }
});

describe('the exporters page when there is much to say', () => {
  let busy;
  let folder;
  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'meridian-busy-'));
    symlinkSync(path.join(root, 'data/geolocation'), path.join(folder, 'geolocation'));
    writeFileSync(path.join(folder, 'collector-state'), 'no state at all');
    busy = await Meridian.start({
      folder,
      configuration: '[admission]\nnetworks = ["127.0.0.0/29"]\n',
      flags: ['--listen-tcp', `127.0.0.1:${await freeTcpPort()}`],
    });
    const flows = mixedFlows(1200);
    for (const router of ['127.0.0.2', '127.0.0.3']) await send(sampledRouter(flows), busy.udpPort, router);
    await send(troubledRouter(), busy.udpPort, '127.0.0.4');
    await send(sflowAgent(), busy.udpPort, '127.0.0.5');
    await send(troubledRouter(), busy.udpPort, '127.0.0.99');
    await until('the finding', async () => (await busy.api('status')).double_counting.length > 0, 30);
  });
  after(async () => {
    await busy?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says of each exporter whether it is well, how it samples, and what is missing and why', async () => {
    const page = await open(browser, `${busy.url}/exporters`);
    const card = (name) => page.getByRole('article', { name: `Exporter ${name}`, exact: true });
    const sampled = card('127.0.0.2');
    await sampled.getByText('all well').waitFor();
    const figures = (await sampled.locator('.exporter__figures').textContent()).replace(/\s+/g, ' ');
    assert.match(figures, /Flows 1 200 in 61 datagrams/);
    assert.match(figures, /Missing none of the datagrams/);
    assert.match(figures, /Sampling 1 in 1 000 its options say it/);
    assert.match(figures, /Bytes [\d.]+ GB [\d.]+ M packets, scaled/);
    assert.match(await sampled.textContent(), /sampler 7, random/);
    assert.match(await sampled.textContent(), /Interfaces 14/);
    await until('a rate', async () => /Rate \d/.test((await sampled.locator('.exporter__figures').textContent()).replace(/\s+/g, ' ')));

    const troubled = card('127.0.0.4');
    await troubled.getByText('losses', { exact: true }).waitFor();
    const losses = (await troubled.locator('.losses').textContent()).replace(/\s+/g, ' ');
    assert.match(losses, /47 datagrams missing Lost on the way/);
    assert.match(losses, /2 data sets waiting for their template/);
    assert.match(losses, /1 not decoded: set of a wrong length/);
    assert.doesNotMatch(losses, /came twice/, 'what did not happen is not in sight');
    assert.match((await troubled.locator('details').first().textContent()).replace(/\s+/g, ' '), /no datagrams that came twice/);
    await page.context().close();
  });

  it('shows what an sFlow agent sent', async () => {
    const page = await open(browser, `${busy.url}/exporters`);
    await page.getByRole('heading', { name: 'sFlow agent' }).waitFor();
    const agent = page.locator('.exporter', { hasText: 'sFlow agent' });
    assert.match(await agent.textContent(), /127\.0\.0\.5 sends its datagrams/);
    await page.context().close();
  });

  it('lists who was turned away, with the line that admits it', async () => {
    const page = await open(browser, `${busy.url}/exporters`);
    const panel = page.getByRole('region', { name: /Seen, not admitted/ });
    assert.match(await panel.textContent(), /127\.0\.0\.99/);
    assert.match(await panel.locator('.copyable__text').textContent(), /networks = \["127\.0\.0\.0\/29", "127\.0\.0\.99"\]/);
    await page.context().close();
  });

  it('copies lines for the configuration', async () => {
    const page = await open(browser, `${busy.url}/exporters`, { permissions: ['clipboard-read', 'clipboard-write'] });
    const panel = page.getByRole('region', { name: /Seen, not admitted/ });
    await until('the clipboard', async () => {
      await panel.getByRole('button').click();
      return (await panel.getByRole('button').textContent()) === 'Copied';
    });
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await panel.locator('.copyable__text').textContent());
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  it('keeps all notices but one behind a line, and an opened one open', async () => {
    const page = await open(browser, `${busy.url}/exporters`, { viewport: PHONE });
    const notices = page.getByRole('region', { name: 'Notices' });
    await until('the others', async () => /more notice/.test(await notices.textContent()));
    assert.equal(await notices.locator('.notice').filter({ visible: true }).count(), 1);
    assert.match(await notices.textContent(), /collector-state\.damaged/);
    const others = notices.locator('.notices__others > summary');
    // A click before the page is alive does nothing that lasts.
    await others.click();
    const lines = notices.getByText('Lines for meridian.toml').first();
    await lines.click();
    assert.match(await notices.locator('.copyable__text').first().textContent(), /\[\[count_once\]\]/);
    const heard = (await busy.api('status')).now_ms;
    await until('the next two answers of the server', async () => (await busy.api('status')).now_ms > heard + 6000);
    assert.ok(await notices.locator('.copyable__text').first().isVisible(), 'it is still open');
    const height = await notices.evaluate((element) => element.getBoundingClientRect().height);
    assert.ok(height <= PHONE.height * 0.3, `the notices take ${height} px of a phone`);
    await page.context().close();
  });

  for (const [name, viewport, touch] of [['desktop', DESKTOP, {}], ['phone', PHONE, { hasTouch: true, isMobile: true }]]) {
    for (const colorScheme of ['dark', 'light']) {
      it(`fits a ${name} in the ${colorScheme} theme, tables too`, async () => {
        const page = await open(browser, `${busy.url}/exporters`, { viewport, colorScheme, ...touch });
        await page.getByRole('heading', { name: 'sFlow agent' }).waitFor();
        await picture(page, `exporters-busy-${name}-${colorScheme}`);
        const tooWide = await page.evaluate(() => [document.documentElement, ...document.querySelectorAll('.table-scroll')]
          
          .filter((element) => element.checkVisibility({ contentVisibilityAuto: true }) && element.scrollWidth > element.clientWidth)
          .map((element) => element.className));
        assert.deepEqual(tooWide, []);
        if (name === 'phone') {
          const low = await page.evaluate(() => [...document.querySelectorAll('main button, main summary, .notices button, .notices summary')]
            .map((element) => [element.textContent, element.getBoundingClientRect().height])
            .filter(([, height]) => height > 0 && height < 40));
          assert.deepEqual(low, [], 'too low for a finger');
        }
        assert.deepEqual(page.complaints, []);
        await page.context().close();
      });
    }
  }
});

describe('the settings page', () => {
  for (const [name, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    it(`shows databases and home networks on a ${name}`, async () => {
      const page = await open(browser, `${meridian.url}/settings`, { viewport });
      const text = await page.locator('main').textContent();
      assert.match(text, /dbip-city-ipv4/);
      assert.match(text, /192\.168\.0\.0\/16/);
      await picture(page, `settings-${name}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    });
  }
});

describe('every page', () => {
  it('carries the attributions, a strict policy, and an answer for what is not there', async () => {
    for (const address of ['/', '/exporters', '/settings']) {
      const response = await fetch(meridian.url + address);
      const html = await response.text();
      assert.match(html, /<a href="https:\/\/db-ip\.com"[^>]*>IP Geolocation by DB-IP<\/a>/);
      assert.match(html, /Natural Earth/);
      const policy = response.headers.get('content-security-policy');
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /script-src 'self' 'nonce-[^']+' 'wasm-unsafe-eval'/);
      assert.doesNotMatch(policy, /unsafe-inline/);
    }
    assert.equal((await fetch(`${meridian.url}/no-such-page`)).status, 404);
  });
});
