// Prints what a replay of a busy day costs: first picture after a jump, pictures per second while it plays, memory.
//
//   node --experimental-websocket measure_replay.js [MILLIONS [FOLDER]]
//
// Without a folder the day is made anew (20 million flows unless said) and thrown away; a folder that has it already is used as it is.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, mkdtempSync, rmSync, writeFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';

import { launch, open } from './support/browser.js';
import { CAMPUS, campusDay } from './support/campus_day.js';
import { Meridian, program, root, until } from './support/meridian.js';

const DAY = 86_400_000;
const JUMPS = 24;
const millions = Number(process.argv[2] ?? 20);
const kept = process.argv[3] && path.resolve(process.argv[3]);
const folder = kept ?? mkdtempSync(path.join(os.tmpdir(), 'meridian-campus-'));
const marker = path.join(folder, 'day');

const sorted = (values) => [...values].sort((one, other) => one - other);
const part = (values, share) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * share))];
const told = (values) => `median ${part(values, 0.5).toFixed(0)} ms, 95 % ${part(values, 0.95).toFixed(0)} ms, worst ${Math.max(...values).toFixed(0)} ms of ${values.length}`;
const memory = (pid, line) => Number(new RegExp(`${line}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024 / 1e6;

let state = 42;
const chance = () => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return state / 2_147_483_648;
};

/** Imports the day into the data folder. */
async function fill() {
  const from = Math.floor(Date.now() / DAY) * DAY - DAY;
  mkdirSync(folder, { recursive: true });
  if (!existsSync(path.join(folder, 'geolocation'))) symlinkSync(path.join(root, 'data/geolocation'), path.join(folder, 'geolocation'));
  writeFileSync(path.join(folder, 'meridian.toml'), CAMPUS);
  const child = spawn(program, ['import', '--config', path.join(folder, 'meridian.toml'), '--data-dir', folder, '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdout.resume();
  const began = Date.now();
  for (const chunk of campusDay(from, millions * 1e6)) {
    if (!child.stdin.write(chunk)) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the import ended with ${code}`);
  writeFileSync(marker, String(from));
  console.log(`imported in ${((Date.now() - began) / 1000).toFixed(0)} s`);
}

/** A client of the stream that keeps what was said, and when. */
class Client {
  static async open(url, subscription) {
    const client = new Client();
    client.heard = [];
    client.socket = new WebSocket(url);
    client.socket.onmessage = ({ data }) => client.heard.push({ at: performance.now(), bytes: data.length, message: JSON.parse(data) });
    await new Promise((resolve, reject) => Object.assign(client.socket, { onopen: resolve, onerror: reject }));
    client.asked = 0;
    client.say({ replay: subscription });
    return client;
  }

  say(request) {
    this.asked += 1;
    this.heard.length = 0;
    this.since = performance.now();
    this.socket.send(JSON.stringify(request));
  }

  /** Milliseconds from the latest request to the first answer that is wanted. */
  async until(what, wanted, seconds = 120) {
    const found = await until(what, () => this.heard.find(({ message }) => {
      if (message.refusal) throw new Error(message.refusal.message);
      return message.moment && message.moment.answers >= this.asked && wanted(message.moment);
    }), seconds);
    return found.at - this.since;
  }
}

if (!existsSync(marker)) await fill();
const from = Number(readFileSync(marker, 'utf8'));
const range = { from_ms: from, to_ms: from + DAY };
const iso = (ms) => new Date(ms).toISOString();
const moments = Array.from({ length: JUMPS }, () => from + Math.floor(chance() * DAY));
const meridian = await Meridian.start({ folder, configuration: CAMPUS });
const { pid } = meridian.process;
const browser = await launch();
try {
  const top = await meridian.api(`top?from=${iso(range.from_ms)}&to=${iso(range.to_ms)}&by=direction&metric=flows&rows=4`);
  console.log(`${top.total.traffic.flows} flows of one day; server ${memory(pid, 'VmRSS').toFixed(0)} MB at rest`);

  const stream = meridian.url.replace('http', 'ws') + '/api/v1/stream';
  for (const speed of [60, 2_880]) {
    const client = await Client.open(stream, { range, speed, is_paused: true, at_ms: moments[0] });
    await client.until('the first picture', (moment) => moment.picture);
    const [pictures, counts] = [[], []];
    for (const at_ms of moments) {
      client.say({ seek: { at_ms } });
      pictures.push(await client.until('a picture', (moment) => moment.picture));
      counts.push(await client.until('what has passed', (moment) => moment.so_far));
    }
    console.log(`stream, ${speed}×: picture after a jump ${told(pictures)}; all that has passed ${told(counts)}`);
    client.socket.close();
  }
  for (const speed of [1, 600, 2_880, 10_000, 86_400, 1_000_000]) {
    const client = await Client.open(stream, { range, speed, at_ms: from + DAY / 2 });
    await client.until('the beginning', (moment) => moment.is_playing || moment.is_at_end);
    const [began, first] = [performance.now(), client.heard.at(-1).message.moment?.clock_ms ?? from + DAY / 2];
    await until('some seconds of it', () => performance.now() - began > 5_000 || client.heard.some(({ message }) => message.moment?.is_at_end), 60);
    const seconds = (client.heard.at(-1).at - began) / 1000;
    const frames = client.heard.map(({ message }) => message.frame).filter(Boolean);
    const gaps = client.heard.slice(1).map((each, index) => each.at - client.heard[index].at);
    const arcs = frames.reduce((sum, frame) => sum + frame.arcs.length, 0);
    const last = frames.at(-1)?.clock_ms ?? first;
    console.log(`stream, ${speed}×: ${(frames.length / seconds).toFixed(1)} frames/s, longest wait ${Math.max(0, ...gaps).toFixed(0)} ms, `
      + `${(arcs / seconds).toFixed(0)} arcs/s, ${((last - first) / 1000 / seconds).toFixed(0)}× reached in ${seconds.toFixed(1)} s`);
    client.socket.close();
  }
  console.log(`server ${memory(pid, 'VmRSS').toFixed(0)} MB, at most ${memory(pid, 'VmHWM').toFixed(0)} MB`);

  const processes = async () => {
    const { processInfo } = await (await browser.newBrowserCDPSession()).send('SystemInfo.getProcessInfo');
    return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => memory(id, 'VmRSS'));
  };
  for (const speed of ['60', 'fit30']) {
    const page = await open(browser, `${meridian.url}/replay?${new URLSearchParams({ from: iso(range.from_ms), to: iso(range.to_ms), at: iso(moments[0]), speed })}`);
    await page.locator('.world-map--alive').first().waitFor({ state: 'attached' });
    await page.locator('.replay__arcs').waitFor({ state: 'attached', timeout: 60_000 });
    const box = await page.locator('.timeline__stage').boundingBox();
    const times = [];
    for (let jump = 0; jump < JUMPS; jump += 1) {
      await page.evaluate(() => {
        window.shown = undefined;
        const before = document.querySelector('.replay__arcs')?.dataset.moment;
        document.querySelector('.timeline__stage').addEventListener('pointerdown', () => {
          const began = performance.now();
          const look = () => {
            const now = document.querySelector('.replay__arcs')?.dataset.moment;
            if (now !== undefined && now !== before) {
              // The map draws in a frame, and the screen shows it with the one after.
              requestAnimationFrame(() => requestAnimationFrame(() => (window.shown = performance.now() - began)));
            } else requestAnimationFrame(look);
          };
          look();
        }, { once: true, capture: true });
      });
      await page.mouse.click(box.x + 4 + (box.width - 8) * chance(), box.y + box.height / 2);
      times.push(await until('a picture', () => page.evaluate(() => window.shown), 60));
    }
    console.log(`page, ${speed}: picture on the screen after a click ${told(times)}`);
    await page.context().close();
  }
  for (const speed of ['1', '600', 'fit30', '1000000']) {
    const page = await open(browser, `${meridian.url}/replay?${new URLSearchParams({ from: iso(range.from_ms), to: iso(range.to_ms), speed })}`);
    await page.locator('.world-map--alive').first().waitFor({ state: 'attached' });
    await page.waitForTimeout(2_000);
    const rate = await page.evaluate(() => new Promise((resolve) => {
      const [began, times] = [performance.now(), []];
      const count = (now) => {
        times.push(now);
        if (now - began < 5_000) requestAnimationFrame(count);
        else resolve({ perSecond: (times.length - 1) / ((times.at(-1) - times[0]) / 1000), longest: Math.max(...times.slice(1).map((time, index) => time - times[index])) });
      };
      requestAnimationFrame(count);
    }));
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Performance.enable');
    const { metrics } = await cdp.send('Performance.getMetrics');
    const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize').value / 1e6;
    console.log(`page, ${speed}: ${rate.perSecond.toFixed(1)} pictures/s, longest ${rate.longest.toFixed(0)} ms; tab ${Math.max(...await processes()).toFixed(0)} MB, of these JavaScript ${heap.toFixed(0)} MB`);
    await page.context().close();
  }
  console.log(`server ${memory(pid, 'VmRSS').toFixed(0)} MB, at most ${memory(pid, 'VmHWM').toFixed(0)} MB`);
} finally {
  await browser.close();
  await meridian.stop();
  if (!kept) rmSync(folder, { recursive: true, force: true });
}
