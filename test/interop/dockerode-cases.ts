// One case for each operation of npm's dockerode, against the daemon that DOCKER_HOST names; `busybox` and a registry are there.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import Docker from 'dockerode';
import { tarOf } from '../harness/tar-of.ts';
import { runCases } from './client-cases.ts';

const docker = new Docker();
const image = 'busybox';
/** A registry on this loopback: `host:port`. */
const registry = process.env['TEST_REGISTRY'] ?? '';
const sleeper = { Image: image, Cmd: ['sleep', '1000'] };

/** Collects what a multiplexed stream carries until it ends. */
async function demuxed(stream: NodeJS.ReadableStream): Promise<{ stdout: string; stderr: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => {
    out.end();
    err.end();
  });
  stream.on('close', () => {
    out.end();
    err.end();
  });
  const [stdout, stderr] = await Promise.all([text(out), text(err)]);
  return { stdout, stderr };
}

function followed(stream: NodeJS.ReadableStream): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) =>
    docker.modem.followProgress(stream, (error: Error | null, output: Record<string, unknown>[]) =>
      error ? reject(error) : resolve(output),
    ),
  );
}

/** A running container for the time of `work`. */
async function running(
  work: (container: Docker.Container) => Promise<void>,
  options: Docker.ContainerCreateOptions = {},
): Promise<void> {
  const container = await docker.createContainer({ ...sleeper, ...options });
  try {
    await container.start();
    await work(container);
  } finally {
    await container.remove({ force: true, v: true });
  }
}

async function refusal(work: Promise<unknown>): Promise<number> {
  const error = await work.then(
    () => undefined,
    (failure: { statusCode?: number }) => failure,
  );
  assert.ok(error !== undefined, 'was not refused');
  return error.statusCode ?? 0;
}

await runCases({
  'docker.ping': async () => assert.equal(String(await docker.ping()), 'OK'),
  'docker.version': async () => {
    const version = await docker.version();
    assert.equal(version.Os, 'linux');
    assert.match(version.ApiVersion, /^1\.\d+$/);
  },
  'docker.info': async () => {
    const info = await docker.info();
    assert.equal(info.OSType, 'linux');
    assert.ok(info.NCPU > 0 && info.MemTotal > 0);
  },
  'docker.df': async () => assert.ok(Array.isArray((await docker.df()).Images)),
  'docker.checkAuth: nobody there': async () => {
    assert.ok((await refusal(docker.checkAuth({ username: 'a', password: 'b', serveraddress: '127.0.0.1:1' }))) >= 400);
  },
  'docker.searchImages: no network': async () => {
    assert.ok((await refusal(docker.searchImages({ term: 'busybox' }))) >= 400);
  },

  'docker.createContainer, container.inspect, remove': async () => {
    const container = await docker.createContainer({ ...sleeper, name: 'made', Labels: { a: 'b' } });
    const details = await container.inspect();
    assert.equal(details.Name, '/made');
    assert.equal(details.Config.Labels['a'], 'b');
    assert.equal(details.State.Status, 'created');
    await container.remove();
    assert.equal(await refusal(container.inspect()), 404);
  },
  'docker.createContainer: no such image': async () => {
    assert.equal(await refusal(docker.createContainer({ Image: 'nosuch:image', Cmd: ['true'] })), 404);
  },
  'docker.createContainer: a taken name': async () => {
    const container = await docker.createContainer({ ...sleeper, name: 'taken' });
    assert.equal(await refusal(docker.createContainer({ ...sleeper, name: 'taken' })), 409);
    await container.remove();
  },
  'docker.listContainers': async () =>
    running(
      async (container) => {
        const byLabel = await docker.listContainers({ all: true, filters: { label: ['tier=db'] } });
        assert.deepEqual(
          byLabel.map(({ Id }) => Id),
          [container.id],
        );
        assert.equal(byLabel[0]?.State, 'running');
        const none = await docker.listContainers({ filters: JSON.stringify({ label: ['tier=web'] }) });
        assert.deepEqual(none, []);
      },
      { Labels: { tier: 'db' } },
    ),
  'container.start and stop, twice': async () => {
    const container = await docker.createContainer({ ...sleeper, StopSignal: 'SIGKILL' });
    await container.start();
    assert.equal(await refusal(container.start()), 304);
    await container.stop({ t: 1 });
    assert.equal(await refusal(container.stop()), 304);
    await container.remove();
  },
  'container.restart': async () =>
    running(async (container) => {
      const before = (await container.inspect()).State.Pid;
      await container.restart({ t: 0 });
      const after = (await container.inspect()).State;
      assert.ok(after.Running && after.Pid !== before);
    }),
  'container.pause, unpause': async () =>
    running(async (container) => {
      await container.pause();
      assert.equal((await container.inspect()).State.Status, 'paused');
      await container.unpause();
      assert.equal((await container.inspect()).State.Status, 'running');
    }),
  'container.kill, wait': async () =>
    running(async (container) => {
      const waited = container.wait();
      await container.kill({ signal: 'SIGKILL' });
      assert.equal((await waited).StatusCode, 137);
      assert.equal(await refusal(container.kill()), 409);
    }),
  'container.wait: next-exit before the start': async () => {
    const container = await docker.createContainer({ Image: image, Cmd: ['sh', '-c', 'exit 7'] });
    const waited = container.wait({ condition: 'next-exit' });
    await pause(100);
    await container.start();
    assert.equal((await waited).StatusCode, 7);
    await container.remove();
  },
  'container.wait: aborted': async () =>
    running(async (container) => {
      const abort = new AbortController();
      const waited = container.wait({ abortSignal: abort.signal });
      await pause(100);
      abort.abort();
      await assert.rejects(waited, { code: 'ABORT_ERR' });
    }),
  'container.wait: removed': async () => {
    const container = await docker.createContainer({
      Image: image,
      Cmd: ['true'],
      HostConfig: { AutoRemove: true },
    });
    const waited = container.wait({ condition: 'removed' });
    await pause(100);
    await container.start();
    assert.equal((await waited).StatusCode, 0);
    assert.equal(await refusal(container.inspect()), 404);
  },
  'container.rename': async () =>
    running(async (container) => {
      await container.rename({ name: 'renamed' });
      assert.equal((await container.inspect()).Name, '/renamed');
    }),
  'container.update': async () =>
    running(async (container) => {
      await container.update({ CpuShares: 512, Memory: 64 * 1024 * 1024, MemorySwap: -1 });
      const { HostConfig } = await container.inspect();
      assert.deepEqual([HostConfig.CpuShares, HostConfig.Memory], [512, 64 * 1024 * 1024]);
    }),
  'container.top': async () =>
    running(async (container) => {
      const { Titles, Processes } = await container.top();
      assert.ok(Titles.includes('PID'));
      assert.equal(Processes.length, 1);
      assert.ok(((await container.top({ ps_args: 'aux' })).Titles as string[]).includes('USER'));
    }),
  'container.changes': async () =>
    running(
      async (container) => {
        await pause(300);
        const changes = (await container.changes()) as { Path: string; Kind: number }[];
        assert.ok(changes.some(({ Path, Kind }) => Path === '/made' && Kind === 1));
      },
      { Cmd: ['sh', '-c', 'echo x > /made; sleep 1000'] },
    ),
  'container.stats: one shot': async () =>
    running(async (container) => {
      const stats = await container.stats({ stream: false });
      assert.ok(stats.memory_stats.usage > 0);
      assert.ok(stats.cpu_stats.cpu_usage.total_usage > 0);
    }),
  'container.stats: stream': async () =>
    running(async (container) => {
      const stream = await container.stats({ stream: true });
      const [chunk] = (await once(stream, 'data')) as [Buffer];
      assert.equal(JSON.parse(chunk.toString()).id, container.id);
      (stream as Readable).destroy();
    }),
  'container.logs: at once and followed': async () => {
    const container = await docker.createContainer({
      Image: image,
      Cmd: ['sh', '-c', 'echo one; echo two >&2; sleep 0.5; echo three'],
    });
    await container.start();
    const stream = await container.logs({ follow: true, stdout: true, stderr: true });
    assert.deepEqual(await demuxed(stream), { stdout: 'one\nthree\n', stderr: 'two\n' });
    const bytes = await container.logs({ follow: false, stdout: true, stderr: true, tail: 1, timestamps: true });
    assert.match(bytes.subarray(8).toString(), /^\d{4}-\d\d-\d\dT[\d:.]+Z three\n$/);
    await container.remove();
  },
  'container.attach: output': async () => {
    const container = await docker.createContainer({ Image: image, Cmd: ['sh', '-c', 'echo out; echo err >&2'] });
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    const collected = demuxed(stream);
    await container.start();
    assert.deepEqual(await collected, { stdout: 'out\n', stderr: 'err\n' });
    await container.remove();
  },
  'container.attach: hijacked, stdin half-closed': async () => {
    const container = await docker.createContainer({ Image: image, Cmd: ['cat'], OpenStdin: true, StdinOnce: true });
    const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
    const collected = demuxed(stream);
    await container.start();
    stream.end('all of it\n');
    assert.deepEqual(await collected, { stdout: 'all of it\n', stderr: '' });
    assert.equal((await container.wait()).StatusCode, 0);
    await container.remove();
  },
  'container.attach: terminal': async () => {
    const container = await docker.createContainer({
      Image: image,
      Cmd: ['sh', '-c', 'read line; echo "got $line"'],
      OpenStdin: true,
      Tty: true,
    });
    const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
    const collected = text(stream as unknown as Readable);
    await container.start();
    await container.resize({ h: 30, w: 100 });
    stream.write('words\n');
    assert.match(await collected, /got words\r\n$/);
    await container.remove({ force: true });
  },
  'container.exec, exec.start, inspect': async () =>
    running(async (container) => {
      const exec = await container.exec({
        Cmd: ['sh', '-c', 'echo $WHO; pwd; id -u; exit 3'],
        Env: ['WHO=me'],
        WorkingDir: '/tmp',
        User: '1000',
        AttachStdout: true,
        AttachStderr: true,
      });
      assert.deepEqual(await demuxed(await exec.start({})), { stdout: 'me\n/tmp\n1000\n', stderr: '' });
      const { ExitCode, Running } = await exec.inspect();
      assert.deepEqual([ExitCode, Running], [3, false]);
    }),
  'exec.start: hijacked stdin': async () =>
    running(async (container) => {
      const exec = await container.exec({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true });
      const stream = await exec.start({ hijack: true, stdin: true });
      const collected = demuxed(stream);
      stream.end('echo\nall\nof\nme\n');
      assert.equal((await collected).stdout, 'echo\nall\nof\nme\n');
    }),
  'exec.start: detached; exec.resize': async () =>
    running(async (container) => {
      const exec = await container.exec({ Cmd: ['touch', '/there'] });
      await exec.start({ Detach: true });
      const terminal = await container.exec({ Cmd: ['sleep', '2'], Tty: true, AttachStdout: true, AttachStdin: true });
      const stream = await terminal.start({ hijack: true, stdin: true, Tty: true });
      await terminal.resize({ h: 20, w: 60 });
      stream.destroy();
      await container.infoArchive({ path: '/there' });
    }),
  'container.putArchive, infoArchive, getArchive': async () =>
    running(async (container) => {
      await container.putArchive(tarOf({ 'in/file': 'content' }), { path: '/root' });
      const info = (await container.infoArchive({ path: '/root/in/file' })) as unknown as {
        headers?: Record<string, string>;
      };
      assert.ok(info !== undefined);
      const bytes = await text((await container.getArchive({ path: '/root/in' })) as Readable);
      assert.ok(bytes.includes('in/file') && bytes.includes('content'));
      assert.equal(await refusal(container.getArchive({ path: '/nosuch' })), 404);
    }),
  'container.export, docker.importImage': async () =>
    running(async (container) => {
      const stream = await docker.importImage((await container.export()) as never, { repo: 'flat', tag: 'one' });
      await followed(stream as NodeJS.ReadableStream);
      await docker.getImage('flat:one').remove();
    }),
  'container.commit': async () =>
    running(async (container) => {
      await container.commit({ repo: 'kept', tag: 'now', comment: 'c', changes: 'ENV KEPT=yes' });
      const details = await docker.getImage('kept:now').inspect();
      assert.ok(details.Config.Env.includes('KEPT=yes'));
      await docker.getImage('kept:now').remove();
    }),
  'docker.run': async () => {
    const output = new PassThrough();
    const collected = text(output);
    const [result, container] = await docker.run(image, ['sh', '-c', 'echo ran; exit 4'], output, { Tty: false });
    output.end();
    assert.equal(result.StatusCode, 4);
    assert.ok((await collected).includes('ran'));
    await container.remove();
  },
  'docker.run: its events': async () => {
    const hub = docker.run(image, ['echo', 'told'], new PassThrough().resume(), () => undefined);
    const [container] = (await once(hub, 'container')) as [Docker.Container];
    const [data] = (await once(hub, 'data')) as [{ StatusCode: number }];
    assert.equal(data.StatusCode, 0);
    await container.remove();
  },
  'docker.pruneContainers': async () => {
    const container = await docker.createContainer({ ...sleeper, Labels: { prune: 'me' } });
    const pruned = await docker.pruneContainers({ filters: { label: ['prune=me'] } });
    assert.deepEqual(pruned.ContainersDeleted, [container.id]);
  },

  'docker.listImages': async () => {
    const images = await docker.listImages({ filters: { reference: ['busybox'] } });
    assert.deepEqual(images[0]?.RepoTags, ['busybox:latest']);
    assert.ok((await docker.listImages({ all: true })).length >= 1);
  },
  'image.inspect, history': async () => {
    const busybox = docker.getImage(image);
    assert.equal((await busybox.inspect()).Os, 'linux');
    assert.equal((await busybox.history()).length, 1);
    assert.equal(await refusal(docker.getImage('nosuch').inspect()), 404);
  },
  'image.tag, push; docker.pull, image.distribution, remove': async () => {
    const reference = `${registry}/pushed:v1`;
    await docker.getImage(image).tag({ repo: `${registry}/pushed`, tag: 'v1' });
    const authconfig = { username: '', password: '', serveraddress: registry };
    const pushed = await followed(await docker.getImage(reference).push({ authconfig }));
    assert.ok(pushed.some(({ aux }) => aux !== undefined));
    await docker.getImage(reference).remove();
    const pulled = await followed(await docker.pull(reference));
    assert.match(String(pulled.at(-1)?.['status']), /^Status: /);
    const distribution = await docker.getImage(reference).distribution();
    assert.match(distribution.Descriptor.digest, /^sha256:/);
    await docker.getImage(reference).remove();
  },
  'docker.createImage: not there': async () => {
    const status = await refusal(
      docker.createImage({ fromImage: `${registry}/nosuch`, tag: 'v1' }).then((stream) => followed(stream)),
    );
    assert.ok(status === 404 || status === 0);
  },
  'image.get, docker.loadImage': async () => {
    await docker.getImage(image).tag({ repo: 'saved', tag: 'v1' });
    const chunks: Buffer[] = [];
    for await (const chunk of await docker.getImage('saved:v1').get()) chunks.push(chunk as Buffer);
    await docker.getImage('saved:v1').remove();
    const answer = await text((await docker.loadImage(Buffer.concat(chunks) as never, { quiet: true })) as Readable);
    assert.match(answer, /Loaded image: saved:v1/);
    await docker.getImage('saved:v1').remove();
  },
  'image.get, container.export: abandoned half-way': async () => {
    const abandon = async (stream: NodeJS.ReadableStream) => {
      await once(stream, 'readable');
      (stream as Readable).destroy();
    };
    await abandon(await docker.getImage(image).get());
    await running(async (container) => abandon(await container.export()));
    await pause(200);
    assert.equal(String(await docker.ping()), 'OK');
  },
  'docker.buildImage': async () => {
    const context = tarOf({
      Dockerfile: `FROM ${image}\nCOPY file /file\nRUN cat /file > /copy\nENV A=b\n`,
      file: 'x',
    });
    const lines = await followed(await docker.buildImage(context as never, { t: 'built:v1' }));
    assert.ok(lines.some(({ stream }) => String(stream).includes('Successfully built')));
    assert.ok((await docker.getImage('built:v1').inspect()).Config.Env.includes('A=b'));
    await docker.getImage('built:v1').remove();
  },
  'docker.pruneImages': async () =>
    assert.ok('SpaceReclaimed' in (await docker.pruneImages({ filters: { label: ['none'] } }))),

  'docker.createVolume, listVolumes, volume.inspect, remove': async () => {
    await docker.createVolume({ Name: 'tardis', Labels: { in: 'side' } });
    assert.equal((await docker.getVolume('tardis').inspect()).Labels['in'], 'side');
    const { Volumes } = await docker.listVolumes({ filters: JSON.stringify({ name: ['tardis'] }) });
    assert.equal(Volumes.length, 1);
    await docker.getVolume('tardis').remove();
    assert.equal(await refusal(docker.getVolume('tardis').inspect()), 404);
  },
  'docker.pruneVolumes': async () => {
    await docker.createVolume({ Name: 'gone', Labels: { prune: 'me' } });
    const filters = JSON.stringify({ label: { 'prune=me': true }, all: { true: true } });
    // 20.10 knows no `all`, and takes named ones without it
    const pruned = await docker
      .pruneVolumes({ filters })
      .catch(() => docker.pruneVolumes({ filters: JSON.stringify({ label: ['prune=me'] }) }));
    assert.deepEqual(pruned.VolumesDeleted, ['gone']);
  },
  'docker.createNetwork, network.connect, inspect, disconnect, remove': async () => {
    const network = await docker.createNetwork({
      Name: 'apart',
      Driver: 'bridge',
      IPAM: { Config: [{ Subnet: '172.20.0.0/16', IPRange: '172.20.10.0/24', Gateway: '172.20.10.11' }] },
    } as never);
    await running(async (container) => {
      await network.connect({ Container: container.id, EndpointConfig: { Aliases: ['known'] } });
      const details = await network.inspect();
      assert.match(details.Containers?.[container.id]?.IPv4Address ?? '', /^172\.20\.10\.\d+\/16$/);
      assert.equal((await docker.listNetworks({ filters: { name: ['apart'] } })).length, 1);
      await network.disconnect({ Container: container.id, Force: true });
      assert.deepEqual((await network.inspect()).Containers, {});
    });
    await network.remove();
    assert.equal(await refusal(network.inspect()), 404);
  },
  'docker.pruneNetworks': async () => {
    await docker.createNetwork({ Name: 'unused', Labels: { prune: 'me' } });
    const pruned = await docker.pruneNetworks({ filters: JSON.stringify({ label: ['prune=me'] }) } as object);
    assert.deepEqual(pruned.NetworksDeleted, ['unused']);
  },
  'docker.getEvents': async () => {
    const since = Math.floor(Date.now() / 1000) - 1;
    await running(async () => undefined, { Labels: { heard: 'yes' } });
    const until = Math.floor(Date.now() / 1000) + 1;
    const filters = { label: ['heard=yes'] };
    const stream = (await docker.getEvents({ since, until, filters })) as Readable;
    const actions = (await text(stream))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).Action);
    assert.deepEqual([...new Set(actions)], ['create', 'start', 'kill', 'die', 'destroy']);
  },

  'docker.listPlugins': async () => assert.deepEqual(await docker.listPlugins({}), []),
  'plugin.privileges: not there': async () => {
    assert.ok((await refusal(docker.getPlugin('nosuch', '').inspect())) >= 400);
  },
  'docker.listServices: no swarm': async () => assert.equal(await refusal(docker.listServices()), 503),
  'docker.listNodes: no swarm': async () => assert.equal(await refusal(docker.listNodes()), 503),
  'docker.listTasks: no swarm': async () => assert.equal(await refusal(docker.listTasks()), 503),
  'docker.listSecrets: no swarm': async () => assert.equal(await refusal(docker.listSecrets()), 503),
  'docker.listConfigs: no swarm': async () => assert.equal(await refusal(docker.listConfigs()), 503),
  'docker.swarmInspect: no swarm': async () => assert.equal(await refusal(docker.swarmInspect()), 503),
});
