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

/** What a machine is booted with. */
export interface Media {
  initramfs: string;
  disk: string | undefined;
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

const diskModules = [
  'drivers/virtio/virtio_ring.ko',
  'drivers/virtio/virtio.ko',
  'drivers/virtio/virtio_pci_modern_dev.ko',
  'drivers/virtio/virtio_pci_legacy_dev.ko',
  'drivers/virtio/virtio_pci.ko',
  'drivers/block/virtio_blk.ko',
];

/** What criu asks the kernel for where a container has a network namespace. */
const netModules = [
  'net/netfilter/x_tables.ko',
  'net/netfilter/nft_compat.ko',
  'net/netfilter/xt_mark.ko',
  'net/ipv4/netfilter/nf_defrag_ipv4.ko',
  'net/ipv6/netfilter/nf_defrag_ipv6.ko',
  'net/netfilter/nf_conntrack.ko',
  'net/netfilter/nf_conntrack_netlink.ko',
  'net/ipv4/inet_diag.ko',
  'net/ipv4/tcp_diag.ko',
  'net/ipv4/udp_diag.ko',
  'net/netlink/netlink_diag.ko',
  'net/packet/af_packet_diag.ko',
];

/** In `scratch`, a directory of the caller's. */
export async function buildMedia(world: World, parts: Parts, scratch: string): Promise<Media> {
  const root = join(scratch, 'root');
  const initramfs = join(scratch, 'initramfs');
  const disk = world.fillDisk === undefined ? undefined : join(scratch, 'disk');
  if (world.fillDisk !== undefined) {
    const content = join(scratch, 'disk-root');
    mkdirSync(content);
    for (const program of await world.fillDisk(content)) installLibraries(root, program);
    await runOk('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', content, join(scratch, 'disk'), '512M'], {
      timeoutMs: 120_000,
    });
    rmSync(content, { recursive: true });
  }
  await buildInitramfs(world, parts, root, initramfs);
  return { initramfs, disk };
}

/** Where a check's container has its group. */
function cgroupOf(world: World, id: string): { cgroupsPath: string; directory: string } {
  if (world.init === 'busybox') return { cgroupsPath: `/world/${id}`, directory: `/sys/fs/cgroup/world/${id}` };
  return {
    cgroupsPath: `world.slice:check:${id}`,
    directory: `/sys/fs/cgroup/world.slice/check-${id}.scope`,
  };
}

/** A gzipped cpio archive at `archive`. */
async function buildInitramfs(world: World, parts: Parts, root: string, archive: string): Promise<void> {
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
  installModules(
    root,
    parts.kernel,
    world.fillDisk === undefined ? modules : [...modules, ...diskModules, ...netModules],
  );
  if (world.fillDisk !== undefined) installNetworkTools(root);
  for (const file of ['guest.sh', 'apparmor-profile'])
    copyFileSync(join(import.meta.dirname, file), join(root, 'world', file));
  if (world.setting !== undefined)
    copyFileSync(join(import.meta.dirname, world.setting), join(root, 'world/setting.sh'));
  writeScript(join(root, 'init'), firstInit);
  writeScript(join(root, 'world/start'), world.init === 'busybox' ? busyboxStart : systemdStart);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  if (world.init === 'systemd') installSystemd(root, installProgram);
  if (world.hasOrdinaryUser === true) installOrdinaryUser(world, root, installProgram);
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
  installLibraries(root, source);
}

/** criu saves a network namespace with these. */
function installNetworkTools(root: string): void {
  rmSync(join(root, 'bin/ip'));
  installProgram(root, '/bin/ip', '/bin/ip');
  installProgram(root, '/usr/sbin/xtables-nft-multi', '/sbin/xtables-nft-multi');
  for (const name of ['iptables', 'ip6tables'])
    for (const verb of ['save', 'restore']) symlinkSync('xtables-nft-multi', join(root, 'sbin', `${name}-${verb}`));
  for (const name of ['mark', 'standard']) {
    const extension = `/usr/lib/x86_64-linux-gnu/xtables/libxt_${name}.so`;
    place(extension, join(root, extension));
  }
}

function installLibraries(root: string, source: string): void {
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

function installModules(root: string, kernel: string, wanted: string[]): void {
  mkdirSync(join(root, 'lib/modules'), { recursive: true });
  const version = spawnSync('ls', [join(kernel, 'lib/modules')], { encoding: 'utf8' }).stdout.trim();
  for (const [index, module] of wanted.entries()) {
    const name = `${String(index).padStart(2, '0')}-${module.slice(module.lastIndexOf('/') + 1)}`;
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
