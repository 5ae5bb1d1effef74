// The index of a context against what unpacking would give.
import { describe, expect, it } from 'vitest';
import { ContextIndex } from './context-index.ts';

function indexOf(...entries: [name: string, type: string, link?: string][]): ContextIndex {
  const index = new ContextIndex();
  for (const [name, type, link = ''] of entries) index.add(name, type, link);
  return index;
}

describe('ContextIndex', () => {
  const index = indexOf(
    ['./', 'directory'],
    ['./b/', 'directory'],
    ['./b/file', 'file'],
    ['./a/implied/x', 'file'],
    ['up', 'symlink', '../../../b/file'],
    ['abs', 'symlink', '/b'],
    ['loop', 'symlink', 'loop'],
    ['gone', 'symlink', 'nowhere'],
    ['hard', 'link', 'b/file'],
  );

  it('knows kinds, and parents that no entry names', () => {
    expect(index.isPlain).toBe(true);
    expect(['', 'b', 'b/file', 'a', 'a/implied', 'up', 'hard', 'no'].map((path) => index.kindOf(path))).toEqual([
      'directory',
      'directory',
      'file',
      'directory',
      'directory',
      'link',
      'file',
      undefined,
    ]);
  });

  it('follows links inside', () => {
    expect(index.resolve('up')).toBe('b/file');
    expect(index.resolve('/abs/file')).toBe('b/file');
    expect(index.resolve('../../abs/../gone')).toBe('nowhere');
    expect(() => index.resolve('loop')).toThrow('too many links');
  });

  it('walks in order', () =>
    expect([...index.walk('')].map(({ relative, isLink }) => (isLink ? `${relative}@` : relative))).toEqual([
      'a',
      'a/implied',
      'a/implied/x',
      'abs@',
      'b',
      'b/file',
      'gone@',
      'hard',
      'loop@',
      'up@',
    ]));

  it('forgets what is taken away', () => {
    const small = indexOf(['d/x', 'file'], ['d/y', 'file']);
    small.remove('d/x');
    expect([...small.walk('')].map(({ relative }) => relative)).toEqual(['d', 'd/y']);
  });

  it.each<[string, [string, string, string?][]]>([
    ['climb', [['../x', 'file']]],
    ['come twice', [['x', 'file'], ['x', 'file']]], // biome-ignore format: one case a line
    ['replace a directory', [['x/', 'directory'], ['x', 'file']]], // biome-ignore format: one case a line
    ['go through a link', [['l', 'symlink', 'd'], ['l/x', 'file']]], // biome-ignore format: one case a line
    ['go through a file', [['f', 'file'], ['f/x', 'file']]], // biome-ignore format: one case a line
    ['are hard links to links', [['l', 'symlink', 'd'], ['h', 'link', 'l']]], // biome-ignore format: one case a line
  ])('leaves entries that %s to unpacking', (_what, entries) => expect(indexOf(...entries).isPlain).toBe(false));

  it('takes a directory that is named twice', () =>
    expect(indexOf(['d/', 'directory'], ['d/x', 'file'], ['d/', 'directory']).isPlain).toBe(true));
});
