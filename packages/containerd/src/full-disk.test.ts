// A disk that fills up: the message says so, what was half-done goes, and the daemon goes on once there is room.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configIn, type OpenDaemon, openTemporaryDaemon } from './fixture/temporary-daemon.ts';
import { BundleStore } from './tasks/bundle-store.ts';

const disk = mkdtempSync('/tmp/tsc-full-');
const scope = { namespace: 'test' };
let open: OpenDaemon;

beforeAll(() => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
  mkdirSync(join(disk, 'd'));
  open = openTemporaryDaemon(configIn(join(disk, 'd')));
});
afterAll(async () => {
  await open.close();
  execFileSync('umount', [disk]);
  rmdirSync(disk);
});

const fill = () => {
  const write = () => writeFileSync(join(disk, 'ballast'), Buffer.alloc(9_000_000));
  expect(write).toThrow('ENOSPC');
};

describe('on a full disk', () => {
  it('an upload and a record are refused as resource-exhausted, and work once there is room', async () => {
    const { content, snapshots, containers } = open.daemon;
    const spec = { typeUrl: 's', value: Buffer.alloc(3_000_000) };
    const runtime = { name: 'r', options: null };
    const record = {
      id: 'c',
      labels: {},
      image: '',
      runtime,
      spec,
      snapshotter: '',
      snapshotKey: '',
      createdAt: null,
      updatedAt: null,
      extensions: {},
      sandbox: '',
    };
    const writer = await content.openWriter(scope, 'big');
    fill();
    await expect(writer.write(Buffer.alloc(100_000))).rejects.toMatchObject({
      code: 'resource-exhausted',
      message: expect.stringContaining('write ingest big: ENOSPC'),
    });
    await writer.abort();
    await expect(containers.create(scope, record)).rejects.toMatchObject({ code: 'resource-exhausted' });
    expect(containers.list('test')).toEqual([]);
    rmSync(join(disk, 'ballast'));
    await containers.create(scope, record);
    await snapshots.prepare(scope, 'k', '');
    expect(content.statuses('test')).toEqual([]);
    expect(containers.get('test', 'c').spec?.value.length).toBe(3_000_000);
  });

  it('a bundle is made whole or not at all', () => {
    const bundles = new BundleStore(join(disk, 'state'), join(disk, 'root'));
    const large = () => bundles.create('n', 'c', Buffer.alloc(9_000_000));
    expect(large).toThrow(expect.objectContaining({ code: 'resource-exhausted' }));
    expect(bundles.find()).toEqual([]);
    expect(existsSync(bundles.create('n', 'c', Buffer.from('{}')).path)).toBe(true);
  });

  it('keeps the database to root alone', () => {
    expect(statSync(join(disk, 'd/root/meta.db')).mode & 0o777).toBe(0o600);
  });
});
