// Runs real programs to their end, within a bound: exporters of Debian, openssl, Meridian itself.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

/** Answers { code, stdout, stderr } of a program that has ended; ends it by its id after `seconds`. */
export function run(program, flags, { input, seconds = 30, cwd, env: more } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, flags, { env: { ...env, ...more }, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    const clock = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    // A program may end before it has read its input.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', (error) => {
      clearTimeout(clock);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(clock);
      if (signal === 'SIGKILL') reject(new Error(`${program} had not ended after ${seconds} s\n${stdout}${stderr}`));
      else resolve({ code, stdout, stderr });
    });
  });
}

/** Runs a program that has to succeed, and answers what it wrote. */
export async function succeed(program, flags, options) {
  const { code, stdout, stderr } = await run(program, flags, options);
  if (code !== 0) throw new Error(`${program} ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** Has softflowd read a capture and export it to `target`. */
export function softflowd(target, capture, version, flags = []) {
  return succeed('softflowd', ['-r', capture, '-a', '-v', String(version), '-n', target, ...flags]);
}

/** Has a plugin of pmacctd read a capture. Its exit code says nothing: its processes end in no certain order. */
export function pmacctd(folder, capture, plugin, target, settings = []) {
  const file = path.join(folder, `${plugin}.conf`);
  const lines = [`pcap_savefile: ${capture}`, `plugins: ${plugin}`, `${plugin}_receiver: ${target}`, ...settings];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return run('pmacctd', ['-f', file]);
}

/**
 * Makes an authority and certificates signed by it in `folder`: `authority`, `collector` and `exporter`, each as .pem
 * and .key, and `stranger`, which the authority did not sign.
 */
export async function makeCertificates(folder) {
  const file = (name) => path.join(folder, name);
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const make = (name, ...flags) => succeed('openssl', [
    ...request, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), '-subj', `/CN=${name}`, ...flags,
  ]);
  const signed = ['-CA', file('authority.pem'), '-CAkey', file('authority.key'), '-addext', 'basicConstraints=critical,CA:FALSE'];
  await make('authority');
  await make('collector', ...signed, '-addext', 'subjectAltName=IP:127.0.0.1');
  await make('exporter', ...signed, '-addext', 'extendedKeyUsage=clientAuth');
  await make('stranger');
}
