// The flags of create, run, start and exec: sockets for fds, passed fds, pid files, NOTIFY_SOCKET and LISTEN_FDS, and
// every part of an exec'd process.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type BundleConfig, tsrunc, until, Workbench } from './bundle.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
  for (const applet of ['nc', 'readlink', 'printf'])
    spawnSync('ln', ['-sf', 'busybox', join(bench.rootfs, 'bin', applet)]);
});
afterEach(() => {
  for (const id of bench.left()) bench.run(['delete', '-f', id]);
  expect(bench.left()).toEqual([]);
});
afterAll(() => {
  bench.dispose();
});

const shell = (script: string): string[] => ['sh', '-c', script];

const withTerminal = (config: BundleConfig): void => {
  config.process.terminal = true;
};

/** Takes the fds that are sent to a unix socket: prints what was sent, then what the fd is; then holds it open. */
const receiver = `
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen(1); print('listening', flush=True)
peer, _ = server.accept()
text, ancillary, _, _ = peer.recvmsg(4096, 64)
fds = array.array('i'); fds.frombytes(ancillary[0][2])
print(text.decode(), os.readlink('/proc/self/fd/%d' % fds[0]), os.getpid(), fds[0], flush=True)
if len(sys.argv) > 2: print(os.read(fds[0], 4096).decode(), flush=True)
sys.stdin.read()
`;

async function receive(path: string, reads = false) {
  const child = spawn('python3', ['-c', receiver, path, ...(reads ? ['read'] : [])], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await until(() => output.includes('listening'));
  receivers.push(child);
  return { lines: () => output.split('\n').slice(1), close: () => child.kill('SIGKILL') };
}

const receivers: ChildProcess[] = [];
afterEach(() => {
  for (const child of receivers.splice(0)) child.kill('SIGKILL');
});

describe('fds sent to a socket', () => {
  test('--console-socket gets the terminal’s master, by create and by exec', async () => {
    const path = join(bench.directory, 'console.sock');
    const first = await receive(path, true);
    const bundle = bench.bundle(shell('stty size; exec sleep 60'), (config) => {
      withTerminal(config);
      config.process.consoleSize = { height: 17, width: 71 };
    });
    const options = { stdio: 'ignore' } as const;
    expect(bench.run(['create', '-b', bundle, '--console-socket', path, 'console'], options).status).toBe(0);
    bench.run(['start', 'console']);
    await until(() => first.lines().length > 2);
    expect(first.lines()[0]).toMatch(/^\/dev\/ptmx \/.*ptmx /);
    expect(first.lines()[1]).toContain('17 71');
    first.close();
    rmSync(path);
    const second = await receive(path, true);
    const exec = ['exec', '-d', '-t', '--console-socket', path, 'console', 'sh', '-c', 'tty; sleep 5'];
    expect(bench.run(exec, options).status).toBe(0);
    await until(() => second.lines().length > 2);
    expect(second.lines()[1]).toContain('/dev/pts/1');
    second.close();
    rmSync(path);
  });

  test('--pidfd-socket gets a pidfd of the process, by create, run and exec', async () => {
    const path = join(bench.directory, 'pidfd.sock');
    const options = { stdio: 'ignore' } as const;
    const pidOf = async (args: string[]): Promise<number> => {
      const taker = await receive(path);
      expect(bench.run(args, options).status).toBe(0);
      await until(() => taker.lines().length > 1);
      const [text, link, holder, fd] = taker.lines()[0]?.split(' ') ?? [];
      expect(text).toBe('pidfd');
      expect(link).toMatch(/pidfd/);
      const info = readFileSync(`/proc/${holder}/fdinfo/${fd}`, 'utf8');
      taker.close();
      rmSync(path);
      return Number(info.match(/^Pid:\s+(\d+)/m)?.[1]);
    };
    const bundle = bench.bundle(['sleep', '60']);
    const created = await pidOf(['create', '-b', bundle, '--pidfd-socket', path, 'pidfd']);
    expect(JSON.parse(bench.run(['state', 'pidfd']).stdout)).toMatchObject({ pid: created });
    bench.run(['start', 'pidfd']);
    const pidFile = join(bench.directory, 'exec.pid');
    const executed = await pidOf(['exec', '-d', '--pidfd-socket', path, '--pid-file', pidFile, 'pidfd', 'sleep', '50']);
    expect(readFileSync(pidFile, 'utf8')).toBe(String(executed));
    expect(readFileSync(`/proc/${executed}/cmdline`, 'utf8')).toBe('sleep\0' + '50\0');
  });

  test('a socket that nobody listens on is an error, and neither container nor process is left', () => {
    const nobody = join(bench.directory, 'nobody.sock');
    const bundle = bench.bundle(['sleep', '60'], withTerminal);
    const created = bench.run(['create', '-b', bundle, '--console-socket', nobody, 'nobody']);
    expect(created.stderr).toContain(`send console ${nobody}: ENOENT`);
    expect(bench.left()).toEqual([]);
    expect(bench.cgroups('nobody')).toEqual([]);
    bench.start('nobody', ['sleep', '60']);
    const executed = bench.run(['exec', '--pidfd-socket', nobody, 'nobody', 'sleep', '49']);
    expect(executed.stderr).toContain(`send pidfd ${nobody}: ENOENT`);
    const noFile = bench.run(['exec', '--pid-file', '/no/such/dir/file', 'nobody', 'sleep', '49']);
    expect(noFile.status).not.toBe(0);
    expect(JSON.parse(bench.run(['ps', '-f', 'json', 'nobody']).stdout)).toHaveLength(1);
  });

  test('a terminal and a socket for it go together, and only without a foreground', () => {
    const plain = bench.bundle(['true']);
    const terminal = bench.bundle(['true'], withTerminal);
    expect(bench.run(['create', '-b', terminal, 'bad']).stderr).toContain('process.terminal needs --console-socket');
    expect(bench.run(['create', '-b', plain, '--console-socket', '/x', 'bad']).stderr).toContain(
      '--console-socket needs',
    );
    expect(bench.run(['run', '-b', terminal, '--console-socket', '/x', 'bad']).stderr).toContain(
      '--console-socket needs',
    );
    bench.start('bad', ['sleep', '60']);
    expect(bench.run(['exec', '-d', '-t', 'bad', 'true']).stderr).toContain('needs --console-socket with --detach');
    expect(bench.run(['exec', '-t', '--console-socket', '/x', 'bad', 'true']).stderr).toContain('needs --detach');
  });
});

describe('fds passed on', () => {
  const list = shell('ls -l /proc/self/fd | grep -c given; ls /proc/self/fd | wc -l; cat <&3; cat <&4');
  const open = (command: string[]) => {
    writeFileSync(join(bench.directory, 'given3'), 'three\n');
    writeFileSync(join(bench.directory, 'given4'), 'four\n');
    writeFileSync(join(bench.directory, 'given5'), 'five\n');
    const script = `exec 3<${bench.directory}/given3 4<${bench.directory}/given4 5<${bench.directory}/given5; exec "$@"`;
    return spawnSync('sh', ['-c', script, 'sh', tsrunc, '--root', bench.stateRoot, ...command], { encoding: 'utf8' });
  };
  // 0, 1, 2, the two given, and the directory that ls reads.
  const expected = '2\n6\nthree\nfour\n';

  test('--preserve-fds gives exactly so many to init and to exec', () => {
    const bundle = bench.bundle(list);
    expect(open(['run', '--preserve-fds', '2', '-b', bundle, 'fds']).stdout).toBe(expected);
    bench.start('fds', ['sleep', '60']);
    expect(open(['exec', '--preserve-fds', '2', 'fds', ...list]).stdout).toBe(expected);
    expect(open(['exec', 'fds', 'ls', '/proc/self/fd']).stdout).toBe('0\n1\n2\n3\n');
  });

  test('one that is not open is an error before anything is made', () => {
    const bundle = bench.bundle(list);
    expect(open(['run', '--preserve-fds', '4', '-b', bundle, 'fds']).stderr).toContain('fd 6 is to be passed on');
    expect(bench.left()).toEqual([]);
  });

  test('LISTEN_FDS gives the sockets and their names to the container’s first process', () => {
    const bundle = bench.bundle(shell('echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; cat <&3; cat <&4'));
    const listening = (pid: string) => {
      const script = `LISTEN_PID=${pid} LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@"`;
      return open(['run', '--preserve-fds', '1', '-b', bundle, 'listen']).status === null
        ? undefined
        : spawnSync(
            'sh',
            [
              '-c',
              `exec 3<${bench.directory}/given3 4<${bench.directory}/given4; ${script}`,
              'sh',
              ...[tsrunc, '--root', bench.stateRoot, 'run', '--preserve-fds', '1', '-b', bundle, 'listen'],
            ],
            { encoding: 'utf8' },
          );
    };
    expect(listening('$$')?.stdout).toBe('1 1 web\nthree\nfour\n');
    // Meant for another process: not ours to pass on.
    expect(listening('1')?.stdout).toMatch(/^\n?three\n/);
  });
});

describe('NOTIFY_SOCKET', () => {
  const service = `
import os, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); server.bind(sys.argv[1]); print('listening', flush=True)
while True:
    text, ancillary, _, _ = server.recvmsg(4096, 64)
    for _, _, data in ancillary: os.close(int.from_bytes(data[:4], sys.byteorder))
    print(text.decode().strip().replace('\\n', '|'), flush=True)
`;
  /** busybox has no datagram client for unix sockets: the container's program is this one. */
  const sender = join(import.meta.dirname, '../../build/notify-sender');

  async function listen() {
    const path = join(bench.directory, 'notify.sock');
    const child = spawn('python3', ['-c', service, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await until(() => output.includes('listening'));
    services.push({ path, child });
    return { path, lines: () => output.trim().split('\n').slice(1) };
  }

  const services: { path: string; child: ChildProcess }[] = [];
  afterEach(() => {
    for (const { path, child } of services.splice(0)) {
      child.kill('SIGKILL');
      rmSync(path);
    }
  });

  beforeAll(() => {
    mkdirSync(join(import.meta.dirname, '../../build'), { recursive: true });
    const source = join(bench.directory, 'sender.c');
    writeFileSync(
      source,
      `#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int count, char** words) {
  struct sockaddr_un address = {AF_UNIX};
  strcpy(address.sun_path, getenv("NOTIFY_SOCKET"));
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (sendto(fd, words[1], strlen(words[1]), 0, (void*)&address, sizeof address) < 0) return 1;
  sleep(count > 2 ? atoi(words[2]) : 0);
  return 0;
}`,
    );
    const compiled = spawnSync('cc', ['-static', '-o', sender, source], { encoding: 'utf8' });
    expect(compiled.stderr).toBe('');
    spawnSync('cp', [sender, join(bench.rootfs, 'bin/notify')]);
  });

  test('start waits for READY and tells it, with the pid that the host knows', async () => {
    const { path, lines } = await listen();
    const env = { ...process.env, NOTIFY_SOCKET: path };
    const bundle = bench.bundle(['notify', 'READY=1\nSTATUS=working\nMAINPID=1', '60'], (config) => {
      config.process.user = { uid: 1000, gid: 1000 };
      config.root.readonly = false;
    });
    expect(bench.run(['create', '-b', bundle, 'notify'], { env, stdio: 'ignore' }).status).toBe(0);
    expect(bench.run(['start', 'notify'], { env, stdio: 'ignore' }).status).toBe(0);
    const { pid } = JSON.parse(bench.run(['state', 'notify']).stdout) as { pid: number };
    await until(() => lines().length >= 3);
    expect(lines()).toEqual(['READY=1|STATUS=working', `MAINPID=${pid}`, 'BARRIER=1']);
  });

  test('run in the foreground tells itself as the main process; a container that ends first ends the wait', async () => {
    const { path, lines } = await listen();
    const env = { ...process.env, NOTIFY_SOCKET: path };
    const change = (config: BundleConfig) => {
      config.root.readonly = false;
    };
    const bundle = bench.bundle(['notify', 'READY=1', '1'], change);
    expect(bench.run(['run', '-b', bundle, 'notify'], { env }).status).toBe(0);
    await until(() => lines().length >= 2);
    expect(lines()[0]).toBe('READY=1');
    expect(lines()[1]).toMatch(/^MAINPID=\d+$/);
    const silent = bench.bundle(['true'], change);
    expect(bench.run(['run', '-d', '-b', silent, 'silent'], { env, stdio: 'ignore' }).status).toBe(0);
  });
});

describe('exec', () => {
  const start = (change?: (config: BundleConfig) => void) => bench.start('exec', ['sleep', '60'], change);

  test('user, groups, directory, environment, capabilities, no-new-privileges', () => {
    start((config) => {
      config.process.noNewPrivileges = false;
      config.process.env.push('A=config', 'B=config');
    });
    const script = 'id -u; id -g; id -G; pwd; echo $A $B; grep -E "CapEff|NoNew" /proc/self/status';
    const flags = ['-u', '1000:1001', '-g', '5', '--additional-gids', '6', '--cwd', '/bin', '-e', 'A=exec'];
    const { stdout } = bench.run([
      'exec',
      ...flags,
      '--cap',
      'CAP_SYS_TIME',
      '--no-new-privs',
      'exec',
      ...shell(script),
    ]);
    expect(stdout).toBe('1000\n1001\n1001 5 6\n/bin\nexec config\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n');
    const root = bench.run(['exec', '--cap', 'CAP_SYS_TIME', 'exec', 'grep', 'CapEff', '/proc/self/status']);
    expect(root.stdout).toBe('CapEff:\t0000000022000420\n'.replace('22', '22'));
  });

  test('a whole process object from a file', () => {
    start();
    const file = join(bench.directory, 'process.json');
    const process = {
      terminal: false,
      user: { uid: 7, gid: 8, additionalGids: [9], umask: 0o27 },
      args: shell(
        'id -u; id -g; id -G; umask; pwd; echo $X; ulimit -n; grep NoNew /proc/self/status; cat /proc/self/oom_score_adj',
      ),
      env: ['PATH=/bin', 'X=y'],
      cwd: '/bin',
      noNewPrivileges: true,
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 50, hard: 60 }],
      oomScoreAdj: 500,
    };
    writeFileSync(file, JSON.stringify(process));
    const { stdout, stderr } = bench.run(['exec', '-p', file, 'exec']);
    expect(stderr).toBe('');
    expect(stdout).toBe('7\n8\n8 9\n0027\n/bin\ny\n50\nNoNewPrivs:\t1\n500\n');
  });

  test('the configuration is that of create, whatever became of the bundle since', () => {
    const bundle = bench.bundle(['sleep', '60'], (config) => {
      config.process.env.push('FROZEN=yes');
    });
    bench.run(['run', '-d', '-b', bundle, 'exec'], { stdio: 'ignore' });
    rmSync(join(bundle, 'config.json'));
    expect(bench.run(['exec', 'exec', ...shell('echo $FROZEN')]).stdout).toBe('yes\n');
  });

  test('into a container that is only created', () => {
    expect(bench.create('exec', ['sleep', '60']).status).toBe(0);
    expect(bench.run(['exec', 'exec', 'echo', 'early']).stdout).toBe('early\n');
    expect(bench.status('exec')).toBe('created');
  });

  test('--detach leaves it running, with its pid in the file', () => {
    start();
    const file = join(bench.directory, 'detached.pid');
    bench.run(['exec', '-d', '--pid-file', file, 'exec', 'sleep', '47'], { stdio: 'ignore' });
    expect(readFileSync(`/proc/${readFileSync(file, 'utf8')}/cmdline`, 'utf8')).toBe('sleep\x0047\x00');
  });

  test('a paused container takes a process only with --ignore-paused', async () => {
    start();
    bench.run(['pause', 'exec']);
    expect(bench.run(['exec', 'exec', 'true']).stderr).toContain('cannot exec in a paused container');
    const child = spawn(tsrunc, ['--root', bench.stateRoot, 'exec', '--ignore-paused', 'exec', 'echo', 'thawed']);
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await new Promise((resume) => setTimeout(resume, 100));
    expect(output).toBe('');
    bench.run(['resume', 'exec']);
    await until(() => output === 'thawed\n');
  });

  test('--cgroup puts it into a group below the container’s', () => {
    start((config) => {
      config.root.readonly = false;
      for (const mount of config.mounts) {
        if (mount.destination === '/sys/fs/cgroup')
          mount.options = (mount.options ?? []).filter((option) => option !== 'ro');
      }
    });
    const made = bench.run([
      'exec',
      'exec',
      ...shell('mkdir -p /sys/fs/cgroup/memory/below /sys/fs/cgroup/pids/below'),
    ]);
    expect(made.stderr).toBe('');
    const { stdout, stderr } = bench.run(['exec', '--cgroup', 'memory,pids:below', 'exec', 'cat', '/proc/self/cgroup']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/:memory:\/(.*\/)?below\n/);
    expect(stdout).toMatch(/:pids:\/(.*\/)?below\n/);
    expect(stdout).toMatch(/:freezer:\/(.*\/)?(exec)?\n/);
    const refused = (value: string) => bench.run(['exec', '--cgroup', value, 'exec', 'true']).stderr;
    expect(refused('..')).toContain('--cgroup: .. is not a sub cgroup path');
    expect(refused('memory:../other')).toContain('is not a sub cgroup path');
    expect(refused('nothere')).toContain('/nothere/cgroup.procs: no such file or directory');
    expect(refused('whaaat:/')).toContain('unknown controller whaaat');
    expect(bench.run(['exec', '--cgroup', '/', 'exec', 'true']).status).toBe(0);
  });

  test('ids that are none, and a command that is missing, are refused', () => {
    start();
    expect(bench.run(['exec', '-u', 'root', 'exec', 'true']).stderr).toContain('is not a number');
    expect(bench.run(['exec', '-u', '-1', 'exec', 'true']).stderr).toContain('--user: -1 is no id');
    expect(bench.run(['exec', '-u', '4294967296', 'exec', 'true']).stderr).toContain('is no id');
    expect(bench.run(['exec', 'exec']).stderr).toContain('command: missing');
    expect(existsSync(join(bench.directory, 'none'))).toBe(false);
    expect(readlinkSync('/proc/self/ns/pid')).toMatch(/^pid:/);
  });
});
