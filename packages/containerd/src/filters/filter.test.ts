// The filter language: what containerd's own parser takes, means and refuses. test/interop/ctr-against-containerd.test.ts asks both.
import { describe, expect, it } from 'vitest';
import { compileFilters, readRecord } from './filter.ts';

const web = readRecord({ id: 'web', image: 'nginx' }, { 'io.x/tier': 'front', plain: 'a,b', empty: '' });
const matches = (...filters: string[]) => compileFilters(filters)(web);

describe('a filter', () => {
  it('that is absent or empty matches everything', () => {
    expect(matches()).toBe(true);
    expect(matches('')).toBe(true);
  });

  it.each([
    ['id==web', true],
    ['id == web, image == nginx', true],
    ['id==db', false],
    ['id!=db', true],
    ['id~=^w.b$', true],
    ['id~=/^w.b$/', true],
    ['id~=|x|', false],
    ['labels."io.x/tier"==front', true],
    ['labels."io.x/tier"', true],
    ['labels.empty', true],
    ['labels.none', false],
    ['labels.toString', false],
    ['labels.plain=="a,b"', true],
    ['labels.plain=="\\x61\\u002cb"', true],
    ['id==web,image==nginx', true],
    ['id==web,image==redis', false],
    ['nosuch==x', false],
    ['nosuch!=x', true],
    ['id~=(?i)WEB', true],
    ['id~=^[[:alpha:]]+$', true],
    ['id~=\\Aweb\\z', true],
    ['id~="^(?P<name>w)"', true],
    ['id~=(', false],
    ['id~=(?=w)web', false],
  ])('%s is %s', (filter, expected) => expect(matches(filter)).toBe(expected));

  it('of several, one is enough', () => expect(matches('id==db', 'image==nginx')).toBe(true));

  it.each([
    ['==x', '[ >|=|< =x]: expected field or quoted'],
    ['id==', '[id==]: expected value or quoted'],
    ['id=x', '[id >|=|< x]: unsupported operator "="'],
    ['id x', '[id  >|x|< ]: expected an operator ("=="|"!="|"~=")'],
    ['id=="open', '[id== >|"|< open]: quoted literal not terminated'],
    ['id==web,', '[id==web,]: expected field or quoted'],
    ['id==/x/', '[id== >|/|< x/]: invalid quote encountered'],
    ['id=="\\q"', '[id== >|"|< \\q"]: illegal escape sequence'],
    ['id==a b', '[id==a >| |< b]: unexpected input:  '],
  ])('refuses %s and says where', (filter, words) => {
    expect(() => matches(filter)).toThrow(`filters: parse error: ${words}: invalid argument: invalid argument`);
  });

  it('is bounded', () => {
    expect(() => matches(`id==${'x'.repeat(20_000)}`)).toThrow(/longer than/);
    expect(matches(`id~=${'w'.repeat(2000)}`)).toBe(false);
  });
});
