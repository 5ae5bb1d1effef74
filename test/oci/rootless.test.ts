// Containers of an ordinary user: in a user namespace, with their own id alone or with those of /etc/subuid, without
// cgroups that they may not make.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OrdinaryUser, subordinateGids, subordinateUids } from '../harness/ordinary-user.ts';
import { type BundleConfig, printedOnTerminal, tsrunc } from './bundle.ts';

let user: OrdinaryUser;
let program: string;
let rootfs: string;
let made = 0;

beforeAll(async () => {
  user = await OrdinaryUser.make();
  // a checkout may lie where only root may walk
  program = join(user.home, 'tsrunc');
  copyFileSync(tsrunc, program);
  chmodSync(program, 0o755);
  rootfs = join(user.home, 'rootfs');
  mkdirSync(join(rootfs, 'bin'), { recursive: true });
  cpSync('/bin/busybox', join(rootfs, 'bin/busybox'));
  for (const name of 'sh id cat sleep true ls mount tty touch stat'.split(' '))
    symlinkSync('busybox', join(rootfs, 'bin', name));
  for (const path of [rootfs, join(rootfs, 'bin')]) chownSync(path, user.id, user.id);
});
afterAll(() => user.dispose());

const run = (args: string[]) => user.run(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
/** Its stdio is not ours: the container keeps it open. */
const runDetached = (id: string, directory: string) =>
  user.run(program, ['run', '-d', '-b', directory, id], { stdio: 'ignore' }).status;

function bundle(args: string[], change: (config: BundleConfig) => void = () => {}): string {
  made += 1;
  const directory = user.mkdir(`bundle${made}`);
  expect(run(['spec', '--rootless', '-b', directory]).stderr).toBe('');
  const path = join(directory, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as BundleConfig;
  Object.assign(config.process, { terminal: false, args });
  config.root = { path: rootfs, readonly: false };
  change(config);
  writeFileSync(path, JSON.stringify(config));
  return directory;
}

const mapped = (config: BundleConfig) => {
  const { first, count } = subordinateUids;
  config.linux['uidMappings'] = [
    { containerID: 0, hostID: user.id, size: 1 },
    { containerID: 1, hostID: first, size: count },
  ];
  config.linux['gidMappings'] = [
    { containerID: 0, hostID: user.id, size: 1 },
    { containerID: 1, hostID: subordinateGids.first, size: count },
  ];
};

test('a container of their own id runs, with the devices and the groups that it can have', () => {
  const script =
    'id; cat /proc/self/uid_map /proc/self/setgroups; echo x >/dev/null; ls /sys/fs/cgroup; touch /made; exit 3';
  const { stdout, stderr, status } = run(['run', '-b', bundle(['sh', '-c', script]), 'own']);
  expect(stderr).toBe('');
  expect(stdout).toMatch(new RegExp(`^uid=0 gid=0\\n\\s+0\\s+${user.id}\\s+1\\ndeny\\n`));
  expect(stdout).toMatch(/memory\n/);
  expect(status).toBe(3);
  expect(statSync(join(rootfs, 'made')).uid).toBe(user.id);
});

test('the state is below XDG_RUNTIME_DIR, in a sticky directory', () => {
  expect(statSync(join(user.home, 'run/tsrunc')).mode & 0o7777).toBe(0o1700);
  expect(existsSync('/run/tsrunc/own')).toBe(false);
});

test('ids of /etc/subuid are mapped by newuidmap; exec, kill and delete follow', () => {
  const directory = bundle(['sleep', '60'], (config) => {
    mapped(config);
    config.process.user = { uid: 5, gid: 6, additionalGids: [7] };
  });
  expect(runDetached('many', directory)).toBe(0);
  expect(run(['exec', 'many', 'id']).stdout).toBe('uid=5 gid=6 groups=7\n');
  expect(run(['exec', '-u', '0', 'many', 'sh', '-c', 'id -u; stat -c %u /made']).stdout).toBe('0\n0\n');
  const { pid, status } = JSON.parse(run(['state', 'many']).stdout) as { pid: number; status: string };
  expect(status).toBe('running');
  expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toContain(`Uid:\t${subordinateUids.first + 4}\t`);
  expect(run(['kill', 'many', 'KILL']).stderr).toBe('');
  expect(run(['delete', '-f', 'many']).stderr).toBe('');
  expect(run(['list', '-q']).stdout).toBe('');
});

test('a terminal is theirs', () => {
  const directory = bundle(['sh', '-c', 'tty; stat -c %u $(tty)'], (config) => {
    config.process.terminal = true;
  });
  const command = `${program} run -b ${directory} terminal`;
  const { stdout } = user.run('script', ['-qec', command, '/dev/null']);
  expect(printedOnTerminal(stdout)).toContain('/dev/pts/0\n0\n');
});

test('hooks run, and a bind shows what is theirs', () => {
  const mark = join(user.mkdir('hooked'), 'mark');
  const directory = bundle(['cat', '/mnt/mark'], (config) => {
    config['hooks'] = { createRuntime: [{ path: '/bin/sh', args: ['sh', '-c', `echo hook >${mark}`] }] };
    config.mounts.push({
      destination: '/mnt',
      type: 'bind',
      source: join(user.home, 'hooked'),
      options: ['rbind', 'ro'],
    });
  });
  expect(run(['run', '-b', directory, 'hooks'])).toMatchObject({ stdout: 'hook\n', stderr: '', status: 0 });
});

test('what they may not have is refused in words that say why', () => {
  const refused = (change: (config: BundleConfig) => void, ...flags: string[]) =>
    run([...flags, 'run', '-b', bundle(['true'], change), 'refused']).stderr;
  expect(
    refused((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'user');
      delete config.linux['uidMappings'];
      delete config.linux['gidMappings'];
    }),
  ).toContain('rootless container requires user namespaces');
  expect(
    refused((config) => {
      config.linux.resources = { pids: { limit: 20 } };
    }),
  ).toContain('cannot set pids limit: container could not join or create cgroup');
  const path = '/tsc-rootless-test';
  expect(
    refused((config) => {
      config.linux['cgroupsPath'] = path;
    }),
  ).toMatch(/create cgroup .*\/tsc-rootless-test: EACCES/);
  // told that it is no rootless container, it makes no exception either
  expect(refused(() => {}, '--rootless=false')).toContain('create cgroup');
  expect(
    refused((config) => {
      mapped(config);
      config.linux['uidMappings'] = [{ containerID: 0, hostID: 1, size: 2 }];
    }),
  ).toContain('write id maps /usr/bin/newuidmap: exit status 1: newuidmap:');
  expect(run(['list', '-q']).stdout).toBe('');
});

test('oomScoreAdj is what is wanted, or the lowest that the kernel takes, and then a warning', () => {
  const scored = (oomScoreAdj: number, before: string, ...enter: string[]) => {
    const directory = bundle(['cat', '/proc/self/oom_score_adj'], (config) => {
      config.process['oomScoreAdj'] = oomScoreAdj;
      if (enter.length === 0) return;
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'user');
      delete config.linux['uidMappings'];
      delete config.linux['gidMappings'];
    });
    const log = join(directory, 'log');
    const script = `echo ${before} >/proc/self/oom_score_adj; exec "$@"`;
    const { stdout, stderr } = user.run(
      'sh',
      ['-c', script, 'sh', ...enter, program, '--log', log].concat('run', '-b', directory, 'scored'),
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const warnings = existsSync(log) ? readFileSync(log, 'utf8') : '';
    return { stdout: stdout.trim(), stderr, warning: /oomScoreAdj[^"]*/.exec(warnings)?.[0] };
  };
  const own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));
  const raised = String(own + 400);
  const came = (score: number) => ({ stdout: String(score), stderr: '', warning: undefined });
  expect(scored(own + 500, raised)).toEqual(came(own + 500));
  // raised without privileges, so it may come down again
  expect(scored(own + 150, raised)).toEqual(came(own + 150));
  const lowest = scored(-1000, raised);
  expect(Number(lowest.stdout)).toBeLessThanOrEqual(own);
  expect(lowest.warning).toBe(`oomScoreAdj is ${lowest.stdout} instead of -1000: going lower needs CAP_SYS_RESOURCE`);
  // as under podman: init's own file in /proc is closed to its parent
  expect(scored(own + 500, raised, 'unshare', '-Urm')).toEqual(came(own + 500));
});

test('verbs that want a cgroup say that there is none', () => {
  expect(runDetached('bare', bundle(['sleep', '60']))).toBe(0);
  expect(run(['pause', 'bare']).stderr).toContain('the container has no freezer cgroup');
  expect(run(['ps', 'bare']).stderr).toContain('it has no cgroup');
  expect(run(['delete', '-f', 'bare']).stderr).toBe('');
});
