// Collecting as an operator sees it: connections, sampling, rules, restarts, losses, and that what the docs name is there.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';

import { launch, open, picture } from './support/browser.js';
import { mixedFlows, writeCapture, writeDatagrams } from './support/capture.js';
import { Meridian, exported, program, root, until } from './support/meridian.js';
import { makeCertificates, pmacctd, run, softflowd } from './support/programs.js';
import { Relay } from './support/relay.js';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'meridian-captures-'));
const capture = path.join(scratch, 'mixed.pcap');
const truth = writeCapture(capture, mixedFlows(120));
const largeCapture = path.join(scratch, 'large.pcap');
const largeTruth = writeCapture(largeCapture, mixedFlows(1500));

/** Every datagram that softflowd sends of a capture. */
async function recorded(file, version, flags = []) {
  const relay = await Relay.start(0);
  relay.passes = () => false;
  try {
    const output = await softflowd(relay.target, file, version, flags);
    const [, datagrams] = output.match(/ records\) in (\d+) packets/);
    await until('the datagrams', () => relay.received.length === Number(datagrams));
    return relay.received;
  } finally {
    relay.close();
  }
}

/** Runs `look` with a Meridian of this configuration, and holds its account against the law at the end. */
async function withMeridian(options, look) {
  const meridian = await Meridian.start({ databases: false, ...options });
  const relays = [];
  const relay = async (address) => {
    relays.push(await Relay.start(meridian.udpPort, { address }));
    return relays.at(-1);
  };
  try {
    await look(meridian, relay);
    await accountIsEven(meridian);
  } finally {
    for (const one of relays) one.close();
    await meridian.stop();
  }
}

async function accountIsEven(meridian) {
  let account;
  const isEven = async () => {
    account = (await meridian.metrics()).account();
    return Object.values(account).every((rest) => rest === 0);
  };
  await until('an even account', isEven, 5).catch(() => assert.fail(`the account is not even: ${JSON.stringify(account)}`));
}

const flowsAre = (meridian, flows) => until(`${flows} flows`, async () => {
  const status = await meridian.api('status');
  return status.traffic.flows >= flows && status;
});

/** The exporter of this address once `is` holds for it: exporters are published once a second. */
const exporterIs = (meridian, address, is) => until(`the exporter ${address}`, async () => {
  const exporter = (await meridian.api('exporters')).find((one) => one.address === address);
  return exporter && is(exporter) && exporter;
});

let browser;
before(async () => (browser = await launch()));
after(async () => {
  await browser?.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Looks at a page until its text fits, keeps a picture, and answers the text. */
async function pageSays(meridian, address, pattern, name) {
  const page = await open(browser, meridian.url + address);
  try {
    const body = page.locator('body');
    const text = await until(`${pattern} at ${address}`, async () => {
      const now = await body.textContent();
      return pattern.test(now) && now;
    });
    if (name) await picture(page, name);
    assert.deepEqual(page.complaints, []);
    return text;
  } finally {
    await page.context().close();
  }
}

describe('IPFIX over connections', () => {
  it('is exact from softflowd over TCP', async () => {
    await withMeridian({ flags: ['--listen-tcp', '127.0.0.1:0'] }, async (meridian) => {
      await softflowd(await meridian.connectionsAt('tcp'), capture, 10, ['-P', 'tcp']);
      const status = await flowsAre(meridian, truth.flows);
      assert.deepEqual(exported(status.traffic), truth);
      const metrics = await until('the end of the connection', async () => {
        const now = await meridian.metrics();
        return now.sum('connections_closed_total', { transport: 'tcp', reason: 'exporter' }) === 1 && now;
      });
      assert.equal(metrics.sum('connections_accepted_total', { transport: 'tcp' }), 1);
      assert.equal(metrics.sum('connection_discarded_bytes_total'), 0);
      assert.equal(metrics.sum('sets_total', { fate: 'without_template' }), 0);
      assert.equal(metrics.sum('sequence_missing'), 0);
    });
  });

  it('is taken over TLS with a certificate of the authority, else refused and counted', async () => {
    await makeCertificates(scratch);
    const file = (name) => path.join(scratch, name);
    const configuration = [
      '[listen.tls]', 'addresses = ["127.0.0.1:0"]', `certificate = "${file('collector.pem')}"`, `key = "${file('collector.key')}"`,
      `client_ca = "${file('authority.pem')}"`, 'client_certificates = "required"', '',
    ].join('\n');
    const messages = Buffer.concat(await recorded(capture, 10));
    await withMeridian({ configuration }, async (meridian) => {
      const address = await meridian.connectionsAt('tls');
      const client = (...flags) => run('openssl', [
        's_client', '-connect', address, '-CAfile', file('authority.pem'), '-verify_return_error', '-quiet', '-no_ign_eof', ...flags,
      ], { input: messages });
      const certificate = (name) => ['-cert', file(`${name}.pem`), '-key', file(`${name}.key`)];

      const refused = async (count) => until(`${count} refused`, async () => {
        const metrics = await meridian.metrics();
        return metrics.sum('connections_refused_total', { transport: 'tls', reason: 'client_certificate' }) === count;
      });
      await client();
      await refused(1);
      await client(...certificate('stranger'));
      await refused(2);
      assert.equal((await meridian.metrics()).sum('connections_accepted_total', { transport: 'tls' }), 0);

      for (const version of ['-tls1_2', '-tls1_3']) {
        const { code, stderr } = await client(...certificate('exporter'), version);
        assert.equal(code, 0, stderr);
      }
      const { traffic } = await flowsAre(meridian, 2 * truth.flows);
      assert.deepEqual(exported(traffic), { flows: 2 * truth.flows, bytes: 2 * truth.bytes, packets: 2 * truth.packets });
      await until('the end of the connections', async () => (await meridian.metrics()).sum('connections') === 0);
      const metrics = await meridian.metrics();
      assert.equal(metrics.sum('connection_bytes_total', { transport: 'tls' }), 2 * messages.length);
      assert.equal(metrics.sum('connections_closed_total', { transport: 'tls', reason: 'exporter' }), 2);
    });
  });
});

/** Flow samples in sFlow datagrams of an agent with an IPv4 address. */
function flowSamples(datagrams) {
  let samples = 0;
  for (const datagram of datagrams) {
    let offset = 28;
    for (let left = datagram.readUInt32BE(24); left > 0; left -= 1) {
      if (datagram.readUInt32BE(offset) === 1) samples += 1;
      offset += 8 + datagram.readUInt32BE(offset + 4);
    }
  }
  return samples;
}

describe('sampled traffic', () => {
  it('comes as sFlow from pmacct, and the card shows the agent and its sampling', async () => {
    await withMeridian({}, async (meridian, relayOf) => {
      const relay = await relayOf('127.0.0.1');
      await pmacctd(scratch, capture, 'sfprobe', relay.target, ['sampling_rate: 10', 'sfprobe_agentip: 192.0.2.77']);
      const samples = await until('samples', () => flowSamples(relay.received));
      const { traffic } = await flowsAre(meridian, samples);
      assert.equal(traffic.flows, samples);
      assert.equal(traffic.packets, samples, 'a sample is one packet');
      assert.equal(traffic.scaled_packets, 10 * samples);
      assert.equal(traffic.scaled_bytes, 10 * traffic.bytes);
      assert.equal(traffic.unknown_sampling, 0);
      const agent = await exporterIs(meridian, '192.0.2.77', (one) => one.samples.flow === samples);
      assert.deepEqual(agent.protocols, ['sflow_v5']);
      assert.equal(agent.sent_from, '127.0.0.1');
      assert.deepEqual([agent.sampling_interval, agent.sampling_source], [10, 'record']);
      assert.deepEqual([agent.samples.missing, agent.sequence_missing], [0, 0]);
      const text = await pageSays(meridian, '/exporters', /192\.0\.2\.77/, 'exporters-sflow');
      assert.match(text, /sFlow v5/);
      assert.match(text, /1 in 10/);
      assert.match(text, new RegExp(`${samples}\\s+flow samples`));
      assert.match(text, /127\.0\.0\.1/, 'who sends its datagrams');
    });
  });

  for (const version of [9, 10]) {
    it(`is scaled as softflowd's options records say with version ${version}`, async () => {
      await withMeridian({}, async (meridian) => {
        await meridian.softflowd(capture, version, ['-s', '10']);
        const { traffic } = await until('sampled flows', async () => {
          const status = await meridian.api('status');
          return status.traffic.packets === Math.ceil(truth.packets / 10) && status;
        });
        assert.deepEqual(
          [traffic.scaled_bytes, traffic.scaled_packets, traffic.unknown_sampling],
          [10 * traffic.bytes, 10 * traffic.packets, 0],
        );
        const exporter = await exporterIs(meridian, '127.0.0.1', (one) => one.traffic.flows === traffic.flows);
        assert.deepEqual([exporter.sampling_interval, exporter.sampling_source], [10, 'options']);
        assert.equal(exporter.samplers[0].interval, 10);
        await pageSays(meridian, '/exporters', /1 in 10\b/, `exporters-sampled-${version}`);
        assert.match(await meridian.text('/'), /Scaled by sampling[.;] as exported: /i);
      });
    });
  }

  it('is scaled as the configuration says where that overrides', async () => {
    const configuration = '[[sampling]]\nexporters = ["127.0.0.0/8"]\ninterval = 3\nuse = "override"\n';
    await withMeridian({ configuration }, async (meridian) => {
      await meridian.softflowd(capture, 9, ['-s', '10']);
      const exporter = await exporterIs(meridian, '127.0.0.1', (one) => one.traffic.packets === Math.ceil(truth.packets / 10));
      assert.deepEqual([exporter.sampling_interval, exporter.sampling_source], [3, 'configured']);
      assert.equal(exporter.traffic.scaled_bytes, 3 * exporter.traffic.bytes);
      assert.equal(exporter.traffic.scaled_packets, 3 * exporter.traffic.packets);
    });
  });

  it('is unknown where nobody says it, and takes a default of the configuration', async () => {
    const rule = '[[sampling]]\nexporters = ["127.0.0.1"]\ninterval = 4\n';
    await Promise.all([['', [0, 'unknown']], [rule, [4, 'configured']]].map(([configuration, expected]) =>
      withMeridian({ configuration }, async (meridian) => {
        await pmacctd(meridian.folder, capture, 'nfprobe', `127.0.0.1:${meridian.udpPort}`, [
          'nfprobe_version: 9', 'aggregate: src_host,dst_host,src_port,dst_port,proto,tos',
        ]);
        const exporter = await exporterIs(meridian, '127.0.0.1', (one) => one.traffic.flows === truth.flows);
        assert.deepEqual(exported(exporter.traffic), truth, 'nfprobe is exact');
        assert.deepEqual([exporter.sampling_interval, exporter.sampling_source], expected);
        assert.equal(exporter.traffic.unknown_sampling, expected[0] ? 0 : truth.flows);
        assert.equal(exporter.traffic.scaled_bytes, (expected[0] || 1) * truth.bytes);
      })));
  });
});

describe('after a restart', () => {
  it('data is decoded before any template comes, and what passed meanwhile is counted', async () => {
    const messages = await recorded(capture, 10);
    assert.equal(messages.length, 4);
    const hasTemplates = (message) => message.readUInt16BE(16) < 256;
    assert.deepEqual(messages.map(hasTemplates), [true, false, false, false]);
    // softflowd counts records up to the end of a message.
    const records = messages.map((message, index) => message.readUInt32BE(8) - (index && messages[index - 1].readUInt32BE(8)));
    await withMeridian({}, async (meridian, relayOf) => {
      const relay = await relayOf('127.0.0.1');
      for (const message of messages.slice(0, 2)) await relay.send(message);
      await flowsAre(meridian, records[0] + records[1]);
      assert.equal(await meridian.end(), 0, meridian.log);
      assert.ok(existsSync(path.join(meridian.folder, 'collector-state')));
      // The third is sent while nobody listens.
      await meridian.launch();
      await relay.send(messages[3]);
      const { traffic } = await flowsAre(meridian, 1);
      assert.equal(traffic.flows, records[3]);
      const exporter = await exporterIs(meridian, '127.0.0.1', (one) => one.traffic.flows === records[3]);
      assert.deepEqual(
        [exporter.sets_waiting, exporter.sequence_missing, exporter.sequence_uncertain, exporter.sequence_stopped],
        [0, 0, 0, records[2]],
      );
      const metrics = await meridian.metrics();
      assert.equal(metrics.sum('sequence_stopped', { unit: 'records' }), records[2]);
      assert.equal(metrics.sum('template_records_total'), 0);
      assert.ok(metrics.sum('exporter_templates') > 0);
    });
  });

  it('a damaged state file is set aside and told of on every page, and flows come all the same', async () => {
    await withMeridian({}, async (meridian) => {
      await meridian.softflowd(capture, 9);
      await flowsAre(meridian, truth.flows);
      assert.equal(await meridian.end(), 0, meridian.log);
      const file = path.join(meridian.folder, 'collector-state');
      const damaged = readFileSync(file);
      damaged[damaged.length >> 1] ^= 0xff;
      writeFileSync(file, damaged);
      await meridian.launch();
      assert.ok(!existsSync(file));
      assert.deepEqual(readFileSync(`${file}.damaged`), damaged);
      const [notice] = (await meridian.api('status')).notices;
      assert.match(notice, /collector-state cannot be used: .*; it is kept as .*collector-state\.damaged/);
      assert.match(meridian.log, /collector-state\.damaged/);
      for (const address of ['/', '/exporters']) assert.match(await meridian.text(address), /collector-state cannot be used/);
      await pageSays(meridian, '/settings', /collector-state cannot be used/, 'settings-damaged-state');
      await meridian.softflowd(capture, 9);
      assert.deepEqual(exported((await flowsAre(meridian, truth.flows)).traffic), truth);
      assert.equal(await meridian.end(), 0, meridian.log);
      await meridian.launch();
      assert.deepEqual((await meridian.api('status')).notices, []);
    });
  });
});

describe('the operator\'s rules', () => {
  it('admit whom they name; others are listed as seen with the line that admits them', async () => {
    const configuration = (networks) => `[admission]\n${networks}\n`;
    await withMeridian({ configuration: configuration('networks = ["127.0.0.1"]') }, async (meridian, relayOf) => {
      const outside = await relayOf('127.0.0.2');
      await meridian.softflowd(capture, 5);
      await softflowd(outside.target, capture, 5);
      const { admission, traffic } = await until('both', async () => {
        const status = await meridian.api('status');
        return status.traffic.flows === truth.flows && status.admission.datagrams_not_admitted === outside.sent && status;
      });
      assert.deepEqual(exported(traffic), truth, 'the flows of one');
      assert.deepEqual(admission.networks, ['127.0.0.1']);
      assert.deepEqual(admission.not_admitted.map((seen) => [seen.address, seen.datagrams]), [['127.0.0.2', outside.sent]]);
      assert.equal((await meridian.metrics()).sum('datagrams_not_admitted_total'), outside.sent);
      const text = await pageSays(meridian, '/exporters', /Seen, not admitted/, 'exporters-not-admitted');
      const [line] = text.match(/networks = \[[^\]]*\]/);
      assert.equal(line, 'networks = ["127.0.0.1", "127.0.0.2"]');
      await meridian.end();
      meridian.options.configuration = configuration(line);
      await meridian.launch();
      await softflowd(outside.target, capture, 5);
      await flowsAre(meridian, truth.flows);
    });
  });

  it('limit the flow records of an exporter in a second, and what is left out is counted and not missing', async () => {
    await withMeridian({ configuration: '[admission]\nflow_records_per_second = 10\n' }, async (meridian) => {
      await meridian.softflowd(capture, 10);
      const exporter = await exporterIs(meridian, '127.0.0.1', (one) => one.traffic.flows + one.rate_limited_records === truth.flows);
      assert.ok(exporter.traffic.flows >= 50, 'five seconds at once');
      assert.ok(exporter.rate_limited_records > 0 && exporter.rate_limited_sets > 0);
      assert.deepEqual([exporter.sequence_missing, exporter.sequence_uncertain], [0, 0]);
      const { admission } = await meridian.api('status');
      assert.deepEqual([admission.flow_records_per_second, admission.rate_limited_records], [10, exporter.rate_limited_records]);
      const metrics = await meridian.metrics();
      assert.equal(metrics.sum('rate_limited_records_total'), exporter.rate_limited_records);
      await pageSays(meridian, '/exporters', /their exporter sent more than 10 in a second/);
    });
  });

  it('count a flow once that two exporters report, by the lines that the notice shows', async () => {
    await withMeridian({}, async (meridian, relayOf) => {
      const relays = [await relayOf('127.0.0.11'), await relayOf('127.0.0.12')];
      const both = async () => {
        for (const relay of relays) await softflowd(relay.target, largeCapture, 9);
      };
      await both();
      const { traffic } = await flowsAre(meridian, 2 * largeTruth.flows);
      assert.equal(traffic.bytes, 2 * largeTruth.bytes, 'without a rule all is counted');
      const [found] = await until('the evidence', async () => {
        const { double_counting: all } = await meridian.api('status');
        return all.length && all;
      });
      assert.equal(found.findings[0].repetition, 'by_another_exporter');
      for (const address of ['/', '/settings']) assert.match(await meridian.text(address), /class="notice__lines"/);
      const page = await open(browser, `${meridian.url}/exporters`);
      const lines = page.locator('.notice__lines code');
      await lines.waitFor({ state: 'attached' });
      assert.equal(await lines.textContent(), found.rule);
      await picture(page, 'exporters-counted-twice');
      await page.context().close();

      assert.equal(await meridian.end(), 0, meridian.log);
      meridian.options.configuration = `[listen]\nworkers = 2\n\n${found.rule}`;
      await meridian.launch();
      await both();
      const status = await until('the duplicates', async () => {
        const now = await meridian.api('status');
        const metrics = await meridian.metrics();
        return metrics.sum('duplicate_flows_total') === largeTruth.flows && now;
      });
      assert.deepEqual(exported(status.traffic), largeTruth, 'the totals of one');
      const metrics = await meridian.metrics();
      assert.equal(metrics.sum('duplicate_flow_bytes_total'), largeTruth.bytes);
      assert.equal(metrics.sum('duplicate_flow_packets_total'), largeTruth.packets);
      const second = await exporterIs(meridian, '127.0.0.12', (one) => one.duplicate_flows.flows > 0);
      assert.deepEqual(exported(second.duplicate_flows), largeTruth);
      assert.deepEqual(status.double_counting, []);
    });
  });
});

describe('what is lost', () => {
  it('in the kernel is counted to the datagram', async () => {
    const datagrams = await recorded(largeCapture, 5);
    await withMeridian({ configuration: '[listen]\nreceive_buffer_bytes = 4096\n' }, async (meridian, relayOf) => {
      const relay = await relayOf('127.0.0.1');
      // Nobody reads while it holds still.
      meridian.process.kill('SIGSTOP');
      try {
        for (const datagram of datagrams) await relay.send(datagram);
      } finally {
        meridian.process.kill('SIGCONT');
      }
      const metrics = await until('all datagrams', async () => {
        const now = await meridian.metrics();
        return now.sum('listener_datagrams_total') + now.sum('listener_kernel_drops_total') >= relay.sent && now;
      });
      const drops = metrics.sum('listener_kernel_drops_total');
      assert.equal(metrics.sum('listener_datagrams_total') + drops, relay.sent);
      assert.ok(drops > 0);
      const { listeners } = await meridian.api('status');
      assert.equal(listeners[0].kernel_drops, drops);
      await pageSays(meridian, '/exporters', new RegExp(`kernel dropped ${drops} datagrams`));
    });
  });

  it('on the way, not admitted, undecodable, repeated, limited or counted elsewhere adds up after a mixed run', async () => {
    const configuration = [
      '[listen]', 'workers = 2', '[admission]', 'networks = ["127.0.0.0/28"]',
      '[[count_once]]', 'name = "path"', 'exporters = ["127.0.0.12", "127.0.0.13"]', 'by = "first_exporter"', '',
    ].join('\n');
    await withMeridian({ configuration, flags: ['--listen-tcp', '127.0.0.1:0'] }, async (meridian, relayOf) => {
      const addresses = { v5: '127.0.0.11', v9: '127.0.0.12', ipfix: '127.0.0.13', sflow: '127.0.0.14', outside: '127.0.0.99' };
      const relays = {};
      for (const [name, address] of Object.entries(addresses)) {
        relays[name] = await relayOf(address);
        relays[name].lost = [];
        const relay = relays[name];
        relay.passes = (index, datagram) => {
          const isLost = name !== 'outside' && [5, 6, 19].includes(index);
          if (isLost) relay.lost.push(datagram);
          if (index === 11 && name !== 'outside') relay.send(datagram);
          return !isLost;
        };
      }
      await Promise.all([
        softflowd(relays.v5.target, largeCapture, 5),
        softflowd(relays.v9.target, largeCapture, 9),
        softflowd(relays.ipfix.target, largeCapture, 10),
        softflowd(relays.outside.target, capture, 9),
        softflowd(await meridian.connectionsAt('tcp'), capture, 10, ['-P', 'tcp']),
        pmacctd(scratch, largeCapture, 'sfprobe', relays.sflow.target, ['sampling_rate: 20', 'sfprobe_agentip: 127.0.0.200']),
      ]);
      for (const bytes of [[], [0, 99, 1, 2, 3], [0, 5, 0, 30, 0], [0, 9, 0, 1]]) await relays.v5.send(Buffer.from(bytes));
      const sent = Object.values(relays).reduce((sum, relay) => sum + relay.sent, 0);
      const metrics = await until('all datagrams', async () => {
        const now = await meridian.metrics();
        return now.sum('listener_datagrams_total') === sent && now;
      });
      await accountIsEven(meridian);
      assert.equal(metrics.sum('listener_kernel_drops_total'), 0);
      assert.equal(metrics.sum('datagrams_not_admitted_total'), relays.outside.sent);
      assert.equal(metrics.sum('undecodable_total', { what: 'datagram' }), 4);
      assert.equal(metrics.sum('duplicate_datagrams_total'), 4, 'each of the four exporters sent one twice');

      // A v5 datagram says how many records it has; softflowd's IPFIX counts them up to its end.
      const recordsOfV5 = relays.v5.lost.reduce((sum, datagram) => sum + datagram.readUInt16BE(2), 0);
      const v5 = await exporterIs(meridian, addresses.v5, (one) => one.traffic.flows > 0);
      assert.equal(v5.sequence_missing, recordsOfV5);
      assert.equal(v5.traffic.flows + v5.sequence_missing, largeTruth.flows);
      const v9 = await exporterIs(meridian, addresses.v9, (one) => one.traffic.flows > 0);
      assert.deepEqual([v9.sequence_missing, v9.duplicate_datagrams], [3, 1]);
      assert.equal(metrics.sum('datagrams_total', { protocol: 'netflow_v9' }) - 1 + 3, relays.v9.received.length);
      const ipfix = await exporterIs(meridian, addresses.ipfix, (one) => one.sequence_missing > 0);
      assert.equal(ipfix.traffic.flows + ipfix.duplicate_flows.flows + ipfix.sequence_missing, largeTruth.flows);
      assert.equal(ipfix.sequence_uncertain, 0);
      const lostSamples = flowSamples(relays.sflow.lost);
      const samples = flowSamples(relays.sflow.received) - lostSamples;
      const agent = await exporterIs(meridian, '127.0.0.200', (one) => one.samples.flow === samples);
      assert.deepEqual([agent.sequence_missing, agent.samples.missing], [3, lostSamples]);
      assert.equal(metrics.sum('sflow_samples_by_kind_total', { kind: 'flow' }), samples);
    });
  });
});

describe('meridian import', () => {
  it('has the exact totals of a capture of export datagrams, however it is read', async () => {
    const imported = (flags, input) => run(program, ['import', '--data-dir', scratch, '--format', 'json', ...flags], { cwd: scratch, input });
    for (const [version, protocol] of [[5, 'NetFlow v5'], [9, 'NetFlow v9'], [10, 'IPFIX']]) {
      const datagrams = await recorded(largeCapture, version);
      const file = path.join(scratch, `export-${version}.pcap`);
      writeDatagrams(file, datagrams);
      for (const [flags, input] of [[[file]], [['-'], gzipSync(readFileSync(file))]]) {
        const { code, stdout, stderr } = await imported(flags, input);
        assert.equal(code, 0, stderr);
        const { totals, exporters, files, is_interrupted: isInterrupted } = JSON.parse(stdout);
        assert.deepEqual(exported(totals), largeTruth);
        assert.equal(totals.datagrams, datagrams.length);
        assert.deepEqual([totals.undecodable, totals.missing_records, totals.missing_datagrams, isInterrupted], [[], 0, 0, false]);
        assert.deepEqual([exporters.length, exporters[0].address, exporters[0].protocols], [1, '192.0.2.1', [protocol]]);
        assert.deepEqual(files.map((one) => [one.format, one.problem]), [['pcap', null]]);
      }
    }
    const file = path.join(scratch, 'export-9.pcap');
    const elsewhere = JSON.parse((await imported(['--port', '4739', file])).stdout);
    assert.deepEqual([elsewhere.totals.flows, elsewhere.packets.other_ports], [0, elsewhere.packets.packets]);
    const text = await run(program, ['import', '--data-dir', scratch, file], { cwd: scratch });
    assert.match(text.stdout, new RegExp(`^flows +${largeTruth.flows}$`, 'm'));

    const cut = path.join(scratch, 'cut.pcap');
    writeFileSync(cut, readFileSync(file).subarray(0, -10));
    const partial = await imported([cut]);
    assert.equal(partial.code, 65);
    assert.match(JSON.parse(partial.stdout).files[0].problem, /the file is cut/);
    assert.match(partial.stderr, /cut\.pcap: the file is cut/);
    assert.equal((await imported([path.join(scratch, 'none.pcap')])).code, 66);
  });
});

describe('meridian check', () => {
  const check = async (text) => {
    const file = path.join(scratch, 'check.toml');
    writeFileSync(file, text);
    return run(program, ['check', '--config', file, '--data-dir', scratch], { cwd: scratch });
  };
  const exporters = 'exporters = ["192.0.2.1"]';

  for (const [text, position, suggestion] of [
    ['[listen]\nidle_timeout = 5\n', '2:1', 'idle_timeout_s'],
    ['[listen]\nworker = 2\n', '2:1', 'workers'],
    ['[listen.tls]\ncertificat = "a.pem"\nkey = "a.key"\n', '2:1', 'certificate'],
    ['[admission]\nnetwork = ["192.0.2.0/24"]\n', '2:1', 'networks'],
    [`[[count_once]]\nname = "core"\n${exporters}\nby = "first_exporters"\n`, '4:6', 'first_exporter'],
    [`[[count_once]]\nname = "core"\n${exporters}\nby = "first_exporter"\ntimeout = 60\n`, '5:1', 'timeout_s'],
    [`[[sampling]]\n${exporters}\nintervall = 100\n`, '3:1', 'interval'],
    [`[[quirks]]\n${exporters}\nout_counter = "post"\n`, '3:1', 'out_counters'],
    ['[sflow]\ndecapsulation = ["gre"]\n', '2:1', 'decapsulate'],
  ]) {
    it(`finds what is wrong near ${suggestion}`, async () => {
      const { code, stderr } = await check(text);
      assert.equal(code, 64, stderr);
      assert.match(stderr, new RegExp(`check\\.toml:${position}\\b`));
      assert.match(stderr, new RegExp(`did you mean \`${suggestion}\`\\?`));
    });
  }
});

describe('the documentation', () => {
  const docs = path.join(root, 'src/docs');
  const pages = [path.join(root, 'README.md'), ...readdirSync(docs).filter((name) => name.endsWith('.md')).map((name) => path.join(docs, name))];

  it('names metrics and labels that are there', async () => {
    await withMeridian({ flags: ['--listen-tcp', '127.0.0.1:0'] }, async (meridian) => {
      const { names, samples } = await meridian.metrics();
      const has = (name, label, value) => samples.some((sample) => sample.name === name && sample.labels[label] === value);
      const all = pages.map((page) => readFileSync(page, 'utf8')).join('\n');
      const named = [...all.matchAll(/\bmeridian_[a-z_]*[a-z]\b/g)].map(([name]) => name);
      assert.ok(named.length > 10);
      assert.deepEqual(named.filter((name) => !names.has(name)), []);
      const labelled = [...all.matchAll(/\b(meridian_[a-z_]+)\{([a-z]+)="([a-z_0-9]+)"\}/g)];
      assert.deepEqual(labelled.filter(([, ...label]) => !has(...label)).map(([text]) => text), []);

      const [, law] = readFileSync(path.join(docs, 'architecture.md'), 'utf8').match(/^## Where a record can end\n([^]*?)^## /m);
      const terms = [...law.matchAll(/`([a-z]+_[a-z_]*[a-z])(?:\{[^}]*\})?`/g)].map(([, name]) => `meridian_${name}`);
      assert.ok(terms.length > 10);
      assert.deepEqual(terms.filter((name) => !names.has(name)), []);

      const operations = readFileSync(path.join(docs, 'operations.md'), 'utf8');
      for (const fate of ['refused', 'closed']) {
        const [, table] = operations.match(new RegExp(`\\| ${fate} \\|.*\n.*\n((?: *\\|.*\n)+)`));
        const reasons = table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z_]+)`/g)].map(([, reason]) => reason));
        assert.ok(reasons.length > 4);
        assert.deepEqual(reasons.filter((reason) => !has(`meridian_connections_${fate}_total`, 'reason', reason)), []);
      }
    });
  });

  it('names tests that are there', () => {
    const sources = readdirSync(path.join(root, 'src'), { recursive: true }).filter((name) => name.endsWith('.rs'))
      .map((name) => readFileSync(path.join(root, 'src', name), 'utf8')).join('\n');
    const rows = readFileSync(path.join(docs, 'protocols.md'), 'utf8').split('\n').filter((line) => line.startsWith('| '));
    const tests = rows.flatMap((row) => [...row.split('|')[3]?.matchAll(/`([a-z0-9_]+)`/g) ?? []].map(([, name]) => name));
    assert.ok(tests.length > 50);
    assert.deepEqual(tests.filter((name) => !sources.includes(`fn ${name}(`)), []);
  });
});
