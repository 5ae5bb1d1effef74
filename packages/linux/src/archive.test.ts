// Layers applied for real: what a good archive gives, and that a hostile one reaches nothing outside its target.
import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { ContainerError } from '@tscontainer/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApplyLayerRequest, applyLayer, writeTree } from './archive.ts';
import { type FixtureEntry, tar, tarEntry } from './tar-fixture.ts';

let scratch: string;
let target: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsc-archive-'));
  target = join(scratch, 'target');
  mkdirSync(target);
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function apply(archive: Uint8Array, options: Partial<ApplyLayerRequest> = {}) {
  const blob = join(scratch, 'blob');
  writeFileSync(blob, archive);
  return applyLayer({ blob, target, whiteouts: 'overlay', maxBytes: 0, ...options });
}

/** Applies what must be refused and gives the error. */
async function refused(archive: Uint8Array, options: Partial<ApplyLayerRequest> = {}): Promise<ContainerError> {
  return apply(archive, options).then(
    () => expect.unreachable('the layer was applied'),
    (error: ContainerError) => error,
  );
}

const at = (...parts: string[]): string => join(target, ...parts);
const read = (...parts: string[]): string => readFileSync(at(...parts), 'utf8');
const sha256 = (data: Uint8Array): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;
const python = (code: string): string =>
  execFileSync('python3', ['-c', code], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
const attribute = (path: string, name: string): string =>
  python(`import os;print(os.getxattr(${JSON.stringify(path)},${JSON.stringify(name)},follow_symlinks=False).hex())`);

describe('a good layer', () => {
  const entries: FixtureEntry[] = [
    { name: 'etc/', type: '5', mode: 0o750, uid: 3, gid: 4, mtime: 1_600_000_000 },
    { name: 'etc/file', data: 'hello', mode: 0o4755, uid: 1000, gid: 1001, mtime: 1_500_000_000 },
    { name: 'etc/hard', type: '1', link: 'etc/file' },
    { name: 'etc/soft', type: '2', link: '/anywhere', uid: 7 },
    { name: 'etc/null', type: '3', device: [1, 3], mode: 0o666 },
    { name: 'etc/disk', type: '4', device: [7, 200], mode: 0o600 },
    { name: 'etc/pipe', type: '6', mode: 0o600 },
  ];

  it('gives files with owner, mode with set-uid, time, links and devices', async () => {
    const archive = tar(...entries);
    const applied = await apply(archive);
    expect(applied).toMatchObject({ diffId: sha256(archive), size: archive.length, entries: entries.length });
    expect(lstatSync(at('etc/file'))).toMatchObject({ uid: 1000, gid: 1001, mode: 0o104755, nlink: 2, size: 5 });
    expect(lstatSync(at('etc/file')).mtimeMs).toBe(1_500_000_000_000);
    expect(lstatSync(at('etc/hard')).ino).toBe(lstatSync(at('etc/file')).ino);
    expect(lstatSync(at('etc/soft'))).toMatchObject({ uid: 7 });
    expect(readlinkSync(at('etc/soft'))).toBe('/anywhere');
    expect(lstatSync(at('etc/null'))).toMatchObject({ mode: 0o020666, rdev: 0x103 });
    expect(lstatSync(at('etc/disk')).isBlockDevice()).toBe(true);
    expect(lstatSync(at('etc/pipe')).isFIFO()).toBe(true);
    // last of all: what was added to the directory has not changed its time
    expect(lstatSync(at('etc'))).toMatchObject({ uid: 3, gid: 4, mode: 0o040750, mtimeMs: 1_600_000_000_000 });
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('has the same diff id packed by %s', async (_name, pack) => {
    const archive = tar(...entries);
    expect(await apply(pack(archive))).toMatchObject({ diffId: sha256(archive), size: archive.length });
    expect(read('etc/file')).toBe('hello');
  });

  it('hashes what stands behind the end marker too', async () => {
    const archive = Buffer.concat([tar({ name: 'a' }), Buffer.alloc(70_000, 7)]);
    expect(await apply(archive)).toMatchObject({ diffId: sha256(archive), size: archive.length });
  });

  it('may be empty', async () => {
    const nothing = Buffer.alloc(0);
    expect(await apply(nothing)).toMatchObject({ diffId: sha256(nothing), size: 0, entries: 0 });
    expect(await apply(gzipSync(nothing))).toMatchObject({ diffId: sha256(nothing), size: 0, entries: 0 });
    expect(await apply(tar())).toMatchObject({ entries: 0 });
  });

  it('reads PAX: long and non-ASCII names, nanoseconds, big ids, attributes', async () => {
    const long = `${'d'.repeat(150)}/${'é'.repeat(60)}`;
    await apply(
      tar({
        name: 'short',
        data: 'x',
        pax: {
          path: long,
          uid: '3000000000',
          mtime: '1500000000.123456789',
          'SCHILY.xattr.user.note': Buffer.from([1, 0, 2]),
          'SCHILY.xattr.trusted.overlay.redirect': '/elsewhere',
        },
      }),
    );
    const facts = lstatSync(at(long), { bigint: true });
    expect(facts.uid).toBe(3_000_000_000n);
    expect(facts.mtimeNs).toBe(1_500_000_000_123_456_789n);
    expect(attribute(at(long), 'user.note')).toBe('010002');
    // overlayfs's own attributes are never taken from a layer
    expect(() => attribute(at(long), 'trusted.overlay.redirect')).toThrow();
  });

  it('keeps file capabilities beside an owner other than root', async () => {
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex'); // cap_net_bind_service=ep
    await apply(tar({ name: 'p', uid: 5, pax: { 'SCHILY.xattr.security.capability': capability } }));
    expect(attribute(at('p'), 'security.capability')).toBe(capability.toString('hex'));
  });

  it('reads GNU long names and long links', async () => {
    const long = 'n'.repeat(180);
    const target200 = 't'.repeat(200);
    const gnu = (type: string, text: string): FixtureEntry => ({ name: '././@LongLink', type, data: `${text}\0` });
    await apply(
      tar(gnu('L', long), { name: 'cut', data: 'x' }, gnu('K', target200), { name: 's', type: '2', link: 'c' }),
    );
    expect(read(long)).toBe('x');
    expect(readlinkSync(at('s'))).toBe(target200);
  });

  it('keeps sparse files sparse', async () => {
    const map = '1\n1048576\n4\n';
    const data = Buffer.concat([Buffer.from(map.padEnd(512, '\0'), 'latin1'), Buffer.from('tail')]);
    await apply(
      tar({
        name: 'GNUSparseFile.0/sparse',
        data,
        pax: {
          'GNU.sparse.major': '1',
          'GNU.sparse.minor': '0',
          'GNU.sparse.name': 'sparse',
          'GNU.sparse.realsize': '4194304',
        },
      }),
    );
    const facts = statSync(at('sparse'));
    expect(facts.size).toBe(4_194_304);
    expect(facts.blocks * 512).toBeLessThan(65_536);
    expect(readFileSync(at('sparse')).subarray(1_048_576, 1_048_581).toString()).toBe('tail\0');
  });

  it('replaces a directory by a file and a file by a directory', async () => {
    await apply(tar({ name: 'a/', type: '5' }, { name: 'a/b/c', data: 'x' }, { name: 'f', data: 'f' }));
    await apply(tar({ name: 'a', data: 'file' }, { name: 'f/', type: '5' }, { name: 'f/g', data: 'g' }));
    expect(read('a')).toBe('file');
    expect(read('f/g')).toBe('g');
  });

  it('merges a directory with the one that is there', async () => {
    await apply(tar({ name: 'd/', type: '5', mode: 0o700 }, { name: 'd/old', data: 'old' }));
    await apply(tar({ name: 'd/', type: '5', mode: 0o711, uid: 9 }, { name: 'd/new', data: 'new' }));
    expect(readdirSync(at('d')).sort()).toEqual(['new', 'old']);
    expect(statSync(at('d'))).toMatchObject({ mode: 0o040711, uid: 9 });
  });

  it('replaces a file instead of writing through its links', async () => {
    const outside = join(scratch, 'outside');
    writeFileSync(outside, 'untouched');
    symlinkSync(outside, at('link'));
    await apply(tar({ name: 'link', data: 'new' }));
    expect(readFileSync(outside, 'utf8')).toBe('untouched');
    expect(read('link')).toBe('new');
    expect(lstatSync(at('link')).isFile()).toBe(true);
  });

  it('gives an implied directory the owner and mode of the layer below', async () => {
    const below = join(scratch, 'below');
    mkdirSync(join(below, 'home'), { recursive: true });
    execFileSync('chown', ['12:13', join(below, 'home')]);
    execFileSync('chmod', ['2770', join(below, 'home')]);
    await apply(tar({ name: 'home/file' }, { name: 'other/file' }), { parents: [below] });
    expect(statSync(at('home'))).toMatchObject({ uid: 12, gid: 13, mode: 0o042770 });
    expect(statSync(at('other'))).toMatchObject({ uid: 0, mode: 0o040755 });
  });
});

describe('whiteouts', () => {
  it('become overlayfs whiteouts and opaque directories', async () => {
    await apply(tar({ name: 'd/.wh.gone' }, { name: 'o/', type: '5' }, { name: 'o/.wh..wh..opq' }, { name: 'o/new' }));
    expect(lstatSync(at('d/gone'))).toMatchObject({ rdev: 0, mode: 0o020000 });
    expect(attribute(at('o'), 'trusted.overlay.opaque')).toBe(Buffer.from('y').toString('hex'));
    expect(readdirSync(at('o'))).toEqual(['new']);
  });

  it('make a directory opaque that takes the place of its own whiteout', async () => {
    await apply(tar({ name: '.wh.d' }, { name: 'd/', type: '5' }, { name: 'e/f' }, { name: '.wh.e' }));
    expect(attribute(at('d'), 'trusted.overlay.opaque')).toBe('79');
    expect(attribute(at('e'), 'trusted.overlay.opaque')).toBe('79');
  });

  it('delete beneath the target, sparing what the layer itself brings', async () => {
    await apply(tar({ name: 'gone/x/y' }, { name: 'o/old' }, { name: 'o/sub/old' }, { name: 'stay' }));
    await apply(
      tar(
        { name: '.wh.gone' },
        { name: 'o/new' },
        { name: 'o/sub/new' },
        { name: 'o/.wh..wh..opq' },
        { name: '.wh.never' },
      ),
      { whiteouts: 'delete' },
    );
    expect(existsSync(at('gone'))).toBe(false);
    expect(readdirSync(at('o')).sort()).toEqual(['new', 'sub']);
    expect(readdirSync(at('o/sub'))).toEqual(['new']);
    expect(existsSync(at('stay'))).toBe(true);
  });

  it.each(['.wh.', '.wh..', '.wh...'])('are refused when they name nothing: %s', async (name) => {
    await apply(tar({ name: 'd/keep' }));
    expect(await refused(tar({ name: `d/${name}` }), { whiteouts: 'delete' })).toMatchObject({ reason: 'bad-archive' });
    expect(existsSync(at('d/keep'))).toBe(true);
  });
});

describe('a hostile layer', () => {
  let secret: string;
  beforeEach(() => {
    secret = join(scratch, 'secret');
    writeFileSync(secret, 'untouched');
  });
  const outsideIsUntouched = (): void => {
    expect(readFileSync(secret, 'utf8')).toBe('untouched');
    expect(readdirSync(scratch).sort()).toEqual(['blob', 'secret', 'target']);
  };

  it.each(['../secret', 'a/../../secret', './/../secret', '/../secret'])(
    'is refused whole: the name %s',
    async (name) => {
      const error = await refused(tar({ name, data: 'x' }));
      expect(error).toMatchObject({ code: 'invalid-argument', reason: 'bad-archive' });
      expect(error.message).toContain(name);
      outsideIsUntouched();
    },
  );

  it('has its absolute names taken from the target', async () => {
    await apply(tar({ name: '/etc/../abs', data: 'x' }, { name: 'd/./e//f', data: 'y' }));
    expect(read('abs')).toBe('x');
    expect(read('d/e/f')).toBe('y');
    outsideIsUntouched();
  });

  it('has symbolic links among the parents followed inside the target only', async () => {
    mkdirSync(at('inside'));
    await apply(
      tar(
        { name: 'absolute', type: '2', link: '/inside' },
        { name: 'absolute/a', data: 'a' },
        { name: 'climbing', type: '2', link: '../../../../inside' },
        { name: 'climbing/b', data: 'b' },
      ),
    );
    expect(readdirSync(at('inside')).sort()).toEqual(['a', 'b']);
    outsideIsUntouched();
  });

  it('cannot pass through a link to an outside directory', async () => {
    const outside = join(scratch, 'outside');
    mkdirSync(outside);
    const archive = tar({ name: 'out', type: '2', link: outside }, { name: 'out/x', data: 'x' });
    expect(await refused(archive)).toMatchObject({ reason: 'bad-archive' });
    expect(readdirSync(outside)).toEqual([]);
  });

  it('cannot pass through a magic link of /proc', async () => {
    const archive = tar({ name: 'p', type: '2', link: '/proc/self/cwd' }, { name: 'p/x', data: 'x' });
    expect(await refused(archive)).toMatchObject({ reason: 'bad-archive' });
  });

  it('cannot swap a directory for a link behind the cache of directories', async () => {
    const archive = tar(
      { name: 'd/', type: '5' },
      { name: 'd/first', data: '1' },
      { name: 'd', type: '2', link: '..' },
      { name: 'd/secret', data: 'overwritten' },
    );
    await apply(archive);
    expect(read('secret')).toBe('overwritten');
    outsideIsUntouched();
  });

  it.each(['../secret', '/../secret', 'a/../../secret'])('is refused: a hard link to %s', async (link) => {
    expect(await refused(tar({ name: 'h', type: '1', link }))).toMatchObject({ reason: 'bad-archive' });
    outsideIsUntouched();
  });

  it('cannot hard-link an outside file through a symbolic link', async () => {
    symlinkSync(scratch, at('up'));
    expect(await refused(tar({ name: 'h', type: '1', link: 'up/secret' }))).toMatchObject({ reason: 'bad-archive' });
    expect(lstatSync(secret).nlink).toBe(1);
  });

  it('does not follow a link that a hard link names', async () => {
    symlinkSync(secret, at('s'));
    await apply(tar({ name: 'h', type: '1', link: 's' }, { name: 'h', data: 'new' }));
    outsideIsUntouched();
  });

  it('does not remove through a link: whiteouts', async () => {
    symlinkSync(scratch, at('up'));
    await apply(tar({ name: 'up/.wh.secret' }), { whiteouts: 'delete' });
    await apply(tar({ name: '.wh.up' }), { whiteouts: 'delete' });
    outsideIsUntouched();
    expect(existsSync(at('up'))).toBe(false);
  });

  it.each([
    ['a hard link that leads nowhere', tar({ name: 'h', type: '1', link: 'nowhere' })],
    ['a hard link to itself', tar({ name: 'h', type: '1', link: 'h' })],
    ['a parent that is a file', tar({ name: 'f', data: 'x' }, { name: 'f/g', data: 'y' })],
    ['a parent that is a loop of links', tar({ name: 'l', type: '2', link: 'l' }, { name: 'l/g', data: 'y' })],
    ['a root that is no directory', tar({ name: '.', data: 'x' })],
    ['a name that is too long', tar({ name: 's', pax: { path: 'x'.repeat(300) } })],
    ['a path that is too long', tar({ name: 's', pax: { path: 'x/'.repeat(3000) } })],
    ['an owner that is no id', tar({ name: 's', pax: { uid: '4294967295' } })],
    ['text', Buffer.from('this is not an archive\n'.repeat(100))],
    ['a header whose sum is wrong', Buffer.concat([tarEntry({ name: 'a' }), Buffer.alloc(512, 1), tar()])],
    ['a file cut short', tarEntry({ name: 'a', data: 'x', size: 10_000 })],
    ['a gzip stream cut short', gzipSync(tar({ name: 'a', data: Buffer.alloc(100_000, 1) })).subarray(0, 120)],
    ['a gzip stream that is damaged', Buffer.from('1f8b0800000000000003ffffffffffff', 'hex')],
    ['a zstd stream cut short', zstdCompressSync(tar({ name: 'a', data: Buffer.alloc(9000, 1) })).subarray(0, 30)],
  ])('is refused: %s', async (_what, archive) => {
    expect(await refused(archive)).toMatchObject({ code: 'invalid-argument', reason: 'bad-archive' });
    outsideIsUntouched();
  });

  it('ends as resource-exhausted when it is a bomb', async () => {
    const bomb = gzipSync(tar({ name: 'zeros', data: Buffer.alloc(16 * 1024 * 1024) }));
    expect(bomb.length).toBeLessThan(65_536);
    expect(await refused(bomb, { maxBytes: 1024 * 1024 })).toMatchObject({ code: 'resource-exhausted' });
    expect(statSync(at('zeros')).size).toBeLessThanOrEqual(1024 * 1024);
  });

  it('ends as resource-exhausted when the bomb is behind the end marker', async () => {
    const bomb = gzipSync(Buffer.concat([tar({ name: 'a' }), Buffer.alloc(16 * 1024 * 1024)]));
    expect(await refused(bomb, { maxBytes: 1024 * 1024 })).toMatchObject({ code: 'resource-exhausted' });
  });

  it('names what is missing: the blob, the target', async () => {
    const request = { blob: join(scratch, 'none'), target, whiteouts: 'overlay', maxBytes: 0 } as const;
    await expect(applyLayer(request)).rejects.toMatchObject({ code: 'not-found', details: { path: request.blob } });
    expect(await refused(tar(), { target: join(scratch, 'none') })).toMatchObject({ code: 'not-found' });
    expect(() => applyLayer({ ...request, maxBytes: -1 })).toThrow(/maxBytes must be/);
  });
});

describe('a full disk', () => {
  it('is resource-exhausted and names the file', async () => {
    const small = join(scratch, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small]);
    try {
      const error = await refused(tar({ name: 'd/big', data: Buffer.alloc(1024 * 1024, 1) }), { target: small });
      expect(error).toMatchObject({ code: 'resource-exhausted', details: { errnoName: 'ENOSPC', path: 'd/big' } });
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

describe('writing a tree', () => {
  it.each(['none', 'gzip', 'zstd'] as const)(
    'gives a layer that applies to the same tree, packed by %s',
    async (compression) => {
      const source = join(scratch, 'source');
      mkdirSync(source);
      const whole = tar(
        { name: 'dir/', type: '5', mode: 0o1777, uid: 8, mtime: 1_600_000_000 },
        { name: `dir/${'l'.repeat(120)}`, data: 'long', uid: 1000, mode: 0o4755 },
        { name: 'dir/hard', type: '1', link: `dir/${'l'.repeat(120)}` },
        { name: 'soft', type: '2', link: 'dir/hard' },
        { name: 'null', type: '3', device: [1, 3] },
        { name: 'pipe', type: '6' },
        { name: '.wh.gone' },
        { name: 'o/', type: '5' },
        { name: 'o/.wh..wh..opq' },
      );
      await apply(whole, { target: source });
      const archive = join(scratch, 'archive');
      const written = await writeTree({ source, archive, overlayWhiteouts: true, compression });
      const file = readFileSync(archive);
      expect(written).toMatchObject({ digest: sha256(file), size: file.length });
      const applied = await applyLayer({ blob: archive, target, whiteouts: 'overlay', maxBytes: 0 });
      expect(applied.diffId).toBe(written.diffId);
      expect(lstatSync(at('dir'))).toMatchObject({ mode: 0o041777, uid: 8, mtimeMs: 1_600_000_000_000 });
      expect(lstatSync(at('dir/hard'))).toMatchObject({ uid: 1000, mode: 0o104755, nlink: 2 });
      expect(lstatSync(at('gone'))).toMatchObject({ rdev: 0, mode: 0o020000 });
      expect(attribute(at('o'), 'trusted.overlay.opaque')).toBe('79');
      expect(readlinkSync(at('soft'))).toBe('dir/hard');
      const again = await writeTree({ source: target, archive: `${archive}2`, overlayWhiteouts: true, compression });
      expect(again).toEqual(written);
    },
  );

  it('does not overwrite, and leaves nothing behind when it fails', async () => {
    const archive = join(scratch, 'archive');
    writeFileSync(archive, 'there');
    const request = { source: target, archive, overlayWhiteouts: false, compression: 'none' } as const;
    await expect(writeTree(request)).rejects.toMatchObject({ code: 'already-exists' });
    expect(readFileSync(archive, 'utf8')).toBe('there');
    const missing = { ...request, source: join(scratch, 'none'), archive: `${archive}2` };
    await expect(writeTree(missing)).rejects.toMatchObject({ code: 'not-found' });
    expect(existsSync(`${archive}2`)).toBe(false);
  });
});
