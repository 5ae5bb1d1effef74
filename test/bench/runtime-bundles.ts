// The bundles of the runtimes' benchmark: one busybox root; config.json as `runc spec` writes it, plain or as Docker's.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultSeccompProfile } from '@tscontainer/engine/containers/seccomp-profile';
import { resolveSeccompProfile } from '@tscontainer/engine/containers/seccomp-rules';

const dockerCapabilities =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
    .split(' ')
    .map((name) => `CAP_${name}`);

const gibibyte = 2 ** 30;

interface Config {
  process: Record<string, unknown>;
  root: { path: string; readonly: boolean };
  linux: Record<string, unknown>;
}

/** A bundle in `directory` that runs `args` in `rootfs`; its path. */
function writeBundle(directory: string, rootfs: string, args: string[], change: (config: Config) => void): string {
  mkdirSync(directory);
  const spec = spawnSync('runc', ['spec', '-b', directory], { encoding: 'utf8' });
  if (spec.status !== 0) throw new Error(`runc spec: ${spec.stderr}`);
  const path = join(directory, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as Config;
  Object.assign(config.process, { terminal: false, args });
  config.root = { path: rootfs, readonly: true };
  change(config);
  writeFileSync(path, JSON.stringify(config));
  return directory;
}

/** Docker's seccomp profile and capabilities, and a limit on everything that Docker limits. */
function makeFull(config: Config): void {
  const names = ['bounding', 'effective', 'permitted'];
  config.process['capabilities'] = Object.fromEntries(names.map((name) => [name, dockerCapabilities]));
  config.linux['seccomp'] = resolveSeccompProfile(defaultSeccompProfile, dockerCapabilities);
  config.linux['resources'] = {
    devices: [
      { allow: false, access: 'rwm' },
      { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
      { allow: true, type: 'c', major: 1, minor: 5, access: 'rwm' },
      { allow: true, type: 'c', major: 1, minor: 8, access: 'rwm' },
      { allow: true, type: 'c', major: 1, minor: 9, access: 'rwm' },
      { allow: true, type: 'c', major: 136, access: 'rwm' },
    ],
    memory: { limit: gibibyte, reservation: gibibyte / 2 },
    cpu: { shares: 512, quota: 200_000, period: 100_000, cpus: '0-1', mems: '0' },
    pids: { limit: 200 },
  };
}

export interface Bundles {
  plain: string;
  full: string;
  /** Runs until it is killed; for the verbs one by one. */
  waiting: string;
}

export function writeBundles(directory: string, rootfs: string): Bundles {
  return {
    plain: writeBundle(join(directory, 'plain'), rootfs, ['/bin/true'], () => undefined),
    full: writeBundle(join(directory, 'full'), rootfs, ['/bin/true'], makeFull),
    waiting: writeBundle(join(directory, 'waiting'), rootfs, ['/bin/sleep', '1000'], makeFull),
  };
}
