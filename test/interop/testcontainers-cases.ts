// What users of npm's testcontainers write, a case each, against the daemon that DOCKER_HOST names. Ryuk's image cannot be had without a network: TESTCONTAINERS_RYUK_DISABLED.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { GenericContainer, getContainerRuntimeClient, Network, PullPolicy, Wait } from 'testcontainers';
import { tarOf } from '../harness/tar-of.ts';
import { runCases } from './client-cases.ts';

const image = 'busybox:latest';
const registry = process.env['TEST_REGISTRY'] ?? '';
const web = 'while true; do printf "HTTP/1.0 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello" | nc -l -p 8080; done';

const sleeping = () => new GenericContainer(image).withCommand(['sleep', '1000']);
const serving = () => new GenericContainer(image).withCommand(['sh', '-c', web]).withExposedPorts(8080);

async function inside(container: { exec(command: string[]): Promise<{ output: string }> }, script: string) {
  return (await container.exec(['sh', '-c', script])).output.trim();
}

async function inspected(id: string) {
  return (await getContainerRuntimeClient()).container.getById(id).inspect();
}

await runCases({
  'ports: a random host port, answered': async () => {
    await using container = await serving().withWaitStrategy(Wait.forListeningPorts()).start();
    const answer = await fetch(`http://${container.getHost()}:${container.getMappedPort(8080)}/`);
    assert.equal(await answer.text(), 'hello');
    assert.equal(container.getFirstMappedPort(), container.getMappedPort(8080));
  },
  'ports: a host port of the user': async () => {
    await using container = await new GenericContainer(image)
      .withCommand(['sh', '-c', web])
      .withExposedPorts({ container: 8080, host: 18080 })
      .start();
    assert.equal(container.getMappedPort(8080), 18080);
  },
  'ports: udp': async () => {
    await using container = await new GenericContainer(image)
      .withCommand(['sh', '-c', 'echo listening; sleep 1000'])
      .withExposedPorts('5005/udp')
      .withWaitStrategy(Wait.forLogMessage('listening'))
      .start();
    assert.ok(container.getMappedPort('5005/udp') > 0);
  },
  'wait: http': async () => {
    await using _ = await serving()
      .withWaitStrategy(
        Wait.forHttp('/', 8080)
          .forStatusCode(200)
          .forResponsePredicate((body) => body === 'hello'),
      )
      .start();
  },
  'wait: a log line, several times': async () => {
    await using _ = await new GenericContainer(image)
      .withCommand(['sh', '-c', 'for i in 1 2 3; do echo ready; sleep 0.1; done; sleep 1000'])
      .withWaitStrategy(Wait.forLogMessage(/ready/, 3))
      .start();
  },
  'wait: a log line that does not come fails the start': async () => {
    const start = sleeping().withWaitStrategy(Wait.forLogMessage('never')).withStartupTimeout(800).start();
    await assert.rejects(start, /not received after 800ms/);
  },
  'wait: health check': async () => {
    await using container = await sleeping()
      .withHealthCheck({ test: ['CMD-SHELL', 'test -e /bin/sh'], interval: 200, timeout: 1000, retries: 3 })
      .withWaitStrategy(Wait.forHealthCheck())
      .start();
    assert.equal((await inspected(container.getId())).State.Health?.Status, 'healthy');
  },
  'wait: an unhealthy container fails the start': async () => {
    const start = sleeping()
      .withHealthCheck({ test: ['CMD-SHELL', 'exit 1'], interval: 100, timeout: 1000, retries: 1 })
      .withWaitStrategy(Wait.forHealthCheck())
      .start();
    await assert.rejects(start, /Health check failed: unhealthy/);
  },
  'wait: one shot': async () => {
    await using _ = await new GenericContainer(image)
      .withCommand(['true'])
      .withWaitStrategy(Wait.forOneShotStartup())
      .start();
    await assert.rejects(
      new GenericContainer(image).withCommand(['false']).withWaitStrategy(Wait.forOneShotStartup()).start(),
    );
  },
  'wait: a command that succeeds, and all of several': async () => {
    await using _ = await new GenericContainer(image)
      .withCommand(['sh', '-c', 'sleep 0.3; touch /done; echo said; sleep 1000'])
      .withWaitStrategy(Wait.forAll([Wait.forSuccessfulCommand('test -e /done'), Wait.forLogMessage('said')]))
      .start();
  },

  'exec: exit code, streams, directory, environment, user': async () => {
    await using container = await sleeping().start();
    const options = { workingDir: '/tmp', env: { WHO: 'me' }, user: 'app' };
    const result = await container.exec(['sh', '-c', 'pwd; echo $WHO; whoami; echo bad >&2; exit 5'], options);
    assert.equal(result.exitCode, 5);
    assert.equal(result.stdout, '/tmp\nme\napp\n');
    assert.equal(result.stderr, 'bad\n');
  },
  'environment, command, entrypoint, working directory, user, hostname, labels, name': async () => {
    await using container = await new GenericContainer(image)
      .withEnvironment({ KEY: 'value' })
      .withEntrypoint(['sh', '-c'])
      .withCommand(['echo $KEY $(pwd) $(id -u) $(hostname); sleep 1000'])
      .withWorkingDir('/tmp')
      .withUser('1000')
      .withHostname('named')
      .withLabels({ one: 'two' })
      .withName('special')
      .withWaitStrategy(Wait.forLogMessage('value /tmp 1000 named'))
      .start();
    assert.equal(container.getName(), '/special');
    assert.equal(container.getLabels()['one'], 'two');
    assert.equal(container.getHostname(), 'named');
  },
  'mounts: bind, tmpfs': async () => {
    const directory = mkdtempSync('/tmp/tsc-bound-');
    try {
      writeFileSync(join(directory, 'file'), 'bound');
      await using container = await sleeping()
        .withBindMounts([{ source: join(directory, 'file'), target: '/bound', mode: 'ro' }])
        .withTmpFs({ '/memory': 'rw,noexec,nosuid,size=65536k' })
        .start();
      assert.equal(await inside(container, 'cat /bound'), 'bound');
      assert.match(await inside(container, 'grep " /memory " /proc/mounts'), /noexec.*size=65536k/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  'limits: ulimits, quota, shared memory': async () => {
    await using container = await sleeping()
      .withUlimits({ nofile: { soft: 512, hard: 1024 } })
      .withResourcesQuota({ memory: 0.0625, cpu: 0.5 })
      .withSharedMemorySize(16 * 1024 * 1024)
      .start();
    assert.equal(await inside(container, 'ulimit -n'), '512');
    assert.match(await inside(container, 'df -k /dev/shm | tail -n 1'), / 16384 /);
    const { HostConfig } = await inspected(container.getId());
    assert.deepEqual([HostConfig.Memory, HostConfig.NanoCpus], [0.0625 * 1024 ** 3, 5e8]);
  },
  'rights: capabilities, security options, ipc mode': async () => {
    await using container = await sleeping()
      .withAddedCapabilities('IPC_LOCK')
      .withDroppedCapabilities('CHOWN')
      .withSecurityOpt('no-new-privileges')
      .withIpcMode('host')
      .start();
    assert.equal(await inside(container, "awk '/^NoNewPrivs:/ { print $2 }' /proc/1/status"), '1');
    const bounding = BigInt(`0x${await inside(container, "awk '/^CapBnd:/ { print $2 }' /proc/1/status")}`);
    assert.deepEqual([(bounding >> 14n) & 1n, bounding & 1n], [1n, 0n]);
  },
  'copies: files, contents, directories, archives, before and after the start, and back': async () => {
    const directory = mkdtempSync('/tmp/tsc-copied-');
    try {
      writeFileSync(join(directory, 'file'), 'copied');
      await using container = await sleeping()
        .withCopyFilesToContainer([{ source: join(directory, 'file'), target: '/f', mode: 0o751 }])
        .withCopyContentToContainer([{ content: 'written', target: '/c' }])
        .withCopyDirectoriesToContainer([{ source: directory, target: '/d' }])
        .start();
      assert.equal(await inside(container, 'cat /f /c /d/file; stat -c %a /f'), 'copiedwrittencopied751');
      await container.copyContentToContainer([{ content: 'late', target: '/late' }]);
      await container.copyFilesToContainer([{ source: join(directory, 'file'), target: '/late2' }]);
      assert.equal(await inside(container, 'cat /late /late2'), 'latecopied');
      const archive = (await container.copyArchiveFromContainer('/late')) as Readable;
      assert.ok((await text(archive)).includes('late'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  'logs: a consumer, tail, since': async () => {
    const lines: string[] = [];
    await using container = await new GenericContainer(image)
      .withCommand(['sh', '-c', 'echo first; echo second >&2; sleep 0.3; echo third; sleep 1000'])
      .withLogConsumer((stream) => stream.on('data', (line: string | Buffer) => lines.push(String(line).trim())))
      .withWaitStrategy(Wait.forLogMessage('third'))
      .start();
    const stream = await container.logs({ tail: 1 });
    const line = await new Promise<string>((resolve) => stream.once('data', (data) => resolve(String(data).trim())));
    stream.destroy();
    assert.equal(line, 'third');
    assert.ok(lines.includes('first') && lines.includes('second'));
  },
  'networks: aliases, addresses, two containers': async () => {
    await using network = await new Network().start();
    await using server = await serving().withNetwork(network).withNetworkAliases('web').start();
    await using client = await sleeping().withNetwork(network).start();
    assert.equal(await inside(client, 'wget -q -O - http://web:8080/'), 'hello');
    assert.equal(server.getNetworkId(network.getName()), network.getId());
    assert.match(server.getIpAddress(network.getName()), /^\d+(\.\d+){3}$/);
    assert.ok(server.getNetworkNames().includes(network.getName()));
  },
  'network mode and extra hosts': async () => {
    await using container = await sleeping()
      .withExtraHosts([{ host: 'far', ipAddress: '10.1.2.3' }])
      .start();
    assert.match(await inside(container, 'cat /etc/hosts'), /10\.1\.2\.3\s+far/);
    await using alone = await sleeping().withNetworkMode('none').start();
    assert.deepEqual(alone.getNetworkNames(), ['none']);
  },
  'restart keeps the ports answered': async () => {
    await using container = await serving().withWaitStrategy(Wait.forListeningPorts()).start();
    await inside(container, 'echo kept > /kept');
    await container.restart();
    assert.equal(await inside(container, 'cat /kept'), 'kept');
    const answer = await fetch(`http://${container.getHost()}:${container.getMappedPort(8080)}/`);
    assert.equal(await answer.text(), 'hello');
  },
  'stop: removed, kept, repeated': async () => {
    const gone = await sleeping().start();
    await gone.stop({ timeout: 0 });
    await gone.stop();
    await assert.rejects(inspected(gone.getId()), { statusCode: 404 });
    const kept = await sleeping().withAutoRemove(false).start();
    const stopped = await kept.stop({ remove: false, timeout: 0 });
    assert.equal((await inspected(kept.getId())).State.Status, 'exited');
    assert.ok((await text((await stopped.copyArchiveFromContainer('/etc/passwd')) as Readable)).includes('root'));
    await (await getContainerRuntimeClient()).container.getById(kept.getId()).remove();
  },
  'reuse: the same container again': async () => {
    const reusable = () => sleeping().withName('reused').withReuse().start();
    const first = await reusable();
    const second = await reusable();
    assert.equal(second.getId(), first.getId());
    await first.stop({ timeout: 0 });
  },
  commit: async () => {
    await using container = await sleeping().start();
    await inside(container, 'echo kept > /kept');
    const id = await container.commit({ repo: 'committed', tag: 'v1', changes: ['ENV A=b'] });
    await using again = await new GenericContainer('committed:v1').withCommand(['sleep', '1000']).start();
    assert.equal(await inside(again, 'cat /kept; echo $A'), 'kept\nb');
    assert.match(id, /^sha256:/);
  },
  'pull: always, from a registry': async () => {
    await using container = await new GenericContainer(`${registry}/tc:v1`)
      .withPullPolicy(PullPolicy.alwaysPull())
      .withCommand(['sleep', '1000'])
      .start();
    assert.equal(await inside(container, 'echo here'), 'here');
  },
  'pull: an image that is not there': async () => {
    await assert.rejects(new GenericContainer(`${registry}/nosuch:v1`).start());
  },
  'build: a Dockerfile with arguments, a target and .dockerignore': async () => {
    const context = mkdtempSync('/tmp/tsc-build-');
    try {
      const lines = [
        'ARG BASE=nosuch',
        `FROM ${image} AS first`,
        'ARG WORD=none',
        'COPY . /all',
        'RUN echo $WORD > /word',
        'CMD ["sleep", "1000"]',
        'FROM first AS second',
        'RUN touch /second',
      ];
      writeFileSync(join(context, 'Dockerfile'), `${lines.slice(1).join('\n')}\n`);
      writeFileSync(join(context, '.dockerignore'), 'secret\n');
      for (const name of ['secret', 'open']) writeFileSync(join(context, name), name);
      const built = await GenericContainer.fromDockerfile(context)
        .withBuildArgs({ WORD: 'given' })
        .withTarget('first')
        .build();
      await using container = await built.start();
      assert.equal(await inside(container, 'cat /word; ls /all; ls /second 2>/dev/null'), 'given\nDockerfile\nopen');
    } finally {
      rmSync(context, { recursive: true });
    }
  },
  'archives put into a stopped container': async () => {
    const { Readable: Source } = await import('node:stream');
    await using container = await sleeping()
      .withCopyArchivesToContainer([{ tar: Source.from(tarOf({ 'from/tar': 'packed' })), target: '/' }])
      .start();
    assert.equal(await inside(container, 'cat /from/tar'), 'packed');
  },
});
