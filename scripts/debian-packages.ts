// Installs Debian packages that are missing, or says which ones are needed; for the build and for the tests.
import { spawnSync } from 'node:child_process';

/** What compiling the addon takes. */
export const buildPackages = [
  'g++',
  'cmake',
  'ninja-build',
  'libseccomp-dev',
  'libarchive-dev',
  'nettle-dev',
  'nlohmann-json3-dev',
];

/** libFuzzer and its sanitizers. */
export const fuzzPackages = [
  'clang',
  'libclang-rt-14-dev',
  'libseccomp-dev',
  'nlohmann-json3-dev',
  'libarchive-dev',
  'nettle-dev',
];

/** The real peers and the instruments of the tests. */
export const testPackages = [
  'docker.io',
  'containerd',
  'runc',
  'crun',
  'criu',
  'podman',
  'uidmap',
  'criu',
  'docker-registry',
  'skopeo',
  'umoci',
  'debootstrap',
  'docker-compose',
  'iperf3',
  'busybox-static',
  'iproute2',
  'nftables',
  'iptables',
  'apache2-utils',
  'golang-docker-credential-helpers',
  'pass',
  'gnupg',
  'openssl',
  'zstd',
  'expect',
  'tmux',
  'strace',
  'jq',
  'git',
  'procps',
  'python3',
  'binutils',
  'qemu-system-x86',
  'cpio',
  'erofs-utils',
  'curl',
  'systemd',
  'dbus-daemon',
];

function missing(packages: string[]): string[] {
  return packages.filter((name) => {
    const query = spawnSync('dpkg-query', ['-W', '-f', '${Status}', name], {
      encoding: 'utf8',
    });
    return !query.stdout?.startsWith('install ok installed');
  });
}

/** Throws with the command to run when packages are missing and we may not install them. */
export function ensureDebianPackages(packages: string[], why: string): void {
  const wanted = missing(packages);
  if (wanted.length === 0) return;
  const install = `apt-get install -y --no-install-recommends ${wanted.join(' ')}`;
  if (process.getuid?.() !== 0) throw new Error(`${why} needs Debian packages; as root: ${install}`);
  console.log(`${why}: installing ${wanted.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...wanted],
  ]) {
    const result = spawnSync('apt-get', args, {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (result.status !== 0)
      throw new Error(`${why}: apt-get ${args[0]} ended with ${result.status}: ${result.stdout}`);
  }
}
