// The replay as a file, in a real Chromium: the video is opened again and looked at; and two ranges beside each other.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';

import { PHONE, launch, open, picture } from './support/browser.js';
import { writeTimed } from './support/exporters.js';
import { Meridian, until } from './support/meridian.js';
import { PEERS } from './support/peers.js';

const HOME = '[home]\nname = "Makhanda"\nlatitude = -33.31\nlongitude = 26.52\n';
const DAY = 86_400_000;
const HOUR = 3_600_000;
// Three hours of yesterday, and twice as many flows in those of the day before.
const FROM = Math.floor(Date.now() / DAY) * DAY - DAY + 9 * HOUR;
const LENGTH = 3 * HOUR;
const codes = Object.keys(PEERS);

function flowsOf(from, number, first) {
  return Array.from({ length: number }, (_, index) => {
    const inbound = index % 3 !== 0;
    const [outside, inside] = [PEERS[codes[(first + index * 5) % codes.length]], `192.168.1.${10 + (index % 40)}`];
    return {
      ms: from + Math.floor(((index + 0.5) * LENGTH) / number), packets: 1 + (index % 9), payloadBytes: 60 + ((index * 37) % 1200),
      source: inbound ? outside : inside, destination: inbound ? inside : outside,
      sourcePort: inbound ? 443 : 40_000 + index, destinationPort: inbound ? 40_000 + index : 443,
    };
  });
}

const earlier = flowsOf(FROM - DAY, 1_200, 0);
const later = flowsOf(FROM, 600, 3);
const iso = (ms) => new Date(ms).toISOString();
const address = (meridian, query = {}) => `${meridian.url}/replay?${new URLSearchParams({ from: iso(FROM), to: iso(FROM + LENGTH), ...query })}`;
const results = path.resolve(import.meta.dirname, 'results');

let browser;
const scratch = mkdtempSync(path.join(os.tmpdir(), 'meridian-film-'));
before(async () => (browser = await launch()));
after(async () => {
  await browser?.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Opens a video in a page of its own: its length, its size, and a frame at each of some moments. */
async function screening(file, momentsOf) {
  const page = await browser.newPage();
  await page.setContent('<input type="file"><video muted></video>');
  await page.setInputFiles('input', file);
  const video = await page.evaluate(async () => {
    const element = document.querySelector('video');
    element.src = URL.createObjectURL(document.querySelector('input').files[0]);
    await new Promise((resolve, reject) => {
      element.onloadeddata = resolve;
      element.onerror = () => reject(new Error(element.error.message));
    });
    return { seconds: element.duration, width: element.videoWidth, height: element.videoHeight };
  });
  video.frames = [];
  for (const moment of momentsOf(video.seconds)) {
    video.frames.push(await page.evaluate(async (at) => {
      const element = document.querySelector('video');
      // Played, not jumped to: what a film shows at a moment does not depend on where a player can jump.
      await element.play();
      while (element.currentTime < at && !element.ended) await new Promise((resolve) => setTimeout(resolve, 20));
      element.pause();
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [element.videoWidth, element.videoHeight];
      const context = canvas.getContext('2d');
      context.drawImage(element, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const colours = new Set();
      for (let index = 0; index < data.length; index += 4 * 31) colours.add((data[index] >> 3) * 1024 + (data[index + 1] >> 3) * 32 + (data[index + 2] >> 3));
      return { colours: colours.size, png: canvas.toDataURL('image/png').split(',')[1] };
    }, moment));
  }
  await page.close();
  return video;
}

/** Keeps a picture for people to look at. */
function keep(name, base64) {
  mkdirSync(results, { recursive: true });
  writeFileSync(path.join(results, `${name}.png`), Buffer.from(base64, 'base64'));
}

const press = (page, name) => page.getByRole('button', { name }).click();

/** Keeps what is written on canvases that are not on the page, and where: a film's captions. */
const WATCH_WRITING = `
  window.written = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, most) {
    if (!this.canvas.isConnected && most !== undefined) {
      const { a, e, f } = this.getTransform();
      const width = Math.min(this.measureText(text).width, most);
      const size = parseFloat(this.font.match(/([\\d.]+)px/)[1]);
      window.written.push({ text, left: e + a * x, right: e + a * (x + width), top: f + a * (y - 0.75 * size), bottom: f + a * y });
    }
    return fillText.apply(this, arguments);
  };`;

/** Pairs of captions that overlap, or that leave a picture of this size. */
function collisions(written, [width, height]) {
  const texts = [...new Map(written.map((one) => [JSON.stringify(one), one])).values()];
  const meet = (one, other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
  const pairs = texts.flatMap((one, index) => texts.slice(index + 1).filter((other) => meet(one, other)).map((other) => `${one.text} | ${other.text}`));
  const outside = texts.filter(({ left, right, top, bottom }) => left < 0 || top < 0 || right > width || bottom > height);
  return [...pairs, ...outside.map(({ text }) => `${text} is cut off`)];
}

describe('a replay as a file', () => {
  let meridian;
  let page;
  before(async () => {
    const capture = writeTimed(path.join(scratch, 'days.pcap'), [...earlier, ...later]);
    meridian = await Meridian.withPast([capture], { configuration: HOME });
  });
  after(() => meridian?.stop());
  afterEach(async () => {
    const complaints = page?.complaints ?? [];
    await page?.context().close();
    page = undefined;
    assert.deepEqual(complaints, [], 'the browser complained');
  });

  const shown = () => page.locator('.totals__figures').getAttribute('title');
  const ready = () => page.locator('.world-map--alive').first().waitFor({ state: 'attached' });

  it('records the whole range as a WebM video that players show with its length', async () => {
    page = await open(browser, address(meridian, { at: iso(FROM + HOUR), heat: 'bytes' }));
    await ready();
    await until('the moment', async () => (await shown())?.startsWith('200 flows'));
    await page.locator('.film > summary').click();
    await page.getByLabel('Length of the range').selectOption('10');
    await picture(page, 'film-menu');
    const download = page.waitForEvent('download', { timeout: 90_000 });
    await press(page, 'Record WebM video');
    await page.locator('.world-map__stage[data-filmed]').waitFor({ state: 'attached' });
    await page.waitForTimeout(4_000);
    await picture(page, 'film-recording');
    const saved = await download;
    assert.match(saved.suggestedFilename(), /^meridian-replay-\d{4}-\d{2}-\d{2}-\d{4}\.webm$/);
    const file = path.join(scratch, 'film.webm');
    await saved.saveAs(file);
    await page.getByText(/^Saved meridian-replay/).waitFor();
    assert.ok((await shown()).startsWith('600 flows'), 'it stands at the end');
    assert.equal(await page.locator('.world-map__stage[data-filmed]').count(), 0, 'the map fills its place again');
    assert.equal(new URL(page.url()).searchParams.get('speed'), null, 'the speed is as it was');
    const video = await screening(file, (seconds) => [seconds * 0.3, seconds * 0.6, seconds - 0.5]);
    for (const [index, frame] of video.frames.entries()) keep(`film-frame-${index}`, frame.png);
    if (process.env.KEEP_FILM) writeFileSync(process.env.KEEP_FILM, readFileSync(file));
    assert.deepEqual([video.width, video.height], [1280, 720]);
    assert.ok(video.seconds > 10 && video.seconds < 25, `${video.seconds} s`);
    for (const frame of video.frames) assert.ok(frame.colours > 60, `${frame.colours} colours`);
    assert.equal(new Set(video.frames.map((frame) => frame.png)).size, 3, 'it moves');
  });

  it('records a looped replay once, up to its end', async () => {
    page = await open(browser, address(meridian, { at: iso(FROM), loop: '1' }));
    await ready();
    await page.locator('.film > summary').click();
    await page.getByLabel('Length of the range').selectOption('10');
    const download = page.waitForEvent('download', { timeout: 60_000 });
    await press(page, 'Record WebM video');
    const file = path.join(scratch, 'looped.webm');
    await (await download).saveAs(file);
    await page.getByText(/^Saved meridian-replay/).waitFor();
    assert.ok((await shown()).startsWith('600 flows'), 'it stands at the end');
    const video = await screening(file, () => []);
    assert.ok(video.seconds > 10 && video.seconds < 25, `${video.seconds} s`);
  });

  it('links to all flow records of the range as CSV and Parquet, and says that JSON has the newest', async () => {
    page = await open(browser, address(meridian, { at: iso(FROM) }), { javaScriptEnabled: false });
    const links = page.locator('.film__links a');
    assert.deepEqual(await links.allTextContents(), ['CSV', 'Parquet', 'JSON']);
    assert.match(await page.locator('.film__links').textContent(), /the newest 10\s000: JSON/);
    const csv = await meridian.text(await links.first().getAttribute('href'));
    assert.equal(csv.trimEnd().split('\r\n').length, 1 + later.length, 'a line of names, and one for each flow');
  });

  it('stops before the end where one wants, and throws away what is cancelled', async () => {
    page = await open(browser, address(meridian, { at: iso(FROM) }));
    await ready();
    await page.locator('.film > summary').click();
    await page.getByLabel('Size').selectOption({ label: '1080 × 1080, square' });
    let downloads = 0;
    page.on('download', () => (downloads += 1));
    await press(page, 'Record WebM video');
    await page.locator('.world-map__stage[data-filmed]').waitFor({ state: 'attached' });
    await press(page, 'Cancel');
    await page.getByText('The recording was thrown away.').waitFor();
    assert.equal(downloads, 0);
    await press(page, 'Record WebM video');
    await page.locator('.world-map__stage[data-filmed]').waitFor({ state: 'attached' });
    await page.waitForTimeout(3_000);
    const download = page.waitForEvent('download');
    await press(page, 'Stop and save');
    const file = path.join(scratch, 'square.webm');
    await (await download).saveAs(file);
    const video = await screening(file, (seconds) => [seconds / 2]);
    assert.deepEqual([video.width, video.height], [1080, 1080]);
    assert.ok(video.seconds > 1.5 && video.seconds < 15, `${video.seconds} s`);
    keep('film-square', video.frames[0].png);
  });

  it('saves a moment as a picture of the chosen size', async () => {
    page = await open(browser, address(meridian, { at: iso(FROM + HOUR), heat: 'flows' }), { colorScheme: 'light' });
    await ready();
    await until('the moment', async () => (await shown())?.startsWith('200 flows'));
    await page.locator('.film > summary').click();
    await page.getByLabel('Size').selectOption({ label: '1920 × 1080' });
    const download = page.waitForEvent('download');
    await press(page, 'PNG of this moment');
    const file = path.join(scratch, 'moment.png');
    await (await download).saveAs(file);
    const bytes = readFileSync(file);
    assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [1920, 1080]);
    keep('film-picture', bytes.toString('base64'));
  });

  it('writes captions and legend so that nothing runs into anything else, in every size and with every heatmap', async () => {
    const sizes = { '1280 × 720': [1280, 720], '1080 × 1080, square': [1080, 1080], '1080 × 1920, upright': [1080, 1920] };
    for (const heat of ['bytes', 'flows', 'packets', 'addresses']) {
      page = await open(browser, address(meridian, { at: iso(FROM + HOUR), heat, colour: 'protocol' }), { script: WATCH_WRITING });
      await ready();
      await page.locator('.heat-legend').waitFor();
      await until('the moment', async () => (await shown())?.startsWith('200 flows'));
      await page.locator('.film > summary').click();
      for (const [label, size] of Object.entries(sizes)) {
        await page.getByLabel('Size').selectOption({ label });
        await page.evaluate(() => (window.written = []));
        const download = page.waitForEvent('download');
        await press(page, 'PNG of this moment');
        const file = path.join(scratch, 'captions.png');
        await (await download).saveAs(file);
        keep(`film-${heat}-${size.join('x')}`, readFileSync(file).toString('base64'));
        const written = await page.evaluate(() => window.written);
        assert.ok(written.length > 6, `${written.length} captions`);
        assert.deepEqual(collisions(written, size), [], `${heat} at ${label}`);
      }
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    }
    page = undefined;
  });

  it('says so where the browser records no video', async () => {
    page = await open(browser, address(meridian, { at: iso(FROM) }), { script: 'delete window.MediaRecorder' });
    await ready();
    await page.locator('.film > summary').click();
    await press(page, 'Record WebM video');
    await page.getByText('This browser records no WebM video.').waitFor();
  });

  it('shows a second range beside the first, on the same clock, with the difference', async () => {
    page = await open(browser, address(meridian, { at: iso(FROM + HOUR), against: iso(FROM - DAY) }));
    await until('both moments', async () => (await shown())?.startsWith('200 flows')
      && (await page.locator('.replay__beside-figures').textContent()).includes('400 flows'));
    await page.getByText(/50\s% fewer flows/).waitFor();
    await picture(page, 'replay-beside');
    await page.locator('body').press('Home');
    await page.locator('body').press(' ');
    await until('both ends', async () => (await shown())?.startsWith('600 flows')
      && (await page.locator('.replay__beside-figures').textContent()).includes('1\u202f200 flows'), 60);
    await page.setViewportSize(PHONE);
    await picture(page, 'replay-beside-phone');
    await page.getByRole('combobox', { name: 'Beside' }).selectOption({ label: 'nothing' });
    await until('one map', async () => (await page.locator('.world-map').count()) === 1);
  });

  it('shows a second range over the first, each in its colour, and films both', async () => {
    page = await open(browser, address(meridian, { at: iso(FROM + HOUR), against: iso(FROM - DAY), over: '1' }));
    await ready();
    await until('both moments', async () => (await shown())?.startsWith('200 flows')
      && (await page.locator('.replay__beside-figures').textContent()).includes('400 flows'));
    assert.equal(await page.locator('.world-map').count(), 1);
    const legend = page.locator('.colour-legend__entry');
    assert.equal(await legend.count(), 2, 'a line for each range');
    const names = await legend.allTextContents();
    assert.notEqual(names[0], names[1]);
    await picture(page, 'replay-over');
    await page.locator('.film > summary').click();
    const download = page.waitForEvent('download');
    await press(page, 'PNG of this moment');
    const file = path.join(scratch, 'over.png');
    await (await download).saveAs(file);
    keep('film-over', readFileSync(file).toString('base64'));
    await page.locator('body').press(' ');
    await page.waitForTimeout(2_000);
    await picture(page, 'replay-over-playing');
    await press(page, 'On one map');
    await until('two maps', async () => (await page.locator('.world-map').count()) === 2);
    assert.equal(new URL(page.url()).searchParams.get('over'), null);
    assert.ok((await legend.count()) > 2, 'the colours say the direction again');
  });
});
