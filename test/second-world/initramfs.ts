// Builds the root file system of a machine of the second world: busybox, tsrunc, the checks and their bundles.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { runOk } from '../harness/command.ts';
import { type BundleConfig, tsrunc } from '../oci/bundle.ts';
import type { Check, World } from './check.ts';
import { installOrdinaryUser } from './ordinary-user.ts';
import { installSystemd } from './systemd-root.ts';

export interface Parts {
  /** Unpacked packages. */
  kernel: string;
  apparmor: string;
}

/** In the order that their dependencies want. The network's are criu's, which tries what there is. */
const modules = [
  'drivers/block/brd.ko',
  'drivers/block/loop.ko',
  'fs/overlayfs/overlay.ko',
  'lib/libcrc32c.ko',
  'net/netfilter/nfnetlink.ko',
  'net/netfilter/nf_tables.ko',
  'drivers/net/veth.ko',
  'net/unix/unix_diag.ko',
];

/** Where a check's container has its group. */
function cgroupOf(world: World, id: string): { cgroupsPath: string; directory: string } {
  if (world.init === 'busybox') return { cgroupsPath: `/world/${id}`, directory: `/sys/fs/cgroup/world/${id}` };
  return {
    cgroupsPath: `world.slice:check:${id}`,
    directory: `/sys/fs/cgroup/world.slice/check-${id}.scope`,
  };
}

/** A gzipped cpio archive at `archive`. `root` is a scratch directory of the caller's. */
export async function buildInitramfs(world: World, parts: Parts, root: string, archive: string): Promise<void> {
  for (const directory of [
    'bin',
    'sbin',
    'etc',
    'usr/bin',
    'world/checks',
    'proc',
    'sys',
    'dev',
    'tmp',
    'run',
    'lib',
    'new',
  ])
    mkdirSync(join(root, directory), { recursive: true });
  installBusybox(root);
  installBusybox(join(root, 'rootfs'));
  copyFileSync(tsrunc, join(root, 'bin/tsrunc'));
  installProgram(root, join(parts.apparmor, 'sbin/apparmor_parser'), '/sbin/apparmor_parser');
  installProgram(root, '/usr/sbin/criu', '/sbin/criu');
  for (const name of ['tar', 'gzip']) {
    // criu packs the container's tmpfs with GNU's, whose options busybox does not have
    rmSync(join(root, 'bin', name));
    installProgram(root, join('/usr/bin', name), join('/bin', name));
  }
  installModules(root, parts.kernel);
  for (const file of ['guest.sh', 'apparmor-profile'])
    copyFileSync(join(import.meta.dirname, file), join(root, 'world', file));
  writeScript(join(root, 'init'), firstInit);
  writeScript(join(root, 'world/start'), world.init === 'busybox' ? busyboxStart : systemdStart);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  if (world.init === 'systemd') installSystemd(root, installProgram);
  installOrdinaryUser(world, root, installProgram);
  for (const [index, check] of world.checks.entries()) writeCheck(world, root, index, check);
  await runOk('sh', ['-c', 'find . | cpio -o -H newc --quiet | gzip -1 > "$0"', archive], {
    cwd: root,
    timeoutMs: 120_000,
  });
}

/** An initramfs cannot be pivoted away from, so everything moves to a tmpfs first. */
const firstInit = `#!/bin/busybox sh
/bin/busybox mount -t tmpfs -o mode=755 tmpfs /new
for part in bin sbin etc usr lib lib64 world rootfs; do [ -e /$part ] && /bin/busybox cp -a /$part /new/; done
cd /new && /bin/busybox mkdir -p proc sys dev run tmp root var
exec /bin/busybox switch_root /new /world/start
`;

const mountsAndModules = `
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
mount -t securityfs securityfs /sys/kernel/security
for module in /lib/modules/*.ko; do insmod $module; done
`;

const busyboxStart = `#!/bin/busybox sh
export PATH=/bin:/sbin
${mountsAndModules}
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
sh /world/guest.sh
poweroff -f
`;

const systemdStart = `#!/bin/busybox sh
export PATH=/bin:/sbin
${mountsAndModules}
exec /lib/systemd/systemd
`;

function installBusybox(root: string): void {
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  const applets = spawnSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).stdout.split('\n');
  for (const name of applets) {
    if (name !== '' && name !== 'busybox') symlinkSync('busybox', join(root, 'bin', name));
  }
}

/** A program of the host's kind with the shared libraries that the loader would take. */
function installProgram(root: string, source: string, target: string): void {
  place(source, join(root, target));
  const { stdout } = spawnSync('ldd', [source], { encoding: 'utf8' });
  for (const match of stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
    const library = match[1] ?? '';
    if (!existsSync(join(root, library))) place(library, join(root, library));
  }
}

function place(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(realpathSync(source), target);
  chmodSync(target, 0o755);
}

function installModules(root: string, kernel: string): void {
  mkdirSync(join(root, 'lib/modules'), { recursive: true });
  const version = spawnSync('ls', [join(kernel, 'lib/modules')], { encoding: 'utf8' }).stdout.trim();
  for (const [index, module] of modules.entries()) {
    const name = `${index}-${module.slice(module.lastIndexOf('/') + 1)}`;
    cpSync(join(kernel, 'lib/modules', version, 'kernel', module), join(root, 'lib/modules', name));
  }
}

function writeScript(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

function writeCheck(world: World, root: string, index: number, check: Check): void {
  const id = `c${String(index).padStart(2, '0')}`;
  const bundle = join(root, 'world/checks', id);
  mkdirSync(bundle);
  const made = spawnSync(tsrunc, ['spec', '-b', bundle], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`tsrunc spec: ${made.stderr}`);
  const path = join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as BundleConfig;
  const { cgroupsPath, directory } = cgroupOf(world, id);
  config.process.terminal = false;
  config.process.args = check.args;
  config.root = { path: '/rootfs', readonly: true };
  config.linux.cgroupsPath = cgroupsPath;
  // tsrunc spec looks at the machine that it runs on, which may have v1.
  config.linux.namespaces = config.linux.namespaces.filter((item) => item.type !== 'cgroup');
  config.linux.namespaces.push({ type: 'cgroup' });
  config.mounts.push({ destination: '/tmp', type: 'tmpfs', source: 'tmpfs' });
  check.change?.(config);
  writeFileSync(path, JSON.stringify(config));
  writeFileSync(join(bundle, 'cgroup'), `${directory}\n`);
  writeFileSync(join(bundle, 'name'), check.name);
  writeFileSync(join(bundle, 'script'), check.script);
}
