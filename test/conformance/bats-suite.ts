// Runs the files of runc's bats suite (tests/integration) in the user's checkout, with one runtime.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OrdinaryUser } from '../harness/ordinary-user.ts';
import { oneLine, type TestResult, tapPoints } from './tap.ts';

const fileTimeoutSeconds = 1200;
/** No way out to a network, and what the suite writes to criu's settings is not the machine's. */
const jail = 'ip link set lo up; mkdir -p /etc/criu; mount -t tmpfs none /etc/criu; exec "$@"';
const criuSettings = '/etc/criu';
const cgroupRoot = '/sys/fs/cgroup';

export function batsFiles(checkout: string): string[] {
  const directory = join(checkout, 'tests/integration');
  const needed = ['contrib/cmd/recvtty/recvtty', 'tests/integration/testdata/busybox-amd64.tar.xz'];
  for (const path of needed) {
    if (!existsSync(join(checkout, path))) throw new Error(`${checkout} has no ${path}: see docs/conformance.md`);
  }
  return readdirSync(directory)
    .filter((name) => name.endsWith('.bats'))
    .sort();
}

/** The tests of one file. `script` gives them the controlling terminal that several want. `user`: run as an ordinary one. */
export function runBatsFile(checkout: string, file: string, runtime: string, user?: OrdinaryUser): TestResult[] {
  const directory = join(checkout, 'tests/integration');
  const work = mkdtempSync(join(tmpdir(), 'tsc-bats-'));
  const transcript = join(work, 'tap');
  const before = readdirSync(cgroupRoot);
  const hadSettings = existsSync(criuSettings);
  try {
    const command = `timeout --foreground ${fileTimeoutSeconds} bats --tap ${file}`;
    const script = ['script', '-qec', command, transcript];
    const options = { stdio: 'ignore', timeout: (fileTimeoutSeconds + 20) * 1000, killSignal: 'SIGKILL' } as const;
    if (user === undefined) {
      const env = { ...process.env, RUNC: runtime };
      spawnSync('unshare', ['--mount', '--net', 'sh', '-c', jail, 'sh', ...script], {
        ...options,
        cwd: directory,
        env,
      });
    } else {
      chmodSync(work, 0o777);
      // no features: their own id alone, and no cgroup that is theirs
      const variables = [`RUNC=${runtime}`, 'ROOTLESS_FEATURES='];
      user.run('sh', ['-c', 'cd "$1"; shift; exec "$@"', 'sh', directory, ...script], options, variables);
    }
    const output = readFileSync(transcript, 'utf8');
    return complete(testNames(join(directory, file)), output).map((result) => ({
      ...result,
      name: `${file.replace(/\.bats$/, '')}: ${result.name}`,
    }));
  } finally {
    removePlainDirectories(before);
    if (!hadSettings && existsSync(criuSettings)) rmdirSync(criuSettings);
    rmSync(work, { recursive: true, force: true });
  }
}

/** The suite makes plain directories where a controller it expects is not mounted: those that were not there go again. */
function removePlainDirectories(before: string[]): void {
  for (const name of readdirSync(cgroupRoot)) if (!before.includes(name)) rmdirSync(join(cgroupRoot, name));
}

function testNames(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^@test "(.*)" \{$/gm)].map((match) => match[1] ?? '');
}

/** A result for every test of the file: one that the time limit cut off failed. */
function complete(names: string[], output: string): TestResult[] {
  const points = tapPoints(output);
  return names.map((name, index) => {
    const point = points[index];
    if (point === undefined) return { name, outcome: 'fail', reason: 'not reached within the time limit' };
    if (point.skipReason !== undefined) return { name, outcome: 'skip', reason: oneLine(point.skipReason) };
    if (point.isOk) return { name, outcome: 'pass', reason: '' };
    const failed = point.detail.find((line) => /^#\s+`.*' failed/.test(line)) ?? point.detail[1] ?? '';
    return { name, outcome: 'fail', reason: oneLine(failed.replace(/^#\s*/, '')) };
  });
}
