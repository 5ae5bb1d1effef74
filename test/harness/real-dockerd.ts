// Starts Debian's dockerd (20.10, or a newer one) as the peer, in directories and a network namespace of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOk, until } from './command.ts';
import { addNetworkNamespace, type NetworkNamespace } from './network-namespace.ts';
import { processesOf } from './processes.ts';

export interface RealDockerd {
  directory: string;
  socket: string;
  network: NetworkNamespace;
  docker(args: string[]): Promise<{ stdout: string; stderr: string; code: number | null }>;
  /** SIGKILL for dockerd alone. */
  kill(): Promise<void>;
  /** Again, in the same directories. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Mounts that dockerd leaves below its directory would keep it from being removed. */
async function unmountBelow(directory: string): Promise<void> {
  const targets = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${directory}/`))
    .reverse();
  for (const target of targets) await run('umount', ['-l', target]);
}

/** What /run is on an installed Debian: where the exec root lies by default. */
export async function mountTmpfs(path: string): Promise<void> {
  mkdirSync(path, { recursive: true });
  await runOk('mount', ['-t', 'tmpfs', 'tmpfs', path]);
}

/** dockerd leaves the group above its containers', and those of `--cgroup-parent`; another's containers keep them. */
function removeParentCgroups(): void {
  for (const controller of readdirSync('/sys/fs/cgroup')) {
    const parent = join('/sys/fs/cgroup', controller, 'docker');
    if (!existsSync(parent)) continue;
    const below = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const path of [...below.map(({ name }) => join(parent, name)), parent]) removeIfEmpty(path);
  }
}

function removeIfEmpty(group: string): void {
  try {
    rmdirSync(group);
  } catch (error) {
    if (!['ENOENT', 'EBUSY', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

async function end(directory: string, network: NetworkNamespace): Promise<void> {
  const ours = () => processesOf(directory);
  for (const { pid, comm } of ours()) if (comm === 'dockerd') process.kill(pid, 'SIGTERM');
  // one that does not end by itself is ended with the rest
  await until('dockerd stopped', 20_000, () =>
    ours().some(({ comm }) => comm === 'dockerd') ? undefined : true,
  ).catch(() => undefined);
  for (const { pid } of ours()) process.kill(pid, 'SIGKILL');
  await until('its containerd and shims gone', 10_000, () => (ours().length === 0 ? true : undefined));
  await unmountBelow(directory);
  removeParentCgroups();
  await network.remove();
  rmSync(directory, { recursive: true, force: true });
}

/**
 * A mount namespace in which there are no plugins but dockerd's own: it asks each that it has once seen, for fifteen
 * seconds at every list of volumes, and another test's come and go. The root stays shared where the machine's is.
 */
const withoutPlugins = `mkdir -p /run/docker && mount -t tmpfs tmpfs /run/docker &&
if findmnt -no PROPAGATION / | grep -q slave; then mount --make-rshared /; fi && exec "$@"`;

export interface RealDockerdOptions {
  hasTmpfs?: boolean;
  /** Volume plugins of the machine are out of its sight. */
  isWithoutPlugins?: boolean;
  /** Another dockerd than Debian 12's: newer-docker.ts has one. */
  programs?: { dockerd: string; docker: string; daemonPath: string };
}

export async function startRealDockerd(
  flags: string[] = ['--bridge=none', '--iptables=false'],
  { hasTmpfs = false, isWithoutPlugins = false, programs }: RealDockerdOptions = {},
): Promise<RealDockerd> {
  const network = await addNetworkNamespace();
  const directory = mkdtempSync('/tmp/tsc-dockerd-');
  const socket = join(directory, 'docker.sock');
  const log = openSync(join(directory, 'dockerd.log'), 'a');
  const unshared = ['unshare', '--mount', '--propagation=slave', 'sh', '-c', withoutPlugins, 'sh'];
  const [first = '', ...rest] = [...(isWithoutPlugins ? unshared : []), programs?.dockerd ?? '/usr/sbin/dockerd'];
  const [file, args] = network.enter(first, [
    ...rest,
    '-H',
    `unix://${socket}`,
    '--data-root',
    join(directory, 'data'),
    '--exec-root',
    join(directory, 'exec'),
    '--pidfile',
    join(directory, 'docker.pid'),
    ...flags,
  ]);
  let dockerd: ChildProcess;
  const docker = (command: string[]) =>
    run(programs?.docker ?? '/usr/bin/docker', command, {
      env: { DOCKER_HOST: `unix://${socket}` },
      timeoutMs: 120_000,
    });
  const path = [programs?.daemonPath, process.env['PATH']].filter((each) => each !== undefined).join(':');
  const start = async () => {
    dockerd = spawn(file, args, { stdio: ['ignore', log, log], env: { ...process.env, PATH: path } });
    await until('dockerd answers', 30_000, async () => {
      if (dockerd.exitCode !== null) throw new Error(readFileSync(join(directory, 'dockerd.log'), 'utf8').slice(-3000));
      return existsSync(socket) && (await docker(['version'])).code === 0 ? true : undefined;
    });
  };
  const kill = async () => {
    for (const { pid, comm } of processesOf(directory)) if (comm === 'dockerd') process.kill(pid, 'SIGKILL');
    await until('dockerd gone', 5000, () =>
      processesOf(directory).some(({ comm }) => comm === 'dockerd') ? undefined : true,
    );
    rmSync(join(directory, 'docker.pid'), { force: true }); // its number may be another process's by now
  };
  try {
    if (hasTmpfs) await mountTmpfs(join(directory, 'exec'));
    await start();
  } catch (error) {
    await end(directory, network);
    throw error;
  }
  return { directory, socket, network, docker, kill, start, stop: () => end(directory, network) };
}
