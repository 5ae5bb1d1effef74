// POST /build from outside: what a cancelled or killed build leaves, what is refused, contexts over HTTP, hostile ones, and
// bases out of a registry. What docker's client shows of builds is compared in test/interop.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContextFiles, contextArchive } from '../harness/build-context.ts';
import { run, runOk, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { hostProcesses } from '../harness/processes.ts';
import { startInside, startRegistry } from '../harness/registry.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-build-');
  stack = await startStack({ readyTimeoutMs: 60_000 });
  expect((await stack.docker(['load', '-q', '-i', await busyboxArchive()])).code).toBe(0);
});
afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Answer {
  status: number;
  lines: any[];
  /** All that was printed. */
  text: string;
}

/** `onLine` may end the request: what came until then is the answer. */
function post(
  path: string,
  body: Buffer | undefined,
  options: { headers?: Record<string, string>; onText?: (text: string, request: http.ClientRequest) => void } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { socketPath: stack.socket, method: 'POST', path, agent: false, headers: options.headers ?? {} },
      (response) => {
        let text = '';
        const finish = () => {
          const lines = text
            .split('\n')
            .filter((line) => line.endsWith('}'))
            .map((line) => JSON.parse(line));
          resolve({ status: response.statusCode ?? 0, lines, text: lines.map(({ stream = '' }) => stream).join('') });
        };
        response.on('data', (chunk) => {
          text += chunk;
          options.onText?.(text, request);
        });
        response.on('end', finish);
        response.on('error', finish);
      },
    );
    request.on('error', (error) => reject(error));
    request.end(body);
  });
}

async function build(files: ContextFiles, query = '', options: Parameters<typeof post>[2] = {}): Promise<Answer> {
  const archive = await contextArchive(files);
  const body = readFileSync(archive);
  rmSync(archive);
  return post(`/build?networkmode=none${query}`, body, options);
}

const lastError = ({ lines }: Answer) => lines.at(-1)?.errorDetail;
const containers = async (all = true) => (await stack.api('GET', `/containers/json?all=${all}`)).body as any[];
const sleepers = () => hostProcesses().filter(({ cmdline }) => cmdline.includes('sleep 98765'));

/** Scratch directories, mounts below them, and leases: what a build has for itself. */
async function leftovers(): Promise<string[]> {
  const temporary = join(stack.directory, 'data', 'tmp');
  const directories = existsSync(temporary) ? readdirSync(temporary) : [];
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${temporary}/`));
  const socket = join(stack.directory, 'exec', 'containerd', 'containerd.sock');
  const { stdout } = await run('/usr/bin/ctr', ['-a', socket, '-n', 'moby', 'leases', 'ls', '-q']);
  const snapshots = await run('/usr/bin/ctr', ['-a', socket, '-n', 'moby', 'snapshots', 'ls']);
  const own = snapshots.stdout.split('\n').filter((line) => line.startsWith('build-'));
  return [...directories, ...mounts, ...stdout.split('\n').filter((id) => id.includes('-build-')), ...own];
}

const nothingLeft = () =>
  until('the build’s own things are gone', 20_000, async () => {
    const left = [...(await leftovers()), ...(await containers()).map(({ Id }) => Id), ...sleepers().map(String)];
    return left.length === 0 ? true : undefined;
  });

describe('a build that is cut short', () => {
  const slow = { Dockerfile: 'FROM busybox\nVOLUME /v\nCOPY f /f\nRUN printf beg%s un; sleep 98765\n', f: 'f' };

  it('by its client leaves nothing', async () => {
    await build(slow, '', { onText: (text, request) => void (text.includes('begun') && request.destroy()) }).catch(
      () => undefined, // its own doing
    );
    await nothingLeft();
    expect((await stack.api('GET', '/volumes')).body.Volumes).toEqual([]);
  });

  it('by /build/cancel leaves nothing, and says so', async () => {
    const answer = await build(slow, '&buildid=mine', {
      onText: (text) => void (text.includes('begun') && stack.api('POST', '/build/cancel?id=mine')),
    });
    expect(lastError(answer).message).toBe('Build cancelled');
    await nothingLeft();
  });

  it('while its context comes leaves nothing', async () => {
    const request = http.request({ socketPath: stack.socket, method: 'POST', path: '/build', agent: false });
    request.on('error', () => undefined); // its own doing
    const archive = await contextArchive({ Dockerfile: 'FROM busybox' });
    request.write(readFileSync(archive).subarray(0, 700));
    rmSync(archive);
    await new Promise((resolve) => setTimeout(resolve, 200));
    request.destroy();
    await nothingLeft();
  });

  it('by kill -9 of the engine leaves nothing after the next start, and its steps serve as cache', async () => {
    const killed = build(slow, '', {
      onText: (text) => void (text.includes('begun') && stack.pids('tsengined').map((pid) => process.kill(pid, 9))),
    }).catch(() => undefined);
    await killed;
    await until('engine gone', 5000, () => (stack.pids('tsengined').length === 0 ? true : undefined));
    expect(sleepers()).not.toEqual([]);
    await stack.startEngine(60_000);
    await nothingLeft();
    const again = await build({ ...slow, Dockerfile: slow.Dockerfile.replace(/RUN.*/, 'ENV a=b') });
    expect(again.text.match(/Using cache/g)).toHaveLength(2);
  });

  it('by its own failure keeps the container, unless it is not wanted', async () => {
    const failing = { Dockerfile: 'FROM busybox\nRUN echo > /x; exit 4\n' };
    expect(lastError(await build(failing))).toEqual({
      code: 4,
      message: "The command '/bin/sh -c echo > /x; exit 4' returned a non-zero code: 4",
    });
    const [kept] = await containers();
    expect(kept).toMatchObject({ State: 'exited' });
    await stack.kill('tsengined');
    await stack.startEngine(60_000);
    expect((await containers()).map(({ Id }) => Id)).toEqual([kept.Id]);
    await stack.api('DELETE', `/containers/${kept.Id}`);
    await build(failing, '&forcerm=1');
    await nothingLeft();
  });
});

describe('what is refused', () => {
  it.each<[string, string, RegExp]>([
    ['BuildKit', 'version=2', /classic builder and no BuildKit/],
    ['an unknown version', 'version=3', /invalid version/],
    ['squash', 'squash=1', /squash is only supported/],
    ['security options', 'securityopt=a', /security options/],
    ['outputs', 'outputs=[{"Type":"local"}]', /BuildKit/],
    ['arguments that are no JSON', 'buildargs={', /error reading build args/],
    ['arguments of another type', 'buildargs={"a":1}', /error reading build args/],
    ['labels of another type', 'labels=[1]', /error reading labels/],
    ['cachefrom of another type', 'cachefrom={}', /cachefrom/],
    ['limits of another type', 'memory=x', /memory/],
    ['a tag with a digest', `t=a@sha256:${'0'.repeat(64)}`, /digest/],
    ['a platform that is none', 'platform=a', /unknown operating system or architecture/],
    ['a git repository', 'remote=https://example.com/a.git', /fetches no git/],
    ['a session', 'remote=client-session', /session/],
    ['a place that is no URL', 'remote=nowhere', /could not be recognized as URL/],
  ])('%s', async (_what, query, message) => {
    const { status, body } = await stack.api('POST', `/build?${query}`);
    expect(status).toBe(400);
    expect(body.message).toMatch(message);
  });

  it('bodies that are no context', async () => {
    for (const body of [Buffer.alloc(0), Buffer.from('no tar'), Buffer.alloc(1024), Buffer.from([0x1f, 0x8b, 8, 1, 2])])
      expect((await post('/build', body)).status).toBe(400);
    await nothingLeft();
  });

  it('cancelling nothing, and filters of the cache that are none', async () => {
    expect((await stack.api('POST', '/build/cancel')).status).toBe(400);
    expect((await stack.api('POST', '/build/cancel?id=x')).status).toBe(200);
    expect((await stack.api('POST', '/build/prune?filters={"odd":["x"]}')).status).toBe(400);
    expect((await stack.api('POST', '/build/prune?keep-storage=x')).status).toBe(400);
  });

  it('limits that make no sense, in the stream of the first RUN', async () => {
    const answer = await build({ Dockerfile: 'FROM busybox\nRUN true\n' }, '&memory=1000&nocache=1');
    expect(lastError(answer).message).toMatch(/Minimum memory limit/);
  });
});

describe('nothing leads out', () => {
  it('of the context: links are resolved inside', async () => {
    writeFileSync(join(scratch, 'secret'), 'secret\n');
    const files: ContextFiles = {
      Dockerfile: 'FROM busybox\nCOPY link /x\n',
      link: { link: join(scratch, 'secret') },
      inside: 'x',
    };
    expect(lastError(await build(files)).message).toMatch(/^COPY failed: file not found in build context/);
    const climbing = { ...files, link: { link: '../../../../../../etc/hostname' } };
    expect(lastError(await build(climbing)).message).toMatch(/file not found/);
    expect(lastError(await build({ ...files, Dockerfile: 'FROM busybox\nCOPY ../x /\n' })).message).toMatch(
      /forbidden/,
    );
  });

  it('of the image: links at the destination are resolved inside', async () => {
    const outside = join(scratch, 'outside');
    mkdirSync(outside);
    const files = {
      Dockerfile: `FROM busybox\nRUN ln -s ${outside} /out && ln -s ../../../../..${outside}/f /file\nCOPY f /out/a\nCOPY f /file\nADD f /out/\nWORKDIR /out/deep\nRUN find ${scratch} | sort\n`,
      f: 'f',
    };
    const answer = await build(files);
    expect(answer.text).toContain(`${outside}/a\n${outside}/deep\n${outside}/f\n`);
    expect(readdirSync(outside)).toEqual([]);
  });

  it('of an archive: names that climb and links that others write through', async () => {
    const hostile = join(scratch, 'hostile');
    const target = join(scratch, 'target');
    mkdirSync(hostile);
    mkdirSync(target);
    writeFileSync(join(hostile, 'Dockerfile'), 'FROM busybox\nADD bad.tar /\nADD through.tar /\n');
    writeFileSync(join(hostile, 'f'), 'bad');
    symlinkSync(target, join(hostile, 'l'));
    await runOk('tar', [
      '-C',
      hostile,
      '-cf',
      join(hostile, 'bad.tar'),
      '--transform',
      `s,^f,../../../../..${target}/f,`,
      '-P',
      'f',
    ]);
    await runOk('tar', ['-C', hostile, '-cf', join(hostile, 'through.tar'), 'l']);
    await runOk('tar', ['-C', hostile, '-rf', join(hostile, 'through.tar'), '--transform', 's,^f,l/f,', 'f']);
    const context = join(scratch, 'hostile.tar');
    await runOk('tar', ['-C', hostile, '-cf', context, 'Dockerfile', 'through.tar', 'bad.tar']);
    const answer = await post('/build', readFileSync(context));
    expect(lastError(answer).message).toMatch(/bad\.tar|climbs|\.\.\//);
    await runOk('tar', [
      '-C',
      hostile,
      '-cf',
      context,
      '--transform',
      `s,^f,../../../../..${target}/f,`,
      '-P',
      'Dockerfile',
      'f',
    ]);
    expect((await post('/build', readFileSync(context))).status).toBe(400);
    expect(readdirSync(target)).toEqual([]);
    await nothingLeft();
  });
});

describe('over HTTP', () => {
  const port = 8099;
  let stop: () => Promise<void>;
  const served = () => join(scratch, 'served');

  beforeAll(async () => {
    mkdirSync(served());
    writeFileSync(join(served(), 'data.bin'), 'x'.repeat(3000));
    writeFileSync(join(served(), 'Dockerfile.txt'), 'FROM busybox\nRUN echo from afar\n');
    await runOk('touch', ['-d', '2020-02-02T02:02:02Z', join(served(), 'data.bin')]);
    const context = await contextArchive({ Dockerfile: 'FROM busybox\nCOPY f /f\nRUN cat /f\n', f: 'afar' });
    await runOk('mv', [context, join(served(), 'context.tar')]);
    await runOk('tar', ['-C', served(), '-cf', join(served(), 'inner.tar'), 'data.bin']);
    stop = await startInside(
      stack.network,
      join(scratch, 'http.log'),
      'python3',
      ['-m', 'http.server', '-d', served(), String(port)],
      async () => {
        const [file, args] = stack.network.enter('curl', ['-sf', `http://127.0.0.1:${port}/`]);
        return (await run(file, args)).code === 0;
      },
    );
  });
  afterAll(() => stop?.());

  it('ADD takes a file: private, root’s, as old as the server says, never unpacked, found again', async () => {
    const url = `http://127.0.0.1:${port}`;
    const files = {
      Dockerfile: `FROM busybox\nADD ${url}/data.bin ${url}/inner.tar /d/\nADD --chown=app ${url}/data.bin /named\nRUN stat -c "%n %a %u %s %Y" /d/data.bin /named; ls /d\n`,
    };
    const answer = await build(files);
    expect(answer.text).toContain(
      '/d/data.bin 600 0 3000 1580608922\n/named 600 1000 3000 1580608922\ndata.bin\ninner.tar\n',
    );
    expect(answer.lines.some(({ status }) => status === 'Downloading')).toBe(true);
    expect((await build(files)).text.match(/Using cache/g)).toHaveLength(3);
    writeFileSync(join(served(), 'data.bin'), 'y'.repeat(3000));
    expect((await build(files)).text).not.toContain('Using cache');
    const missing = await build({ Dockerfile: `FROM busybox\nADD ${url}/nosuch /\n` });
    expect(lastError(missing).message).toMatch(/^ADD failed: failed to GET .*\/nosuch with status 404/);
  });

  it('remote= takes a context or a Dockerfile', async () => {
    const url = encodeURIComponent(`http://127.0.0.1:${port}/`);
    const context = await post(`/build?networkmode=none&remote=${url}context.tar`, undefined);
    expect(context.text).toContain('afar');
    const alone = await post(`/build?networkmode=none&remote=${url}Dockerfile.txt`, undefined);
    expect(alone.text).toContain('from afar\n');
    const missing = await post(`/build?remote=${url}nosuch`, undefined);
    expect(missing.status).toBe(404);
  });
});

describe('bases', () => {
  it('are pulled when they are not here, with the client’s credentials', async () => {
    const htpasswd = await runOk('htpasswd', ['-nbB', 'user', 'secret']);
    writeFileSync(join(scratch, 'htpasswd'), htpasswd);
    const registry = await startRegistry(stack.network, scratch, {
      port: 5000,
      storage: join(scratch, 'registry'),
      auth: { htpasswd: { realm: 'test', path: join(scratch, 'htpasswd') } },
    });
    try {
      const name = `${registry.host}/team/base`;
      const login = { username: 'user', password: 'secret', serveraddress: registry.host };
      const auth = { 'X-Registry-Auth': Buffer.from(JSON.stringify(login)).toString('base64url') };
      await stack.api('POST', `/images/busybox/tag?repo=${name}&tag=1`);
      await stack.api('POST', `/images/${name}/push?tag=1`, undefined, auth);
      await stack.api('DELETE', `/images/${name}:1`);
      const files = { Dockerfile: `FROM ${name}:1\nRUN echo pulled\n` };
      const refused = await build(files);
      expect(lastError(refused).message).toMatch(/no basic auth credentials/);
      const config = { [registry.host]: { username: 'user', password: 'secret' } };
      const headers = { 'X-Registry-Config': Buffer.from(JSON.stringify(config)).toString('base64url') };
      const answer = await build(files, '', { headers });
      expect(answer.text).toContain('pulled\n');
      expect(answer.lines.some(({ status }) => /^Pulling from team\/base/.test(status))).toBe(true);
      const again = await build(files, '&pull=1', { headers });
      expect(again.lines.some(({ status }) => /Image is up to date/.test(status))).toBe(true);
      expect(again.text).toContain('Using cache');
    } finally {
      await registry.stop();
    }
  });

  it('that are nowhere fail the build', async () => {
    const answer = await build({ Dockerfile: 'FROM 127.0.0.1:1/nosuch\n' });
    expect(lastError(answer).message).toMatch(/nosuch|127\.0\.0\.1:1/);
  });
});
