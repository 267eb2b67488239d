// A day of a campus as a capture of NetFlow v9: the same flows in every run.
//
// Conversations of 20,000 inside hosts with a million outside hosts in 30,000 networks (place n comes 1/n as often as the first),
// both directions, a quarter of them IPv6, mostly web and DNS, with scans; nine times as many at noon as at midnight.

const TOGETHER = 25;
const NETWORKS = 30_000;
const FIRST_BYTES = [5, 23, 31, 45, 52, 64, 77, 81, 89, 93, 104, 128, 142, 151, 185, 203];
/** Port, protocol, of a thousand conversations, packets to client and server, bytes of each. */
const SERVICES = [
  [443, 6, 400, 18, 14, 1050, 160], [443, 17, 200, 22, 12, 1180, 140], [53, 17, 190, 1, 1, 140, 68],
  [80, 6, 50, 9, 7, 980, 130], [123, 17, 30, 1, 1, 76, 76], [993, 6, 25, 12, 11, 420, 110],
  [22, 6, 15, 40, 45, 180, 110], [25, 6, 10, 12, 15, 90, 700], [5228, 6, 80, 4, 4, 120, 90],
];
const FIELDS = [[7, 2], [11, 2], [4, 1], [6, 1], [1, 4], [2, 4], [22, 4], [21, 4]];
const FAMILIES = [{ id: 256, width: 4, addresses: [8, 12] }, { id: 257, width: 16, addresses: [27, 28] }];
const DAY_MS = 86_400_000;
const HEADERS = 16 + 14 + 20 + 8;

/** The home networks of the campus, for `meridian.toml`. */
export const CAMPUS = '[[home_networks]]\nname = "Campus"\nnetworks = ["198.18.0.0/15", "2001:db8::/32"]\nlatitude = -33.31\nlongitude = 26.52\n';

function generator(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}

/** Spreads numbers that are next to each other. */
function spread(number) {
  let mixed = Math.imul(number + 0x9e3779b9, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function writeInside(buffer, at, host, isV6) {
  const low = spread(host) & 0xffff;
  if (!isV6) return buffer.writeUInt32BE((0xc6120000 | low) >>> 0, at);
  buffer.writeUInt32BE(0x20010db8, at);
  buffer.writeUInt32BE(low >> 11, at + 4);
  buffer.writeUInt32BE(spread(low), at + 8);
  return buffer.writeUInt32BE(spread(low + 1), at + 12);
}

function writeOutside(buffer, at, host, isV6) {
  const network = spread(host) % Math.min((host >> 3) + 50, NETWORKS);
  if (!isV6) {
    const prefix = (FIRST_BYTES[network % 16] << 24) | ((network >> 4) << 12);
    return buffer.writeUInt32BE((prefix | (spread(host + 7) & 0xfff)) >>> 0, at);
  }
  buffer.writeUInt32BE((0x2a000000 | (network << 4)) >>> 0, at);
  buffer.writeUInt32BE(0, at + 4);
  buffer.writeUInt32BE(spread(host), at + 8);
  return buffer.writeUInt32BE(spread(host + 1), at + 12);
}

/** An Ethernet frame with a v9 datagram of these sets, as a record of a pcap file. */
function packet(nowUs, sequence, sets) {
  const length = sets.reduce((sum, set) => sum + set.length, 0) + 20;
  const head = Buffer.alloc(HEADERS + 20);
  head.writeUInt32LE(Math.floor(nowUs / 1e6), 0);
  head.writeUInt32LE(nowUs % 1e6, 4);
  head.writeUInt32LE(length + HEADERS - 16, 8);
  head.writeUInt32LE(length + HEADERS - 16, 12);
  head.writeUInt16BE(0x0800, 28);
  head[30] = 0x45;
  head.writeUInt16BE(length + 28, 32);
  head[38] = 64;
  head[39] = 17;
  head.writeUInt32BE(0xc0000201, 42);
  head.writeUInt32BE(0xc000020a, 46);
  head.writeUInt16BE(50_000, 50);
  head.writeUInt16BE(2055, 52);
  head.writeUInt16BE(length + 8, 54);
  head.writeUInt16BE(9, 58);
  head.writeUInt16BE(sets.length, 60);
  head.writeUInt32BE(3_600_000, 62);
  head.writeUInt32BE(Math.floor(nowUs / 1e6), 66);
  head.writeUInt32BE(sequence >>> 0, 70);
  head.writeUInt32BE(1, 74);
  return [head, ...sets];
}

function set(id, content) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(4 + content.length, 2);
  return Buffer.concat([head, content]);
}

function templates() {
  return set(0, Buffer.concat(FAMILIES.map(({ id, width, addresses }) => {
    const fields = [...addresses.map((element) => [element, width]), ...FIELDS];
    const words = [id, fields.length, ...fields.flat()];
    const content = Buffer.alloc(2 * words.length);
    words.forEach((value, index) => content.writeUInt16BE(value, 2 * index));
    return content;
  })));
}

/** Yields buffers of a pcap file with about so many flows a day, of the day that begins at `fromMs`, up to `toMs`. */
export function* campusDay(fromMs, flows, toMs = fromMs + DAY_MS) {
  const random = generator(2_463_534_242);
  const zipf = (most) => Math.floor(most ** random()) - 1;
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  let chunk = [header];
  let bytes = 0;
  let sequence = 0;
  let nowUs = fromMs * 1000;
  const endUs = toMs * 1000;
  while (nowUs < endUs) {
    const ofDay = (nowUs / 1000 - fromMs) / DAY_MS;
    const busy = 1 - 0.8 * Math.cos(ofDay * 2 * Math.PI);
    nowUs += Math.ceil((((DAY_MS * 1000 * TOGETHER) / flows / busy) * 2) * random());
    if (nowUs >= endUs) break;
    const isV6 = random() < 0.25;
    const { id, width } = FAMILIES[isV6 ? 1 : 0];
    const size = 2 * width + 22;
    const content = Buffer.alloc(4 + TOGETHER * size + ((4 - ((4 + TOGETHER * size) % 4)) % 4));
    content.writeUInt16BE(id, 0);
    content.writeUInt16BE(content.length, 2);
    for (let index = 0; index < TOGETHER; index += 1) {
      const at = 4 + index * size;
      const isScan = random() < 0.06;
      const toClient = index % 2 === 0;
      if (isScan) {
        writeOutside(content, at, Math.floor(random() * 5_000), isV6);
        writeInside(content, at + width, Math.floor(random() * 65_536), isV6);
        content.writeUInt16BE(1_024 + Math.floor(random() * 60_000), at + 2 * width);
        content.writeUInt16BE([22, 23, 80, 443, 445, 3_389][Math.floor(random() * 6)], at + 2 * width + 2);
        content[at + 2 * width + 4] = 6;
        content[at + 2 * width + 5] = 2;
        content.writeUInt32BE(44, at + 2 * width + 6);
        content.writeUInt32BE(1, at + 2 * width + 10);
        content.writeUInt32BE(3_580_000, at + 2 * width + 14);
        content.writeUInt32BE(3_580_000, at + 2 * width + 18);
        continue;
      }
      let draw = random() * 1000;
      const service = SERVICES.find((each) => (draw -= each[2]) < 0) ?? SERVICES[0];
      const [inside, outside] = toClient ? [at + width, at] : [at, at + width];
      writeOutside(content, outside, zipf(1e6), isV6);
      if (random() < 0.08) writeInside(content, outside, zipf(20_000) * 7, isV6);
      writeInside(content, inside, zipf(20_000), isV6);
      const client = 32_768 + Math.floor(random() * 28_000);
      content.writeUInt16BE(toClient ? service[0] : client, at + 2 * width);
      content.writeUInt16BE(toClient ? client : service[0], at + 2 * width + 2);
      content[at + 2 * width + 4] = service[1];
      content[at + 2 * width + 5] = service[1] === 6 ? 0x1b : 0;
      const stretch = service[3] > 1 ? Math.exp((random() + random() + random() - 1.5) * 2.4) : 1;
      const packets = Math.max(1, Math.floor(service[toClient ? 3 : 4] * stretch));
      content.writeUInt32BE(Math.floor(packets * service[toClient ? 5 : 6] * (0.6 + 0.8 * random())), at + 2 * width + 6);
      content.writeUInt32BE(packets, at + 2 * width + 10);
      const lasted = Math.floor((service[3] > 1 ? 60_000 : 60) * random() ** 4);
      content.writeUInt32BE(3_585_000 - lasted, at + 2 * width + 14);
      content.writeUInt32BE(3_585_000, at + 2 * width + 18);
    }
    const sets = sequence % 4_000 === 0 ? [templates(), content] : [content];
    const records = packet(nowUs, sequence, sets);
    sequence += 1;
    for (const record of records) {
      chunk.push(record);
      bytes += record.length;
    }
    if (bytes > 1 << 20) {
      yield Buffer.concat(chunk);
      chunk = [];
      bytes = 0;
    }
  }
  if (chunk.length) yield Buffer.concat(chunk);
}
