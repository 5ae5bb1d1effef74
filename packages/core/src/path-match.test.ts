// Go's own table of filepath.Match, less what differs on Windows.
import { describe, expect, it } from 'vitest';
import { BadPatternError, hasWildcards, matchPath } from './path-match.ts';

describe('matchPath', () => {
  it.each<[string, string, boolean]>([
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^b-d]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['a???b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['*[a-ζ]', 'A', false],
    ['a?b', 'a/b', false],
    ['a*b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[\\-]', '-', true],
    ['[x\\-]', 'x', true],
    ['[x\\-]', 'z', false],
    ['*x', 'xxx', true],
    ['a.c', 'abc', false],
    ['(a|b)+', '(a|b)+', true],
    ['[c-a]', 'b', false],
  ])('%s on %s is %s', (pattern, name, expected) => expect(matchPath(pattern, name)).toBe(expected));

  it.each(['[]a]', '[-]', '[x-]', '[-x]', '\\', '[a-b-c]', '[', '[^', '[^bc', 'a[', '[\\'])('refuses %s', (pattern) =>
    expect(() => matchPath(pattern, 'a')).toThrow(BadPatternError),
  );
});

describe('hasWildcards', () => {
  it.each<[string, boolean]>([
    ['a/b', false],
    ['a*', true],
    ['a\\*', false],
    ['a\\*?', true],
    ['[a]', true],
  ])('%s: %s', (text, expected) => expect(hasWildcards(text)).toBe(expected));
});
