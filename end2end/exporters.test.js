// The exporters and settings pages in a real Chromium.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { DESKTOP, PHONE, launch, open, picture } from './support/browser.js';
import { mixedFlows, writeCapture } from './support/capture.js';
import { Meridian, until } from './support/meridian.js';

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
