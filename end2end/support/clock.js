// Another time of day for a program that is started: Debian's libfaketime, without its own process around the program.
import { readdirSync } from 'node:fs';
import path from 'node:path';

function library() {
  for (const folder of readdirSync('/usr/lib')) {
    const file = path.join('/usr/lib', folder, 'faketime/libfaketimeMT.so.1');
    try {
      if (readdirSync(path.dirname(file)).includes(path.basename(file))) return file;
    } catch {
      // Not this architecture's folder.
    }
  }
  throw new Error('libfaketime is missing: run setup/test_tools.sh');
}

/** Variables for a program whose clock begins at `time` (`2026-11-01 01:59:40`, UTC) and goes on from there. */
export function clockAt(time) {
  return {
    LD_PRELOAD: library(), TZ: 'UTC', FAKETIME: `@${time}`,
    // Waits and the ages of files are what they are.
    FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1',
  };
}
