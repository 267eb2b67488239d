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

function transport({ protocol, sourcePort, destinationPort }, payload, flags) {
  if (protocol === 'udp') {
    const header = Buffer.alloc(8);
    header.writeUInt16BE(sourcePort, 0);
    header.writeUInt16BE(destinationPort, 2);
    header.writeUInt16BE(8 + payload.length, 4);
    return Buffer.concat([header, payload]);
  }
  const header = Buffer.alloc(20);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  header[12] = 5 << 4;
  header[13] = flags;
  return Buffer.concat([header, payload]);
}

function ipPacket(flow, payload, flags = 0) {
  const body = transport(flow, payload, flags);
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

/** Writes a pcap file of IP packets, a millisecond apart, or at their `timesMs`. */
function writePackets(file, packets, startSeconds, timesMs) {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const records = packets.flatMap((packet, index) => {
    const ethernet = Buffer.alloc(14);
    ethernet.writeUInt16BE(packet.etherType, 12);
    const record = Buffer.alloc(16);
    const length = ethernet.length + packet.bytes.length;
    const ms = timesMs ? timesMs[index] : startSeconds * 1000 + index;
    record.writeUInt32LE(Math.floor(ms / 1000), 0);
    record.writeUInt32LE((ms % 1000) * 1000, 4);
    record.writeUInt32LE(length, 8);
    record.writeUInt32LE(length, 12);
    return [record, ethernet, packet.bytes];
  });
  writeFileSync(file, Buffer.concat([header, ...records]));
}

const now = () => Math.floor(Date.now() / 1000);

/**
 * Writes the flows as packets and answers their exact totals.
 * A flow: { source, destination, protocol: 'tcp'|'udp', sourcePort, destinationPort, packets, payloadBytes }.
 */
export function writeCapture(file, flows, startSeconds = now() - 30) {
  const packets = flows.flatMap((flow) =>
    Array.from({ length: flow.packets }, (_, index) => ipPacket(flow, Buffer.alloc(flow.payloadBytes), index === 0 ? 0x02 : 0x10)));
  writePackets(file, packets, startSeconds);
  return { flows: flows.length, bytes: packets.reduce((sum, packet) => sum + packet.bytes.length, 0), packets: packets.length };
}

/** Writes export datagrams as packets from an exporter's address to a collector's port, from now on or at their `timesMs`. */
export function writeDatagrams(file, datagrams, { source = '192.0.2.1', port = 2055, timesMs } = {}) {
  const flow = { source, destination: '192.0.2.10', protocol: 'udp', sourcePort: 50_000, destinationPort: port };
  writePackets(file, datagrams.map((datagram) => ipPacket(flow, datagram)), now(), timesMs);
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
