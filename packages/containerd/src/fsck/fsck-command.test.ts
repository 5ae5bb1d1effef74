// fsck over real roots that the test damages: each fault is said by name, mended where it can be, and gone then.
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Store } from '@tscontainer/platform/store';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenDaemon, openTemporaryDaemon } from '../fixture/temporary-daemon.ts';
import { schema } from '../metadata/schema.ts';
import { checkRoot } from './fsck-command.ts';

const scope = { namespace: 'test' };
let open: OpenDaemon;
let root: string;
let blobs: string;
let layers: string;

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const fileOf = (text: string) => join(blobs, digestOf(text).slice('sha256:'.length));

async function put(text: string, labels: Record<string, string> = {}): Promise<string> {
  const writer = await open.daemon.content.openWriter(scope, text);
  await writer.write(Buffer.from(text));
  return writer.commit(0, '', labels);
}

async function check(isRepairing: boolean): Promise<string[]> {
  const said: string[] = [];
  await checkRoot({ root, isRepairing, isQuick: false, say: (line) => said.push(line) });
  return said;
}

/** Mends, and then nothing is left but what `remains` says. */
async function mended(...remains: RegExp[]): Promise<string[]> {
  const said = await check(true);
  const left = await check(false);
  expect(left.length).toBe(remains.length);
  for (const [index, pattern] of remains.entries()) expect(left[index]).toMatch(pattern);
  return said;
}

beforeEach(async () => {
  open = openTemporaryDaemon();
  const { daemon } = open;
  root = daemon.config.root;
  blobs = join(root, 'io.containerd.content.v1.content/blobs/sha256');
  layers = join(root, 'io.containerd.snapshotter.v1.overlayfs/snapshots');
  await daemon.snapshots.prepare(scope, 'making-l1', '');
  await daemon.snapshots.commit(scope, 'l1', 'making-l1');
  await daemon.snapshots.prepare(scope, 'making-l2', 'l1');
  await daemon.snapshots.commit(scope, 'l2', 'making-l2');
  await daemon.snapshots.prepare(scope, 'active', 'l2');
  const manifest = JSON.stringify({
    schemaVersion: 2,
    config: { digest: await put('config'), mediaType: 'c', size: 6 },
    layers: [{ digest: await put('layer'), mediaType: 'l', size: 5 }],
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const target = { mediaType, digest: await put(manifest), size: manifest.length, annotations: {} };
  await daemon.images.create(scope, { name: 'image', labels: {}, target });
  await open.shut();
});
afterEach(() => rmSync(join(root, '..'), { recursive: true, force: true }));

/** The directory of a snapshot: numbers are made ahead, so that they say nothing of an order. */
function directoryOf(name: string): string {
  const store = new Store(join(root, 'meta.db'), schema);
  const row = store.sql('SELECT id FROM snapshots WHERE name=?').get(name);
  store.close();
  return join(layers, String(row?.id));
}

describe('fsck', () => {
  it('finds nothing on a sound root, and is refused the root of a daemon that runs', async () => {
    expect(await check(false)).toEqual([]);
    const { lockRoot } = await import('../daemon-lock.ts');
    const unlock = lockRoot(root);
    await expect(check(false)).rejects.toMatchObject({ code: 'already-exists' });
    unlock();
  });

  it('says what it would do, and does it only when told to', async () => {
    rmSync(fileOf('layer'));
    expect(await check(false)).toEqual([
      `content ${digestOf('layer')}: missing (--repair: forgotten; a pull brings it again)`,
    ]);
    expect(await check(false)).toHaveLength(1);
    expect(await mended(/^image image of test: incomplete without sha256:/)).toHaveLength(2);
  });

  it.each([
    ['of another size', () => truncateSync(fileOf('layer'), 2), /2 bytes instead of 5/],
    ['of other bytes', () => writeFileSync(fileOf('layer'), 'liar!'), /other bytes than its digest says/],
  ])('finds a blob %s', async (_what, damage, said) => {
    damage();
    expect((await mended(/^image image/))[0]).toMatch(said);
    expect(existsSync(fileOf('layer'))).toBe(false);
  });

  it('removes blobs, uploads and directories that nobody names', async () => {
    writeFileSync(join(blobs, 'f'.repeat(64)), 'x');
    mkdirSync(join(root, 'io.containerd.content.v1.content/ingest/half'));
    mkdirSync(join(layers, '999/fs'), { recursive: true });
    writeFileSync(join(layers, '999/fs/file'), 'x');
    expect(await mended()).toEqual([
      expect.stringMatching(/^content file f+: no record names it: removed/),
      expect.stringMatching(/^upload half/),
      expect.stringMatching(/^snapshot directory overlayfs\/999/),
    ]);
  });

  it('forgets a layer whose files are lost, with all that stands on it', async () => {
    rmSync(directoryOf('l1'), { recursive: true });
    expect(await mended()).toEqual([
      expect.stringMatching(/^snapshot overlayfs\/l1 of test: its files are missing: forgotten/),
      expect.stringMatching(/^snapshot overlayfs\/l2 of test: what it stands on is missing/),
      expect.stringMatching(/^snapshot overlayfs\/active of test: what it stands on is missing/),
    ]);
    expect(readdirSync(layers)).toEqual([]);
  });

  it('forgets what stands on a lost layer though it was made before that', async () => {
    open = openTemporaryDaemon(open.daemon.config);
    const { detached } = open.daemon.snapshots;
    for (const key of ['upper', 'lower']) await detached.prepare(scope, `extract-${key}`);
    const nothing = new Uint8Array();
    await detached.commit(scope, 'lower', 'extract-lower', '', nothing);
    await detached.commit(scope, 'upper', 'extract-upper', 'lower', nothing);
    await open.shut();
    rmSync(directoryOf('lower'), { recursive: true });
    expect(await mended()).toEqual([
      expect.stringMatching(/^snapshot overlayfs\/lower of test: its files are missing: forgotten/),
      expect.stringMatching(/^snapshot overlayfs\/upper of test: what it stands on is missing: forgotten/),
    ]);
  });

  it('makes an active snapshot’s directory anew', async () => {
    const active = directoryOf('active');
    rmSync(active, { recursive: true });
    expect(await mended()).toEqual([expect.stringMatching(/active of test: its directory is missing: made anew/)]);
    expect(readdirSync(active).sort()).toEqual(['fs', 'work']);
  });

  it('carries what can be read out of a damaged database, and the daemon starts on it', async () => {
    const database = join(root, 'meta.db');
    const handle = openSync(database, 'r+');
    const { size } = statSync(database);
    // the last pages: rows of some tables, not the schema
    writeSync(handle, Buffer.alloc(4096, 0xff), 0, 4096, size - 4096);
    closeSync(handle);
    const said = await check(true);
    expect(said[0]).toMatch(/^database: .*: readable rows are carried into a new one/);
    expect(readdirSync(root).some((name) => name.startsWith('meta.db.damaged-'))).toBe(true);
    expect((await check(true)).filter((line) => line.startsWith('database'))).toEqual([]);
    open = openTemporaryDaemon(open.daemon.config);
    await open.daemon.images.create(scope, {
      name: 'after',
      labels: {},
      target: { mediaType: 'm', digest: digestOf('x'), size: 1, annotations: {} },
    });
    await open.shut();
  });

  it('begins anew when the database is none any more', async () => {
    writeFileSync(join(root, 'meta.db'), 'not a database '.repeat(1000));
    for (const suffix of ['-wal', '-shm']) rmSync(join(root, `meta.db${suffix}`), { force: true });
    const said = await mended();
    expect(said[0]).toMatch(/^database: file is not a database/);
    expect(readdirSync(blobs)).toEqual([]);
  });
});
