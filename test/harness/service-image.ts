// An image with real services for the tests of networks: nginx, redis, postgresql, python3 and iperf3 in a Debian root.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOk } from './command.ts';
import { packDockerArchive } from './images.ts';

const cacheDirectory = '/var/cache/tscontainer-test';
const packages = [
  'nginx-light',
  'redis-server',
  'postgresql',
  'python3-redis',
  'python3-psycopg2',
  'iperf3',
  'iproute2',
  'curl',
];
const buildTimeoutMs = 900_000;

/** docker-archive of `services:latest`; its path. Kept between runs: making it takes minutes the first time. */
export async function servicesArchive(): Promise<string> {
  const archive = join(cacheDirectory, 'services.tar');
  if (existsSync(archive)) return archive;
  mkdirSync(cacheDirectory, { recursive: true });
  const root = mkdtempSync('/tmp/tsc-services-');
  try {
    chmodSync(root, 0o755);
    await runOk('debootstrap', ['--variant=minbase', 'bookworm', root], { timeoutMs: buildTimeoutMs });
    // nothing is to be started on this machine by a package's installation
    writeFileSync(join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    const install = `export DEBIAN_FRONTEND=noninteractive; apt-get install -y -q --no-install-recommends ${packages.join(' ')}`;
    await runOk(
      'unshare',
      [
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        'chroot',
        root,
        'sh',
        '-c',
        `mount -t proc proc /proc; ${install}`,
      ],
      {
        timeoutMs: buildTimeoutMs,
      },
    );
    for (const path of ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/locale', 'usr/share/man'])
      rmSync(join(root, path), { recursive: true, force: true });
    await packDockerArchive(root, archive, { reference: 'services:latest', cmd: ['bash'] });
  } finally {
    await run('umount', ['-l', join(root, 'proc')]);
    rmSync(root, { recursive: true, force: true });
  }
  return archive;
}
