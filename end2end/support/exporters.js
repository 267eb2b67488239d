// Exporters made of single datagrams, from any loopback address: what real ones say rarely, said at once.
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { writeDatagrams } from './capture.js';
import { root } from './meridian.js';

const bytes = (width, value) => {
  const buffer = Buffer.alloc(width);
  buffer.writeUIntBE(value, 0, width);
  return buffer;
};
const word = (value) => bytes(2, value);
const long = (value) => bytes(4, value);
const address = (text) => Buffer.from(text.split('.').map(Number));
const padded = (text, width) => Buffer.concat([Buffer.from(text), Buffer.alloc(width - text.length)]);

const set = (id, ...parts) => {
  const content = Buffer.concat(parts);
  return Buffer.concat([word(id), word(4 + content.length), content]);
};

/** A NetFlow v9 datagram of these sets. */
function version9(sequence, sets, sourceId = 1, seconds = Math.floor(Date.now() / 1000)) {
  return Buffer.concat([word(9), word(sets.length), long(600_000), long(seconds), long(sequence), long(sourceId), ...sets]);
}

/** Addresses, ports, protocol, bytes, packets and the sampler (48). */
const FIELDS = [[8, 4], [12, 4], [7, 2], [11, 2], [4, 1], [1, 4], [2, 4], [48, 1]];
const TEMPLATE = set(0, word(256), word(FIELDS.length), ...FIELDS.flat().map(word));
/** Sampler id (48), its mode (49) and interval (50), and interface names (10 with 82). */
const OPTIONS = set(1, word(257), word(4), word(12), ...[1, 4, 48, 1, 49, 1, 50, 4].map(word));
const INTERFACES = set(1, word(258), word(8), word(4), ...[1, 4, 10, 4, 82, 16].map(word));

const record = ({ source, destination, sourcePort, destinationPort, packets, payloadBytes }, sampler) =>
  Buffer.concat([
    address(source), address(destination), word(sourcePort), word(destinationPort), bytes(1, 6),
    long(packets * (payloadBytes + 40)), long(packets), bytes(1, sampler),
  ]);

/** Datagrams of a v9 router that samples, and says so and how its interfaces are called in options records. */
export function sampledRouter(flows, interval = 1000) {
  const sampler = Buffer.concat([long(1), bytes(1, 7), bytes(1, 2), long(interval)]);
  const name = (index, text) => Buffer.concat([long(1), long(index), padded(text, 16)]);
  const interfaces = Array.from({ length: 14 }, (_, index) => name(index + 1, `Gi0/0/${index}`));
  const ipv4 = flows.filter((flow) => flow.source.includes('.') && flow.destination.includes('.'));
  const datagrams = [version9(1, [TEMPLATE, OPTIONS, INTERFACES, set(257, sampler), set(258, ...interfaces)])];
  for (let from = 0; from < ipv4.length; from += 20) {
    const records = ipv4.slice(from, from + 20).map((flow) => record(flow, 7));
    datagrams.push(version9(2 + datagrams.length - 1, [set(256, ...records)]));
  }
  return datagrams;
}

/** A datagram for each flow, said at its `ms`, after one with the template; the flows in the order of time. */
export function timedRouter(flows) {
  const at = (ms) => Math.floor(ms / 1000);
  const options = set(257, Buffer.concat([long(1), bytes(1, 7), bytes(1, 2), long(1)]));
  const first = version9(1, [TEMPLATE, OPTIONS, options], 1, at(flows[0].ms));
  return [first, ...flows.map((flow, index) => version9(2 + index, [set(256, record(flow, 7))], 1, at(flow.ms)))];
}

/** A v9 datagram whose template nobody knows, one after a gap, and one that is cut. */
export function troubledRouter() {
  const unknown = set(300, Buffer.alloc(40, 1));
  const good = version9(50, [unknown]);
  return [version9(1, [TEMPLATE]), version9(2, [unknown]), good, version9(51, [Buffer.from([1, 44, 1, 0, 7, 7])])];
}

/** What pmacct's sfprobe sent, in its order. */
export function sflowAgent() {
  const text = readFileSync(path.join(root, 'src/tests/captures/pmacct/sfprobe.tsv'), 'utf8');
  return text.trim().split('\n').map((line) => Buffer.from(line.split('\t')[3], 'hex'));
}

/** Sends datagrams from one socket of a loopback address. */
export async function send(datagrams, port, from = '127.0.0.1') {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, from, resolve));
  for (const datagram of datagrams) {
    await new Promise((resolve, reject) => socket.send(datagram, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())));
  }
  socket.close();
}

/** Writes a capture of that router, each flow in a datagram of its own time, its template at `firstMs`; answers the file. */
export function writeTimed(file, flows, { firstMs = flows[0].ms } = {}) {
  writeDatagrams(file, timedRouter(flows), { timesMs: [firstMs, ...flows.map((flow) => flow.ms)] });
  return file;
}
