// Containers over REST, where the wire matters: hijacked streams, waits, events, logs, states and their status codes.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { demultiplex, hijack, openStream } from '../harness/engine-client.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  const loaded = await stack.docker(['load', '-i', await busyboxArchive()]);
  expect(loaded.stderr).toBe('');
}, 120_000);

afterAll(() => stack.stop());

const image = 'busybox:latest';

async function create(body: object, name = ''): Promise<string> {
  const { HostConfig, ...rest } = body as { HostConfig?: object };
  const answer = await stack.api('POST', `/containers/create${name === '' ? '' : `?name=${name}`}`, {
    Image: image,
    ...rest,
    HostConfig: { NetworkMode: 'none', ...HostConfig },
  });
  expect(answer).toMatchObject({ status: 201 });
  return answer.body.Id;
}

const shell = (script: string) => ({ Cmd: ['sh', '-c', script] });
const start = (id: string) => stack.api('POST', `/containers/${id}/start`);
const wait = async (id: string) => (await stack.api('POST', `/containers/${id}/wait`)).body.StatusCode as number;
const inspect = async (id: string) => (await stack.api('GET', `/containers/${id}/json`)).body;
const remove = (id: string) => stack.api('DELETE', `/containers/${id}?force=1&v=1`);

async function logsOf(id: string, query = 'stdout=1&stderr=1'): Promise<{ stdout: string; stderr: string }> {
  const stream = await openStream(stack.socket, 'GET', `/containers/${id}/logs?${query}`);
  expect(stream.status).toBe(200);
  return demultiplex(await stream.body());
}

/** When the container has said so: its shell has set its trap by then. */
const ready = (id: string) =>
  until(`${id} is ready`, 20_000, async () => ((await logsOf(id)).stdout.includes('ready\n') ? true : undefined));

describe('a life', () => {
  it('goes through its states with docker’s status codes', async () => {
    const id = await create(shell('trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'));
    expect((await inspect(id)).State).toMatchObject({ Status: 'created', StartedAt: '0001-01-01T00:00:00Z', Pid: 0 });
    expect((await stack.api('POST', `/containers/${id}/kill`)).status).toBe(409);
    expect((await stack.api('POST', `/containers/${id}/stop`)).status).toBe(304);
    expect(await start(id)).toMatchObject({ status: 204, body: '' });
    expect(await start(id)).toMatchObject({ status: 304, body: '' });
    expect((await stack.api('DELETE', `/containers/${id}`)).status).toBe(409);
    expect((await stack.api('POST', `/containers/${id}/pause`)).status).toBe(204);
    expect((await stack.api('POST', `/containers/${id}/pause`)).status).toBe(409);
    expect((await stack.api('POST', `/containers/${id}/unpause`)).status).toBe(204);
    await ready(id);
    expect((await stack.api('POST', `/containers/${id}/stop?t=5`)).status).toBe(204);
    expect((await inspect(id)).State).toMatchObject({ Status: 'exited', ExitCode: 3, Running: false, Pid: 0 });
    expect((await stack.api('DELETE', `/containers/${id}`)).status).toBe(204);
    expect((await stack.api('GET', `/containers/${id}/json`)).status).toBe(404);
  });

  it('is gone from the disk after its removal', async () => {
    const id = await create({ ...shell('echo x > /v/file'), Volumes: { '/v': {} } });
    const directory = join(stack.directory, 'data/containers', id);
    expect(statSync(directory).isDirectory()).toBe(true);
    await start(id);
    await wait(id);
    const volume = (await inspect(id)).Mounts[0].Name;
    await remove(id);
    expect((await stack.api('GET', `/volumes/${volume}`)).status).toBe(404);
    await until('directory gone', 2000, () =>
      statSync(directory, { throwIfNoEntry: false }) === undefined ? true : undefined,
    );
  });

  it('can be started again, and keeps what it wrote', async () => {
    const id = await create(shell('echo run >> /file; cat /file'));
    for (let run = 0; run < 2; run++) {
      await start(id);
      expect(await wait(id)).toBe(0);
    }
    expect((await logsOf(id)).stdout).toBe('run\nrun\nrun\n');
    await remove(id);
  });

  it('is started again as its policy says', async () => {
    const id = await create({
      ...shell('exit 4'),
      HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
    });
    await start(id);
    const ended = await until('last try', 10_000, async () => {
      const state = await inspect(id);
      return state.State.Status === 'exited' && state.RestartCount === 2 ? state : undefined;
    });
    expect(ended.State.ExitCode).toBe(4);
    await remove(id);
  });
});

describe('wait', () => {
  it('sends its headers before the exit', async () => {
    const id = await create(shell('sleep 0.5; exit 9'));
    await start(id);
    const waiting = await openStream(stack.socket, 'POST', `/containers/${id}/wait?condition=next-exit`);
    expect((await inspect(id)).State.Running).toBe(true);
    expect((await waiting.lines.next()).value).toEqual({ StatusCode: 9 });
    await remove(id);
  });

  it('next-exit ignores a past one, removed waits for the removal', async () => {
    const id = await create(shell('exit 2'));
    await start(id);
    await wait(id);
    const next = await openStream(stack.socket, 'POST', `/containers/${id}/wait?condition=next-exit`);
    const removed = await openStream(stack.socket, 'POST', `/containers/${id}/wait?condition=removed`);
    await start(id);
    expect((await next.lines.next()).value).toEqual({ StatusCode: 2 });
    await wait(id);
    await remove(id);
    expect((await removed.lines.next()).value).toEqual({ StatusCode: 2 });
  });

  it('refuses another condition', async () => {
    const id = await create(shell('true'));
    expect(await stack.api('POST', `/containers/${id}/wait?condition=bored`)).toMatchObject({ status: 400 });
    await remove(id);
  });
});

describe('attach', () => {
  it('carries output of a container that starts later, framed, and closes with it', async () => {
    const id = await create(shell('echo out; echo err >&2'));
    const attached = await hijack(stack.socket, `/v1.42/containers/${id}/attach?stream=1&stdout=1&stderr=1`);
    expect(attached.head).toMatch(/^HTTP\/1.1 101 UPGRADED\r\n/);
    expect(attached.head).toContain('application/vnd.docker.multiplexed-stream');
    attached.socket.end(); // docker's client closes its side at once
    await start(id);
    expect(demultiplex(await attached.body)).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    await remove(id);
  });

  it('carries input to its end', async () => {
    const id = await create({ Cmd: ['cat'], OpenStdin: true, StdinOnce: true, AttachStdin: true });
    const attached = await hijack(stack.socket, `/v1.41/containers/${id}/attach?stream=1&stdin=1&stdout=1`);
    expect(attached.head).toContain('application/vnd.docker.raw-stream');
    const input = 'x'.repeat(300_000);
    attached.socket.end(input);
    await start(id);
    expect(demultiplex(await attached.body).stdout).toBe(input);
    expect(await wait(id)).toBe(0);
    await remove(id);
  });

  it('is raw on a terminal', async () => {
    const id = await create({ ...shell('echo $TERM'), Tty: true });
    const attached = await hijack(stack.socket, `/containers/${id}/attach?stream=1&stdout=1`);
    await start(id);
    expect((await attached.body).toString()).toBe('xterm\r\n');
    await remove(id);
  });

  it('answers an error without Upgrade when there is no such container', async () => {
    const attached = await hijack(stack.socket, '/containers/nope/attach?stream=1');
    expect(attached.head).toMatch(/^HTTP\/1.1 404 /);
    expect(JSON.parse((await attached.body).toString())).toEqual({ message: 'No such container: nope' });
  });
});

describe('exec', () => {
  let id: string;
  beforeAll(async () => {
    id = await create({ Cmd: ['sleep', '1000'], Env: ['FROM=container'] });
    await start(id);
  });
  afterAll(() => remove(id));

  const createExec = async (body: object) =>
    (await stack.api('POST', `/containers/${id}/exec`, { AttachStdout: true, AttachStderr: true, ...body })).body
      .Id as string;

  it('reads its body behind the upgrade, gives output, and has its exit code when the stream closes', async () => {
    const exec = await createExec({ Cmd: ['sh', '-c', 'echo $FROM $OWN; echo e >&2; exit 5'], Env: ['OWN=exec'] });
    const started = await hijack(stack.socket, `/v1.42/exec/${exec}/start`, { Detach: false, Tty: false });
    expect(demultiplex(await started.body)).toEqual({ stdout: 'container exec\n', stderr: 'e\n' });
    expect((await stack.api('GET', `/exec/${exec}/json`)).body).toMatchObject({
      Running: false,
      ExitCode: 5,
      ContainerID: id,
    });
  });

  it('takes input', async () => {
    const exec = await createExec({ Cmd: ['sh', '-c', 'wc -c'], AttachStdin: true });
    const started = await hijack(stack.socket, `/exec/${exec}/start`, { Detach: false });
    started.socket.end('y'.repeat(200_000));
    expect(demultiplex(await started.body).stdout.trim()).toBe('200000');
  });

  it('says in the stream why a command cannot run', async () => {
    const exec = await createExec({ Cmd: ['no-such-command'] });
    const started = await hijack(stack.socket, `/exec/${exec}/start`, { Detach: false });
    expect((await started.body).toString()).toContain('exec: "no-such-command": executable file not found in $PATH');
    expect((await stack.api('GET', `/exec/${exec}/json`)).body.ExitCode).toBe(127);
  });

  it('runs once', async () => {
    const exec = await createExec({ Cmd: ['true'] });
    expect((await stack.api('POST', `/exec/${exec}/start`, { Detach: true })).status).toBe(200);
    expect((await stack.api('POST', `/exec/${exec}/start`, { Detach: true })).status).toBe(409);
  });

  it('is forgotten with its container, however that goes', async () => {
    const { body } = await stack.api('POST', '/containers/create', {
      Image: image,
      Cmd: ['sleep', '1000'],
      HostConfig: { NetworkMode: 'none', AutoRemove: true },
    });
    await start(body.Id);
    const exec = (await stack.api('POST', `/containers/${body.Id}/exec`, { Cmd: ['true'] })).body.Id;
    await stack.api('POST', `/exec/${exec}/start`, { Detach: true });
    await stack.api('POST', `/containers/${body.Id}/kill`);
    await until('both are gone', 5000, async () =>
      (await stack.api('GET', `/exec/${exec}/json`)).status === 404 ? true : undefined,
    );
    expect((await stack.api('GET', `/containers/${body.Id}/json`)).status).toBe(404);
  });

  it('ends for whoever is attached when its container is removed', async () => {
    // among the host's processes it does not end with the container's first one
    const { body } = await stack.api('POST', '/containers/create', {
      Image: image,
      Cmd: ['sleep', '1000'],
      HostConfig: { NetworkMode: 'none', PidMode: 'host' },
    });
    await start(body.Id);
    const exec = { Cmd: ['sh', '-c', 'echo up; exec sleep 1000'], AttachStdout: true };
    const { Id } = (await stack.api('POST', `/containers/${body.Id}/exec`, exec)).body;
    const started = await hijack(stack.socket, `/v1.42/exec/${Id}/start`, { Detach: false });
    await new Promise((resolve) => started.socket.once('data', resolve));
    expect((await remove(body.Id)).status).toBe(204);
    expect(demultiplex(await started.body).stdout).toBe('up\n');
  });

  it('needs a running container', async () => {
    const stopped = await create(shell('true'));
    expect(await stack.api('POST', `/containers/${stopped}/exec`, { Cmd: ['true'] })).toMatchObject({ status: 409 });
    await remove(stopped);
  });
});

describe('logs', () => {
  it('keep every byte of both streams, by tail, since and timestamps', async () => {
    const id = await create(
      shell('i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo problem >&2; printf unfinished'),
    );
    await start(id);
    await wait(id);
    const all = await logsOf(id);
    expect(all.stdout).toBe(`${Array.from({ length: 2000 }, (_, line) => `line ${line}\n`).join('')}unfinished`);
    expect(all.stderr).toBe('problem\n');
    expect((await logsOf(id, 'stdout=1&tail=2')).stdout).toMatch(/unfinished$/);
    expect((await logsOf(id, 'stdout=1&timestamps=1&tail=1')).stdout).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /,
    );
    expect(await logsOf(id, `stdout=1&since=${Date.now() / 1000 + 60}`)).toEqual({ stdout: '', stderr: '' });
    await remove(id);
  });

  it('follow to the end', async () => {
    const id = await create(shell('for i in 1 2 3 4 5; do echo $i; sleep 0.1; done'));
    await start(id);
    expect((await logsOf(id, 'stdout=1&follow=1')).stdout).toBe('1\n2\n3\n4\n5\n');
    expect(await wait(id)).toBe(0);
    await remove(id);
  });

  it('need a stream to be asked for', async () => {
    const id = await create(shell('true'));
    expect((await stack.api('GET', `/containers/${id}/logs`)).status).toBe(400);
    await remove(id);
  });
});

describe('events', () => {
  it('come in docker’s order, and again with since', async () => {
    const since = Math.floor(Date.now() / 1000) - 1;
    const live = await openStream(
      stack.socket,
      'GET',
      `/events?filters=${encodeURIComponent('{"type":["container"]}')}`,
    );
    const id = await create({ ...shell('exit 1'), Labels: { k: 'v' } }, 'evented');
    await start(id);
    await wait(id);
    await remove(id);
    const actions: string[] = [];
    for await (const event of live.lines) {
      if (event.Actor.ID !== id) continue;
      actions.push(event.Action);
      expect(event).toMatchObject({
        Type: 'container',
        id,
        from: image,
        Actor: { Attributes: { name: 'evented', image, k: 'v' } },
      });
      if (event.Action === 'die') expect(event.Actor.Attributes.exitCode).toBe('1');
      if (event.Action === 'destroy') break;
    }
    expect(actions).toEqual(['create', 'start', 'die', 'destroy']);
    const past = await openStream(
      stack.socket,
      'GET',
      `/events?since=${since}&until=${Math.floor(Date.now() / 1000) + 1}&filters=${encodeURIComponent(`{"container":["${id}"]}`)}`,
    );
    const replayed: string[] = [];
    for await (const event of past.lines) replayed.push(event.Action);
    expect(replayed).toEqual(actions);
  });
});

describe('settings', () => {
  it('that are not in force are refused by name, before anything is made', async () => {
    const before = (await stack.api('GET', '/containers/json?all=1')).body.length;
    const refused = {
      KernelMemory: 10_000_000,
      SecurityOpt: ['apparmor=mine'],
    };
    const profile = await stack.api('POST', '/containers/create', {
      Image: image,
      HostConfig: { SecurityOpt: ['seccomp={"defaultAction":'] },
    });
    expect(profile).toMatchObject({ status: 400 });
    expect(profile.body.message).toContain('HostConfig.SecurityOpt: seccomp profile: decoding it failed');
    for (const [field, value] of Object.entries(refused)) {
      const answer = await stack.api('POST', '/containers/create', { Image: image, HostConfig: { [field]: value } });
      expect(answer).toMatchObject({ status: 400 });
      expect(answer.body.message).toContain(`HostConfig.${field}`);
    }
    expect((await stack.api('GET', '/containers/json?all=1')).body).toHaveLength(before);
  });

  it('can be changed while it runs', async () => {
    const id = await create({ Cmd: ['sleep', '1000'], HostConfig: { Memory: 64 * 1024 * 1024 } });
    await start(id);
    expect(
      (
        await stack.api('POST', `/containers/${id}/update`, {
          Memory: 128 * 1024 * 1024,
          MemorySwap: 256 * 1024 * 1024,
          PidsLimit: 50,
        })
      ).status,
    ).toBe(200);
    expect((await inspect(id)).HostConfig).toMatchObject({ Memory: 128 * 1024 * 1024, PidsLimit: 50 });
    const { body: stats } = await stack.api('GET', `/containers/${id}/stats?stream=0&one-shot=1`);
    expect(stats.memory_stats.limit).toBe(128 * 1024 * 1024);
    expect(stats.pids_stats).toMatchObject({ current: 1, limit: 50 });
    await remove(id);
  });

  it('give a container ids of its own, and its volume the mapped owner', async () => {
    const id = await create({
      ...shell('id -u; cat /proc/self/uid_map; touch /v/file'),
      HostConfig: { UsernsMode: 'auto:uid=300000,size=2000', Binds: ['mapped:/v'] },
    });
    await start(id);
    expect(await wait(id)).toBe(0);
    expect((await logsOf(id)).stdout.split(/\s+/).filter((word) => word !== '')).toEqual(['0', '0', '300000', '2000']);
    expect(statSync(join(stack.directory, 'data/volumes/mapped/_data/file')).uid).toBe(300_000);
    await remove(id);
    expect((await stack.api('DELETE', '/volumes/mapped')).status).toBe(204);
  });

  it('give it an init that reaps and forwards', async () => {
    const id = await create({
      // an orphan, whose end only the init can wait for
      ...shell('trap "exit 6" TERM; (sleep 0.1 &); echo ready; while :; do sleep 1; done'),
      HostConfig: { Init: true },
    });
    await start(id);
    await ready(id);
    const processes = async () =>
      (await stack.api('GET', `/containers/${id}/top?ps_args=-eo%20pid,stat,args`)).body.Processes as string[][];
    expect((await processes())[0]?.join(' ')).toContain('docker-init --');
    await until('the orphan is reaped', 20_000, async () =>
      (await processes()).some((row) => row.at(-1) === 'sleep 0.1' || row[1]?.startsWith('Z')) ? undefined : true,
    );
    await stack.api('POST', `/containers/${id}/stop?t=5`);
    expect((await inspect(id)).State.ExitCode).toBe(6);
    await remove(id);
  });
});

describe('lists', () => {
  it('filter by name, label, status and ancestor', async () => {
    const id = await create({ ...shell('exit 3'), Labels: { team: 'a' } }, 'listed-one');
    await start(id);
    await wait(id);
    const list = async (filters: object) =>
      (
        await stack.api('GET', `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`)
      ).body.map((entry: { Id: string }) => entry.Id);
    for (const filters of [
      { name: ['sted-o'] },
      { name: { '^/listed-one$': true } },
      { label: ['team=a'] },
      { label: ['team'], exited: ['3'] },
      { id: [id.slice(0, 12)] },
      { ancestor: [image], status: ['exited'], name: ['listed'] },
    ]) {
      expect(await list(filters)).toEqual([id]);
    }
    expect(await list({ label: ['team=b'] })).toEqual([]);
    expect(
      (await stack.api('GET', `/containers/json?filters=${encodeURIComponent('{"colour":["red"]}')}`)).status,
    ).toBe(400);
    await remove(id);
  });

  it('show the entry as docker does', async () => {
    const id = await create({ Cmd: ['sleep', '1000'] }, 'shown');
    await start(id);
    const [entry] = (await stack.api('GET', '/containers/json?size=1&filters={"name":["shown"]}')).body;
    expect(entry).toMatchObject({
      Id: id,
      Names: ['/shown'],
      Image: image,
      Command: 'sleep 1000',
      State: 'running',
      Ports: [],
      Mounts: [],
      SizeRw: expect.any(Number),
    });
    expect(entry.Status).toMatch(/^Up /);
    await remove(id);
  });
});

describe('a forced removal', () => {
  it('takes a container between two runs of its restart policy, whenever it comes', { timeout: 120_000 }, async () => {
    for (let round = 0; round < 8; round++) {
      const HostConfig = { RestartPolicy: { Name: 'always' }, NetworkMode: 'none' };
      const { body } = await stack.api('POST', '/containers/create', { Image: image, Cmd: ['false'], HostConfig });
      await stack.api('POST', `/containers/${body.Id}/start`);
      await new Promise((resolve) => setTimeout(resolve, 60 + round * 40));
      expect(await stack.api('DELETE', `/containers/${body.Id}?force=1`)).toMatchObject({ status: 204 });
      expect((await stack.api('GET', `/containers/${body.Id}/json`)).status).toBe(404);
    }
  });
});

describe('the wire', () => {
  it('answers unknown paths and methods with 404 and docker’s shape', async () => {
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['PUT', '/containers/json'],
      ['POST', '/v1.41/exec'],
      ['GET', '/containers/x/start'],
    ] as const) {
      expect(await stack.api(method, path)).toMatchObject({ status: 404, body: { message: 'page not found' } });
    }
  });

  it('keeps versions within bounds and names its own', async () => {
    const answer = await stack.api('GET', '/_ping');
    expect(answer.headers).toMatchObject({ 'api-version': '1.51', ostype: 'linux' });
    expect((await stack.api('GET', '/v1.99/info')).body.message).toBe(
      'client version 1.99 is too new. Maximum supported API version is 1.51',
    );
    expect((await stack.api('GET', '/v1.20/info')).status).toBe(400);
  });

  it('refuses a form where JSON belongs', async () => {
    expect(
      await stack.api(
        'POST',
        '/containers/create',
        { Image: image },
        { 'content-type': 'application/x-www-form-urlencoded' },
      ),
    ).toMatchObject({ status: 400 });
  });
});
