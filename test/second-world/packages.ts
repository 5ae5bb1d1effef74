// Debian packages that are unpacked and never installed: the kernel of the second world and what runs in it.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from '../harness/command.ts';

/** Kept between runs, by package and version. */
const cacheDirectory = '/var/cache/tscontainer-test/packages';

/** Programs of this machine that the second world is made with, by the package that has them. */
const programs: Record<string, string> = {
  'qemu-system-x86': '/usr/bin/qemu-system-x86_64',
  cpio: '/usr/bin/cpio',
  'busybox-static': '/bin/busybox',
  criu: '/usr/sbin/criu',
  systemd: '/lib/systemd/systemd',
  'dbus-daemon': '/usr/bin/dbus-daemon',
  'util-linux': '/usr/bin/setpriv',
  runc: '/usr/sbin/runc',
  crun: '/usr/bin/crun',
};

/** Throws with the command that installs what is missing. */
export function requirePrograms(): void {
  const missing = Object.keys(programs).filter((name) => !existsSync(programs[name] ?? ''));
  if (missing.length > 0)
    throw new Error(`the second world: apt-get install -y --no-install-recommends ${missing.join(' ')}`);
}

/** The package that a meta package stands for: linux-image-cloud-amd64 -> linux-image-6.1.0-50-cloud-amd64. */
export async function dependencyOf(name: string, pattern: RegExp): Promise<string> {
  const shown = await runOk('apt-cache', ['show', '--no-all-versions', name]);
  const found = pattern.exec(/^Depends: (.*)$/m.exec(shown)?.[1] ?? '')?.[0];
  if (found === undefined) throw new Error(`dependencies of ${name}: none like ${pattern}`);
  return found;
}

/** Directory with the package's files. Fetched with apt-get, which checks its signature. */
export async function unpackedPackage(name: string): Promise<string> {
  const version = /^Version: (.*)$/m.exec(await runOk('apt-cache', ['show', '--no-all-versions', name]))?.[1];
  const directory = join(cacheDirectory, `${name}_${version}`.replaceAll(/[^\w.+-]/g, '-'));
  if (existsSync(directory)) return directory;
  const scratch = `${directory}.part`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(join(scratch, 'root'), { recursive: true });
  await runOk('apt-get', ['download', '-qq', name], { cwd: scratch, timeoutMs: 300_000 });
  const archive = readdirSync(scratch).find((file) => file.endsWith('.deb'));
  if (archive === undefined) throw new Error(`download ${name}: apt-get left no .deb in ${scratch}`);
  await runOk('dpkg-deb', ['-x', join(scratch, archive), join(scratch, 'root')], { timeoutMs: 300_000 });
  renameSync(join(scratch, 'root'), directory);
  rmSync(scratch, { recursive: true, force: true });
  return directory;
}
