// Out of its place at once, off the disk soon after; and what an earlier life left goes, too.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tscontainer/platform/logger';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Trash } from './trash.ts';

const log = createLogger({ name: 'test', level: 'silent' });
let scratch: string;
const at = (...parts: string[]) => join(scratch, ...parts);

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsc-trash-'));
  mkdirSync(at('tree/deep'), { recursive: true });
  writeFileSync(at('tree/deep/file'), 'x');
  writeFileSync(at('blob'), 'x');
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

describe('trash', () => {
  it('takes files and trees: their names are free at once', async () => {
    const seen: string[] = [];
    const trash = new Trash(at('trash'), log, async (path) => seen.push(...readdirSync(at('trash')), path));
    trash.take(at('tree'));
    expect(existsSync(at('tree'))).toBe(false);
    writeFileSync(at('tree'), 'another');
    await trash.settled();
    expect([readdirSync(at('trash')), existsSync(at('tree'))]).toEqual([[], true]);
    expect(seen).toHaveLength(2); // it was there still when the caller was told
    for (const name of ['blob', 'tree', 'none']) trash.take(at(name));
    expect(readdirSync(scratch)).toEqual(['trash']);
    await trash.settled();
    expect(readdirSync(at('trash'))).toEqual([]);
  });

  it('leaves what cannot be taken where it is', async () => {
    const trash = new Trash(at('trash'), log);
    trash.take(scratch); // into itself
    await trash.settled();
    expect(existsSync(at('tree/deep/file'))).toBe(true);
  });

  it('goes on with what an earlier life left', async () => {
    mkdirSync(at('trash/left/deep'), { recursive: true });
    const trash = new Trash(at('trash'), log);
    await trash.settled();
    expect(readdirSync(at('trash'))).toEqual([]);
  });
});
