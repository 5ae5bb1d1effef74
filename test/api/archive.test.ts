// A container's files over REST: archive in both directions, export and changes, running and stopped, hostile paths too.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-archive-');
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
  await stack.docker([
    'run',
    '-d',
    '--name',
    'box',
    '--network',
    'none',
    '-v',
    'kept:/kept',
    'busybox',
    'sleep',
    '1000',
  ]);
});
afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

function call(method: string, path: string, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: stack.socket, method, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

const archive = (name: string, path: string) => `/containers/${name}/archive?path=${encodeURIComponent(path)}`;
const list = (tar: Buffer) => execFileSync('tar', ['t'], { input: tar }).toString().trim().split('\n');
const statOf = (answer: Answer) =>
  JSON.parse(Buffer.from(String(answer.headers['x-docker-container-path-stat']), 'base64').toString());
const messageOf = (answer: Answer) => JSON.parse(answer.body.toString()).message as string;

function tarOf(files: Record<string, string>, flags: string[] = []): Buffer {
  const directory = mkdtempSync(join(scratch, 'tar-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    if (content.startsWith('->')) symlinkSync(content.slice(2), join(directory, name));
    else writeFileSync(join(directory, name), content);
  }
  return execFileSync('tar', ['-C', directory, ...flags, '-c', ...Object.keys(files)]);
}

describe('GET archive', () => {
  it.each([
    ['/etc/passwd', ['passwd'], { name: 'passwd', mode: 420, linkTarget: '' }],
    ['/bin/sh', ['sh'], { name: 'sh', mode: 134218239, linkTarget: '/bin/busybox' }],
    ['/home', ['home/', 'home/app/'], { name: 'home', mode: 2147484141 }],
    ['/home/.', ['./', './app/'], { name: '.' }],
    ['home/', ['home/', 'home/app/'], { name: 'home' }],
  ])('%s', async (path, entries, stat) => {
    const answer = await call('GET', archive('box', path));
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/x-tar');
    expect(list(answer.body)).toEqual(entries);
    expect(statOf(answer)).toMatchObject(stat);
    const head = await call('HEAD', archive('box', path));
    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(statOf(head)).toEqual(statOf(answer));
  });

  it('refuses what is not there, and no path', async () => {
    const missing = await call('GET', archive('box', '/nosuch'));
    expect(missing.status).toBe(404);
    expect(messageOf(missing)).toBe('Could not find the file /nosuch in container box');
    expect((await call('HEAD', archive('box', '/nosuch'))).status).toBe(404);
    expect((await call('GET', '/containers/box/archive')).status).toBe(400);
    expect((await call('GET', archive('box', '/etc/passwd/'))).status).toBe(400);
    expect((await call('GET', archive('nosuch', '/'))).status).toBe(404);
  });

  it('follows no link out of the container', async () => {
    writeFileSync(join(scratch, 'secret'), 'of the host');
    await stack.docker([
      'exec',
      'box',
      'sh',
      '-c',
      `ln -sfn ${scratch} /tmp/out; ln -sfn ../../../../../../${scratch} /tmp/up`,
    ]);
    for (const path of ['/tmp/out/secret', '/tmp/up/secret', '/../../tmp/out/secret', `/proc/1/root${scratch}/secret`])
      expect((await call('GET', archive('box', path))).status).toBe(404);
    expect(statOf(await call('HEAD', archive('box', '/tmp/out'))).linkTarget).toBe(scratch);
  });
});

describe('PUT archive', () => {
  it('extracts plain and compressed, with owner and mode, through links inside the container only', async () => {
    const plain = tarOf({ 'd/file': 'one', link: '->/nowhere' }, ['--owner=1000', '--group=1000', '--mode=640']);
    expect((await call('PUT', archive('box', '/home'), plain)).status).toBe(200);
    const listed = await stack.docker(['exec', 'box', 'stat', '-c', '%u:%g %a', '/home/d/file']);
    expect(listed.stdout).toBe('1000:1000 640\n');
    const zipped = execFileSync('gzip', ['-c'], { input: tarOf({ zipped: 'two' }) });
    expect((await call('PUT', archive('box', '/home'), zipped)).status).toBe(200);
    expect((await stack.docker(['exec', 'box', 'cat', '/home/zipped'])).stdout).toBe('two');
    await stack.docker(['exec', 'box', 'ln', '-sfn', scratch, '/home/out']);
    const hostile = tarOf({ 'out/planted': 'x' });
    expect((await call('PUT', archive('box', '/home'), hostile)).status).toBe(400);
    expect(() => readFileSync(join(scratch, 'planted'))).toThrow();
  });

  it('refuses a file as target, a broken archive, a climbing name, another type in the way', async () => {
    expect(messageOf(await call('PUT', archive('box', '/etc/passwd'), tarOf({ a: 'a' })))).toBe(
      'extraction point is not a directory',
    );
    expect((await call('PUT', archive('box', '/nosuch'), tarOf({ a: 'a' }))).status).toBe(404);
    expect((await call('PUT', archive('box', '/home'), Buffer.alloc(2048, 'x'))).status).toBe(400);
    const climbing = tarOf({ a: 'a' }, ['--transform=s,a,../../climbed,', '--absolute-names']);
    expect((await call('PUT', archive('box', '/home'), climbing)).status).toBe(400);
    const answer = await call('PUT', `${archive('box', '/etc')}&noOverwriteDirNonDir=1`, tarOf({ 'passwd/x': 'x' }));
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toContain('a parent is not a directory');
  });

  it('does not write to what is read-only', async () => {
    const flags = ['--network', 'none', '--read-only', '-v', `${scratch}:/ro:ro`, '-v', 'rw:/rw'];
    await stack.docker(['run', '-d', '--name', 'fixed', ...flags, 'busybox', 'sleep', '1000']);
    const ro = await call('PUT', archive('fixed', '/ro'), tarOf({ a: 'a' }));
    expect([ro.status, messageOf(ro)]).toEqual([403, 'mounted volume is marked read-only']);
    const root = await call('PUT', archive('fixed', '/home'), tarOf({ a: 'a' }));
    expect([root.status, messageOf(root)]).toEqual([403, 'container rootfs is marked read-only']);
    expect((await call('PUT', archive('fixed', '/rw'), tarOf({ a: 'a' }))).status).toBe(200);
  });
});

describe('a container that does not run', () => {
  it('has its files and its volumes, before its first start too', async () => {
    await stack.docker([
      'create',
      '--name',
      'made',
      '--network',
      'none',
      '-v',
      'fresh:/not/in/image',
      'busybox',
      'cat',
      '/not/in/image/a',
    ]);
    expect((await call('PUT', archive('made', '/not/in/image'), tarOf({ a: 'from outside' }))).status).toBe(200);
    expect(list((await call('GET', archive('made', '/not/in/image'))).body)).toEqual(['image/', 'image/a']);
    expect((await stack.docker(['start', '-a', 'made'])).stdout).toBe('from outside');
  });
});

describe('a container with a user namespace', () => {
  it('shows and takes the ids of inside', async () => {
    const create = await stack.api('POST', '/containers/create?name=shifted', {
      Image: 'busybox',
      Cmd: ['sleep', '1000'],
      HostConfig: { NetworkMode: 'none', UsernsMode: 'private' },
    });
    expect(create.status).toBe(201);
    await stack.api('POST', '/containers/shifted/start');
    const tar = (await call('GET', archive('shifted', '/etc/passwd'))).body;
    expect(execFileSync('tar', ['tv', '--numeric-owner'], { input: tar }).toString()).toContain(' 0/0 ');
    expect(
      (await call('PUT', archive('shifted', '/home'), tarOf({ mine: 'x' }, ['--owner=7', '--group=8']))).status,
    ).toBe(200);
    expect((await stack.docker(['exec', 'shifted', 'stat', '-c', '%u:%g', '/home/mine'])).stdout).toBe('7:8\n');
  });
});

describe('export and changes', () => {
  it('tell what a container made of its image', async () => {
    const script = 'echo x > /new; mkdir -p /d/e; rm /etc/group; chmod 700 /home; mkdir /etc/q; echo y > /vol/y';
    await stack.docker(['run', '--name', 'wrote', '--network', 'none', '-v', '/vol', 'busybox', 'sh', '-c', script]);
    expect((await stack.api('GET', '/containers/wrote/changes')).body).toEqual([
      { Path: '/d', Kind: 1 },
      { Path: '/d/e', Kind: 1 },
      { Path: '/etc', Kind: 0 },
      { Path: '/etc/group', Kind: 2 },
      { Path: '/etc/q', Kind: 1 },
      { Path: '/home', Kind: 0 },
      { Path: '/new', Kind: 1 },
      { Path: '/vol', Kind: 1 },
    ]);
    const exported = await call('GET', '/containers/wrote/export');
    expect(exported.headers['content-type']).toBe('application/octet-stream');
    const names = list(exported.body);
    expect(names).toEqual(expect.arrayContaining(['new', 'd/e/', 'bin/busybox', 'vol/']));
    expect(names).not.toContain('vol/y');
    expect(names).not.toContain('etc/group');
  });

  it('nothing of a container that changed nothing', async () => {
    await stack.docker(['run', '--name', 'idle', '--network', 'none', 'busybox', 'true']);
    expect((await stack.api('GET', '/containers/idle/changes')).body).toBeNull();
  });

  it('leave no mount behind', () => {
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(join(stack.directory, 'data/tmp'));
  });
});
