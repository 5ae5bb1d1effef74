// Containers that restart by their labels, and logging programs behind `binary://`: the daemon's own work, at the gRPC level.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import type { TaskClient } from '../harness/task-client.ts';

const containers = loadService(
  'containerd/services/containers/v1/containers.proto',
  'containerd.services.containers.v1.Containers',
);
const label = (name: string) => `containerd.io/restart.${name}`;

const daemon = new LifecycleDaemon({
  config: '[plugins."io.containerd.internal.v1.restart"]\ninterval = "100ms"\n',
});
let client: TaskClient;
let connection: GrpcConnection;

beforeAll(async () => {
  await daemon.start();
  client = daemon.client('io.containerd.ts.v2');
  connection = new GrpcConnection(daemon.address);
});
afterAll(async () => {
  connection.close();
  await daemon.stop();
});

async function setLabels(id: string, labels: Record<string, string>): Promise<void> {
  const updateMask = { paths: Object.keys(labels).map((key) => `labels.${key}`) };
  const request = { container: { id, labels }, updateMask };
  await connection.unary(containers, 'Update', request, { namespace: daemon.namespace });
}

async function labelsOf(id: string): Promise<Record<string, string>> {
  const { container } = await connection.unary<object, any>(containers, 'Get', { id }, { namespace: daemon.namespace });
  return container.labels;
}

const processOf = async (id: string) =>
  (await client.tasks('Get', { containerId: id }).catch(() => ({ process: undefined }))).process;
const runsAnew = (id: string, pid: number) =>
  until(`${id} runs anew`, 10_000, async () => {
    const found = await processOf(id);
    return found?.status === 'RUNNING' && found.pid !== pid ? (found.pid as number) : undefined;
  });

describe('the restart labels', () => {
  it('start a container again that ended, count it, and send its output to the log URI', async () => {
    const log = join(daemon.directory, 'always.log');
    const pid = await client.run('always', ['/bin/sh', '-c', 'echo began; sleep 100']);
    await setLabels('always', { [label('status')]: 'running', [label('loguri')]: `file://${log}` });
    await client.tasks('Kill', { containerId: 'always', signal: 9 });
    await runsAnew('always', pid);
    expect((await labelsOf('always'))[label('count')]).toBe('1');
    await until('the log', 3000, () => (existsSync(log) && readFileSync(log, 'utf8') === 'began\n' ? true : undefined));
  });

  it('start it again after the daemon and the container were killed together', async () => {
    const { pid } = await processOf('always');
    await daemon.kill();
    process.kill(pid, 'SIGKILL');
    await daemon.start();
    await runsAnew('always', pid);
    expect((await labelsOf('always'))[label('count')]).toBe('2');
  });

  it('stop it when they say stopped, and leave it so', async () => {
    await setLabels('always', { [label('status')]: 'stopped' });
    await until('no task', 10_000, async () => ((await processOf('always')) === undefined ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await processOf('always')).toBeUndefined();
  });

  it('with on-failure:N start it N times and only after failures', async () => {
    await client.run('fails', ['/bin/sh', '-c', 'exit 3']);
    await client.wait('fails');
    await setLabels('fails', { [label('status')]: 'running', [label('policy')]: 'on-failure:2' });
    await until('two restarts', 10_000, async () =>
      (await labelsOf('fails'))[label('count')] === '2' ? true : undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await labelsOf('fails'))[label('count')]).toBe('2');
    expect(await processOf('fails')).toMatchObject({ status: 'STOPPED', exitStatus: 3 });
    await client.run('ends-well', ['/bin/true']);
    await client.wait('ends-well');
    await setLabels('ends-well', { [label('status')]: 'running', [label('policy')]: 'on-failure' });
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await labelsOf('ends-well'))[label('count')]).toBeUndefined();
  });

  it('with unless-stopped leave one alone that was stopped on purpose', async () => {
    const pid = await client.run('on-purpose', ['/bin/sleep', '100']);
    const stopped = { [label('policy')]: 'unless-stopped', [label('explicitly-stopped')]: 'true' };
    await setLabels('on-purpose', { [label('status')]: 'running', ...stopped });
    await client.tasks('Kill', { containerId: 'on-purpose', signal: 9 });
    await client.wait('on-purpose');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await processOf('on-purpose')).toMatchObject({ status: 'STOPPED', pid });
  });
});

/** A logging program as containerd's binary:// scheme wants it: 3 and 4 are the pipes, closing 5 says ready. */
const logger = `#!/bin/sh
exec 5>&-
echo "$CONTAINER_NAMESPACE $CONTAINER_ID $*" > "$2.who"
cat <&4 > "$2.err" &
cat <&3 > "$2.out"
wait
echo ended >> "$2.who"
`;

describe.each([undefined, 'runc'])('stdio of binary:// (runtime %s)', (binaryName) => {
  const name = binaryName ?? 'own';
  const target = join(daemon.directory, `logged-${name}`);
  const uri = `binary://${daemon.directory}/logger?to=${encodeURIComponent(target)}`;
  const options = { stdout: uri, ...(binaryName === undefined ? {} : { runtimeOptions: { binaryName } }) };

  it('gives the output to the program, tells it whose it is, and ends it with the container', async () => {
    writeFileSync(join(daemon.directory, 'logger'), logger);
    chmodSync(join(daemon.directory, 'logger'), 0o755);
    await client.run(`log-${name}`, ['/bin/sh', '-c', 'echo to out; echo to err >&2; sleep 1; echo last'], options);
    expect(await processOf(`log-${name}`)).toMatchObject({ stdout: uri });
    await daemon.killShims();
    expect(await client.wait(`log-${name}`)).toMatchObject({ exitStatus: 0 });
    await until('the program ended', 5000, () =>
      readFileSync(`${target}.who`, 'utf8').endsWith('ended\n') ? true : undefined,
    );
    expect(readFileSync(`${target}.who`, 'utf8')).toBe(`${daemon.namespace} log-${name} to ${target}\nended\n`);
    expect(readFileSync(`${target}.out`, 'utf8')).toBe('to out\nlast\n');
    expect(readFileSync(`${target}.err`, 'utf8')).toBe('to err\n');
    await client.remove(`log-${name}`);
  });

  it('gives it an exec’s output, and that of the next one of the same id', async () => {
    const id = `execs-${name}`;
    const { stdout, ...unlogged } = options;
    await client.run(id, ['/bin/sleep', '100'], unlogged);
    for (const text of ['first', 'second']) {
      await client.exec(id, 'e', ['/bin/echo', text], stdout);
      expect(await client.wait(id, 'e')).toMatchObject({ exitStatus: 0 });
      await until(`the log of the ${text}`, 30_000, () =>
        readFileSync(`${target}.out`, 'utf8') === `${text}\n` ? true : undefined,
      );
      await client.tasks('DeleteProcess', { containerId: id, execId: 'e' });
    }
    await expect(client.exec(id, '../up', ['/bin/true'], stdout)).rejects.toMatchObject({ code: 'invalid-argument' });
    await client.remove(id);
  });

  it('says that the program cannot be run, and leaves nothing', async () => {
    await client.createContainer(`no-${name}`, ['/bin/true'], options);
    const stdout = 'binary:///no/such/logger';
    await expect(client.createTask(`no-${name}`, { ...options, stdout })).rejects.toThrow(
      /start logging binary \/no\/such\/logger/,
    );
    await expect(client.tasks('Get', { containerId: `no-${name}` })).rejects.toMatchObject({ code: 'not-found' });
    await client.remove(`no-${name}`);
  });
});
