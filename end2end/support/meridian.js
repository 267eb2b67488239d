// Starts the real program on free ports with a data folder of its own, and stops it by its process id.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Metrics } from './metrics.js';
import { softflowd, succeed } from './programs.js';

export const root = path.resolve(import.meta.dirname, '../..');
const target = process.env.CARGO_TARGET_DIR ?? path.join(os.homedir(), '.cache/meridian/target');
export const program = path.join(target, 'release/meridian');

export function freeTcpPort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function freeUdpPort() {
  return new Promise((resolve) => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/** Polls until `look` answers something true; fails with `what` after `seconds`. */
export async function until(what, look, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await pause(50);
  }
  throw new Error(`waited ${seconds} s in vain for: ${what} (last: ${last?.message ?? JSON.stringify(last)})`);
}

/** An amount of traffic as it was exported, not scaled by sampling. */
export const exported = ({ flows, bytes, packets }) => ({ flows, bytes, packets });

export class Meridian {
  /** Options: flags (array), configuration (text of meridian.toml), databases (false: none), ports, env (variables). */
  static async start(options = {}) {
    const meridian = new Meridian();
    meridian.options = options;
    meridian.folder = options.folder ?? mkdtempSync(path.join(os.tmpdir(), 'meridian-end2end-'));
    meridian.httpPort = options.httpPort ?? (await freeTcpPort());
    meridian.udpPort = options.udpPort ?? (await freeUdpPort());
    meridian.url = `http://127.0.0.1:${meridian.httpPort}`;
    if (options.databases !== false) {
      const databases = path.join(root, 'data/geolocation');
      if (!existsSync(databases)) throw new Error(`no databases at ${databases}: run \`make setup-geolocation\``);
      if (!existsSync(path.join(meridian.folder, 'geolocation'))) symlinkSync(databases, path.join(meridian.folder, 'geolocation'));
    } else {
      mkdirSync(path.join(meridian.folder, 'geolocation'), { recursive: true });
    }
    await meridian.launch();
    return meridian;
  }

  /** Starts with the flows of captures in its history; options as those of `start`, and `seconds` for an import. */
  static async withPast(captures, { seconds, ...options } = {}) {
    const meridian = await Meridian.start(options);
    await meridian.end();
    for (const capture of captures) await meridian.import(capture, { seconds });
    await meridian.launch();
    return meridian;
  }

  /** The file of its configuration. */
  get configuration() {
    return path.join(this.folder, 'meridian.toml');
  }

  /** Imports a capture into its data folder while it does not run. */
  import(capture, { seconds = 120, env } = {}) {
    return succeed(program, ['import', '--config', this.configuration, '--data-dir', this.folder, capture], { seconds, env });
  }

  async launch() {
    this.log = '';
    writeFileSync(this.configuration, this.options.configuration ?? '');
    const flags = [
      'run', '--config', this.configuration, '--data-dir', this.folder, '--listen-udp', `127.0.0.1:${this.udpPort}`,
      '--http-address', `127.0.0.1:${this.httpPort}`, ...(this.options.flags ?? []),
    ];
    const env = { ...process.env, ...this.options.env };
    this.process = spawn(program, flags, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = new Promise((resolve) => this.process.once('exit', (code, signal) => resolve(code ?? signal)));
    this.process.stderr.on('data', (data) => (this.log += data));
    this.process.stdout.on('data', (data) => (this.log += data));
    this.process.once('error', (error) => (this.log += error));
    try {
      await until('readiness', async () => (await fetch(`${this.url}/readyz`)).ok, 30);
    } catch (error) {
      throw new Error(`${error.message}\n${this.log}`);
    }
  }

  async api(name) {
    return (await fetch(`${this.url}/api/v1/${name}`)).json();
  }

  async text(name) {
    return (await fetch(`${this.url}${name}`)).text();
  }

  /** Ends the process and answers its exit code. */
  async end(signal = 'SIGTERM') {
    this.process.kill(signal);
    return this.exited;
  }

  async stop() {
    await this.end();
    if (!this.options.folder) rmSync(this.folder, { recursive: true, force: true });
  }

  async metrics() {
    return new Metrics(await this.text('/metrics'));
  }

  /** Where connections arrive over `tcp` or `tls`, as `address:port`. */
  async connectionsAt(transport) {
    return (await this.api('status')).listeners.find((listener) => listener.transport === transport).address;
  }

  /** Has Debian's softflowd read a capture and export it; answers when it has ended. */
  softflowd(capture, version, flags = []) {
    return softflowd(`127.0.0.1:${this.udpPort}`, capture, version, flags);
  }
}
