// The Diff service over gRPC: layers made of snapshots and applied to others, with whiteouts.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mount } from '@tscontainer/linux/mounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mounted as mountedBelow } from '../fixture/mounted.ts';
import { TemporaryDaemon } from '../fixture/temporary-daemon.ts';

let daemon: TemporaryDaemon;
beforeAll(async () => {
  daemon = await TemporaryDaemon.start();
});
afterAll(() => daemon.close());

const snapshot = async (method: string, key: string, more: object = {}): Promise<Mount[]> =>
  (await daemon.call(`snapshots.Snapshots/${method}`, { snapshotter: 'overlayfs', key, ...more })).mounts;

const mounted = <T>(mounts: Mount[], work: (directory: string) => T) =>
  mountedBelow(daemon.daemon.config.root, mounts, work);

async function madeLayer(): Promise<{ diff: any; parent: string }> {
  await mounted(await snapshot('Prepare', 'base'), (directory) => {
    mkdirSync(join(directory, 'etc'));
    writeFileSync(join(directory, 'etc/kept'), 'kept');
    writeFileSync(join(directory, 'etc/removed'), 'removed');
  });
  await snapshot('Commit', 'base', { name: 'parent' });
  const right = await snapshot('Prepare', 'work', { parent: 'parent' });
  await mounted(right, (directory) => {
    rmSync(join(directory, 'etc/removed'));
    writeFileSync(join(directory, 'etc/added'), 'added');
  });
  const left = await snapshot('View', 'lower', { parent: 'parent' });
  const { diff } = await daemon.call('diff.Diff/Diff', {
    left,
    right,
    ref: 'd',
    labels: { 'containerd.io/gc.root': 'now' },
  });
  return { diff, parent: 'parent' };
}

describe('Diff', () => {
  it('makes a layer of what changed, and applying it elsewhere changes the same', async () => {
    const { diff, parent } = await madeLayer();
    expect(diff).toMatchObject({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' });
    const { info } = await daemon.call('content.Content/Info', { digest: diff.digest });
    const mounts = await snapshot('Prepare', 'target', { parent });
    const { applied } = await daemon.call('diff.Diff/Apply', { diff, mounts });
    expect(applied).toMatchObject({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest: info.labels['containerd.io/uncompressed'],
    });
    await mounted(mounts, (directory) => {
      expect(readdirSync(join(directory, 'etc')).sort()).toEqual(['added', 'kept']);
      expect(readFileSync(join(directory, 'etc/added'), 'utf8')).toBe('added');
    });
  });

  it('refuses what is no layer, what is not there, and what is not one layer apart', async () => {
    const mounts = await snapshot('Prepare', 'refuse');
    const digest = `sha256:${'0'.repeat(64)}`;
    const apply = (mediaType: string) =>
      daemon.call('diff.Diff/Apply', { diff: { mediaType, digest, size: 1 }, mounts });
    await expect(apply('text/plain')).rejects.toMatchObject({ code: 'unimplemented' });
    await expect(apply('application/vnd.oci.image.layer.v1.tar')).rejects.toMatchObject({ code: 'not-found' });
    const left = await snapshot('Prepare', 'a');
    const right = [{ type: 'overlay', source: 'overlay', options: ['upperdir=/u', 'workdir=/w', 'lowerdir=/x:/y'] }];
    await expect(daemon.call('diff.Diff/Diff', { left, right })).rejects.toMatchObject({ code: 'unimplemented' });
    const diff = daemon.call('diff.Diff/Diff', { left: mounts, right: left, mediaType: 'constructor' });
    await expect(diff).rejects.toThrow('unsupported media type constructor');
  });

  it('says that an archive is broken, and where', async () => {
    const mounts = await snapshot('Prepare', 'broken');
    const writer = await daemon.daemon.content.openWriter({ namespace: 'test' }, 'broken');
    await writer.write(Buffer.alloc(2000, 'x'));
    const digest = await writer.commit(0, '');
    const apply = daemon.call('diff.Diff/Apply', {
      diff: { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: 2000 },
      mounts,
    });
    await expect(apply).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(`apply layer ${digest}`),
    });
  });
});
