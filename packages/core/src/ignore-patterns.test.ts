// What a .dockerignore leaves out; the expectations are docker's (a table in test/interop holds them against dockerd).
import { describe, expect, it } from 'vitest';
import { cleanPath, IgnorePatterns, readIgnoreFile } from './ignore-patterns.ts';

describe('readIgnoreFile', () => {
  it('takes comments, blanks and absolute forms away', () =>
    expect(readIgnoreFile('\uFEFF# c\n\n  a/./b/ \n/abs\n! /kept\n#x\n!\n**/x\r\n')).toEqual([
      'a/b',
      'abs',
      '!kept',
      '!',
      '**/x',
    ]));
});

describe('IgnorePatterns', () => {
  it.each<[string[], string, boolean]>([
    [['a'], 'a', true],
    [['a'], 'a/b/c', true],
    [['a'], 'b/a', false],
    [['**/a'], 'b/c/a', true],
    [['**/a'], 'a', true],
    [['**'], 'x/y', true],
    [['a/**'], 'a/b/c', true],
    [['a/**'], 'a', false],
    [['a/**/c'], 'a/c', true],
    [['a/**/c'], 'a/b/b/c', true],
    [['*.log'], 'x.log', true],
    [['*.log'], 'd/x.log', false],
    [['**/*.log', '!d/keep.log'], 'd/keep.log', false],
    [['**/*.log', '!d/keep.log'], 'd/x.log', true],
    [['d', '!d/keep'], 'd/keep', false],
    [['!d/keep', 'd'], 'd/keep', true],
    [['*', '!a', '!b/c'], 'b/d', true],
    [['*', '!a', '!b/c'], 'b/c', false],
    [['*', '!a'], '.dockerignore', true],
    [['d?r/[a-c]x'], 'dir/bx', true],
    [['d?r/[a-c]x'], 'dir/dx', false],
    [['[^a]b'], 'ab', false],
    [['[^a]b'], 'cb', true],
    [['a\\*'], 'a*', true],
    [['a\\*'], 'ab', false],
    [['a.b'], 'axb', false],
    [['.'], 'a', false],
    [['a+(b)'], 'a+(b)', true],
  ])('%j on %s is %s', (patterns, path, expected) => expect(new IgnorePatterns(patterns).matches(path)).toBe(expected));

  it('never leaves the context itself out', () => expect(new IgnorePatterns(['*']).matches('.')).toBe(false));

  it.each([['!'], ['[a'], ['a\\']])('refuses %s', (pattern) =>
    expect(() => new IgnorePatterns([pattern])).toThrow(/illegal exclusion|syntax error/),
  );

  it('knows where an exception may lie', () => {
    const patterns = new IgnorePatterns(['*', '!a/b/c']);
    expect(['a', 'a/b', 'a/c', 'b'].map((path) => patterns.mayHoldExceptions(path))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('cleanPath', () => {
  it.each([
    ['', '.'],
    ['a//b/./c/', 'a/b/c'],
    ['a/../..', '..'],
    ['/../a', '/a'],
    ['./a', 'a'],
  ])('%s is %s', (path, expected) => expect(cleanPath(path)).toBe(expected));
});
