// Writes packet captures (pcap) with known traffic, for real exporters to read.
import { writeFileSync } from 'node:fs';
import net from 'node:net';

const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 };

function addressBytes(address) {
  if (net.isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head, tail = ''] = address.split('::');
  const groups = (text) => (text ? text.split(':') : []);
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = address.includes('::') ? [...groups(head), ...Array(missing).fill('0'), ...groups(tail)] : groups(head);
  return Buffer.from(all.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
}

function transport({ protocol, sourcePort, destinationPort }, payloadBytes, flags) {
  if (protocol === 'udp') {
    const header = Buffer.alloc(8);
    header.writeUInt16BE(sourcePort, 0);
    header.writeUInt16BE(destinationPort, 2);
    header.writeUInt16BE(8 + payloadBytes, 4);
    return Buffer.concat([header, Buffer.alloc(payloadBytes)]);
  }
  const header = Buffer.alloc(20);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  header[12] = 5 << 4;
  header[13] = flags;
  return Buffer.concat([header, Buffer.alloc(payloadBytes)]);
}

function ipPacket(flow, payloadBytes, flags) {
  const body = transport(flow, payloadBytes, flags);
  if (net.isIPv4(flow.source)) {
    const header = Buffer.alloc(20);
    header[0] = 0x45;
    header.writeUInt16BE(20 + body.length, 2);
    header[8] = 64;
    header[9] = PROTOCOL[flow.protocol];
    addressBytes(flow.source).copy(header, 12);
    addressBytes(flow.destination).copy(header, 16);
    return { etherType: 0x0800, bytes: Buffer.concat([header, body]) };
  }
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(body.length, 4);
  header[6] = PROTOCOL[flow.protocol];
  header[7] = 64;
  addressBytes(flow.source).copy(header, 8);
  addressBytes(flow.destination).copy(header, 24);
  return { etherType: 0x86dd, bytes: Buffer.concat([header, body]) };
}

/**
 * Writes the flows as packets and answers their exact totals.
 * A flow: { source, destination, protocol: 'tcp'|'udp', sourcePort, destinationPort, packets, payloadBytes }.
 */
export function writeCapture(file, flows, startSeconds = Math.floor(Date.now() / 1000) - 30) {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const records = [];
  const totals = { flows: flows.length, bytes: 0, packets: 0 };
  let microseconds = 0;
  for (const flow of flows) {
    for (let index = 0; index < flow.packets; index += 1) {
      const flags = index === 0 ? 0x02 : 0x10;
      const packet = ipPacket(flow, flow.payloadBytes, flags);
      const ethernet = Buffer.alloc(14);
      ethernet.writeUInt16BE(packet.etherType, 12);
      const frame = Buffer.concat([ethernet, packet.bytes]);
      const record = Buffer.alloc(16);
      record.writeUInt32LE(startSeconds + Math.floor(microseconds / 1e6), 0);
      record.writeUInt32LE(microseconds % 1e6, 4);
      record.writeUInt32LE(frame.length, 8);
      record.writeUInt32LE(frame.length, 12);
      records.push(record, frame);
      totals.bytes += packet.bytes.length;
      totals.packets += 1;
      microseconds += 1000;
    }
  }
  writeFileSync(file, Buffer.concat([header, ...records]));
  return totals;
}

/** Flows from a home host to many places and back: `count` of them, each with its own port. */
export function mixedFlows(count) {
  const abroad = ['146.231.123.92', '130.216.1.22', '133.11.0.1', '171.64.0.1', '200.144.248.1', '129.132.1.1', '137.132.80.1', '192.33.4.12'];
  return Array.from({ length: count }, (_, index) => {
    const outside = abroad[index % abroad.length];
    const inside = `192.168.1.${10 + (index % 40)}`;
    const inbound = index % 2 === 0;
    const service = [443, 53, 22, 80][index % 4];
    const client = 40_000 + index;
    return {
      source: inbound ? outside : inside,
      destination: inbound ? inside : outside,
      protocol: service === 53 ? 'udp' : 'tcp',
      sourcePort: inbound ? service : client,
      destinationPort: inbound ? client : service,
      packets: 1 + (index % 7),
      payloadBytes: 100 + (index % 900),
    };
  });
}
