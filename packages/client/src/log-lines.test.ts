// Lines out of frames that come in any pieces.
import { describe, expect, it } from 'vitest';
import { type LogForm, type LogLine, readLogLines } from './log-lines.ts';

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

async function* piecesOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, form: LogForm, size = bytes.length): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of readLogLines(piecesOf(bytes, size), form)) lines.push(line);
  return lines;
}

const plain = { isTerminal: false, hasTimes: false };
const timed = { isTerminal: false, hasTimes: true };

describe('readLogLines', () => {
  const bytes = Buffer.concat([frame(1, 'one\ntwo ü'), frame(2, 'error\n'), frame(1, ' goes on\n'), frame(1, 'last')]);

  it.each([1, 2, 3, 7, 8, 9, 1000])('keeps the streams apart and lines whole in pieces of %i bytes', async (size) => {
    expect(await read(bytes, plain, size)).toEqual([
      { stream: 'stdout', text: 'one' },
      { stream: 'stderr', text: 'error' },
      { stream: 'stdout', text: 'two ü goes on' },
      { stream: 'stdout', text: 'last' },
    ]);
  });

  it.each([1, 5, 1000])(
    'takes the time from each line and each further frame of one, in pieces of %i',
    async (size) => {
      const parts = [frame(1, 'T1 first'), frame(1, 'T2  and on\n'), frame(2, 'T3 x\nT4 \n'), frame(1, 'T5 y')];
      expect(await read(Buffer.concat(parts), timed, size)).toEqual([
        { stream: 'stdout', text: 'first and on', time: 'T1' },
        { stream: 'stderr', text: 'x', time: 'T3' },
        { stream: 'stderr', text: '', time: 'T4' },
        { stream: 'stdout', text: 'y', time: 'T5' },
      ]);
    },
  );

  it('reads a terminal’s log, which has no frames', async () => {
    expect(await read(Buffer.from('T1 a\r\nT2 b'), { isTerminal: true, hasTimes: true }, 3)).toEqual([
      { stream: 'stdout', text: 'a\r', time: 'T1' },
      { stream: 'stdout', text: 'b', time: 'T2' },
    ]);
  });

  it('gives a line that does not end in pieces, and holds no more', async () => {
    const lines = await read(frame(1, 'x'.repeat(3 * 1024 * 1024)), plain, 64 * 1024);
    expect(lines).toHaveLength(3);
    expect(lines.map(({ text }) => text.length).reduce((sum, length) => sum + length, 0)).toBe(3 * 1024 * 1024);
  });

  it('says when it was cut off, or is not of this form', async () => {
    await expect(read(frame(1, 'whole').subarray(0, 10), plain)).rejects.toThrow('ends within a frame');
    await expect(read(frame(1, 'x'.repeat(100)), timed)).rejects.toThrow('no time before a line');
  });
});
