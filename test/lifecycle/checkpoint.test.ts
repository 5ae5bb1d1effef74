// What of checkpoints does not take a criu that works: this machine's kernel may be newer than Debian's criu can read.
// The whole way there and back, with ctr, criu and Debian's containerd, is test/second-world/checkpoint-world.ts.
//
// Here: blobs in the content store and the options' way to the runtime, with a stand-in for the images alone; what criu
// says, through every runtime; and that a task from a checkpoint outlives shim and daemon, and leaves nothing.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk, until } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import type { TaskClient } from '../harness/task-client.ts';

const content = loadService('containerd/services/content/v1/content.proto', 'containerd.services.content.v1.Content');
const options = loadMessage<object>('containerd/runc/v1/options.proto', 'containerd.runc.v1.CheckpointOptions');

const daemon = new LifecycleDaemon();
const standIn = join(daemon.directory, 'runc-stand-in');
let own: TaskClient;
let foreign: TaskClient;
let connection: GrpcConnection;

/** criu cannot read this machine's vDSO: what it would write is written by this program, all else is runc's. */
const script = `#!/bin/sh
for word in "$@"; do
  [ "$before" = --image-path ] && image=$word
  [ "$word" = checkpoint ] && is_checkpoint=1
  before=$word
done
[ -z "$is_checkpoint" ] && exec runc "$@"
echo "$*" > "$image/words"
echo pages > "$image/pages-1.img"
`;

beforeAll(async () => {
  await daemon.start();
  own = daemon.client('io.containerd.ts.v2');
  foreign = daemon.client('io.containerd.runc.v2');
  connection = new GrpcConnection(daemon.address);
  writeFileSync(standIn, script);
  chmodSync(standIn, 0o755);
});
afterAll(async () => {
  connection.close();
  await daemon.stop();
});

async function read(digest: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  const { namespace } = daemon;
  for await (const { data } of connection.stream<object, any>(content, 'Read', { digest }, { namespace }))
    parts.push(data);
  return Buffer.concat(parts);
}

const leftovers = () => {
  const directory = join(daemon.directory, 'root/checkpoints/taken');
  return existsSync(directory) ? readdirSync(directory) : [];
};

describe('Tasks.Checkpoint', () => {
  it('keeps image and spec as blobs, and the container goes on', async () => {
    const pid = await own.run('a', ['/bin/sleep', '100'], { runtimeOptions: { binaryName: standIn } });
    const { descriptors } = await own.tasks('Checkpoint', { containerId: 'a' });
    expect(descriptors.map(({ mediaType }: { mediaType: string }) => mediaType)).toEqual([
      'application/vnd.containerd.container.criu.checkpoint.criu.tar',
      'application/vnd.containerd.container.checkpoint.config.v1+proto',
    ]);
    const archive = join(daemon.directory, 'image.tar');
    writeFileSync(archive, await read(descriptors[0].digest));
    expect(await runOk('tar', ['-xOf', archive, 'pages-1.img'])).toBe('pages\n');
    expect((await read(descriptors[1].digest)).toString('latin1')).toContain('/bin/sleep');
    expect((await own.tasks('Get', { containerId: 'a' })).process).toMatchObject({ status: 'RUNNING', pid });
    expect(leftovers()).toEqual([]);
    await own.tasks('Checkpoint', { containerId: 'a' }); // the spec is there already
  });

  it('leaves the image where the options say, and passes them on', async () => {
    const imagePath = join(daemon.directory, 'given');
    await runOk('mkdir', [imagePath]);
    const value = options.encode({ imagePath, openTcp: true, fileLocks: true, exit: true });
    const request = { containerId: 'a', options: { typeUrl: options.typeName, value } };
    expect((await own.tasks('Checkpoint', request)).descriptors).toEqual([]);
    const words = readFileSync(join(imagePath, 'words'), 'utf8');
    expect(words).toContain('--tcp-established --file-locks a');
    expect(words).not.toContain('--leave-running');
    await own.remove('a');
  });

  it('says why there is none', async () => {
    await expect(own.tasks('Checkpoint', { containerId: 'nobody' })).rejects.toMatchObject({ code: 'not-found' });
    expect(leftovers()).toEqual([]);
  });

  it.each([
    ['our own runtime', () => own, {}],
    ['runc', () => own, { runtimeOptions: { binaryName: 'runc' } }],
    ['the shim of runc', () => foreign, {}],
  ])('passes what criu says through %s, and the container goes on', async (which, clientOf, options) => {
    const client = clientOf();
    const id = which.replaceAll(' ', '-');
    await client.run(id, ['/bin/sleep', '100'], options);
    const canCheckpoint = (await run('criu', ['check'])).code === 0;
    const taken = client.tasks('Checkpoint', { containerId: id });
    if (canCheckpoint) expect((await taken).descriptors).toHaveLength(2);
    else await expect(taken).rejects.toThrow(/criu/);
    expect((await client.tasks('Get', { containerId: id })).process.status).toBe('RUNNING');
    expect(leftovers()).toEqual([]);
    await client.remove(id);
  });
});

describe('Create from a checkpoint', () => {
  let image: { mediaType: string; digest: string; size: number };

  /** containerd's media type for what is no image of criu's at all: an empty directory. */
  beforeAll(async () => {
    const [directory, archive] = [join(daemon.directory, 'empty'), join(daemon.directory, 'empty.tar')];
    mkdirSync(directory);
    await runOk('tar', ['-C', directory, '-cf', archive, '.']);
    const data = readFileSync(archive);
    const total = data.length;
    const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`;
    const { namespace } = daemon;
    const duplex = connection.duplex<object, any>(content, 'Write', { namespace });
    const labels = { 'containerd.io/gc.root': 'test' };
    await duplex.write({ action: 'COMMIT', ref: 'empty', total, expected: digest, data, labels });
    duplex.end();
    for await (const { action } of duplex) if (action === 'COMMIT') break;
    image = { mediaType: 'application/vnd.containerd.container.criu.checkpoint.criu.tar', digest, size: total };
  });

  const given = () => {
    const directory = join(daemon.directory, 'root/checkpoints/given', daemon.namespace);
    return existsSync(directory) ? readdirSync(directory) : [];
  };

  async function expectNothingLeft(id: string): Promise<void> {
    expect(given()).not.toContain(id);
    expect(existsSync(join(daemon.state, 'tsrunc', daemon.namespace, id))).toBe(false);
    expect(existsSync(join(daemon.state, 'io.containerd.runtime.v2.task', daemon.namespace, id))).toBe(false);
    expect(await runOk('cat', ['/proc/mounts'])).not.toContain(`${daemon.namespace}/${id}`);
  }

  it.each([
    ['our own runtime', {}],
    ['runc', { runtimeOptions: { binaryName: 'runc' } }],
  ])('%s says at start what is wrong with an image, and nothing of it stays', async (which, options) => {
    const id = `from-${which.replaceAll(' ', '-')}`;
    await own.createContainer(id, ['/bin/sleep', '100'], options);
    expect((await own.tasks('Create', { containerId: id, checkpoint: image })).pid).toBe(0);
    expect((await own.tasks('Get', { containerId: id })).process).toMatchObject({ status: 'CREATED', pid: 0 });
    expect(given()).toContain(id);
    await expect(own.tasks('Start', { containerId: id })).rejects.toThrow(/restore/);
    expect((await own.tasks('Get', { containerId: id })).process.status).toBe('CREATED');
    await own.tasks('Delete', { containerId: id });
    await own.remove(id);
    await expectNothingLeft(id);
  });

  it('waits for its start through the deaths of shim and daemon', async () => {
    await own.createContainer('w', ['/bin/sleep', '100']);
    await own.tasks('Create', { containerId: 'w', checkpoint: image });
    await daemon.killShims();
    expect((await own.tasks('Get', { containerId: 'w' })).process).toMatchObject({ status: 'CREATED', pid: 0 });
    await daemon.kill();
    await daemon.start();
    expect((await own.tasks('Get', { containerId: 'w' })).process).toMatchObject({ status: 'CREATED', pid: 0 });
    expect(given()).toContain('w'); // what it is still to be made of
    await expect(own.tasks('Start', { containerId: 'w' })).rejects.toThrow(/restore container w: .*descriptors/);
    await own.tasks('Delete', { containerId: 'w' });
    await own.remove('w');
    await expectNothingLeft('w');
  });

  it('takes away at its start the image of a task that is gone', async () => {
    await own.createContainer('g', ['/bin/sleep', '100']);
    await own.tasks('Create', { containerId: 'g', checkpoint: image });
    await daemon.kill();
    for (const pid of daemon.shims()) process.kill(pid, 'SIGKILL');
    rmSync(join(daemon.state, 'io.containerd.runtime.v2.task', daemon.namespace, 'g'), { recursive: true });
    await daemon.start();
    await until('image gone', 10_000, () => (given().includes('g') ? undefined : true));
    await own.remove('g');
  });

  it('refuses a blob of another kind, and a digest that is not there', async () => {
    await own.createContainer('r', ['/bin/sleep', '100']);
    const wrong = { ...image, mediaType: 'application/vnd.oci.image.layer.v1.tar' };
    await expect(own.tasks('Create', { containerId: 'r', checkpoint: wrong })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const missing = { ...image, digest: `sha256:${'0'.repeat(64)}` };
    await expect(own.tasks('Create', { containerId: 'r', checkpoint: missing })).rejects.toMatchObject({
      code: 'not-found',
    });
    await own.remove('r');
    await expectNothingLeft('r');
  });
});
