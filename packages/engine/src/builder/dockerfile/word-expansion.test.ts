// Docker's table of expansions (envVarTest of its own parser), in our words.
import { describe, expect, it } from 'vitest';
import { expandWord, expandWords, variablesOf } from './word-expansion.ts';

const variables = variablesOf(['PWD=/home', 'SHELL=bash', 'KOREAN=한국어', 'NULL=', 'A=one two']);
const expand = (text: string) => expandWord(text, variables, '\\');

describe('expandWord', () => {
  it.each([
    ['hello', 'hello'],
    ["he'll'o", 'hello'],
    ["he\\'llo", "he'llo"],
    ['\\\\abc', '\\abc'],
    ['"abc\\\\d"', 'abc\\d'],
    ['"\\x"', '\\x'],
    ["'\\x$PWD'", '\\x$PWD'],
    ['he$PWD', 'he/home'],
    ['he${PWD}lo', 'he/homelo'],
    ['he\\$PWD', 'he$PWD'],
    ['"he$PWD"', 'he/home'],
    ['"he\\$PWD"', 'he$PWD'],
    ["he'$PWD'", 'he$PWD'],
    ['$', '$'],
    ['he$', 'he$'],
    ['$1x', 'x'],
    ['$@', ''],
    ['${NULL:-x}', 'x'],
    ['${NULL:+x}', ''],
    ['${NONE:-$PWD}', '/home'],
    ['${PWD:+$SHELL}', 'bash'],
    ['${PWD:-x}', '/home'],
    ['${PWD:?x}', '/home'],
    ['${NONE:-"a b"}', 'a b'],
    ['${NONE:-${NONE:-deep}}', 'deep'],
    ['안녕${KOREAN}', '안녕한국어'],
    ['he\\', 'he'],
    ['$A', 'one two'],
  ])('%s is %s', (text, expected) => expect(expand(text)).toBe(expected));

  it.each([
    ['${', "missing '}'"],
    ['${}', 'bad substitution'],
    ['${:x}', 'bad substitution'],
    ['${PWD', "missing ':' in substitution"],
    ['${PWD:-x', "missing '}'"],
    ['${PWD:x}', 'unsupported modifier (x)'],
    ['${NONE:?}', 'NONE: is not allowed to be unset'],
    ['${NONE?gone}', 'NONE: gone'],
    ['${NULL:?}', 'NULL: is not allowed to be empty'],
    ["'x", 'matching single-quote'],
    ['"x', 'matching double-quote'],
  ])('%s is refused', (text, why) => expect(() => expand(text)).toThrow(why));
});

describe('expandWords', () => {
  it.each<[string, string[]]>([
    ['$A', ['one', 'two']],
    ['"$A"', ['one two']],
    ['a$A', ['aone', 'two']],
    ['', []],
    ['$NULL', []],
  ])('%s', (text, expected) => expect(expandWords(text, variables, '\\')).toEqual(expected));
});
