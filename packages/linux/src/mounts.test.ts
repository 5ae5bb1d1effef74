// Mounts of the kernel, made below a directory of our own and all taken away again.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listMountsBelow, mountAll, readFilesFromMounts, readFilesInRoot, unmountAll, unmountBelow } from './mounts.ts';

let scratch: string;
const directory = (name: string): string => {
  const path = join(scratch, name);
  mkdirSync(path, { recursive: true });
  return path;
};
/** mountinfo's line of a mount point. */
const infoOf = (point: string): string | undefined =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[4] === point);

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsc-mounts-'));
});
afterEach(async () => {
  await unmountBelow(scratch);
  rmSync(scratch, { recursive: true, force: true });
});

/** An overlay of as many lower directories. */
function overlayOptions(layers: number, nameLength: number): string[] {
  const lower = Array.from({ length: layers }, (_, i) => directory(`${String(i).padStart(nameLength, 'l')}`));
  for (const [i, path] of lower.entries()) writeFileSync(join(path, `file${i}`), String(i));
  return [`lowerdir=${lower.join(':')}`, `upperdir=${directory('upper')}`, `workdir=${directory('work')}`];
}

describe('mounts', () => {
  it('lay an overlay, and leave nothing when unmounted', async () => {
    const target = directory('target');
    await mountAll([{ type: 'overlay', source: 'overlay', options: overlayOptions(3, 4) }], target);
    expect(readdirSync(target).sort()).toEqual(['file0', 'file1', 'file2']);
    writeFileSync(join(target, 'new'), '');
    expect(readdirSync(join(scratch, 'upper'))).toEqual(['new']);
    await unmountAll(target);
    expect(infoOf(target)).toBeUndefined();
  });

  it('take more layers than a page of options holds', async () => {
    const target = directory('target');
    await mountAll([{ type: 'overlay', source: 'overlay', options: overlayOptions(100, 60) }], target);
    expect(readdirSync(target)).toHaveLength(100);
  });

  it('bind a directory read-only, privately', async () => {
    const source = directory('source');
    const target = directory('target');
    await mountAll([{ type: 'bind', source, options: ['rbind', 'ro', 'nosuid'] }], target);
    expect(() => writeFileSync(join(target, 'x'), '')).toThrow(/EROFS/);
    const info = infoOf(target);
    expect(info).toMatch(/ ro,nosuid,/);
    expect(info).not.toContain('shared:');
    writeFileSync(join(source, 'x'), '');
  });

  it('stack at one place and go all at once', async () => {
    const target = directory('target');
    const source = directory('source');
    writeFileSync(join(source, 'top'), '');
    const tmpfs = { type: 'tmpfs', source: 'tmpfs', options: ['size=64k', 'mode=0700'] };
    await mountAll([tmpfs, { type: 'bind', source, options: ['bind'] }], target);
    expect(readdirSync(target)).toEqual(['top']);
    expect(await listMountsBelow(scratch)).toEqual([target, target]);
    await unmountAll(target);
    expect(await listMountsBelow(scratch)).toEqual([]);
  });

  it('are undone when a later one fails', async () => {
    const target = directory('target');
    const tmpfs = { type: 'tmpfs', source: 'tmpfs', options: [] };
    const bad = { type: 'bind', source: join(scratch, 'none'), options: ['bind'] };
    await expect(mountAll([tmpfs, bad], target)).rejects.toMatchObject({
      code: 'not-found',
      details: { errnoName: 'ENOENT' },
    });
    expect(await listMountsBelow(scratch)).toEqual([]);
  });

  it('are listed and removed below a path, names with spaces too, neighbours not', async () => {
    const tmpfs = { type: 'tmpfs', source: 'tmpfs', options: [] };
    const outer = directory('a b');
    const neighbour = directory('a bc');
    await mountAll([tmpfs], outer);
    const inner = directory('a b/inner');
    await mountAll([tmpfs], inner);
    await mountAll([tmpfs], neighbour);
    expect(await listMountsBelow(outer)).toEqual([outer, inner]);
    expect(await unmountBelow(outer)).toEqual([inner, outer]);
    expect(await listMountsBelow(scratch)).toEqual([neighbour]);
  });

  it('need not be there to be unmounted', async () => {
    await unmountAll(directory('target'));
    await unmountAll(join(scratch, 'none'));
  });

  it('say which file system does not exist', async () => {
    const mount = { type: 'nosuchfs', source: 'x', options: [] };
    await expect(mountAll([mount], directory('target'))).rejects.toThrow(/mount nosuchfs.*ENODEV/);
  });
});

describe('files of a root filesystem', () => {
  it('are read from an overlay that is mounted nowhere, its upper directory unchanged', async () => {
    const mount = { type: 'overlay', source: 'overlay', options: overlayOptions(3, 4) };
    writeFileSync(join(scratch, 'upper', 'file1'), 'covered');
    expect(await readFilesFromMounts([mount], ['/file0', 'file1', '/file2', '/none'], 100)).toEqual([
      '0',
      'covered',
      '2',
      null,
    ]);
    expect(await listMountsBelow(scratch)).toEqual([]);
    expect(readdirSync(join(scratch, 'work'))).toEqual([]);
  });

  it('are read from a bound directory', async () => {
    writeFileSync(join(directory('source'), 'a'), 'text');
    const mount = { type: 'bind', source: join(scratch, 'source'), options: ['rbind', 'ro'] };
    expect(await readFilesFromMounts([mount], ['/a'], 2)).toEqual(['te']);
  });

  it('are found by links inside the root only, and are regular files', async () => {
    const root = directory('root');
    writeFileSync(join(scratch, 'outside'), 'secret');
    writeFileSync(join(root, 'inside'), 'text');
    symlinkSync('/inside', join(root, 'absolute'));
    symlinkSync('../../outside', join(root, 'climbing'));
    symlinkSync(join(scratch, 'outside'), join(root, 'out'));
    directory('root/directory');
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const paths = ['/absolute', '/climbing', '/out', '/directory', '/pipe', '/../inside'];
    expect(await readFilesInRoot(root, paths, 100)).toEqual(['text', null, null, null, null, 'text']);
    await expect(readFilesInRoot(join(scratch, 'none'), ['a'], 1)).rejects.toMatchObject({ code: 'not-found' });
  });
});
