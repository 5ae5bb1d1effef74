// The stream of stdout and stderr, cut at every possible place.
import { describe, expect, it } from 'vitest';
import { Demultiplexer } from './demultiplexer.ts';

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

function read(chunks: Buffer[]): { stdout: string; stderr: string } {
  const demultiplexer = new Demultiplexer();
  const texts = { stdout: '', stderr: '' };
  for (const chunk of chunks)
    for (const { stream, payload } of demultiplexer.push(chunk)) texts[stream] += payload.toString();
  expect(demultiplexer.isAtBoundary).toBe(true);
  return texts;
}

describe('Demultiplexer', () => {
  const whole = Buffer.concat([frame(1, 'out one\n'), frame(2, 'error\n'), frame(1, ''), frame(1, 'out two\n')]);
  const expected = { stdout: 'out one\nout two\n', stderr: 'error\n' };

  it('takes frames in one piece and byte by byte', () => {
    expect(read([whole])).toEqual(expected);
    expect(read([...whole].map((byte) => Buffer.from([byte])))).toEqual(expected);
  });

  it.each([...whole.keys()].slice(1))('takes frames cut at byte %i', (at) => {
    expect(read([whole.subarray(0, at), whole.subarray(at)])).toEqual(expected);
  });

  it('refuses what is not of this form and tells errors of the daemon', () => {
    expect(() => read([Buffer.from('plain text of a terminal')])).toThrow('unrecognized stream: 112');
    expect(() => read([frame(3, 'disk full')])).toThrow('error from daemon in stream: disk full');
  });

  it('knows when a frame is incomplete', () => {
    const demultiplexer = new Demultiplexer();
    demultiplexer.push(frame(1, 'abc').subarray(0, 9));
    expect(demultiplexer.isAtBoundary).toBe(false);
  });
});
