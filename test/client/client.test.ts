// @tsctl/client as its users write it, on this engine and on Debian's dockerd: the same programs, the same results.
import { spawn } from 'node:child_process';
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionError, connect, type Engine, EngineError, type LogLine } from '@tsctl/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { startRegistry } from '../harness/registry.ts';
import { startStack } from '../harness/stack.ts';

const HostConfig = { NetworkMode: 'none' };
const registryPort = 5000;

interface Daemon {
  socket: string;
  directory: string;
  network: Parameters<typeof startRegistry>[0];
  stop(): Promise<void>;
}

const daemons: [name: string, start: () => Promise<Daemon>][] = [
  ['tsengined', () => startStack()],
  ['dockerd', () => startRealDockerd()],
];

describe.each(daemons)('on %s', (name, start) => {
  let daemon: Daemon;
  let engine: Engine;
  let stopRegistry: () => Promise<void>;

  beforeAll(async () => {
    daemon = await start();
    engine = connect({ host: `unix://${daemon.socket}` });
    const registry = await startRegistry(daemon.network, daemon.directory, {
      port: registryPort,
      storage: `${daemon.directory}/registry`,
    });
    stopRegistry = () => registry.stop();
  });
  afterAll(async () => {
    await stopRegistry?.();
    for (const { Id } of (await engine?.containers.list({ all: true })) ?? [])
      await engine.containers.get(Id).remove({ force: true, v: true });
    engine?.close();
    await daemon?.stop();
  });

  it('loads an image, and tells its name', async () => {
    const archive = createReadStream(await busyboxArchive());
    expect(await engine.images.load(archive)).toEqual(['busybox:latest']);
    const { Id, RepoTags } = await engine.images.inspect('busybox');
    expect(RepoTags).toEqual(['busybox:latest']);
    expect((await engine.images.list({ filters: { reference: ['busybox'] } })).map((image) => image.Id)).toEqual([Id]);
    expect(await engine.images.history('busybox')).toHaveLength(1);
  });

  it('rejects with the failure of a stream that it was to send', async () => {
    const fresh = connect({ host: engine.host }); // the stream fails while the version is agreed on
    await expect(fresh.images.load(createReadStream('/no/such/file'))).rejects.toMatchObject({ code: 'ENOENT' });
    fresh.close();
    await expect(engine.images.load(createReadStream('/no/such/file'))).rejects.toMatchObject({ code: 'ENOENT' });
    const broken = Readable.from(
      (function* () {
        yield Buffer.alloc(1024);
        throw new Error('the disk is gone');
      })(),
    );
    await expect(engine.images.load(broken)).rejects.toThrow('the disk is gone');
  });

  it('runs a container of the shortest life, and misses nothing of it', async () => {
    for (let round = 0; round < 5; round++) {
      await using run = await engine.containers.run({
        Image: 'busybox',
        Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 7'],
        HostConfig,
      });
      expect(await run.output()).toEqual({ exitCode: 7, stdout: 'out\n', stderr: 'err\n' });
    }
    expect(await engine.containers.list({ all: true })).toEqual([]);
  });

  it('ends the input of a container, and its output goes on', async () => {
    const Cmd = ['sh', '-c', 'cat; sleep 0.3; echo after the end'];
    await using run = await engine.containers.run({ Image: 'busybox', Cmd, HostConfig }, { stdin: 'typed\n' });
    expect(await run.output()).toEqual({ exitCode: 0, stdout: 'typed\nafter the end\n', stderr: '' });
  });

  it('talks with a container, and pipes a stream into another', async () => {
    await using run = await engine.containers.run(
      { Image: 'busybox', Cmd: ['sh', '-c', 'while read line; do echo got $line; done'], HostConfig },
      { stdin: true },
    );
    run.stdin.write('one\n');
    const iterator = run.stdout[Symbol.asyncIterator]();
    expect(String((await iterator.next()).value)).toBe('got one\n');
    run.stdin.write('two\n');
    expect(String((await iterator.next()).value)).toBe('got two\n');
    run.stdin.end();
    expect((await iterator.next()).done).toBe(true);
    expect(await run.exited).toBe(0);

    const stdin = createReadStream('/etc/services');
    await using count = await engine.containers.run({ Image: 'busybox', Cmd: ['md5sum'], HostConfig }, { stdin });
    expect((await count.output()).stdout).toMatch(/^[0-9a-f]{32} {2}-\n$/);
  });

  it('gives both outputs whole, whichever is read first', async () => {
    const script = 'head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2';
    await using run = await engine.containers.run({ Image: 'busybox', Cmd: ['sh', '-c', script], HostConfig });
    const lengthOf = async (stream: AsyncIterable<Buffer>) => {
      let length = 0;
      for await (const chunk of stream) length += chunk.length;
      return length;
    };
    expect(await lengthOf(run.stderr)).toBe(3_000_000);
    expect(await lengthOf(run.stdout)).toBe(3_000_000);
    expect(await run.exited).toBe(0);
  });

  it('attaches to a terminal, whose output is one stream', async () => {
    const Cmd = ['sh', '-c', 'tty; echo err >&2'];
    await using run = await engine.containers.run({ Image: 'busybox', Cmd, Tty: true, HostConfig });
    const { stdout, stderr } = await run.output();
    expect(stdout).toMatch(/^\/dev\/(pts\/0|console)\r\nerr\r\n$/);
    expect(stderr).toBe('');
  });

  it('tells how a start failed, and leaves nothing', async () => {
    const failure = engine.containers.run({ Image: 'busybox', Cmd: ['/no/such/program'], HostConfig });
    await expect(failure).rejects.toThrow(EngineError);
    await expect(failure).rejects.toMatchObject({ status: 400, message: expect.stringContaining('no such file') });
    expect(await engine.containers.list({ all: true })).toEqual([]);
  });

  it('removes by AutoRemove before the exit is told', async () => {
    const run = await engine.containers.run({
      Image: 'busybox',
      Cmd: ['false'],
      HostConfig: { ...HostConfig, AutoRemove: true },
    });
    expect(await run.exited).toBe(1);
    await expect(run.container.inspect()).rejects.toMatchObject({ status: 404, name: 'EngineError' });
  });

  it('executes in a container: output, input, exit code', async () => {
    await using run = await engine.containers.run({ Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig });
    const { container } = run;
    const failed = await container.exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    expect(await failed.output()).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
    const cat = await container.exec({ Cmd: ['sh', '-c', 'cat; echo over'], AttachStdin: true, Env: ['A=b'] });
    cat.stdin.end('typed ');
    expect(await cat.output()).toEqual({ exitCode: 0, stdout: 'typed over\n', stderr: '' });
    const detached = await container.execDetached(['touch', '/touched']);
    for (let asked = 0; (await detached.inspect()).Running && asked < 50; asked++) await sleep(20);
    expect((await detached.inspect()).ExitCode).toBe(0);
    expect(await container.changes()).toContainEqual({ Path: '/touched', Kind: 1 });
    expect((await container.top()).Processes.flat().join(' ')).toContain('sleep 1000');
  });

  it('reads logs as lines, with times, and follows them to the end', async () => {
    const script = 'echo one; echo two >&2; sleep 0.3; echo three';
    await using run = await engine.containers.run({ Image: 'busybox', Cmd: ['sh', '-c', script], HostConfig });
    const followed: LogLine[] = [];
    for await (const line of run.container.logs({ follow: true, timestamps: true })) followed.push(line);
    expect(followed.map(({ stream, text }) => `${stream}: ${text}`).sort()).toEqual([
      'stderr: two',
      'stdout: one',
      'stdout: three',
    ]);
    for (const { time } of followed) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    const errors: LogLine[] = [];
    for await (const line of run.container.logs({ stdout: false })) errors.push(line);
    expect(errors).toEqual([{ stream: 'stderr', text: 'two' }]);
    const Cmd = ['echo', '-n', 'no end of line'];
    await using short = await engine.containers.run({ Image: 'busybox', Cmd, HostConfig });
    await short.exited;
    const rest: LogLine[] = [];
    for await (const line of short.container.logs()) rest.push(line);
    expect(rest).toEqual([{ stream: 'stdout', text: 'no end of line' }]);
  });

  it('waits for a line of the log and for health, or says that there will be none', async () => {
    const Cmd = ['sh', '-c', 'echo early; sleep 0.2; echo ready on 80; exec sleep 1000'];
    const Healthcheck = { Test: ['CMD', 'true'], Interval: 100_000_000 };
    await using run = await engine.containers.run({ Image: 'busybox', Cmd, Healthcheck, HostConfig });
    expect((await run.container.waitForLine(/ready on (\d+)/)).text).toBe('ready on 80');
    expect((await run.container.waitForLine('early')).stream).toBe('stdout'); // it is there already
    await run.container.waitHealthy({ signal: AbortSignal.timeout(20_000) });
    await using short = await engine.containers.run({ Image: 'busybox', Cmd: ['true'], HostConfig });
    await expect(short.container.waitForLine('never')).rejects.toThrow('wrote no line with never');
    await short.exited;
    await expect(short.container.waitHealthy()).rejects.toThrow('is not running');
  });

  it('follows events, and misses none from the moment that they are open', async () => {
    const events = engine.system.events({ filters: { type: ['container'] } });
    await events.opened;
    await using run = await engine.containers.run({ Image: 'busybox', Cmd: ['true'], HostConfig });
    await run.exited;
    const seen: string[] = [];
    for await (const { Action, Actor } of events) {
      if (Actor.ID === run.id) seen.push(Action);
      if (Action === 'die') break;
    }
    expect(seen).toEqual(['create', 'attach', 'start', 'die']);
  });

  it('samples what a container uses', async () => {
    await using run = await engine.containers.run({ Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig });
    const samples: number[] = [];
    for await (const { pids_stats, id } of run.container.stats()) {
      expect(id).toBe(run.id);
      samples.push(pids_stats.current ?? 0);
      if (samples.length === 2) break;
    }
    expect(samples).toEqual([1, 1]);
    expect((await run.container.statsOnce()).memory_stats.usage).toBeGreaterThan(0);
  });

  it('copies files in and out as streams', async () => {
    await using run = await engine.containers.run({ Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig });
    const { container } = run;
    const { stat, tar } = await container.getArchive('/etc/passwd');
    expect(stat).toMatchObject({ name: 'passwd', linkTarget: '' });
    await container.putArchive('/tmp', tar);
    const sums = await container.exec(['md5sum', '/etc/passwd', '/tmp/passwd']);
    expect(new Set((await sums.output()).stdout.split('\n').map((line) => line.split(' ')[0])).size).toBe(2);
    expect((await container.statPath('/tmp/passwd')).size).toBe(stat.size);
    await expect(container.statPath('/nosuch')).rejects.toMatchObject({ status: 404 });
    await expect(container.putArchive('/nosuch', Buffer.alloc(1024))).rejects.toMatchObject({ status: 404 });
    let length = 0;
    for await (const chunk of await container.export()) length += (chunk as Buffer).length;
    expect(length).toBeGreaterThan(100_000);
  });

  it('waits with an AbortSignal that ends the waiting, the container goes on', async () => {
    await using run = await engine.containers.run({ Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig });
    const { container } = run;
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    const { signal } = abort;
    await expect(container.wait({ signal })).rejects.toMatchObject({ name: 'AbortError' });
    const logs = async () => {
      for await (const line of container.logs({ follow: true, signal: AbortSignal.timeout(100) }))
        expect(line).toBe('');
    };
    await expect(logs()).rejects.toMatchObject({ name: 'TimeoutError' });
    const detach = new AbortController();
    const session = await container.attach({ signal: detach.signal });
    setTimeout(() => detach.abort(), 100);
    await expect(session.text()).rejects.toMatchObject({ name: 'AbortError' });
    await expect(container.inspect({ signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect((await container.inspect()).State.Running).toBe(true);
  });

  it('pushes and pulls, shows the steps, and rejects when the registry has none', async () => {
    const image = `127.0.0.1:${registryPort}/team/box`;
    await engine.images.tag('busybox', { repo: image, tag: '1' });
    const { digest } = await engine.images.push(image, { tag: '1' });
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await engine.images.remove(`${image}:1`)).length).toBeGreaterThan(0);
    const steps: string[] = [];
    const pull = engine.images.pull(image, { tag: '1' });
    for await (const { status } of pull) steps.push(status ?? '');
    await pull;
    expect(steps.at(-1)).toContain(`${image}:1`);
    expect((await engine.system.inspectRemote(`${image}:1`)).Descriptor.digest).toBe(digest);
    await expect(engine.images.pull(`${image}:none`)).rejects.toThrow(EngineError);
    await engine.images.remove(`${image}:1`);
    // create pulls what is missing
    const container = await engine.containers.create({ Image: `${image}:1`, HostConfig });
    await container.remove();
    await expect(
      engine.containers.create({ Image: `${image}:none`, HostConfig }, { pull: 'never' }),
    ).rejects.toMatchObject({ status: 404 });
  });

  it('rejects when a stream of progress tells a failure at its end', async () => {
    const archive = Buffer.alloc(10_240, 'x');
    await expect(engine.images.load(archive)).rejects.toThrow(EngineError);
    await engine.images.tag('busybox', { repo: '127.0.0.1:1/nobody', tag: '1' });
    await expect(engine.images.push('127.0.0.1:1/nobody', { tag: '1' })).rejects.toThrow(/refused/i);
    const loop = async () => {
      for await (const step of engine.images.push('127.0.0.1:1/nobody', { tag: '1' })) expect(step).toBeDefined();
    };
    await expect(loop()).rejects.toThrow(/refused/i);
    await engine.images.remove('127.0.0.1:1/nobody:1');
  });

  it('saves, imports and commits images', async () => {
    const saved = await engine.images.save('busybox');
    expect(await engine.images.load(saved)).toEqual(['busybox:latest']);
    await using run = await engine.containers.run({ Image: 'busybox', Cmd: ['touch', '/made'], HostConfig });
    await run.exited;
    const id = await engine.images.import(await run.container.export(), { repo: 'imported', changes: ['CMD ls'] });
    expect((await engine.images.inspect(id)).Config.Cmd).toContain('ls');
    const committed = await run.container.commit({ repo: 'committed' });
    await using second = await engine.containers.run({ Image: committed, Cmd: ['ls', '/made'], HostConfig });
    expect((await second.output()).stdout).toBe('/made\n');
    await second.container.remove();
    await engine.images.remove('committed');
    await engine.images.remove('imported');
  });

  it('builds an image, and rejects when a step fails though the answer was 200', async () => {
    const context = `${daemon.directory}/context`;
    mkdirSync(context);
    writeFileSync(`${context}/file`, 'of the context\n');
    const dockerfile = 'FROM busybox\nARG word\nCOPY file /file\nRUN echo $word >> /file\nCMD cat /file\n';
    writeFileSync(`${context}/Dockerfile`, dockerfile);
    writeFileSync(`${context}/Failing`, 'FROM busybox\nRUN exit 7\n');
    const tar = () => spawn('tar', ['-C', context, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
    const options = { networkmode: 'none', rm: true, forcerm: true };
    const build = engine.images.build(tar(), { ...options, t: ['built:1'], buildargs: { word: 'said' } });
    let text = '';
    for await (const { stream = '' } of build) text += stream;
    expect(text).toContain('Step 1/5 : FROM busybox');
    expect((await engine.images.inspect(await build)).RepoTags).toEqual(['built:1']);
    await using run = await engine.containers.run({ Image: 'built:1', HostConfig });
    expect((await run.output()).stdout).toBe('of the context\nsaid\n');
    await run.container.remove();
    const failing = engine.images.build(tar(), { ...options, dockerfile: 'Failing' });
    await expect(failing).rejects.toThrow(/returned a non-zero code: 7/);
    await expect(failing).rejects.toMatchObject({ name: 'EngineError', status: undefined });
    await engine.images.remove('built:1');
    await engine.images.prune();
  });

  it('makes networks and volumes, and takes them away', async () => {
    expect((await engine.networks.list()).map(({ Name }) => Name)).toContain('none');
    expect((await engine.networks.inspect('none')).Driver).toBe('null');
    const { Name, Mountpoint } = await engine.volumes.create({ Labels: { mine: 'yes' } });
    expect((await engine.volumes.list({ filters: { label: ['mine=yes'] } })).map((volume) => volume.Name)).toEqual([
      Name,
    ]);
    expect(Mountpoint).toContain(Name);
    await engine.volumes.remove(Name);
    await expect(engine.volumes.inspect(Name)).rejects.toMatchObject({ status: 404 });
  });

  it('pauses, renames, updates, stops: a container’s life by its handle', async () => {
    const container = await engine.containers.create(
      { Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig },
      { name: 'before' },
    );
    const { exited } = await container.watchExit();
    await container.start();
    await container.start(); // it runs already
    await container.pause();
    expect((await container.inspect()).State.Status).toBe('paused');
    await container.unpause();
    await container.rename('after');
    expect((await engine.containers.get('after').inspect()).Id).toBe(container.id);
    await container.update({ PidsLimit: 100 });
    await container.restart({ t: 0 });
    await container.kill();
    expect(await exited).toBe(137);
    await container.stop(); // it has ended already
    expect(await container.wait()).toBe(137);
    await container.remove();
    await expect(container.remove()).rejects.toMatchObject({ status: 404 });
  });

  it('agrees on the API’s version, and tells what it talks to', async () => {
    const { apiVersion } = await engine.system.ping();
    const spoken = await engine.calls.connection.apiVersion();
    expect(spoken).toBe(name === 'dockerd' ? apiVersion : '1.51');
    expect((await engine.system.version()).ApiVersion).toBe(apiVersion);
    expect((await engine.system.info()).OSType).toBe('linux');
    expect((await engine.system.diskUsage()).Images?.length).toBeGreaterThan(0);
    const old = connect({ host: engine.host, apiVersion: '1.24' });
    expect((await old.containers.list()).length).toBe(0);
    old.close();
  });
});

describe('where nobody answers', () => {
  it('says so', async () => {
    const nobody = connect({ host: 'unix:///tmp/tsc-nobody.sock' });
    await expect(nobody.system.ping()).rejects.toThrow(ConnectionError);
    await expect(nobody.system.ping()).rejects.toMatchObject({ cause: { code: 'ENOENT' } });
    await expect(nobody.images.pull('busybox')).rejects.toThrow(ConnectionError);
    const loop = async () => {
      for await (const event of nobody.system.events()) expect(event).toBeUndefined();
    };
    await expect(loop()).rejects.toThrow(ConnectionError);
  });
});
