// Docker 28 and docker compose 2 for tests: Debian sid's packages, unpacked by a private apt into a directory of their own;
// nothing of it is installed on the machine.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from './command.ts';

/** Kept between runs. */
const cacheDirectory = '/var/cache/tscontainer-test';
const packages = ['docker-cli', 'docker.io', 'containerd', 'docker-compose'];
const buildxPackages = ['docker-buildx'];
const downloadTimeoutMs = 300_000;

export interface NewerDocker {
  /** The client, 28.5. */
  docker: string;
  /** To be put in front of PATH: so dockerd finds its own containerd and docker-proxy, and Debian 12's runc. */
  daemonPath: string;
  dockerd: string;
  /** The compose plugin, which runs by itself too. */
  compose: string;
}

/** Downloads once. Rejects when Debian's archive cannot be reached and nothing is kept. */
export async function newerDocker(): Promise<NewerDocker> {
  const root = join(cacheDirectory, 'docker-28');
  if (!existsSync(root)) await unpackInto(root, packages);
  const file = (path: string) => {
    const whole = join(root, path);
    if (!existsSync(whole)) throw new Error(`newer docker: ${whole} is missing: remove ${root} and try again`);
    return whole;
  };
  return {
    docker: file('usr/bin/docker'),
    daemonPath: [join(root, 'usr/bin'), join(root, 'usr/sbin')].join(':'),
    dockerd: file('usr/sbin/dockerd'),
    compose: file('usr/libexec/docker/cli-plugins/docker-compose'),
  };
}

/** Path of the buildx plugin, 0.29 or later, which a test puts into a DOCKER_CONFIG of its own. Downloads once. */
export async function newerBuildx(): Promise<string> {
  const root = join(cacheDirectory, 'docker-buildx');
  if (!existsSync(root)) await unpackInto(root, buildxPackages);
  return join(root, 'usr/libexec/docker/cli-plugins/docker-buildx');
}

async function unpackInto(root: string, packages: readonly string[]): Promise<void> {
  mkdirSync(cacheDirectory, { recursive: true });
  const work = mkdtempSync(join(cacheDirectory, 'apt-'));
  try {
    const env = { APT_CONFIG: privateApt(work) };
    const options = { env, cwd: work, timeoutMs: downloadTimeoutMs };
    await runOk('apt-get', ['update', '-qq'], options);
    await runOk('apt-get', ['download', '-qq', ...packages], options);
    const target = join(work, 'root');
    for (const name of readdirSync(work).filter((each) => each.endsWith('.deb')))
      await runOk('dpkg-deb', ['-x', join(work, name), target]);
    renameSync(target, root);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** An apt that knows sid alone and keeps everything below `work`; returns its configuration file. */
function privateApt(work: string): string {
  for (const directory of ['state/lists/partial', 'cache/archives/partial', 'etc/apt.conf.d', 'etc/preferences.d'])
    mkdirSync(join(work, directory), { recursive: true });
  const sources = join(work, 'sources.list');
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(sources, `deb [signed-by=${keyring}] http://deb.debian.org/debian sid main\n`);
  const file = join(work, 'apt.conf');
  const settings = [
    `Dir::Etc "${work}/etc";`,
    `Dir::Etc::sourcelist "${sources}";`,
    'Dir::Etc::sourceparts "-";',
    `Dir::State "${work}/state";`,
    'Dir::State::status "/dev/null";',
    `Dir::Cache "${work}/cache";`,
    'Acquire::Languages "none";',
    // a mirror may stand still for a while: what it has is still signed
    'Acquire::Check-Valid-Until "false";',
    'APT::Sandbox::User "root";',
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  return file;
}
