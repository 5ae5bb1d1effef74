// Trees measured, removed and copied for real: hard links, deep nesting, links that must not be followed, mounts.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyTree, diskUsage, removeTree } from './tree.ts';

let scratch: string;
let tree: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsc-tree-'));
  tree = join(scratch, 'tree');
  mkdirSync(tree);
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** A chain of `depth` directories, made step by step because its path is longer than any system call takes. */
function makeDeep(depth: number): void {
  const code = `import os\nos.chdir(${JSON.stringify(tree)})\nfor i in range(${depth}):\n os.mkdir("d"); open("f","w").close(); os.chdir("d")`;
  execFileSync('python3', ['-c', code]);
}

describe('diskUsage', () => {
  it('counts what is allocated, a file with several links once', async () => {
    writeFileSync(join(tree, 'a'), Buffer.alloc(1_000_000, 1));
    linkSync(join(tree, 'a'), join(tree, 'b'));
    mkdirSync(join(tree, 'd'));
    symlinkSync('/usr', join(tree, 'd', 's'));
    const usage = await diskUsage(tree);
    expect(usage.inodes).toBe(4);
    const du = Number(execFileSync('du', ['-s', '-B1', tree], { encoding: 'utf8' }).split('\t')[0]);
    expect(usage.bytes).toBe(du);
  });

  it('says what is missing', async () => {
    await expect(diskUsage(join(scratch, 'none'))).rejects.toMatchObject({
      code: 'not-found',
      details: { errnoName: 'ENOENT' },
    });
  });
});

describe('removeTree', () => {
  it('removes files, links and trees, and follows no link', async () => {
    const outside = join(scratch, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'keep'), '');
    symlinkSync(outside, join(tree, 'link'));
    mkdirSync(join(tree, 'd/e'), { recursive: true });
    writeFileSync(join(tree, 'd/e/f'), '');
    symlinkSync(tree, join(scratch, 'to-tree'));
    await removeTree(join(scratch, 'to-tree'));
    expect(existsSync(join(tree, 'd/e/f'))).toBe(true);
    await removeTree(tree);
    expect(readdirSync(scratch)).toEqual(['outside']);
    expect(readdirSync(outside)).toEqual(['keep']);
  });

  it('is content when there is nothing', async () => {
    await removeTree(join(scratch, 'none'));
    await removeTree(join(scratch, 'none/below'));
  });

  it('removes what is nested deeper than any path may be long', async () => {
    makeDeep(3000);
    await removeTree(tree);
    expect(existsSync(tree)).toBe(false);
  });

  it('stops at a mount point', async () => {
    const point = join(tree, 'm');
    mkdirSync(point);
    const kept = join(scratch, 'kept');
    mkdirSync(kept);
    writeFileSync(join(kept, 'file'), '');
    execFileSync('mount', ['--bind', kept, point]);
    try {
      await expect(removeTree(tree)).rejects.toMatchObject({
        code: 'failed-precondition',
        details: { errnoName: 'EBUSY' },
      });
    } finally {
      execFileSync('umount', [point]);
    }
    expect(readdirSync(kept)).toEqual(['file']);
  });

  it('refuses a path that names no entry', async () => {
    await expect(removeTree('/')).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(removeTree(`${tree}/..`)).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

describe('copyTree', () => {
  it('keeps owner, mode, times, links, devices and attributes', async () => {
    execFileSync('sh', [
      '-ec',
      `
      cd ${tree}; mkdir -m 1777 d; echo data > d/f; ln d/f d/hard; ln -s ../nowhere d/soft; mknod d/null c 1 3; mkfifo d/pipe
      chown 5:6 d/f; chmod 4711 d/f; chown -h 7:8 d/soft; chown 9:10 .; chmod 2750 .
    `,
    ]);
    execFileSync('python3', ['-c', `import os; os.setxattr("${tree}/d/f", "user.note", b"n")`]);
    utimesSync(join(tree, 'd'), 1_500_000_000, 1_400_000_000);
    const target = join(scratch, 'copy');
    await copyTree(tree, target);
    expect(statSync(target)).toMatchObject({ uid: 9, gid: 10, mode: 0o042750 });
    expect(statSync(join(target, 'd'))).toMatchObject({ mode: 0o041777, mtimeMs: 1_400_000_000_000 });
    expect(statSync(join(target, 'd/f'))).toMatchObject({ uid: 5, gid: 6, mode: 0o104711, nlink: 2 });
    expect(statSync(join(target, 'd/hard')).ino).toBe(statSync(join(target, 'd/f')).ino);
    expect(lstatSync(join(target, 'd/soft'))).toMatchObject({ uid: 7, gid: 8 });
    expect(readlinkSync(join(target, 'd/soft'))).toBe('../nowhere');
    expect(lstatSync(join(target, 'd/null')).rdev).toBe(0x103);
    expect(lstatSync(join(target, 'd/pipe')).isFIFO()).toBe(true);
    expect(readFileSync(join(target, 'd/f'), 'utf8')).toBe('data\n');
    execFileSync('python3', ['-c', `import os; assert os.getxattr("${target}/d/f", "user.note") == b"n"`]);
  });

  it('does not overwrite, nor write through a link', async () => {
    const target = join(scratch, 'copy');
    mkdirSync(target);
    writeFileSync(join(tree, 'f'), 'new');
    writeFileSync(join(target, 'f'), 'old');
    await expect(copyTree(tree, target)).rejects.toMatchObject({ code: 'already-exists' });
    expect(readFileSync(join(target, 'f'), 'utf8')).toBe('old');

    const outside = join(scratch, 'outside');
    mkdirSync(outside);
    rmSync(join(tree, 'f'));
    rmSync(join(target, 'f'));
    mkdirSync(join(tree, 'd'));
    writeFileSync(join(tree, 'd/x'), '');
    symlinkSync(outside, join(target, 'd'));
    await expect(copyTree(tree, target)).rejects.toMatchObject({ code: 'already-exists' });
    expect(readdirSync(outside)).toEqual([]);
  });
});
