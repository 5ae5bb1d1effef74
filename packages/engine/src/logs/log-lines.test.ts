// Formatting and parsing of json-file lines: usual lines, escapes, pieces of long lines, characters cut by chance.
import { describe, expect, it } from 'vitest';
import { formatLines, formatLinesWithin, maxLineBytes, parseLine } from './log-lines.ts';

const time = '2026-01-02T03:04:05.000000006Z';

function roundTrip(bytes: Buffer, isLast: boolean): { text: string; consumed: number } {
  const { text, consumed } = formatLines(bytes, { stream: 'stdout', time }, isLast);
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
    expect(formatLines(Buffer.from('a\nb\n'), { stream: 'stderr', time }, false).text).toBe(
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

describe('formatLinesWithin', () => {
  const facts = { stream: 'stdout', time };

  it('ends with the first line that reaches the bound', () => {
    const bytes = Buffer.from('one\ntwo\nthree\nfour');
    const line = formatLines(Buffer.from('one\n'), facts, false).text.length;
    const cut = formatLinesWithin(bytes, facts, false, line + 1);
    expect(cut).toMatchObject({ consumed: 8, isCut: true });
    expect(formatLinesWithin(bytes, facts, false, line)).toMatchObject({ consumed: 4, isCut: true });
    expect(formatLinesWithin(bytes, facts, false, 10_000)).toMatchObject({ consumed: 14, isCut: false });
    expect(formatLinesWithin(bytes, facts, true, 10_000)).toMatchObject({ consumed: 18, isCut: false });
  });

  it('loses no byte, whatever the room', () => {
    const input = Buffer.from(`${'ä "q"\n'.repeat(50)}${'z'.repeat(40_000)}\nend`);
    for (const room of [1, 100, 5000, 20_000]) {
      let [pending, kept] = [input, ''];
      for (let isCut = true; isCut; ) {
        const piece = formatLinesWithin(pending, facts, true, room);
        for (const text of piece.text.split('\n')) kept += text === '' ? '' : (parseLine(text)?.text ?? 'lost');
        pending = pending.subarray(piece.consumed);
        isCut = piece.isCut;
      }
      expect(kept).toBe(input.toString());
    }
  });
});

describe('parseLine', () => {
  it('reads attributes', () => {
    const { text } = formatLines(Buffer.from('a\n'), { stream: 'stdout', time, attributes: '{"k":"v"}' }, false);
    expect(text).toBe(`{"log":"a\\n","stream":"stdout","attrs":{"k":"v"},"time":"${time}"}\n`);
    expect(parseLine(text.trim())).toEqual({ stream: 'stdout', text: 'a\n', time, attributes: { k: 'v' } });
  });

  it('gives nothing for a torn line', () => {
    expect(parseLine('{"log":"abc')).toBeUndefined();
  });

  it('is not misled by text that looks like the end of a line', () => {
    const line = JSON.stringify({ log: '","stream":"stderr","time":"x"}', stream: 'stdout', time });
    expect(parseLine(line)).toEqual({ stream: 'stdout', text: '","stream":"stderr","time":"x"}', time });
  });
});
