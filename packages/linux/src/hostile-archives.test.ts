// Every hostile layer is refused whole and by name, in both ways of applying, and nothing outside the target changes.
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { ContainerError } from '@tscontainer/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AppliedLayer, applyLayer } from './archive.ts';
import { containedArchives, refusedArchives } from './hostile-archives.ts';
import { tar } from './tar-fixture.ts';

let scratch: string;
let blob: string;
const ways = ['overlay', 'delete'] as const;
const at = (...parts: string[]) => join(scratch, ...parts);
/** What is not the target's, with the facts that a write would change. */
function outside(directory = scratch): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (path === at('target')) return [];
    const facts = lstatSync(path);
    const { mode, size, nlink, uid, mtimeMs } = facts;
    return [[path, mode, size, nlink, uid, mtimeMs].join(' '), ...(facts.isDirectory() ? outside(path) : [])];
  });
}
const attributes = (path: string) =>
  execFileSync('python3', ['-SEc', `import os;print(*os.listxattr(${JSON.stringify(path)}))`], {
    encoding: 'utf8',
  }).trim();

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsc-hostile-'));
  blob = `${scratch}.blob`;
  mkdirSync(at('outside'));
  mkdirSync(at('target'));
  writeFileSync(at('outside', 'secret'), 'untouched');
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
  rmSync(blob, { force: true });
});

function apply(bytes: Uint8Array, whiteouts: 'overlay' | 'delete', maxBytes = 0): Promise<AppliedLayer> {
  writeFileSync(blob, bytes);
  return applyLayer({ blob, target: at('target'), whiteouts, maxBytes });
}

async function refusalOf(bytes: Uint8Array, whiteouts: 'overlay' | 'delete', maxBytes = 0): Promise<ContainerError> {
  return apply(bytes, whiteouts, maxBytes).then(
    () => expect.unreachable('the layer was applied'),
    (error: ContainerError) => error,
  );
}

describe.each(ways)('applied by way of %s', (way) => {
  it.each(refusedArchives.map((archive) => [archive.what, archive] as const))(
    'is refused: %s',
    async (_what, archive) => {
      writeFileSync(at('blob'), archive.bytes);
      const before = outside();
      const error = await refusalOf(archive.bytes, way);
      expect(error.message).toContain(archive.named);
      expect(['bad-archive', undefined]).toContain(error.reason);
      expect(['invalid-argument', 'resource-exhausted']).toContain(error.code);
      expect(outside()).toEqual(before);
    },
  );

  it.each(containedArchives.map((archive) => [archive.what, archive] as const))(
    'stays inside: %s',
    async (_what, archive) => {
      writeFileSync(at('blob'), archive.bytes);
      const before = outside();
      await apply(archive.bytes, way);
      const [path, text] = archive.gives;
      expect(readFileSync(at('target', path), 'utf8')).toBe(text);
      if (archive.what.includes('attributes')) expect(attributes(at('target', path))).toBe('');
      expect(existsSync(at('evil'))).toBe(false);
      expect(outside()).toEqual(before);
    },
  );
});

describe('a bomb', () => {
  const bound = 1024 * 1024;
  const zeros = Buffer.alloc(32 * 1024 * 1024);
  it.each([
    ['of zeros in gzip', gzipSync(tar({ name: 'zeros', data: zeros }))],
    ['of zeros in zstd', zstdCompressSync(tar({ name: 'zeros', data: zeros }))],
    ['behind the end marker', gzipSync(Buffer.concat([tar({ name: 'a' }), zeros]))],
    [
      'of many members',
      Buffer.concat([gzipSync(tar({ name: 'a' })), ...Array(64).fill(gzipSync(zeros.subarray(0, 1 << 20)))]),
    ],
    ['of headers', gzipSync(tar(...Array(4096).fill({ name: 'd/', type: '5' })))],
  ])('%s ends at the bound', async (_what, bytes) => {
    expect(bytes.length).toBeLessThan(200_000);
    expect(await refusalOf(bytes, 'overlay', bound)).toMatchObject({ code: 'resource-exhausted' });
    for (const name of readdirSync(at('target')))
      expect(statSync(at('target', name)).blocks * 512).toBeLessThanOrEqual(bound);
  });
});
