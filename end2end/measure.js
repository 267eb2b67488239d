// Prints what a first visit costs: bytes over the wire, first paint, first arc. `make measure`.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

import { DESKTOP, launch } from './support/browser.js';
import { Meridian, root, until } from './support/meridian.js';

const site = path.join(root, 'target/site');
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
for (const folder of ['', 'pkg']) {
  for (const name of readdirSync(path.join(site, folder)).sort()) {
    if (!/\.(wasm|js|css|bin)$/.test(name)) continue;
    const file = path.join(site, folder, name);
    console.log(`${name.padEnd(48)} ${kilobytes(statSync(file).size).padStart(9)} raw ${kilobytes(statSync(`${file}.br`).size).padStart(9)} brotli`);
  }
}

const meridian = await Meridian.start({ flags: ['--demo'], configuration: '[home]\nlatitude = 45.76\nlongitude = 4.84\n' });
const browser = await launch();
const median = (values) => values.sort((left, right) => left - right)[Math.floor(values.length / 2)];
try {
  const results = { paint: [], arc: [], bytes: [] };
  for (let visit = 0; visit < 5; visit += 1) {
    const context = await browser.newContext({ viewport: DESKTOP });
    const page = await context.newPage();
    await page.addInitScript(() => {
      const look = () => {
        const canvas = document.querySelectorAll('.world-map__canvas')[1];
        if (canvas?.width) {
          const copy = new OffscreenCanvas(64, 36).getContext('2d');
          copy.drawImage(canvas, 0, 0, 64, 36);
          if (copy.getImageData(0, 0, 64, 36).data.some((value) => value > 4)) {
            window.firstArc = performance.now();
            return;
          }
        }
        // After the map has asked for its next frame, so that this looks at what it has just drawn.
        setTimeout(() => requestAnimationFrame(look), 0);
      };
      requestAnimationFrame(look);
    });
    await page.goto(meridian.url);
    results.arc.push(await until('the first arc', () => page.evaluate(() => window.firstArc), 30));
    results.paint.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime));
    results.bytes.push(await page.evaluate(() => performance.getEntries()
      .filter((entry) => entry.transferSize).reduce((sum, entry) => sum + entry.transferSize, 0)));
    await context.close();
  }
  console.log(`first contentful paint, median of 5: ${median(results.paint).toFixed(0)} ms`);
  console.log(`first arc,              median of 5: ${median(results.arc).toFixed(0)} ms`);
  console.log(`transferred by then,    median of 5: ${kilobytes(median(results.bytes))}`);
} finally {
  await browser.close();
  await meridian.stop();
}
