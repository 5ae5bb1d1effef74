// Every flag of `docker run` beside the real dockerd: in force inside the container as it is there, or refused as it is there.
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';

type Side = Stack | RealDockerd;

let stack: Stack;
let dockerd: RealDockerd;
let scratch: string;
const parentGroup = 'tsc-flags-test';

/** In the block layer and in /dev: what a throttle can name. */
const disk = readdirSync('/sys/block')
  .map((name) => `/dev/${name}`)
  .find((path) => existsSync(path) && statSync(path).isBlockDevice());

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-flags-');
  writeFileSync(join(scratch, 'variables'), 'FROM_FILE=yes\n');
  writeFileSync(join(scratch, 'labels'), 'from.file=yes\n');
  writeFileSync(join(scratch, 'bound'), 'bound');
  dockerd = await startRealDockerd([]);
  stack = await startStack({ readyTimeoutMs: 60_000 });
  for (const side of [dockerd, stack]) {
    await side.docker(['load', '-q', '-i', await busyboxArchive()]);
    await side.docker(['network', 'create', '--subnet', '172.28.0.0/16', 'own']);
    await side.docker(['run', '-d', '--name', 'peer', '-v', '/lent', 'busybox', 'sleep', '1000']);
  }
});
afterAll(async () => {
  await stack?.stop();
  await dockerd?.stop();
  rmSync(scratch, { recursive: true, force: true });
  // neither daemon takes the parent away that it was given
  for (const controller of readdirSync('/sys/fs/cgroup')) {
    const group = join('/sys/fs/cgroup', controller, parentGroup);
    if (existsSync(group)) rmdirSync(group);
  }
});

/** Ids are random; a weight that 20.10 discards with a warning is in force here, where the scheduler is bfq. */
function masked(text: string): string {
  return text
    .replace(/^WARNING: .*[Ww]eight.* discarded\.\n/gm, '')
    .replace(/[0-9a-f]{64}/g, 'ID')
    .replace(/\b[0-9a-f]{12}\b/g, 'SHORT')
    .replace(/tsc-[\w-]+/g, 'DIR');
}

async function onBoth<T>(work: (side: Side) => Promise<T>): Promise<{ theirs: T; ours: T }> {
  const [theirs, ours] = await Promise.all([work(dockerd), work(stack)]);
  return { theirs, ours };
}

const inside = (side: Side, flags: string[], script: string, image = 'busybox') =>
  side.docker(['run', '--rm', ...flags, image, 'sh', '-c', script]);

const cgroup = (controller: string, names: string[]) =>
  names.map((name) => `echo ${name}: $(cat /sys/fs/cgroup/${controller}/${name})`).join('; ');

interface Row {
  flags: string[];
  script: string;
}

/** By what they have to do with each other: one container shows several flags. */
const inForce: Record<string, () => Row> = {
  'nothing but what every container has': () => ({
    flags: ['--network=none'],
    script: 'ls -A /; ls -A /etc; ls -l /.dockerenv | cut -c 1-10; readlink /etc/mtab',
  }),
  'who, where and with what': () => ({
    flags: [
      ...['--hostname', 'named', '--domainname', 'example.test', '--user', '1000:1000', '--workdir', '/tmp/w'],
      ...['--group-add', 'wheel', '--group-add', '4242', '--env', 'A=b', '--env-file', join(scratch, 'variables')],
      '--network=none',
    ],
    script: 'hostname; cat /proc/sys/kernel/domainname; id; pwd; env | sort; cat /etc/hostname',
  }),
  memory: () => ({
    flags: [
      ...['--memory', '64m', '--memory-reservation', '32m', '--memory-swap', '128m', '--memory-swappiness', '30'],
      ...['--oom-kill-disable', '--oom-score-adj', '500', '--network=none'],
    ],
    script: `${cgroup('memory', [
      'memory.limit_in_bytes',
      'memory.soft_limit_in_bytes',
      'memory.memsw.limit_in_bytes',
      'memory.swappiness',
    ])}; grep oom_kill_disable /sys/fs/cgroup/memory/memory.oom_control; cat /proc/self/oom_score_adj`,
  }),
  processors: () => ({
    flags: [
      ...['--cpu-shares', '300', '--cpu-period', '50000', '--cpu-quota', '20000', '--cpuset-cpus', '0'],
      ...['--cpuset-mems', '0', '--pids-limit', '77', '--network=none'],
    ],
    script: [
      cgroup('cpu', ['cpu.shares', 'cpu.cfs_period_us', 'cpu.cfs_quota_us']),
      cgroup('cpuset', ['cpuset.cpus', 'cpuset.mems']),
      cgroup('pids', ['pids.max']),
    ].join('; '),
  }),
  'a share of a processor': () => ({
    flags: ['--cpus', '0.5', '--network=none'],
    script: cgroup('cpu', ['cpu.cfs_period_us', 'cpu.cfs_quota_us']),
  }),
  'block devices': () => ({
    flags: [
      ...['--device-read-bps', `${disk}:1mb`, '--device-write-bps', `${disk}:2mb`, '--device-read-iops', `${disk}:100`],
      ...['--device-write-iops', `${disk}:200`, '--blkio-weight', '300', '--blkio-weight-device', `${disk}:400`],
      '--network=none',
    ],
    script: `cd /sys/fs/cgroup/blkio; grep . blkio.throttle.*_device`,
  }),
  devices: () => ({
    flags: [
      ...['--device', '/dev/fuse:/dev/f:r', '--device-cgroup-rule', 'c 10:200 rw', '--device-cgroup-rule', 'b *:7 m'],
      '--network=none',
    ],
    script: 'ls -l /dev/f | cut -c1-10; sort /sys/fs/cgroup/devices/devices.list; ls /dev | sort',
  }),
  rights: () => ({
    flags: [
      ...['--cap-add', 'NET_ADMIN', '--cap-drop', 'CHOWN', '--security-opt', 'no-new-privileges', '--network=none'],
    ],
    script: "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status",
  }),
  'no filter': () => ({
    flags: ['--security-opt', 'seccomp=unconfined', '--network=none'],
    script: "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status",
  }),
  'file systems': () => ({
    flags: [
      ...['--read-only', '--tmpfs', '/t:size=1m,mode=700', '--shm-size', '8m', '--volume', 'named:/v:ro'],
      ...['--mount', 'type=tmpfs,dst=/tt,tmpfs-size=1m', '--volumes-from', 'peer', '--network=none'],
      ...['--mount', `type=bind,src=${scratch},dst=/b,readonly`],
    ],
    script:
      "awk '$2 ~ /^.(t|tt|v|b|lent|dev.shm)$/ { print $2, $4 }' /proc/mounts | sed 's/,inode64//' | sort; touch /x; cat /b/bound",
  }),
  namespaces: () => ({
    flags: [
      '--pid',
      'host',
      '--ipc',
      'host',
      '--uts',
      'host',
      '--cgroupns',
      'host',
      '--userns',
      'host',
      '--network=none',
    ],
    script: 'for kind in pid ipc uts cgroup user; do readlink /proc/self/ns/$kind; done; hostname',
  }),
  "the host's network": () => ({
    flags: ['--network', 'host'],
    script: '[ "$(readlink /proc/self/ns/net)" ] && ls /sys/class/net | grep "^lo$"',
  }),
  "another container's": () => ({
    flags: ['--network', 'container:peer', '--pid', 'container:peer', '--cgroupns', 'private'],
    script:
      'cat /proc/1/cmdline | tr "\\0" " "; readlink /proc/self/ns/net | cut -d: -f1; cut -d: -f3 /proc/self/cgroup | sort -u',
  }),
  'limits of processes': () => ({
    flags: ['--ulimit', 'nofile=100:200', '--ulimit', 'core=0', '--network=none'],
    script: 'ulimit -n; ulimit -Hn; ulimit -c',
  }),
  sysctls: () => ({
    flags: ['--sysctl', 'net.ipv4.ip_forward=1', '--sysctl', 'kernel.msgmax=9000', '--network=none'],
    script: 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax',
  }),
  'an init': () => ({
    flags: ['--init', '--network=none'],
    script: 'cat /proc/1/cmdline | tr "\\0" " "; ls /sbin/docker-init',
  }),
  'a cgroup of its own': () => ({
    flags: ['--cgroup-parent', `/${parentGroup}`, '--network=none'],
    script: "cut -d: -f2,3 /proc/self/cgroup | grep memory | sed 's/.*://'",
  }),
  'names and addresses': () => ({
    flags: [
      ...['--network', 'own', '--network-alias', 'other', '--ip', '172.28.0.9', '--mac-address', '02:42:ac:1c:00:09'],
      ...[
        '--dns',
        '192.0.2.1',
        '--dns-search',
        'example.test',
        '--dns-option',
        'ndots:3',
        '--add-host',
        'far:192.0.2.9',
      ],
      ...['--hostname', 'named'],
    ],
    script:
      "grep -v '^#' /etc/resolv.conf; grep -E 'far|172.28' /etc/hosts | grep -v host.docker.internal; ip -4 addr show eth0 | grep -o 'inet [0-9./]*'; cat /sys/class/net/eth0/address; nslookup other 127.0.0.11 2>/dev/null | grep -o '172.28.0.9' | head -1",
  }),
  'links, by default': () => ({
    flags: ['--link', 'peer:near', '--dns', '192.0.2.1', '--dns-option', 'ndots:3'],
    script: "grep -v '^#' /etc/resolv.conf; grep -c near /etc/hosts; env | grep -c '^NEAR_'",
  }),
  'an entry point': () => ({ flags: ['--entrypoint', '/bin/echo', '--network=none'], script: 'words' }),
  'a terminal': () => ({ flags: ['--tty', '--network=none'], script: 'tty; echo $TERM; stty -a | head -n 1' }),
};

describe('in force as on dockerd', () => {
  it.each(Object.keys(inForce))('%s', async (name) => {
    const { flags, script } = (inForce[name] as () => Row)();
    const { theirs, ours } = await onBoth((side) => inside(side, flags, script));
    const seen = ({ stdout, stderr, code }: typeof ours) => ({ stdout: masked(stdout), stderr: masked(stderr), code });
    expect(seen(ours)).toEqual(seen(theirs));
    expect(theirs.stdout).not.toBe('');
  });
});

/** What create keeps for later: compared as inspect shows it. */
const kept = [
  ...['--name', 'kept', '--label', 'a=b', '--label-file', 'LABELS', '--stop-signal', 'SIGUSR1', '--stop-timeout', '3'],
  ...['--restart', 'on-failure:3', '--health-cmd', 'true', '--health-interval', '5s', '--health-timeout', '2s'],
  ...['--health-retries', '4', '--health-start-period', '7s', '--log-driver', 'json-file', '--log-opt', 'max-size=1m'],
  ...['--expose', '81', '--publish', '127.0.0.1:18081:81', '--publish-all', '--attach', 'stdout', '--interactive'],
  ...['--volume-driver', 'local', '--volume', 'kept:/kept', '--disable-content-trust', '--pull', 'missing'],
];

describe('kept as on dockerd', () => {
  it('what inspect shows of it', async () => {
    const flags = kept.map((word) => (word === 'LABELS' ? join(scratch, 'labels') : word));
    const { theirs, ours } = await onBoth(async (side) => {
      expect(await side.docker(['create', ...flags, 'busybox', 'sleep', '1000'])).toMatchObject({ code: 0 });
      const [details] = JSON.parse((await side.docker(['inspect', 'kept'])).stdout);
      const { Config, HostConfig } = details;
      delete Config.Hostname;
      delete Config.Image;
      const { RestartPolicy, LogConfig, PortBindings, PublishAllPorts, Binds, VolumeDriver } = HostConfig;
      return { Config, RestartPolicy, LogConfig, PortBindings, PublishAllPorts, Binds, VolumeDriver };
    });
    expect(ours).toEqual(theirs);
  });

  it('--stop-signal and --stop-timeout at a stop, --cidfile, --rm, --detach', async () => {
    const { theirs, ours } = await onBoth(async (side) => {
      const file = join(scratch, side === stack ? 'ours.cid' : 'theirs.cid');
      const script = 'trap "exit 5" USR1; while :; do sleep 0.1; done';
      const flags = ['-d', '--name', 'stopped', '--cidfile', file, '--stop-signal', 'USR1', '--network=none'];
      await side.docker(['run', ...flags, 'busybox', 'sh', '-c', script]);
      await side.docker(['stop', '-t', '5', 'stopped']);
      const { stdout } = await side.docker(['inspect', '-f', '{{.State.ExitCode}} {{.State.Status}}', 'stopped']);
      await inside(side, ['--name', 'gone', '--network=none'], 'true');
      const gone = await side.docker(['inspect', 'gone']);
      return { stdout, length: statSync(file).size, gone: gone.code };
    });
    expect(ours).toEqual(theirs);
    expect(theirs).toMatchObject({ stdout: '5 exited\n', length: 64, gone: 1 });
  });

  it('--no-healthcheck, and input through --interactive', async () => {
    const { theirs, ours } = await onBoth(async (side) => {
      await side.docker(['create', '--name', 'unchecked', '--no-healthcheck', 'busybox', 'true']);
      const check = await side.docker(['inspect', '-f', '{{json .Config.Healthcheck}}', 'unchecked']);
      const env = { DOCKER_HOST: `unix://${side.socket}` };
      const flags = ['run', '--rm', '-i', '--network=none', '--sig-proxy=false', '--detach-keys', 'ctrl-x'];
      const read = await run('/usr/bin/docker', [...flags, 'busybox', 'cat'], { env, input: 'read\n' });
      return { check: check.stdout, read: read.stdout };
    });
    expect(ours).toEqual(theirs);
    expect(theirs.read).toBe('read\n');
  });
});

/** dockerd asks again for a quarter of a minute: all at once. */
const pluginless: [string[], RegExp][] = [
  [['--volume-driver', 'nosuch', '-v', 'other:/x'], /nosuch/],
  [['--mount', 'type=volume,src=another,dst=/x,volume-driver=nosuch'], /nosuch/],
  [['--log-driver', 'nosuch'], /nosuch/],
];

/** With the word by which the answer names what it refuses. */
const refused: [string[], RegExp][] = [
  [['--storage-opt', 'size=1G'], /storage-opt|pquota/],
  [['--gpus', 'all'], /could not select device driver "" with capabilities: \[\[gpu\]\]/],
  [['--device', '/dev/nosuch'], /\/dev\/nosuch/],
  [['--device-read-bps', '/dev/nosuch:1mb'], /nosuch|no such/],
  [['-v', '/tmp:/shared:rshared'], /not a shared mount/],
  [['-v', '/tmp:/slave:slave'], /not a shared or slave mount/],
  [['--runtime', 'nosuch'], /nosuch/],
  [['--isolation', 'process'], /isolation/i],
  [['--network', 'nosuch'], /nosuch/],
  [['--ipc', 'odd'], /IPC|ipc/],
  [['--uts', 'odd'], /UTS|uts/],
  [['--pid', 'container:nosuch'], /nosuch/],
  [['--userns', 'odd'], /userns|user namespace|UsernsMode/i],
  [['--memory', '1m'], /[Mm]inimum memory limit/],
  [['--cpus', '999'], /CPUs|[Cc]pus/],
  [['--cpuset-cpus', '99'], /cpuset|CPUs/i],
  [['--cpuset-mems', '99'], /mems|memory nodes/i],
  [['--cpu-period', '10'], /period/],
  [['--blkio-weight', '5'], /blkio weight/],
  [['--cap-add', 'NOSUCH'], /NOSUCH/],
  [['--security-opt', 'odd=1'], /odd/],
  [['--sysctl', 'kernel.nosuch=1'], /kernel.nosuch/],
  [['--restart', 'odd'], /restart policy/],
  [['--memory-swappiness', '200'], /swappiness/],
  [['--oom-score-adj', '2000'], /oom score adj/],
  [['--group-add', 'nosuch'], /nosuch/],
  [['--user', 'nosuch'], /nosuch/],
  [['--workdir', 'relative'], /relative/],
  [['--device-cgroup-rule', 'odd'], /odd/],
  [['--ip', '172.28.0.9'], /IP|subnet/],
  [['--link-local-ip', '169.254.7.7'], /./],
  [['--cpu-rt-runtime', '2000', '--cpu-rt-period', '1000'], /real-time/],
];

describe('refused as on dockerd', () => {
  it('drivers that nobody is', async () => {
    const answers = pluginless.map(([flags]) => onBoth((side) => inside(side, ['--network=none', ...flags], 'true')));
    for (const [index, { theirs, ours }] of (await Promise.all(answers)).entries()) {
      expect([ours.code, theirs.code]).toEqual([125, 125]);
      expect(ours.stderr).toMatch(pluginless[index]?.[1] as RegExp);
    }
  });

  it.each(refused)('%j', async (flags, word) => {
    const network = flags.includes('--network') ? [] : ['--network=none'];
    const rm = flags.includes('--restart') ? [] : ['--rm'];
    const { theirs, ours } = await onBoth((side) =>
      side.docker(['run', ...rm, ...network, ...flags, 'busybox', 'true']),
    );
    // some of it is none to 20.10, which lets it pass on this machine
    if (theirs.code !== 0) expect(ours.code).toBe(theirs.code);
    else expect([0, 125]).toContain(ours.code);
    if (ours.code !== 0) expect(ours.stderr).toMatch(word);
  });
});

/** Flags that are no row above, and why. */
const elsewhere: Record<string, string> = {
  'kernel-memory':
    'gone from the kernel since 5.16: dockerd discards it with a warning, this engine refuses it by name',
  privileged: 'dockerd 20.10 cannot without CAP_SYS_RESOURCE: test/api/containers.test.ts',
  platform: 'test/api/containers.test.ts and ipc-modes.test.ts',
  ip6: 'test/api/networks.test.ts',
  help: 'of the client',
};

describe('the table', () => {
  it('has every flag of docker run', async () => {
    const { stdout } = await run('/usr/bin/docker', ['run', '--help']);
    const known = [...stdout.matchAll(/^\s+(?:-\w, )?--([a-z0-9-]+)/gm)].map((match) => match[1] as string);
    const words = [
      ...Object.values(inForce).flatMap((row) => row().flags),
      ...kept,
      ...refused.flatMap(([flags]) => flags),
    ];
    const text = `${words.join(' ')} --stop-timeout --cidfile --rm --detach --no-healthcheck --sig-proxy --detach-keys`;
    const missing = known.filter(
      (name) => !new RegExp(`--${name}(?![\\w-])`).test(text) && elsewhere[name] === undefined,
    );
    expect(known.length).toBeGreaterThan(95);
    expect(missing).toEqual([]);
  });
});
