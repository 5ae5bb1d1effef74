// `ubuntu:latest` and `ubuntu:14.04` for suites that ask for them: a Debian root with what they run (bash, uptime, /var/log/dmesg).
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from './command.ts';
import { packDockerArchive } from './images.ts';

const cacheDirectory = '/var/cache/tscontainer-test';
const debootstrapTimeoutMs = 600_000;

/** docker-archive of `ubuntu:latest`; its path. Kept between runs. */
export async function ubuntuArchive(): Promise<string> {
  const archive = join(cacheDirectory, 'ubuntu.tar');
  if (existsSync(archive)) return archive;
  mkdirSync(cacheDirectory, { recursive: true });
  const root = mkdtempSync('/tmp/tsc-ubuntu-');
  try {
    chmodSync(root, 0o755);
    await runOk('debootstrap', ['--variant=minbase', '--include=procps', 'bookworm', root], {
      timeoutMs: debootstrapTimeoutMs,
    });
    for (const path of ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/locale', 'usr/share/man'])
      rmSync(join(root, path), { recursive: true, force: true });
    writeFileSync(join(root, 'var/log/dmesg'), 'a line\n');
    await packDockerArchive(root, archive, { reference: 'ubuntu:latest', cmd: ['bash'] });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return archive;
}
