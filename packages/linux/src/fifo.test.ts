// FIFOs of the kernel: made, sized, spliced.
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFifo, setPipeSize, spliceToFile } from './fifo.ts';

let scratch: string;
let path: string;
const opened: number[] = [];

function open(file: string, flags: number): number {
  const fd = openSync(file, flags, 0o600);
  opened.push(fd);
  return fd;
}

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tsc-fifo-'));
  path = join(scratch, 'fifo');
});
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
  rmSync(scratch, { recursive: true, force: true });
});

describe('a fifo', () => {
  it('is made once', () => {
    makeFifo(path, 0o600);
    expect(statSync(path).mode).toBe(0o010600);
    expect(() => makeFifo(path, 0o600)).toThrow(
      expect.objectContaining({ code: 'already-exists', details: expect.objectContaining({ path }) }),
    );
    expect(() => makeFifo(join(scratch, 'none/fifo'), 0o600)).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it('takes the size it is given', () => {
    makeFifo(path, 0o600);
    const fd = open(path, constants.O_RDWR);
    expect(setPipeSize(fd, 100_000)).toBe(131_072);
  });

  it('is spliced to the end of a file: what it holds, then empty, then at its end', () => {
    makeFifo(path, 0o600);
    const reader = open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    const spool = join(scratch, 'spool');
    writeFileSync(spool, 'before ');
    const file = open(spool, constants.O_RDWR);
    writeSync(writer, 'one ');
    expect(spliceToFile(reader, file, 65_536)).toBe(4);
    expect(spliceToFile(reader, file, 65_536)).toBe(-1);
    writeSync(writer, 'two');
    expect(spliceToFile(reader, file, 2)).toBe(2);
    closeSync(writer);
    expect(spliceToFile(reader, file, 65_536)).toBe(1);
    expect(spliceToFile(reader, file, 65_536)).toBe(0);
    expect(readFileSync(spool, 'utf8')).toBe('before one two');
  });

  it('is not mistaken for something else', () => {
    const file = open(join(scratch, 'a'), constants.O_CREAT | constants.O_RDWR);
    const other = open(join(scratch, 'b'), constants.O_CREAT | constants.O_RDWR);
    expect(() => spliceToFile(file, other, 10)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    expect(() => spliceToFile(-1, other, 10)).toThrow(/pipeFd must be an integer/);
    expect(() => setPipeSize(file, 4096)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });
});
