// File modes as Go writes them.
import { describe, expect, it } from 'vitest';
import { encodePathStat, goFileMode } from './path-stat.ts';

describe('goFileMode', () => {
  it.each([
    [0o040755, 2147484141],
    [0o100644, 420],
    [0o120777, 134218239],
    [0o041777, 2148532735],
    [0o104755, 8389101],
    [0o020666, 69206454],
  ])('turns %s into %s', (mode, expected) => expect(goFileMode(mode)).toBe(expected));
});

describe('encodePathStat', () => {
  it('is JSON in base64 with nanoseconds', () => {
    const place = { mode: 0o100644, size: 5, modifiedSeconds: 1, modifiedNanoseconds: 500, link: '' };
    const text = Buffer.from(encodePathStat({ path: 'a', name: 'a', place, linkTarget: '' }), 'base64').toString();
    expect(JSON.parse(text)).toEqual({
      name: 'a',
      size: 5,
      mode: 420,
      mtime: '1970-01-01T00:00:01.0000005Z',
      linkTarget: '',
    });
  });
});
