// Images over REST: archives in and out, names, filters, what may be removed, and archives that are broken on purpose.
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runOk, until } from '../harness/command.ts';
import { makeImage, skopeoCopy } from '../harness/registry.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let dockerArchive: string;
let ociArchive: string;

const at = (name: string) => join(stack.directory, name);

interface Loaded {
  status: number;
  lines: any[];
  /** The error, by status or in-band. */
  message: string | undefined;
}

/** One POST /images/load. */
function load(archive: Readable | Buffer): Promise<Loaded> {
  const body = Buffer.isBuffer(archive) ? Readable.from([archive]) : archive;
  return new Promise((resolve, reject) => {
    const options = {
      socketPath: stack.socket,
      path: '/images/load?quiet=1',
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/x-tar' },
    };
    const request = http.request(options, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const lines = text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line));
        const status = response.statusCode ?? 0;
        resolve({
          status,
          lines,
          message: status === 200 ? lines.find((line) => line.error)?.error : lines[0]?.message,
        });
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error); // refused before all of it was read
    });
    body.pipe(request);
  });
}

const loadFile = (path: string) => load(createReadStream(path));

async function list(filters: object = {}): Promise<any[]> {
  const { body } = await stack.api('GET', `/images/json?filters=${encodeURIComponent(JSON.stringify(filters))}`);
  return body;
}

const tagsOf = (images: any[]) => images.flatMap((image) => image.RepoTags).sort();

async function inspect(name: string): Promise<any> {
  return (await stack.api('GET', `/images/${name}/json`)).body;
}

async function removeImages(): Promise<void> {
  for (const { Id } of await list()) await stack.api('DELETE', `/images/${Id}?force=1`);
}

/** Blobs, uploads, and what is in snapshots on disk; empty spare directories are no leak. */
async function storedFiles(): Promise<string[]> {
  const content = await runOk('find', [at('data'), '-path', '*io.containerd.content.v1.content/*', '-type', 'f']);
  const snapshots = await runOk('find', [at('data'), '-path', '*/snapshots/*/fs/*']);
  return `${content}${snapshots}`
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

/** A tar of files (and links) as bytes, written by hand, so that it can be as wrong as a test wants. */
function tarOf(
  entries: { name: string; content?: Buffer | string; type?: string; link?: string }[],
  isCut = false,
): Buffer {
  const blocks = entries.flatMap(({ name, content = '', type = '0', link = '' }) => {
    const body = Buffer.from(content);
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000644\0', 100);
    header.write('0000000\0', 108);
    header.write('0000000\0', 116);
    header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write(' '.repeat(8), 148);
    header.write(type, 156);
    header.write(link, 157);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  const all = Buffer.concat([...blocks, Buffer.alloc(1024)]);
  return isCut ? all.subarray(0, all.length - 2048) : all;
}

const digestOf = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

/** A docker-archive of one layer with one file. */
function tinyArchive(
  name: string,
  change: Partial<{
    config: object;
    layerPath: string;
    layer: Buffer;
    extra: Parameters<typeof tarOf>[0];
    label: string;
  }> = {},
): Buffer {
  const layer = change.layer ?? tarOf([{ name: 'hello', content: `hello from ${name}` }]);
  const config = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '2020-01-02T03:04:05Z',
    config: { Cmd: ['/hello'], Labels: { kind: change.label ?? 'tiny' } },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digestOf(layer)}`] },
    history: [{ created: '2020-01-02T03:04:05Z', created_by: 'a test' }],
    ...change.config,
  };
  const bytes = JSON.stringify(config);
  const configPath = `${digestOf(bytes)}.json`;
  const manifest = [{ Config: configPath, RepoTags: [name], Layers: [change.layerPath ?? 'layer.tar'] }];
  return tarOf([
    { name: 'layer.tar', content: layer },
    { name: configPath, content: bytes },
    ...(change.extra ?? []),
    { name: 'manifest.json', content: JSON.stringify(manifest) },
  ]);
}

beforeAll(async () => {
  stack = await startStack();
  const layout = await makeImage(stack.directory);
  dockerArchive = at('docker.tar');
  ociArchive = at('oci.tar');
  await skopeoCopy(stack.network, layout, `docker-archive:${dockerArchive}:box:docker`);
  await skopeoCopy(stack.network, layout, `oci-archive:${ociArchive}:box:oci`);
  // the embedded image loads by itself after the start: from here on only the tests change images
  await until('the embedded image', 10_000, async () =>
    tagsOf(await list()).includes('tscontainer/whoami:latest') ? true : undefined,
  );
  await removeImages();
});

afterEach(() => removeImages());
afterAll(() => stack?.stop());

describe('load', () => {
  it('takes a docker-archive and an OCI archive of the same image', async () => {
    expect((await loadFile(dockerArchive)).lines).toEqual([{ stream: 'Loaded image: box:docker\n' }]);
    expect((await loadFile(ociArchive)).lines).toEqual([{ stream: 'Loaded image: box:oci\n' }]);
    const image = await inspect('box:docker');
    expect(image.RepoTags).toEqual(['box:docker', 'box:oci']);
    expect(image.Config).toMatchObject({ Cmd: ['/bin/sh'], Env: ['PATH=/bin'], Labels: { made: 'here' } });
    expect(await list()).toHaveLength(1);
  });

  it('takes an archive that is compressed as a whole', async () => {
    expect((await load(gzipSync(readFileSync(dockerArchive)))).message).toBeUndefined();
    expect(tagsOf(await list())).toEqual(['box:docker']);
  });

  it('takes an archive whose layer is a link to another', async () => {
    const archive = tinyArchive('linked', {
      layerPath: 'again/layer.tar',
      extra: [{ name: 'again/layer.tar', type: '2', link: '../layer.tar' }],
    });
    expect((await load(archive)).message).toBeUndefined();
    expect((await inspect('linked')).RootFS.Layers).toHaveLength(1);
  });

  it('keeps an image whose name went to another one', async () => {
    await load(tinyArchive('moving', { label: 'old' }));
    const old = await inspect('moving');
    await load(tinyArchive('moving', { label: 'new' }));
    expect((await inspect('moving')).Id).not.toBe(old.Id);
    expect((await inspect(old.Id)).RepoTags).toEqual([]);
    expect((await list({ dangling: ['true'] })).map((image) => image.Id)).toEqual([old.Id]);
  });

  const cases: [what: string, archive: () => Buffer, message: RegExp][] = [
    ['no archive at all', () => Buffer.from('this is no tar file'), /load image archive/],
    ['nothing', () => Buffer.alloc(0), /empty/],
    [
      'an archive without a manifest',
      () => tarOf([{ name: 'hello', content: 'x' }]),
      /neither manifest\.json nor index\.json/,
    ],
    [
      'a name that climbs',
      () => tinyArchive('bad', { extra: [{ name: '../../etc/evil', content: 'x' }] }),
      /"\.\.\/\.\.\/etc\/evil" leaves the archive/,
    ],
    [
      'an absolute name',
      () => tinyArchive('bad', { extra: [{ name: '/etc/evil', content: 'x' }] }),
      /"\/etc\/evil" leaves the archive/,
    ],
    [
      'a link that climbs',
      () => tinyArchive('bad', { extra: [{ name: 'x/layer.tar', type: '2', link: '../../passwd' }] }),
      /points out of the archive/,
    ],
    ['a device', () => tinyArchive('bad', { extra: [{ name: 'null', type: '3' }] }), /is a character-device/],
    ['a missing layer', () => tinyArchive('bad', { layerPath: 'other.tar' }), /"other\.tar" is missing/],
    ['a cut archive', () => readFileSync(dockerArchive).subarray(0, 1_500_000), /load image archive: unexpected end/],
    [
      'a cut compressed archive',
      () => gzipSync(readFileSync(dockerArchive)).subarray(0, 100_000),
      /load image archive: unexpected end/,
    ],
    [
      'a blob with another digest',
      () =>
        tarOf([
          { name: `blobs/sha256/${'a'.repeat(64)}`, content: 'x' },
          { name: 'index.json', content: '{"schemaVersion":2,"manifests":[]}' },
        ]),
      /does not match its digest/,
    ],
    [
      'a missing blob',
      () =>
        tarOf([
          {
            name: 'index.json',
            content: JSON.stringify({
              schemaVersion: 2,
              manifests: [
                {
                  mediaType: 'application/vnd.oci.image.manifest.v1+json',
                  digest: `sha256:${'a'.repeat(64)}`,
                  size: 3,
                },
              ],
            }),
          },
        ]),
      /blob sha256:a{64} is missing/,
    ],
    [
      'a layer that is not what the config says',
      () => tinyArchive('bad', { config: { rootfs: { type: 'layers', diff_ids: [`sha256:${'b'.repeat(64)}`] } } }),
      /diff id is sha256:[a-f0-9]{64}, the config says sha256:b{64}/,
    ],
    [
      'a layer that climbs out of the root',
      () => tinyArchive('bad', { layer: tarOf([{ name: '../../../tmp/evil', content: 'x' }]) }),
      /evil/,
    ],
    [
      'a layer that is no tar',
      () => tinyArchive('bad', { layer: Buffer.from('not a tar, but long enough to be read as one'.repeat(40)) }),
      /unpack layer/,
    ],
    ['a name that is no reference', () => tinyArchive('UPPER CASE'), /is no reference/],
  ];
  it.each(cases)('refuses %s whole', async (_what, archive, message) => {
    const before = await storedFiles();
    const answer = await load(archive());
    expect(answer.message).toMatch(message);
    if (answer.lines[0]?.error === undefined) expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await list()).toEqual([]);
    expect(await storedFiles()).toEqual(before);
  });
});

describe('save', () => {
  it('writes what skopeo reads in both forms, and what loads again', async () => {
    await loadFile(dockerArchive);
    await stack.api('POST', '/images/box:docker/tag?repo=other/name&tag=v1');
    const id = (await inspect('box:docker')).Id;
    const saved = at('saved.tar');
    await runOk('curl', [
      '-fsS',
      '--unix-socket',
      stack.socket,
      '-o',
      saved,
      'http://engine/images/get?names=box:docker&names=other/name:v1',
    ]);
    for (const source of [`docker-archive:${saved}:box:docker`, `oci-archive:${saved}:v1`]) {
      const config = JSON.parse(await runOk('skopeo', ['inspect', '--config', source]));
      expect(config.config.Labels).toEqual({ made: 'here' });
    }
    await removeImages();
    expect((await loadFile(saved)).lines.map((line) => line.stream).sort()).toEqual([
      'Loaded image: box:docker\n',
      'Loaded image: other/name:v1\n',
    ]);
    expect((await inspect('other/name:v1')).Id).toBe(id);
  });

  it('names what is missing before the first byte', async () => {
    const { status, body } = await stack.api('GET', '/images/get?names=nothing');
    expect([status, body]).toEqual([404, { message: 'No such image: nothing' }]);
  });
});

describe('names', () => {
  it('finds an image by every form of name, and says what is wrong with others', async () => {
    await loadFile(dockerArchive);
    await stack.api('POST', '/images/box:docker/tag?repo=my/long/name');
    const { Id, RepoDigests } = await inspect('box:docker');
    for (const name of [
      Id,
      Id.slice('sha256:'.length),
      Id.slice(7, 19),
      'docker.io/library/box:docker',
      'my/long/name',
      'my%2Flong%2Fname:latest',
      RepoDigests[0],
    ]) {
      expect((await inspect(name)).Id).toBe(Id);
    }
    expect(await stack.api('GET', '/images/nope/json')).toMatchObject({
      status: 404,
      body: { message: 'No such image: nope:latest' },
    });
    expect(await stack.api('GET', '/images/UPPER/json')).toMatchObject({ status: 400 });
  });

  it('refuses a prefix that several ids have', async () => {
    const seen = new Map<string, string>();
    let shared: string | undefined;
    for (let count = 0; shared === undefined && count < 17; count++) {
      await load(tinyArchive(`many:${count}`, { label: String(count) }));
      const { Id } = await inspect(`many:${count}`);
      if (seen.has(Id[7])) shared = Id[7];
      seen.set(Id[7], Id);
    }
    const { status, body } = await stack.api('GET', `/images/${shared}/json`);
    expect([status, body]).toEqual([400, { message: `multiple IDs found with provided prefix: ${shared}` }]);
  });

  it('tags, and refuses what is no name', async () => {
    await load(tinyArchive('tiny'));
    expect((await stack.api('POST', '/images/tiny/tag?repo=host.example:5000/a/b&tag=v2')).status).toBe(201);
    expect(tagsOf(await list())).toEqual(['host.example:5000/a/b:v2', 'tiny:latest']);
    expect((await stack.api('POST', '/images/tiny/tag?repo=NO&tag=x')).status).toBe(400);
    expect((await stack.api('POST', '/images/none/tag?repo=yes')).status).toBe(404);
  });
});

describe('list', () => {
  it('filters by reference, label, dangling and age', async () => {
    await load(tinyArchive('tiny/one:v1', { label: 'one' }));
    await loadFile(dockerArchive);
    expect(tagsOf(await list({ reference: ['tiny/*'] }))).toEqual(['tiny/one:v1']);
    expect(tagsOf(await list({ reference: { 'box:dock*': true } }))).toEqual(['box:docker']);
    expect(tagsOf(await list({ label: ['kind=one'] }))).toEqual(['tiny/one:v1']);
    expect(tagsOf(await list({ label: ['made'] }))).toEqual(['box:docker']);
    expect(await list({ dangling: ['true'] })).toEqual([]);
    expect(tagsOf(await list({ before: ['box:docker'] }))).toEqual(['tiny/one:v1']);
    expect(tagsOf(await list({ since: ['tiny/one:v1'] }))).toEqual(['box:docker']);
    expect((await stack.api('GET', '/images/json?filters={"bad":["x"]}')).status).toBe(400);
  });

  it('has docker’s fields', async () => {
    await load(tinyArchive('tiny'));
    const [image] = await list();
    expect(image).toMatchObject({
      Containers: 0,
      Created: Date.parse('2020-01-02T03:04:05Z') / 1000,
      Labels: { kind: 'tiny' },
      ParentId: '',
      SharedSize: -1,
    });
    expect(image.Size).toBeGreaterThan(0);
    const { body } = await stack.api('GET', '/images/tiny/history');
    expect(body).toEqual([
      {
        Comment: '',
        Created: image.Created,
        CreatedBy: 'a test',
        Id: image.Id,
        Size: image.Size,
        Tags: ['tiny:latest'],
      },
    ]);
  });
});

describe('remove', () => {
  it('takes one name of two, then the image with all that it had', async () => {
    const before = await storedFiles();
    await loadFile(dockerArchive);
    await stack.api('POST', '/images/box:docker/tag?repo=second');
    const { Id } = await inspect('second');
    expect((await stack.api('DELETE', '/images/second')).body).toEqual([{ Untagged: 'second:latest' }]);
    const { body } = await stack.api('DELETE', '/images/box:docker');
    expect(body[0]).toEqual({ Untagged: 'box:docker' });
    expect(body).toContainEqual({ Deleted: Id });
    expect(body.filter((row: any) => row.Deleted !== undefined)).toHaveLength(3);
    await until('the files are gone', 5_000, async () =>
      (await storedFiles()).length === before.length ? true : undefined,
    );
    expect(await storedFiles()).toEqual(before);
  });

  it('refuses an id with names in several repositories, unless forced', async () => {
    await load(tinyArchive('tiny'));
    await stack.api('POST', '/images/tiny/tag?repo=second');
    const { Id } = await inspect('tiny');
    const { status, body } = await stack.api('DELETE', `/images/${Id}`);
    expect(status).toBe(409);
    expect(body.message).toContain('(must be forced) - image is referenced in multiple repositories');
    expect((await stack.api('DELETE', `/images/${Id}?force=1`)).status).toBe(200);
    expect(await list()).toEqual([]);
  });

  it('refuses an image that a container uses', async () => {
    await loadFile(dockerArchive);
    const created = await stack.api('POST', '/containers/create', { Image: 'box:docker', Cmd: ['sleep', '60'] });
    const short = created.body.Id.slice(0, 12);
    const refused = await stack.api('DELETE', '/images/box:docker');
    expect(refused.status).toBe(409);
    expect(refused.body.message).toMatch(
      new RegExp(
        `^conflict: unable to remove repository reference "box:docker" \\(must force\\) - container ${short} is using its referenced image [a-f0-9]{12}$`,
      ),
    );
    await stack.api('DELETE', `/containers/${created.body.Id}?force=1`);
    expect((await stack.api('DELETE', '/images/box:docker')).status).toBe(200);
  });

  it('prunes what has no name and no container', async () => {
    await load(tinyArchive('moving', { label: 'old' }));
    const old = await inspect('moving');
    await load(tinyArchive('moving', { label: 'new' }));
    const { body } = await stack.api('POST', '/images/prune');
    expect(body.ImagesDeleted).toContainEqual({ Deleted: old.Id });
    expect(tagsOf(await list())).toEqual(['moving:latest']);
  });
});

describe('docker’s own client', () => {
  it('loads, lists, tags, saves and removes', async () => {
    const loaded = await stack.docker(['load', '-i', dockerArchive]);
    expect(loaded.stdout).toBe('Loaded image: box:docker\n');
    expect((await stack.docker(['tag', 'box:docker', 'mine:v1'])).code).toBe(0);
    expect((await stack.docker(['images', '--format', '{{.Repository}}:{{.Tag}}'])).stdout.split('\n').sort()).toEqual([
      '',
      'box:docker',
      'mine:v1',
    ]);
    const saved = at('client.tar');
    expect((await stack.docker(['save', '-o', saved, 'mine:v1'])).code).toBe(0);
    expect((await stack.docker(['rmi', 'mine:v1', 'box:docker'])).stdout).toContain('Deleted: sha256:');
    expect((await stack.docker(['load', '-i', saved])).stdout).toContain('Loaded image: mine:v1');
    const missing = await stack.docker(['rmi', 'nothing']);
    expect([missing.code, missing.stderr]).toEqual([1, 'Error: No such image: nothing\n']);
    writeFileSync(at('broken.tar'), readFileSync(dockerArchive).subarray(0, 1_000_000));
    expect((await stack.docker(['load', '-i', at('broken.tar')])).code).toBe(1);
  });
});

describe('a killed daemon', () => {
  it('has every image still', async () => {
    await loadFile(dockerArchive);
    const before = await inspect('box:docker');
    await stack.kill('tscontainerd');
    await stack.kill('tsengined');
    await stack.startEngine();
    expect(await inspect('box:docker')).toEqual(before);
  });
});
