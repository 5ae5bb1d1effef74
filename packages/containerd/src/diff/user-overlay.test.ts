// In overlays mounted with `userxattr`, as in a user namespace: what a layer hides is hidden, and a diff finds it again.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountAll, unmountAll } from '@tscontainer/linux/mounts';
import { tar } from '@tscontainer/linux/tar-fixture';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { configIn, type OpenDaemon, openTemporaryDaemon } from '../fixture/temporary-daemon.ts';

const scope = { namespace: 'test' };
let open: OpenDaemon;
let mountPoint: string;

beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'tscontainerd-test-'));
  open = openTemporaryDaemon({ ...configIn(directory), overlayMountOptions: ['userxattr'] });
  mountPoint = join(directory, 'mnt');
  mkdirSync(mountPoint);
});
afterEach(async () => {
  await unmountAll(mountPoint);
  await open.close();
});

async function layer(bytes: Buffer) {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const writer = await open.daemon.content.openWriter(scope, digest);
  await writer.write(bytes);
  await writer.commit(0, digest, { 'containerd.io/gc.root': 'test' });
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: bytes.length, annotations: {} };
}

it('makes directories opaque by user.overlay.opaque', async () => {
  const { snapshots, applier, differ, content } = open.daemon;
  const one = await layer(tar({ name: 'd/', type: '5' }, { name: 'd/old', data: '1' }, { name: 'gone', data: '1' }));
  const two = await layer(
    tar({ name: 'd/', type: '5' }, { name: 'd/.wh..wh..opq' }, { name: 'd/new', data: '2' }, { name: '.wh.gone' }),
  );
  await applier.apply('test', one, await snapshots.prepare(scope, 'a', ''));
  await snapshots.commit(scope, 'one', 'a');
  const mounts = await snapshots.prepare(scope, 'b', 'one');
  expect(mounts[0]?.options).toContain('userxattr');
  await applier.apply('test', two, mounts);
  await mountAll(mounts, mountPoint);
  expect(readdirSync(mountPoint)).toEqual(['d']);
  expect(readdirSync(join(mountPoint, 'd'))).toEqual(['new']);
  await unmountAll(mountPoint);

  await snapshots.commit(scope, 'two', 'b');
  const upper = await snapshots.prepare(scope, 'c', 'one');
  await applier.apply('test', two, upper);
  const diff = await differ.diff(scope, await snapshots.view(scope, 'v', 'one'), upper, {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    labels: { 'containerd.io/gc.root': 'test' },
  });
  const listed = execFileSync('tar', ['tf', content.readerPath('test', diff.digest)], { encoding: 'utf8' });
  expect(listed.split('\n').sort()).toEqual(['', '.wh.gone', 'd/', 'd/.wh..wh..opq', 'd/new']);
  rmSync(mountPoint, { recursive: true });
});
