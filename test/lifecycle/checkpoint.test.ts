// Checkpoints through whatever runtime can make them: blobs in the content store, or an error that says why not.
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadMessage, loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk } from '../harness/command.ts';
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
  const directory = join(daemon.directory, 'root/checkpoints');
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
    await own.run('b', ['/bin/sleep', '100']);
    await expect(own.tasks('Checkpoint', { containerId: 'b' })).rejects.toMatchObject({
      code: 'unimplemented',
      message: expect.stringContaining('criu'),
    });
    await own.remove('b');
    await expect(own.tasks('Checkpoint', { containerId: 'nobody' })).rejects.toMatchObject({ code: 'not-found' });
    expect(leftovers()).toEqual([]);
  });

  it.each(['runc', 'the shim of runc'])('passes what criu says through %s', async (which) => {
    const isOwn = which === 'runc';
    const client = isOwn ? own : foreign;
    const id = isOwn ? 'c' : 'd';
    await client.run(id, ['/bin/sleep', '100'], isOwn ? { runtimeOptions: { binaryName: 'runc' } } : {});
    const canCheckpoint = (await run('criu', ['check'])).code === 0;
    const taken = client.tasks('Checkpoint', { containerId: id });
    if (canCheckpoint) expect((await taken).descriptors).toHaveLength(2);
    else await expect(taken).rejects.toThrow(/criu/);
    expect((await client.tasks('Get', { containerId: id })).process.status).toBe('RUNNING');
    expect(leftovers()).toEqual([]);
    await client.remove(id);
  });
});
