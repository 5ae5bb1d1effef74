// The second world: Debian's cloud kernel under qemu (TCG, no KVM), pure cgroup v2, AppArmor, and a second boot with systemd.
// `pnpm test:cgroup2 [world] [--only=TEXT]` prints one line per check and fails when one fails; TEXT: of their names.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cgroupWorld } from './cgroup-checks.ts';
import type { World } from './check.ts';
import { checkpointWorld } from './checkpoint-world.ts';
import { buildMedia, type Media, type Parts } from './initramfs.ts';
import { dependencyOf, requirePrograms, unpackedPackage } from './packages.ts';
import { systemdWorld } from './systemd-checks.ts';

const worlds = [cgroupWorld, systemdWorld, checkpointWorld];
/** A guest of a busy machine is slow: no more than a guard against one that hangs. */
const bootTimeoutMs = 900_000;

async function fetchParts(): Promise<Parts> {
  const image = await dependencyOf('linux-image-cloud-amd64', /linux-image-[\w.-]+-cloud-amd64/);
  return { kernel: await unpackedPackage(image), apparmor: await unpackedPackage('apparmor') };
}

function kernelImage(kernel: string): string {
  const name = readdirSync(join(kernel, 'boot')).find((file) => file.startsWith('vmlinuz-'));
  if (name === undefined) throw new Error(`kernel package ${kernel}: no vmlinuz`);
  return join(kernel, 'boot', name);
}

/** Boots and follows the console. Resolves with the numbers of checks that passed and failed. */
function boot(
  world: World,
  image: string,
  { initramfs, disk }: Media,
  isVerbose: boolean,
): Promise<{ ok: number; failed: number }> {
  const append = ['console=ttyS0', 'panic=-1', isVerbose ? '' : 'quiet', ...world.kernelArguments].join(' ');
  const machine = spawn(
    'qemu-system-x86_64',
    [
      '-accel',
      'tcg',
      '-cpu',
      'max',
      '-m',
      String(world.memoryMiB ?? 768),
      '-no-reboot',
      '-display',
      'none',
      '-serial',
      'stdio',
      '-monitor',
      'none',
    ].concat(disk === undefined ? [] : ['-smp', '2', '-drive', `file=${disk},format=raw,if=virtio,readonly=on`], [
      '-nic',
      'none',
      '-kernel',
      image,
      '-initrd',
      initramfs,
      '-append',
      append,
    ]),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const said: string[] = [];
  const result = { ok: 0, failed: 0 };
  let isAtEnd = false;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => machine.kill('SIGKILL'), bootTimeoutMs);
    createInterface({ input: machine.stdout }).on('line', (raw) => {
      const line = raw.replaceAll(/[\r\0]/g, '');
      said.push(line);
      if (isVerbose) console.log(line);
      const found = /^CHECK (ok|FAIL|\||end) ?(.*)$/.exec(line);
      if (found === null) return;
      if (found[1] === 'ok') result.ok += 1;
      if (found[1] === 'FAIL') result.failed += 1;
      isAtEnd ||= found[1] === 'end';
      if (!isVerbose && found[1] !== 'end')
        console.log(`${found[1] === '|' ? '      ' : found[1]?.padEnd(5)} ${found[2]}`);
    });
    machine.on('error', reject);
    machine.on('close', () => {
      clearTimeout(timer);
      if (isAtEnd) resolve(result);
      else
        reject(
          new Error(`${world.name}: the machine went down before its checks ended\n${said.slice(-60).join('\n')}`),
        );
    });
  });
}

async function main(): Promise<void> {
  const isVerbose = process.argv.includes('--verbose');
  const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
  if (process.arch !== 'x64') throw new Error('the second world is an amd64 machine');
  requirePrograms();
  const parts = await fetchParts();
  const total = { ok: 0, failed: 0 };
  const only = process.argv.find((word) => word.startsWith('--only='))?.slice('--only='.length) ?? '';
  for (const each of worlds) {
    const world = { ...each, checks: each.checks.filter(({ name }) => name.includes(only)) };
    if (world.checks.length === 0) continue;
    if (wanted.length > 0 && !wanted.some((word) => word === world.init || world.name.includes(word))) continue;
    const began = Date.now();
    const scratch = mkdtempSync(join(tmpdir(), 'tsc-world-'));
    try {
      const media = await buildMedia(world, parts, scratch);
      console.log(`== ${world.name}`);
      const result = await boot(world, kernelImage(parts.kernel), media, isVerbose);
      total.ok += result.ok;
      total.failed += result.failed + (world.checks.length - result.ok - result.failed);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    console.log(`== ${world.name}: ${((Date.now() - began) / 1000).toFixed(0)} s`);
  }
  console.log(`${total.ok} ok, ${total.failed} failed`);
  if (total.failed > 0 || total.ok === 0) process.exitCode = 1;
}

await main();
