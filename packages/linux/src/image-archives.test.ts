// Layers made EROFS images: the kernel mounts them and shows what the layer in a directory shows; hostile ones leave none.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ContainerError } from '@tscontainer/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppliedLayer, applyLayer, takeAfterParents, writeImage } from './archive.ts';
import { containedArchives, refusedArchives } from './hostile-archives.ts';
import { mountAll, unmountAll } from './mounts.ts';
import { type FixtureEntry, tar } from './tar-fixture.ts';

let scratch: string;
const at = (...parts: string[]) => join(scratch, ...parts);

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsc-image-'));
  for (const name of ['directory', 'mounted', 'outside']) mkdirSync(at(name));
  writeFileSync(at('outside', 'secret'), 'untouched');
});
afterEach(async () => {
  await unmountAll(at('mounted'));
  rmSync(scratch, { recursive: true, force: true });
});

function toImage(bytes: Uint8Array, options: { maxBytes?: number; isDetached?: boolean } = {}): Promise<AppliedLayer> {
  writeFileSync(at('blob'), bytes);
  return applyLayer({ blob: at('blob'), image: at('image'), whiteouts: 'overlay', maxBytes: 0, ...options });
}

function toDirectory(bytes: Uint8Array): Promise<AppliedLayer> {
  writeFileSync(at('blob'), bytes);
  return applyLayer({ blob: at('blob'), target: at('directory'), whiteouts: 'overlay', maxBytes: 0 });
}

async function mounted<T>(work: (directory: string) => T, options = ['ro']): Promise<T> {
  await mountAll([{ type: 'erofs', source: at('image'), options }], at('mounted'));
  try {
    return work(at('mounted'));
  } finally {
    await unmountAll(at('mounted'));
  }
}

/** All that a tree shows, a line for each name; sizes of directories, and times that are now, are the file system's. */
function facts(directory: string): string {
  const program = `
import hashlib, os, sys
root = sys.argv[1]
def tell(path, name):
    s = os.lstat(path)
    kind = s.st_mode >> 12
    names = {k: hashlib.md5(os.getxattr(path, k, follow_symlinks=False)).hexdigest() for k in sorted(os.listxattr(path, follow_symlinks=False))}
    size = 0 if kind == 4 else s.st_size
    rest = os.readlink(path) if kind == 10 else hashlib.md5(open(path, 'rb').read()).hexdigest() if kind == 8 and s.st_size < 1 << 24 else ''
    print(name, oct(s.st_mode), s.st_uid, s.st_gid, s.st_nlink, size, s.st_rdev, s.st_mtime_ns if s.st_mtime < 1.7e9 + 1 or s.st_mtime > 4e9 else '', names, rest)
    if kind == 4:
        for child in sorted(os.listdir(path)): tell(path + '/' + child, name + '/' + child)
tell(root, '')
`;
  const options = { encoding: 'utf8', maxBuffer: 1 << 28 } as const;
  return execFileSync('python3', ['-c', program, directory], options);
}

/** erofs-utils' own reader is content, too. */
const check = () => execFileSync('fsck.erofs', [at('image')], { encoding: 'utf8' });

const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex'); // cap_net_bind_service=ep

const layer: FixtureEntry[] = [
  { name: './', type: '5', mode: 0o1770, uid: 7 },
  { name: 'dir/', type: '5', mode: 0o2750, uid: 3, gid: 4, mtime: 1_600_000_000 },
  { name: 'dir/file', data: 'hello', mode: 0o4755, uid: 70_000, pax: { mtime: '1500000000.123456789' } },
  { name: 'dir/hard', type: '1', link: 'dir/file' },
  { name: 'dir/empty', data: '' },
  { name: 'dir/page', data: 'p'.repeat(4096) },
  { name: 'dir/more', data: 'm'.repeat(300_001) },
  { name: 'soft', type: '2', link: 'dir/file' },
  { name: 'long', type: '2', link: 'x', pax: { linkpath: 't'.repeat(4000) } },
  { name: 'null', type: '3', device: [1, 300] },
  { name: 'disk', type: '4', device: [7, 200] },
  { name: 'pipe', type: '6', mode: 0o600 },
  { name: 'implied/by/this', data: 'x' },
  { name: 'lib', type: '2', link: '/implied/../implied/by' },
  { name: 'lib/through', data: 'a link' },
  { name: 'dir/noted', pax: { 'SCHILY.xattr.user.a': 'b', 'SCHILY.xattr.security.capability': capability } },
  { name: 'dir/large', pax: { 'SCHILY.xattr.user.large': 'v'.repeat(3500) }, data: 'x' },
  { name: '.wh.gone' },
  { name: 'opaque/', type: '5' },
  { name: 'opaque/.wh..wh..opq' },
  { name: '.early', data: 'sorts before ..' },
  { name: '!', data: 'sorts before .' },
  ...Array.from({ length: 400 }, (_, index) => ({
    name: `many/${index}-${'y'.repeat((index * 7) % 90)}`,
    data: `${index}`,
  })),
  { name: 'dir/file2', data: 'replaced' },
  { name: 'dir/file2', type: '5' },
];

describe('an image', () => {
  it('shows what the layer in a directory shows, straight from the file and by a loop device', async () => {
    const { diffId } = await toImage(gzipSync(tar(...layer)));
    expect((await toDirectory(tar(...layer))).diffId).toBe(diffId);
    const wanted = facts(at('directory'));
    expect(wanted).toContain("'trusted.overlay.opaque': ");
    expect(await mounted(facts)).toBe(wanted);
    expect(await mounted(facts, ['ro', 'loop'])).toBe(wanted);
    expect(check()).not.toContain('corrupt');
  });

  it('of a directory shows what the directory shows', async () => {
    await toDirectory(tar(...layer));
    await writeImage({ source: at('directory'), image: at('image'), isUserOverlay: false, sync: true });
    expect(await mounted(facts)).toBe(facts(at('directory')));
    const again = writeImage({ source: at('directory'), image: at('image'), isUserOverlay: false, sync: true });
    await expect(again).rejects.toMatchObject({ code: 'already-exists' });
    expect(existsSync(at('image'))).toBe(true);
    const missing = writeImage({ source: at('none'), image: at('other'), isUserOverlay: false, sync: true });
    await expect(missing).rejects.toMatchObject({ code: 'not-found' });
    expect(existsSync(at('other'))).toBe(false);
  });

  it('of an empty layer is an empty root', async () => {
    await toImage(tar());
    expect(await mounted(facts)).toBe(facts(at('directory')));
    check();
  });

  it('keeps holes, and what is all zeros takes no room', async () => {
    await toImage(tar({ name: 'zeros', data: Buffer.alloc(8 << 20) }, { name: 'end', data: 'end' }));
    const blocks = execFileSync('stat', ['-c', '%b', at('image')], { encoding: 'utf8' });
    expect(Number(blocks) * 512).toBeLessThan(1 << 20);
    expect(await mounted((directory) => readFileSync(join(directory, 'end'), 'utf8'))).toBe('end');
    expect(await mounted((directory) => readFileSync(join(directory, 'zeros')).equals(Buffer.alloc(8 << 20)))).toBe(
      true,
    );
  });

  it('gets what its implied directories miss when the layers below are known', async () => {
    const { implied } = await toImage(tar({ name: 'home/user/file', data: 'x' }), { isDetached: true });
    mkdirSync(at('directory/home'), { mode: 0o700 });
    execFileSync('chown', ['12:13', at('directory/home'), at('directory')]);
    await takeAfterParents({ image: at('image'), parents: [at('directory')], implied });
    const ownerAndMode = (directory: string) =>
      execFileSync('stat', ['-c', '%u:%g %a', directory], { encoding: 'utf8' });
    expect(await mounted((root) => [root, join(root, 'home'), join(root, 'home/user')].map(ownerAndMode))).toEqual([
      '12:13 755\n',
      '12:13 700\n',
      '0:0 755\n',
    ]);
  });
});

describe('a hostile layer', () => {
  it.each(refusedArchives.map((archive) => [archive.what, archive] as const))(
    'leaves no image: %s',
    async (_what, archive) => {
      const error: ContainerError = await toImage(archive.bytes).then(
        () => expect.unreachable('the layer was applied'),
        (refusal: ContainerError) => refusal,
      );
      expect(error.message).toContain(archive.named);
      expect(['invalid-argument', 'resource-exhausted']).toContain(error.code);
      expect(existsSync(at('image'))).toBe(false);
      expect(readFileSync(at('outside/secret'), 'utf8')).toBe('untouched');
    },
  );

  it.each(containedArchives.map((archive) => [archive.what, archive] as const))(
    'stays inside: %s',
    async (_what, archive) => {
      await toImage(archive.bytes);
      await toDirectory(archive.bytes);
      const [path, text] = archive.gives;
      expect(await mounted((directory) => readFileSync(join(directory, path), 'utf8'))).toBe(text);
      // ext4 has fewer years than EROFS
      if (!archive.what.includes('no clock')) expect(await mounted(facts)).toBe(facts(at('directory')));
      check();
    },
  );

  it.each([
    ['of zeros', gzipSync(tar({ name: 'zeros', data: Buffer.alloc(32 << 20) }))],
    ['behind the end marker', gzipSync(Buffer.concat([tar({ name: 'a' }), Buffer.alloc(32 << 20)]))],
    ['of headers', gzipSync(tar(...Array(4096).fill({ name: 'd/', type: '5' })))],
  ])('that is a bomb %s ends at the bound', async (_what, bytes) => {
    await expect(toImage(bytes, { maxBytes: 1 << 20 })).rejects.toMatchObject({ code: 'resource-exhausted' });
    expect(existsSync(at('image'))).toBe(false);
  });
});
