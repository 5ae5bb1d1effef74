// Images made and moved over REST: commit, import, push to a registry, what the registry says, and login.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { type Registry, startRegistry } from '../harness/registry.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let scratch: string;
let open: Registry;
let locked: Registry;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-making-');
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
  open = await startRegistry(stack.network, scratch, { port: 5000, storage: join(scratch, 'storage') });
  const line = execFileSync('htpasswd', ['-nbB', 'user', 'secret']).toString();
  writeFileSync(join(scratch, 'htpasswd'), line);
  const auth = { htpasswd: { realm: 'test', path: join(scratch, 'htpasswd') } };
  locked = await startRegistry(stack.network, scratch, { port: 5001, storage: join(scratch, 'storage'), auth });
});
afterAll(async () => {
  await open?.stop();
  await locked?.stop();
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const inspect = async (name: string) => (await stack.api('GET', `/images/${name}/json`)).body;
const execute = (image: string, ...command: string[]) =>
  stack.docker(['run', '--rm', '--network', 'none', image, ...command]);

function post(
  path: string,
  body?: Buffer,
  headers: Record<string, string> = {},
): Promise<{ status: number; lines: any[] }> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: stack.socket, method: 'POST', path, agent: false as const, headers };
    const request = http.request(options, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const lines = text.split('\n').filter((line) => line !== '');
        resolve({ status: response.statusCode ?? 0, lines: lines.map((line) => JSON.parse(line)) });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

const big = { maxBuffer: 64 * 1024 * 1024 };
const authHeader = (auth: object) => ({ 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') });

describe('commit', () => {
  it('keeps what the container wrote and removed, its settings, changes and history', async () => {
    const script = 'echo made > /made; rm /etc/group; mkdir -p /home/app/deep; ln -s made /link';
    const flags = ['--network', 'none', '-e', 'FROM=container', '-w', '/home', '-l', 'a=b', '--init'];
    await stack.docker(['run', '--name', 'source', ...flags, 'busybox', 'sh', '-c', script]);
    const query =
      'container=source&repo=made&tag=1&comment=why&author=me&changes=ENV%20A%3D1&changes=CMD%20%5B%22cat%22,%22/link%22%5D';
    const answer = await stack.api('POST', `/commit?${query}`);
    expect(answer.status).toBe(201);
    const image = await inspect('made:1');
    expect(image).toMatchObject({ Id: answer.body.Id, Author: 'me', Comment: 'why' });
    expect(image.Config).toMatchObject({ Cmd: ['cat', '/link'], WorkingDir: '/home', Labels: { a: 'b' } });
    expect(image.Config.Env).toEqual(expect.arrayContaining(['FROM=container', 'A=1']));
    expect(image.RootFS.Layers).toHaveLength(2);
    expect((await execute('made:1')).stdout).toBe('made\n');
    expect((await execute('made:1', 'ls', '/etc/group')).code).toBe(1);
    // what the runtime made for its mounts is no part of the image
    const saved = await stack.docker(['save', '-o', join(scratch, 'made.tar'), 'made:1']);
    expect(saved.code, saved.stderr).toBe(0);
    const listing =
      'mkdir made; tar -xf made.tar -C made; find made -type f -exec tar -tf {} \\; 2>/dev/null; rm -r made';
    const names = (await run('bash', ['-c', listing], { cwd: scratch })).stdout.split('\n');
    expect(names).toContain('made');
    for (const place of ['.dockerenv', 'etc/hosts', 'etc/mtab', 'sbin/docker-init']) expect(names).not.toContain(place);
    const [top] = (await stack.api('GET', '/images/made:1/history')).body;
    expect(top).toMatchObject({ Comment: 'why', CreatedBy: expect.stringContaining('echo made') });
  });

  it('pauses a running container meanwhile, and goes on', async () => {
    await stack.docker(['run', '-d', '--name', 'going', '--network', 'none', 'busybox', 'sleep', '1000']);
    const began = Math.floor(Date.now() / 1000);
    expect((await stack.api('POST', '/commit?container=going')).status).toBe(201);
    const period = ['--since', String(began), '--until', String(Math.ceil(Date.now() / 1000))];
    const events = await stack.docker(['events', ...period, '-f', 'container=going', '--format', '{{.Action}}']);
    expect(events).toMatchObject({ stderr: '', code: 0 });
    expect(events.stdout.split('\n')).toEqual(expect.arrayContaining(['pause', 'unpause', 'commit']));
    expect((await stack.api('GET', '/containers/going/json')).body.State.Status).toBe('running');
  });

  it.each([
    ['container=nosuch', 404],
    ['container=source&repo=BAD', 400],
    ['container=source&repo=x&changes=RUN%20x', 400],
  ])('refuses %s with %s', async (query, status) => {
    expect((await stack.api('POST', `/commit?${query}`)).status).toBe(status);
  });
});

describe('import', () => {
  it('makes an image of a tar, compressed or not', async () => {
    const root = execFileSync(
      'bash',
      ['-c', `mkdir -p ${scratch}/root/bin; cp /bin/busybox ${scratch}/root/bin/sh; tar -C ${scratch}/root -c .`],
      big,
    );
    for (const [tag, body] of [
      ['plain', root],
      ['zipped', execFileSync('gzip', ['-c'], { ...big, input: root })],
      ['packed', execFileSync('xz', ['-c', '-0'], { ...big, input: root })],
    ] as const) {
      const path = `/images/create?fromSrc=-&repo=imported&tag=${tag}&message=hello&changes=CMD%20%5B%22sh%22,%22-c%22,%22echo%20in%22%5D`;
      const answer = await post(path, body, { 'content-type': 'text/plain' });
      expect(answer.status).toBe(200);
      const image = await inspect(`imported:${tag}`);
      expect(answer.lines).toEqual([{ status: image.Id }]);
      expect(image).toMatchObject({ Comment: 'hello', RootFS: { Layers: [expect.stringMatching(/^sha256:/)] } });
      expect((await execute(`imported:${tag}`)).stdout).toBe('in\n');
    }
  });

  it('refuses what is no tar, and leaves no image', async () => {
    const answer = await post('/images/create?fromSrc=-&repo=broken', Buffer.alloc(4096, 'x'));
    expect(answer.status).toBe(400);
    expect((await stack.api('GET', '/images/broken/json')).status).toBe(404);
    expect((await post('/images/create?fromSrc=-&repo=empty')).status).toBe(400);
    expect((await post('/images/create')).status).toBe(400);
  });

  it('survives an archive that is damaged, and a client that goes away', async () => {
    const [engine] = stack.pids('tsengined');
    const damaged = Buffer.concat([
      execFileSync('gzip', ['-c'], { input: 'tar' }).subarray(0, 12),
      Buffer.alloc(4096, 0xff),
    ]);
    expect((await post('/images/create?fromSrc=-&repo=damaged', damaged)).status).toBe(400);
    const leaving = http.request({
      socketPath: stack.socket,
      method: 'POST',
      path: '/images/create?fromSrc=-&repo=left',
    });
    leaving.on('error', () => undefined); // its own doing
    const left = new Promise((resolve) => leaving.once('close', resolve));
    leaving.write(Buffer.alloc(64 * 1024), () => leaving.destroy());
    await left;
    for (const name of ['damaged', 'left']) expect((await stack.api('GET', `/images/${name}/json`)).status).toBe(404);
    expect(stack.pids('tsengined')).toEqual([engine]);
  });
});

describe('push', () => {
  it('sends an image that can be pulled again, its layers once only', async () => {
    await stack.docker(['tag', 'busybox', `${open.host}/team/box:1`]);
    const first = await post(`/images/${open.host}/team/box/push?tag=1`);
    expect(first.lines[0]).toEqual({ status: `The push refers to repository [${open.host}/team/box]` });
    expect(first.lines.map((line) => line.status)).toContain('Pushed');
    const { aux } = first.lines.at(-1);
    expect(aux).toMatchObject({ Tag: '1', Digest: expect.stringMatching(/^sha256:/), Size: expect.any(Number) });
    const again = await post(`/images/${open.host}/team/box/push?tag=1`);
    expect(again.lines.map((line) => line.status)).toContain('Layer already exists');
    await stack.api('DELETE', `/images/${open.host}/team/box:1`);
    expect((await post(`/images/create?fromImage=${open.host}/team/box&tag=1`)).status).toBe(200);
    expect((await inspect(`${open.host}/team/box:1`)).Id).toBe((await inspect('busybox')).Id);
  });

  it('needs credentials where the registry does', async () => {
    await stack.docker(['tag', 'busybox', `${locked.host}/private:1`]);
    const path = `/images/${locked.host}/private/push?tag=1`;
    expect((await post(path)).lines.at(-1).error).toMatch(/no basic auth credentials/);
    const sent = await post(path, undefined, authHeader({ username: 'user', password: 'secret' }));
    expect(sent.lines.at(-1).aux.Tag).toBe('1');
  });

  it('says in-band what is not there', async () => {
    expect((await post('/images/nosuch/push')).lines.at(-1).error).toBe(
      'An image does not exist locally with the tag: nosuch',
    );
    const answer = await post(`/images/${open.host}/team/box/push?tag=none`);
    expect(answer.lines.at(-1).error).toBe(`tag does not exist: ${open.host}/team/box:none`);
  });
});

describe('a registry’s own word', () => {
  it('distribution tells digest and platforms without pulling', async () => {
    const { status, body } = await stack.api('GET', `/distribution/${open.host}/team/box:1/json`);
    expect(status).toBe(200);
    expect(body.Descriptor).toMatchObject({ digest: expect.stringMatching(/^sha256:/), size: expect.any(Number) });
    expect(body.Platforms).toEqual([{ architecture: process.arch === 'arm64' ? 'arm64' : 'amd64', os: 'linux' }]);
    expect((await stack.api('GET', `/distribution/${open.host}/team/none:1/json`)).status).toBe(404);
  });

  it('auth takes right credentials only', async () => {
    const login = (password: string) =>
      stack.api('POST', '/auth', { username: 'user', password, serveraddress: locked.host });
    expect(await login('secret')).toMatchObject({ status: 200, body: { Status: 'Login Succeeded' } });
    expect((await login('wrong')).status).toBe(401);
    expect((await stack.api('POST', '/auth', { serveraddress: '127.0.0.1:9' })).status).toBeGreaterThanOrEqual(400);
  });
});
