// tsctl is docker's command line: beside Debian's docker, on the same real dockerd, it prints and returns the same.
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, run, runOk, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { binDirectory } from '../harness/repository.ts';

const tsctlPath = `${binDirectory}/tsctl`;
let dockerd: RealDockerd;

const tsctl = (args: string[], input?: string) =>
  run(tsctlPath, args, { env: { DOCKER_HOST: `unix://${dockerd.socket}` }, ...(input === undefined ? {} : { input }) });

beforeAll(async () => {
  dockerd = await startRealDockerd();
  expect((await tsctl(['load', '-i', await busyboxArchive()])).stdout).toBe('Loaded image: busybox:latest\n');
  const flags = ['--name', 'peer', '-l', 'a=b', '-v', '/tmp:/x:ro', '--network', 'none'];
  expect((await tsctl(['run', '-d', ...flags, 'busybox', 'sleep', '1000'])).stdout).toMatch(/^[0-9a-f]{64}\n$/);
});

afterAll(async () => {
  await dockerd?.docker(['rm', '-f', 'peer']);
  await dockerd?.stop();
});

/** The program's name, times and what the machine changes between two calls. */
function masked({ stdout, stderr, code }: CommandResult): unknown {
  const mask = (text: string) =>
    text
      // docker 20.10 logs this sometimes when a start fails
      .replace(/^time=.*error waiting for container: context canceled"\n/gm, '')
      .replace(/\bdocker\b(?!\.)/g, 'tsctl')
      .replace(/(About a|Less than a|\d+) (second|minute)s?/g, 'SOME TIME')
      .replace(/ {2,}/g, '  ')
      .replace(/"(RunningFor|Status)":"[^"]*"/g, '"$1":"TIME"');
  return { code, stdout: mask(stdout), stderr: mask(stderr) };
}

describe('output and exit code are those of docker', () => {
  const run1 = ['run', '--rm', '--network', 'none'];
  it.each<string[]>([
    ['ps'],
    ['ps', '-a', '--no-trunc'],
    ['ps', '-aqf', 'name=peer'],
    ['ps', '--format', 'table {{.Names}}\\t{{.Label "a"}}\\t{{.Image}}'],
    ['ps', '--format', '{{json .}}'],
    ['ps', '-f', 'odd=1'],
    ['ps', 'surplus'],
    ['ps', '-n', 'x'],
    ['images'],
    ['images', '--digests', '--no-trunc'],
    ['images', '--format', '{{json .}}'],
    ['history', 'busybox'],
    ['volume', 'ls'],
    ['network', 'ls'],
    ['system', 'df'],
    ['system', 'df', '-v'],
    ['top', 'peer', '-o', 'pid,comm'],
    ['port', 'peer'],
    ['port', 'peer', '80'],
    ['inspect', 'peer'],
    ['inspect', 'busybox', 'none', 'nosuch'],
    ['inspect', '--type', 'image', 'peer'],
    ['inspect', '-f', '{{json .Mounts}} {{.Config.Labels}} {{range .Mounts}}{{.Source}}{{end}} {{.ID}}', 'peer'],
    ['logs', 'peer'],
    ['exec', 'peer', 'id'],
    ['exec', '-w', '/tmp', '-e', 'A=b', '-u', '5', 'peer', 'sh', '-c', 'pwd; echo $A; id -u; exit 3'],
    ['exec', 'peer', 'nosuch'],
    ['exec', '-it', 'peer', 'sh'],
    ['exec', 'peer'],
    ['update', '-m', '100m', '--memory-swap', '200m', 'peer'],
    ['rename', 'peer'],
    ['kill', '-s', 'FOO', 'peer'],
    ['rmi', 'busybox'],
    ['save', 'nosuch'],
    ['load', '-i', '/nosuch'],
    ['pull', 'UPPER'],
    ['start', 'nosuch'],
    ['stop', 'nosuch', 'neither'],
    ['rm', 'nosuch', 'neither'],
    ['rm', 'peer'],
    ['rm'],
    ['rm', '--bad'],
    ['rm', '--help'],
    ['wait', 'nosuch'],
    ['attach', 'nosuch'],
    ['logs', '-fx'],
    ['stop', '-t', 'x', 'peer'],
    ['tag', 'busybox'],
    ['image', 'inspect', 'nosuch'],
    ['diff', 'peer'],
    ['diff', 'nosuch'],
    ['commit', 'nosuch'],
    ['commit', 'peer', 'BAD'],
    ['export', 'nosuch'],
    ['import', '/nosuch'],
    ['push', 'nosuch'],
    ['push', '-a', 'busybox:x'],
    ['cp', 'x', 'y'],
    ['nosuch'],
    [...run1, 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7'],
    [...run1, 'busybox', 'nosuch'],
    [...run1, 'busybox', '/etc/passwd'],
    [...run1, 'busybox', 'sh', '-c', 'kill -9 $$'],
    [...run1, '--entrypoint', 'echo', 'busybox', 'a', 'b'],
    [...run1, '-w', '/tmp', '-u', '1:2', '-h', 'box', '--group-add', '5', 'busybox', 'sh', '-c', 'pwd; id; hostname'],
    [...run1, '--cap-drop', 'ALL', '--cap-add', 'CHOWN', 'busybox', 'grep', 'Cap', '/proc/self/status'],
    [...run1, '--read-only', '--tmpfs', '/t:size=1m', 'busybox', 'sh', '-c', 'touch /a; df -k /t'],
    [...run1, '--mount', 'type=tmpfs,dst=/q,tmpfs-size=1m', 'busybox', 'df', '-k', '/q'],
    [...run1, '--ulimit', 'nofile=10:20', '--shm-size', '1m', 'busybox', 'sh', '-c', 'ulimit -n; df -k /dev/shm'],
    [
      ...run1,
      '--add-host',
      'a:1.2.3.4',
      '--security-opt',
      'no-new-privileges',
      'busybox',
      'grep',
      'NoNew',
      '/proc/self/status',
    ],
    [...run1, '--name', 'peer', 'busybox'],
    [...run1, '-m', '3z', 'busybox'],
    [...run1, '-m', '1', 'busybox'],
    [...run1, '-a', 'odd', 'busybox'],
    [...run1, '-v', 'a:b:c:d', 'busybox'],
    [...run1, '--mount', 'type=bind', 'busybox'],
    [...run1, '--ulimit', 'x', 'busybox'],
    [...run1, '--restart', 'always', 'busybox'],
    [...run1, '--env-file', '/nosuch', 'busybox'],
    [...run1, '--cpus', 'x', 'busybox'],
    [...run1, '-it', 'busybox'],
    ['run', '--bad'],
    ['run'],
    ['run', ''],
  ])('%s %s %s %s %s %s %s', async (...args) => {
    const theirs = await dockerd.docker(args);
    expect(masked(await tsctl(args))).toEqual(masked(theirs));
  });
});

describe('streams', () => {
  it('hands stdin over to its end and returns all of the output', async () => {
    const input = 'x'.repeat(300_000);
    expect((await tsctl(['run', '-i', '--rm', '--network', 'none', 'busybox', 'cat'], input)).stdout).toBe(input);
    expect((await tsctl(['exec', '-i', 'peer', 'wc', '-c'], input)).stdout.trim()).toBe('300000');
  });

  it('writes everything before it ends, also into a pipe', async () => {
    const { stdout } = await tsctl(['run', '--rm', '--network', 'none', 'busybox', 'seq', '200000']);
    expect(stdout.trimEnd().split('\n')).toHaveLength(200_000);
  });

  it('ends quietly when the reader of its output has gone', async () => {
    const line = `${tsctlPath} run --rm --network none busybox seq 1000000 | head -n 1`;
    const result = await run('bash', ['-c', line], { env: { DOCKER_HOST: `unix://${dockerd.socket}` } });
    expect(result).toEqual({ stdout: '1\n', stderr: '', code: 0 });
  });

  it('passes signals on to the container', async () => {
    const script = 'trap "echo got it; exit 5" TERM; echo ready; while :; do sleep 0.1; done';
    const shell = `${tsctlPath} run --rm --name trapped --network none busybox sh -c '${script}' & tsctl=$!
      until ${tsctlPath} logs trapped 2>/dev/null | grep -q ready; do sleep 0.1; done
      kill -TERM $tsctl; wait $tsctl; echo code $?`;
    const { stdout } = await run('bash', ['-c', shell], { env: { DOCKER_HOST: `unix://${dockerd.socket}` } });
    expect(stdout).toBe('ready\ngot it\ncode 5\n');
  });

  it('leaves nothing behind that --rm was to remove', async () => {
    await until('only the peer is left', 5000, async () =>
      (await tsctl(['ps', '-a', '--format', '{{.Names}}'])).stdout === 'peer\n' ? true : undefined,
    );
  });
});

describe('cp', () => {
  const copies = [
    ['/d', ''],
    ['/d', '/renamed'],
    ['/d/.', '/content'],
    ['/d/f', '/file'],
    ['/d/l', '/link'],
  ];

  // of its own: docker binds a container's volumes anew for each copy, and the peer's is all of /tmp
  beforeAll(() => dockerd.docker(['run', '-d', '--name', 'files', '--network', 'none', 'busybox', 'sleep', '1000']));
  afterAll(() => dockerd.docker(['rm', '-f', 'files']));

  it('puts the same here as docker', async () => {
    await dockerd.docker(['exec', 'files', 'sh', '-c', 'mkdir -p /d/e; echo y > /d/f; ln -s f /d/l; chmod 640 /d/f']);
    const list = async (command: (args: string[]) => Promise<CommandResult>, name: string) => {
      const directory = `${dockerd.directory}/${name}`;
      mkdirSync(directory);
      for (const [source, target] of copies)
        expect(await command(['cp', `files:${source}`, `${directory}${target}`])).toMatchObject({
          stderr: '',
          code: 0,
        });
      return runOk('find', ['.', '-printf', '%p %y %m %l\n'], { cwd: directory });
    };
    const theirs = await list(dockerd.docker, 'cp-docker');
    expect((await list(tsctl, 'cp-tsctl')).split('\n').sort()).toEqual(theirs.split('\n').sort());
  });

  it('puts the same into the container as docker', async () => {
    const source = `${dockerd.directory}/cp-docker/renamed`;
    const list = async (command: (args: string[]) => Promise<CommandResult>, name: string) => {
      await dockerd.docker(['exec', 'files', 'mkdir', '-p', `/${name}`]);
      for (const [from, target] of [
        [source, ''],
        [source, '/renamed'],
        [`${source}/.`, '/content'],
        [`${source}/f`, '/file'],
      ])
        expect(await command(['cp', `${from}`, `files:/${name}${target}`])).toMatchObject({ stderr: '', code: 0 });
      return (await dockerd.docker(['exec', '-w', `/${name}`, 'files', 'find', '.'])).stdout.split('\n').sort();
    };
    expect(await list(tsctl, 'in-tsctl')).toEqual(await list(dockerd.docker, 'in-docker'));
  });
});

describe('a terminal', () => {
  const fail = (what: string) => `timeout { puts "FAILED: ${what}"; exit 9 } eof { puts "ENDED: ${what}"; exit 8 }`;
  const withExpect = (script: string) =>
    runOk('expect', ['-c', `set timeout 15\n${script}\nputs "ALL GOOD"`], {
      env: { DOCKER_HOST: `unix://${dockerd.socket}`, TERM: 'xterm' },
    });

  it('has our size, our keys and our exit code', async () => {
    const shell = `stty rows 31 cols 117; ${tsctlPath} run -it --rm --network none busybox sh; echo exit=\\$?`;
    await withExpect(`
      spawn sh -c "${shell}"
      expect "# " {} ${fail('prompt')}
      sleep 0.5
      send "stty size\\r"
      expect "31 117" {} ${fail('size')}
      send "sleep 100\\r"
      sleep 0.3
      send "\\003"
      expect "# " {} ${fail('ctrl-c')}
      send "exit 42\\r"
      expect "exit=42" {} ${fail('exit code')}`);
  });

  it('is left with ctrl-p ctrl-q, and the container goes on', async () => {
    await withExpect(`
      spawn sh -c "${tsctlPath} run -it --name detached --network none busybox sh; echo left=\\$?"
      expect "# " {} ${fail('prompt')}
      send "\\020\\021"
      expect "left=0" {} ${fail('detached')}`);
    expect((await tsctl(['inspect', '-f', '{{.State.Running}}', 'detached'])).stdout).toBe('true\n');
    await tsctl(['rm', '-f', 'detached']);
  });

  it.each(['TERM', 'INT', 'HUP'])('is restored when SIG%s ends tsctl', async (signal) => {
    const number = { TERM: 15, INT: 2, HUP: 1 }[signal] ?? 0;
    await withExpect(`
      spawn bash --norc --noprofile
      send "PS1=ready:; before=\\$(stty -g)\\r"
      expect "ready:" {} ${fail('bash')}
      send "(sleep 2; kill -${signal} \\$(pgrep -P \\$\\$ -f 'exec -it peer')) & disown; ${tsctlPath} exec -it peer sh; echo code=\\$?; test \\"\\$before\\" = \\"\\$(stty -g)\\" && echo restored\\r"
      expect "code=${128 + number}" {} ${fail('exit code')}
      expect -re "\\nrestored" {} ${fail('restored')}`);
  });
});
