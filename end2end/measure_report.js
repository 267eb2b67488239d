// Prints what the report of a month costs when a year of sums is kept: time, and memory of the server.
//
//   node --experimental-websocket measure_report.js [THOUSANDS [FOLDER]]
//
// Imports a year of so many thousand flows a day (100 unless said) of the campus; a folder that has it already is used as it is.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { CAMPUS, campusDay } from './support/campus_day.js';
import { Meridian, program, root, until } from './support/meridian.js';

const DAY = 86_400_000;
const DAYS = 365;
const ROUNDS = 5;
const FROM_SUMS = ['days', 'hours', 'map', 'countries', 'cities', 'systems', 'services', 'protocols', 'new', 'exporters'];
const flows = Number(process.argv[2] ?? 100) * 1000;
const kept = process.argv[3] && path.resolve(process.argv[3]);
const folder = kept ?? mkdtempSync(path.join(os.tmpdir(), 'meridian-year-'));
const configuration = path.join(folder, 'meridian.toml');
const marker = path.join(folder, 'year');

/** Imports the year that ends with yesterday into the data folder. */
async function fill() {
  mkdirSync(folder, { recursive: true });
  if (!existsSync(path.join(folder, 'geolocation'))) symlinkSync(path.join(root, 'data/geolocation'), path.join(folder, 'geolocation'));
  // Sums by hour are read; the flow records of the year are not the point.
  writeFileSync(configuration, `[history]\narchive_keep_days = 400\n[reports]\nschedules = []\n${CAMPUS}`);
  const child = spawn(program, ['import', '--config', configuration, '--data-dir', folder, '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const today = Math.floor(Date.now() / DAY) * DAY;
  const began = Date.now();
  for (let day = 0; day < DAYS; day += 1) {
    let isFirst = day === 0;
    for (const chunk of campusDay(today - (DAYS - day) * DAY, flows)) {
      // Only one header a file.
      const part = isFirst || chunk.readUInt32LE(0) !== 0xa1b2c3d4 ? chunk : chunk.subarray(24);
      isFirst = false;
      if (!child.stdin.write(part)) await once(child.stdin, 'drain');
    }
  }
  child.stdin.end();
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the import ended with ${code}`);
  writeFileSync(marker, String(flows));
  console.log(`imported in ${((Date.now() - began) / 1000).toFixed(0)} s`);
}

/** Asks for a report and tells how long it took, in milliseconds. */
async function measure(meridian, from, sections) {
  const began = performance.now();
  const answer = await fetch(`${meridian.url}/api/v1/reports`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ from, zone: 'Europe/Berlin', sections }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  const { id } = await answer.json();
  const { report } = await until('the report', async () => {
    const { entry, report } = await meridian.api(`reports/${id}`);
    if (entry.state.state === 'failed') throw new Error(entry.state.reason);
    return report && { report };
  }, 300);
  const ms = performance.now() - began;
  const pdfBegan = performance.now();
  const pdf = await (await fetch(`${meridian.url}/api/v1/reports/${id}/pdf`)).arrayBuffer();
  return { ms, pdfMs: performance.now() - pdfBegan, pdf: pdf.byteLength, report };
}

const median = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];
const memory = (meridian) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${meridian.process.pid}/status`, 'utf8'))[1]) / 1000;

if (!existsSync(marker)) await fill();
const meridian = await Meridian.start({ configuration: readFileSync(configuration, 'utf8'), folder });
try {
  const before = memory(meridian);
  const month = new Date(Date.now() - 45 * DAY).toISOString().slice(0, 7);
  for (const [what, sections] of [['from sums', FROM_SUMS], ['with hosts, from flow records', [...FROM_SUMS, 'home_hosts', 'outside_hosts']]]) {
    const found = [];
    for (let round = 0; round < ROUNDS; round += 1) found.push(await measure(meridian, month, sections));
    const last = found.at(-1);
    console.log(`${month}, ${what}: ${found.map(({ ms }) => ms.toFixed(0)).join(', ')} ms (median ${median(found.map(({ ms }) => ms)).toFixed(0)}); ` +
      `PDF ${median(found.map(({ pdfMs }) => pdfMs)).toFixed(0)} ms, ${(last.pdf / 1000).toFixed(0)} kB; ` +
      `${last.report.total.now.traffic.flows} flows, ${last.report.countries.length} countries; notes: ${last.report.notes.join(' | ')}`);
  }
  console.log(`memory of the server, at most: ${before.toFixed(0)} MB before, ${memory(meridian).toFixed(0)} MB after`);
} finally {
  await meridian.stop();
  if (!kept) rmSync(folder, { recursive: true, force: true });
}
