// Formatting and parsing of json-file lines: usual lines, escapes, pieces of long lines, characters cut by chance.
import { describe, expect, it } from 'vitest';
import { formatLines, maxLineBytes, parseLine } from './log-lines.ts';

const time = '2026-01-02T03:04:05.000000006Z';

function roundTrip(bytes: Buffer, isLast: boolean): { text: string; consumed: number } {
  const { text, consumed } = formatLines(bytes, 'stdout', time, isLast);
  const entries = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const parsed = JSON.parse(line) as { log: string; stream: string; time: string };
      expect(parseLine(line)).toEqual({ stream: parsed.stream, text: parsed.log, time: parsed.time });
      return parsed.log;
    });
  return { text: entries.join(''), consumed };
}

describe('formatLines', () => {
  it('writes each line as docker does', () => {
    expect(formatLines(Buffer.from('a\nb\n'), 'stderr', time, false).text).toBe(
      `{"log":"a\\n","stream":"stderr","time":"${time}"}\n{"log":"b\\n","stream":"stderr","time":"${time}"}\n`,
    );
  });

  it('keeps a line that has not ended, until it is the last', () => {
    expect(roundTrip(Buffer.from('one\ntwo'), false)).toEqual({ text: 'one\n', consumed: 4 });
    expect(roundTrip(Buffer.from('one\ntwo'), true)).toEqual({ text: 'one\ntwo', consumed: 7 });
  });

  it('escapes what JSON must escape', () => {
    const text = 'tab\there "quoted" back\\slash \u0000\u001b[31m\r\nplain\n\\n\n';
    expect(roundTrip(Buffer.from(text), false)).toEqual({ text, consumed: Buffer.byteLength(text) });
  });

  it('cuts a line that is too long into pieces, never inside a character', () => {
    const text = `${'x'.repeat(maxLineBytes - 1)}é${'y'.repeat(maxLineBytes * 2)}\n`;
    const { text: kept, consumed } = roundTrip(Buffer.from(text), false);
    expect(kept).toBe(text);
    expect(consumed).toBe(Buffer.byteLength(text));
  });

  it('loses no byte however the input is cut', () => {
    const input = Buffer.from(`${'äöü €\n'.repeat(300)}${'z'.repeat(40_000)}\nend\n`);
    for (const step of [1, 7, 1000, 16_384, 50_000]) {
      let pending = Buffer.alloc(0);
      let kept = '';
      for (let at = 0; at < input.length; at += step) {
        pending = Buffer.concat([pending, input.subarray(at, at + step)]);
        const { text, consumed } = roundTrip(pending, false);
        kept += text;
        pending = pending.subarray(consumed);
      }
      expect(kept).toBe(input.toString());
    }
  }, 60_000);
});

describe('parseLine', () => {
  it('gives nothing for a torn line', () => {
    expect(parseLine('{"log":"abc')).toBeUndefined();
  });

  it('is not misled by text that looks like the end of a line', () => {
    const line = JSON.stringify({ log: '","stream":"stderr","time":"x"}', stream: 'stdout', time });
    expect(parseLine(line)).toEqual({ stream: 'stdout', text: '","stream":"stderr","time":"x"}', time });
  });
});
