// Escapes of the past that went through the daemons: their sockets and directories, users, labels and directories that
// an image names, volumes over /proc. By docker's own client, on the whole chain.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxArchive, packDockerArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let scratch: string;
/** What a hostile image would have made on the host. */
let marker: string;
const none = ['--network', 'none'];

async function loadHostileImage(): Promise<void> {
  const root = join(scratch, 'root');
  for (const directory of ['bin', 'etc', 'tmp', 'root']) mkdirSync(join(root, directory), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const name of ['sh', 'id', 'cat', 'sleep', 'true', 'grep', 'ls'])
    symlinkSync('busybox', join(root, 'bin', name));
  // names that look like ids, as in CVE-2016-3697
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n1000:x:0:0::/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n1000:x:0:\n');
  symlinkSync('/proc/self/fd/9', join(root, 'nine'));
  const logger = join(scratch, 'logger');
  writeFileSync(logger, `#!/bin/sh\ntouch ${marker}\n`);
  chmodSync(logger, 0o755);
  const archive = join(scratch, 'hostile.tar');
  await packDockerArchive(root, archive, {
    reference: 'hostile:latest',
    cmd: ['true'],
    config: {
      Labels: {
        'containerd.io/restart.status': 'running',
        'containerd.io/restart.policy': 'always',
        'containerd.io/restart.loguri': `binary://${logger}`,
        'containerd.io/restart.logpath': marker,
        'nerdctl/log-uri': `binary://${logger}`,
        'io.containerd.runc.v2.group': 'mine',
        'tscontainer.engine/owner': 'somebody',
      },
    },
  });
  expect((await stack.docker(['load', '-i', archive])).stdout).toContain('hostile:latest');
}

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-escapes-');
  marker = join(scratch, 'marker');
  stack = await startStack();
  await stack.docker(['load', '-i', await busyboxArchive()]);
  await loadHostileImage();
  await stack.docker(['run', '-d', ...none, '--name', 'bystander', 'busybox', 'sleep', '600']);
}, 60_000);

afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** As an unprivileged user of the host. */
const asNobody = (args: string[]) =>
  spawnSync('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', ...args], {
    encoding: 'utf8',
    timeout: 10_000,
  });

const connect = (path: string) => [
  process.execPath,
  '-e',
  `const s = require('net').connect(${JSON.stringify(path)});
   s.on('error', (e) => { console.log(e.code); process.exit(); });
   s.on('close', () => { console.log('closed'); process.exit(); });
   s.on('connect', () => setTimeout(() => { console.log('served'); process.exit(); }, 1000));`,
];

function filesBelow(directory: string, depth = 6): string[] {
  if (depth === 0) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? [path, ...filesBelow(path, depth - 1)] : [path];
  });
}

const isSocket = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;

describe('sockets (CVE-2020-15257)', () => {
  test('none is abstract, so that a container in the host’s network namespace reaches none', async () => {
    const [engine = 0] = stack.pids('tsengined');
    const names = readFileSync(`/proc/${engine}/net/unix`, 'utf8')
      .split('\n')
      .map((line) => line.split(/\s+/)[7] ?? '');
    expect(names.filter((name) => name.startsWith('@'))).toEqual([]);
    expect(names.filter((name) => name.includes(stack.directory)).length).toBeGreaterThan(1);
    const inside = await stack.docker(['run', '--rm', '--network', 'host', 'busybox', 'cat', '/proc/net/unix']);
    expect(inside.stdout).not.toMatch(/@.*(containerd|shim|tsc)/);
  });

  test('each is closed to other users, and the shim’s asks who connects', () => {
    const shims = stack
      .pids('containerd-shim')
      .flatMap((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8')
          .split('\0')
          .filter((word) => isSocket(word.replace('unix://', ''))),
      )
      .map((word) => word.replace('unix://', ''));
    const sockets = [...filesBelow(stack.directory).filter(isSocket), ...shims];
    expect(sockets.length).toBeGreaterThan(2);
    for (const path of new Set(sockets)) {
      expect({ path, mode: lstatSync(path).mode & 0o007 }).toEqual({ path, mode: 0 });
      expect({ path, answer: asNobody(connect(path)).stdout.trim() }).toEqual({ path, answer: 'EACCES' });
    }
    const [shim] = sockets.filter((path) => shims.includes(path));
    if (shim === undefined) throw new Error('no shim socket found');
    // opened up by mistake, it still serves its own user alone
    const before = lstatSync(shim).mode & 0o777;
    chmodSync(shim, 0o666);
    const answer = asNobody(connect(shim)).stdout.trim();
    const own = spawnSync(process.execPath, connect(shim).slice(1), { encoding: 'utf8' }).stdout.trim();
    chmodSync(shim, before);
    expect(['closed', 'EACCES', 'ECONNRESET', 'EPIPE']).toContain(answer);
    expect(own).toBe('served');
  });
});

describe('directories (CVE-2021-41103, 2024-25621)', () => {
  test('of state, bundles and data can at most be passed through by other users', () => {
    const roots = [join(stack.directory, 'data'), join(stack.directory, 'exec')];
    const open = roots
      .flatMap((root) => [root, ...filesBelow(root)])
      .filter((path) => !/\/(fs|rootfs|work|merged|_data)(\/|$)/.test(path))
      .filter((path) => {
        const found = lstatSync(path, { throwIfNoEntry: false });
        return found?.isDirectory() === true && (found.mode & 0o066) !== 0;
      });
    expect(open).toEqual([]);
  });

  test('a container’s files are out of reach for a user of the host', async () => {
    const { stdout: id } = await stack.docker(['inspect', '-f', '{{.Id}}', 'bystander']);
    const config = filesBelow(stack.directory).filter(
      (path) => path.includes(id.trim()) && path.endsWith('config.json'),
    );
    expect(config.length).toBeGreaterThan(0);
    for (const path of config) expect(asNobody(['cat', path]).status).not.toBe(0);
  });
});

describe('what an image says', () => {
  const run = (...args: string[]) => stack.docker(['run', '--rm', ...none, ...args]);

  test('a name that looks like an id is none (CVE-2016-3697)', async () => {
    expect((await run('-u', '1000', 'hostile', 'id', '-u')).stdout).toBe('1000\n');
    expect((await run('-u', '1000:1000', 'hostile', 'id', '-g')).stdout).toBe('1000\n');
  });

  test('labels choose no logger, no restart and no owner on the host (CVE-2026-50195, 2026-53488, 2026-53492)', async () => {
    const { stdout } = await run('hostile', 'true');
    expect(stdout).toBe('');
    await stack.docker(['run', '-d', ...none, '--name', 'labelled', 'hostile', 'sleep', '1']);
    const inspected = await stack.docker(['inspect', '-f', '{{json .Config.Labels}}', 'labelled']);
    expect(inspected.stdout).toContain('restart.loguri'); // they are the container's labels for docker's users
    await stack.docker(['wait', 'labelled']);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // for a restart, which must not come
    expect((await stack.docker(['inspect', '-f', '{{.State.Status}} {{.RestartCount}}', 'labelled'])).stdout).toBe(
      'exited 0\n',
    );
    await stack.docker(['rm', '-f', 'labelled']);
    expect(existsSync(marker)).toBe(false);
  });

  test.each(['/proc/self/fd/3', '/proc/self/fd/9', '/proc/self/fd/20', '/nine'])(
    'the working directory %s leads nowhere (CVE-2024-21626)',
    async (directory) => {
      const ran = await run('-w', directory, 'hostile', 'cat', 'etc/hostname');
      expect(ran.code).not.toBe(0);
      expect(ran.stdout).toBe('');
      const joined = await stack.docker(['exec', '-w', directory, 'bystander', 'cat', 'etc/hostname']);
      expect(joined.code).not.toBe(0);
      expect(joined.stdout).not.toContain(readFileSync('/etc/hostname', 'utf8'));
    },
  );

  test('a volume over /proc is refused (CVE-2019-16884)', async () => {
    const volume = join(scratch, 'volume');
    mkdirSync(volume, { recursive: true });
    for (const place of ['/proc', '/proc/self/attr']) {
      const ran = await run('-v', `${volume}:${place}`, 'busybox', 'true');
      expect(ran.code).not.toBe(0);
      expect(ran.stderr).toContain('/proc');
    }
    expect((await run('-v', `${volume}:/elsewhere`, 'busybox', 'true')).code).toBe(0);
  });
});

describe('capabilities and users of exec', () => {
  test('no capability is inheritable (CVE-2022-24769)', async () => {
    const status = ['grep', 'CapInh', '/proc/self/status'];
    const zero = 'CapInh:\t0000000000000000\n';
    expect((await stack.docker(['run', '--rm', ...none, 'busybox', ...status])).stdout).toBe(zero);
    expect((await stack.docker(['run', '--rm', ...none, '--privileged', 'busybox', ...status])).stdout).toBe(zero);
    expect((await stack.docker(['exec', 'bystander', ...status])).stdout).toBe(zero);
    expect((await stack.docker(['exec', '--privileged', 'bystander', ...status])).stdout).toBe(zero);
  });

  test('exec -u is that user, without capabilities (crun CVE-2026-30892)', async () => {
    const { stdout } = await stack.docker([
      'exec',
      '-u',
      '1',
      'bystander',
      'sh',
      '-c',
      'id -u; grep CapEff /proc/self/status',
    ]);
    expect(stdout).toBe('1\nCapEff:\t0000000000000000\n');
  });
});
