// The process as an operator sees it: exporters, totals, metrics, exit codes, restarts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { mixedFlows, writeCapture } from './support/capture.js';
import { Meridian, root, until } from './support/meridian.js';

const scratch = mkdtempSync(path.join(os.tmpdir(), 'meridian-captures-'));
const capture = path.join(scratch, 'mixed.pcap');
const truth = writeCapture(capture, mixedFlows(120));
after(() => rmSync(scratch, { recursive: true, force: true }));

const program = path.join(process.env.CARGO_TARGET_DIR ?? path.join(os.homedir(), '.cache/meridian/target'), 'release/meridian');
const run = (...flags) => spawnSync(program, flags, { cwd: root, encoding: 'utf8', timeout: 60_000 });

describe('softflowd reads a capture of known totals', () => {
  for (const [version, protocol] of [[5, 'netflow_v5'], [9, 'netflow_v9'], [10, 'ipfix']]) {
    it(`and the totals are exact to the flow, packet and byte with version ${version}`, async () => {
      const meridian = await Meridian.start();
      try {
        await meridian.softflowd(capture, version);
        const status = await until('all flows', async () => {
          const now = await meridian.api('status');
          return now.traffic.flows >= truth.flows && now;
        });
        assert.deepEqual(status.traffic, truth);
        const live = await until('the live view', async () => {
          const now = await meridian.api('live');
          return now.totals.all.flows >= truth.flows && now;
        });
        assert.deepEqual(live.totals.all, truth);
        const sums = live.totals.by_direction.reduce((sum, one) => sum + one.flows, 0);
        assert.equal(sums, truth.flows, 'directions add up to all');
        const [exporter] = await meridian.api('exporters');
        assert.equal(exporter.address, '127.0.0.1');
        assert.deepEqual(exporter.protocols, [protocol]);
        assert.deepEqual(exporter.traffic, truth);
        assert.deepEqual(exporter.undecodable, []);
        assert.equal(exporter.sequence_missing, 0);
        const metrics = await meridian.text('/metrics');
        assert.match(metrics, new RegExp(`^meridian_flows_total ${truth.flows}$`, 'm'));
        assert.match(metrics, new RegExp(`^meridian_flow_bytes_total ${truth.bytes}$`, 'm'));
        assert.match(metrics, new RegExp(`^meridian_flow_packets_total ${truth.packets}$`, 'm'));
      } finally {
        await meridian.stop();
      }
    });
  }
});

describe('what cannot be decoded', () => {
  let meridian;
  before(async () => (meridian = await Meridian.start({ databases: false })));
  after(() => meridian.stop());

  it('is counted by reason, and the next good datagram is decoded', async () => {
    const socket = createSocket('udp4');
    const send = (bytes) => new Promise((resolve) => socket.send(Buffer.from(bytes), meridian.udpPort, '127.0.0.1', resolve));
    await send([]);
    await send([0, 99, 1, 2, 3]);
    await send([0, 5, 0, 30, 0]);
    const status = await until('three datagrams', async () => {
      const now = await meridian.api('status');
      return now.listeners[0].datagrams === 3 && now;
    });
    assert.equal(status.traffic.flows, 0);
    const metrics = await meridian.text('/metrics');
    const lost = [...metrics.matchAll(/^meridian_undecodable_total\{[^}]*\} (\d+)$/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
    assert.equal(lost, 3, metrics);
    socket.close();
    await meridian.softflowd(capture, 5);
    await until('the flows', async () => (await meridian.api('status')).traffic.flows === truth.flows);
  });
});

describe('the process', () => {
  it('refuses an unknown key with line and suggestion, and exits 64', () => {
    const file = path.join(scratch, 'bad.toml');
    writeFileSync(file, '[http]\nadress = "127.0.0.1:3000"\n');
    for (const command of [['check'], ['run']]) {
      const { status, stderr } = run(...command, '--config', file);
      assert.equal(status, 64);
      assert.match(stderr, /bad\.toml:2:1/);
      assert.match(stderr, /did you mean `address`\?/);
    }
  });

  it('exits 64 for an unknown flag and 0 for help', () => {
    assert.equal(run('--no-such-flag').status, 64);
    assert.equal(run('--help').status, 0);
  });

  it('exits 69 when a port is taken, and says which', async () => {
    const meridian = await Meridian.start({ databases: false });
    try {
      const { status, stderr } = run('run', '--data-dir', scratch, '--listen-udp', '127.0.0.1:0', '--http-address', `127.0.0.1:${meridian.httpPort}`);
      assert.equal(status, 69, stderr);
      assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${meridian.httpPort}`));
    } finally {
      await meridian.stop();
    }
  });

  it('stops within its deadline although a stream is open, and exits 0', async () => {
    const meridian = await Meridian.start({ databases: false, configuration: '[shutdown]\ndeadline_s = 5\n' });
    const socket = new WebSocket(`${meridian.url.replace('http', 'ws')}/api/v1/stream`);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    }).catch(() => assert.fail('the stream did not open'));
    const closed = new Promise((resolve) => (socket.onclose = resolve));
    const begun = Date.now();
    assert.equal(await meridian.end('SIGTERM'), 0, meridian.log);
    assert.ok(Date.now() - begun < 8000, 'it took longer than its deadline');
    assert.equal((await closed).code, 1001);
    await meridian.stop();
  });

  it('runs without a database, and says so', async () => {
    const meridian = await Meridian.start({ databases: false });
    try {
      const status = await meridian.api('status');
      assert.ok(status.geolocation.problems.length > 0);
      assert.deepEqual(status.geolocation.databases, []);
    } finally {
      await meridian.stop();
    }
  });
});
