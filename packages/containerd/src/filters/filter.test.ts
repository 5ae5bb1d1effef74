// The filter language, by containerd's examples.
import { describe, expect, it } from 'vitest';
import { compileFilters, readRecord } from './filter.ts';

const web = readRecord({ id: 'web', image: 'nginx' }, { 'io.x/tier': 'front', plain: 'a,b' });
const matches = (...filters: string[]) => compileFilters(filters)(web);

describe('a filter', () => {
  it('that is absent or empty matches everything', () => {
    expect(matches()).toBe(true);
    expect(matches('')).toBe(true);
  });

  it.each([
    ['id==web', true],
    ['id==db', false],
    ['id!=db', true],
    ['id~=^w.b$', true],
    ['id~=/^w.b$/', true],
    ['id~=|x|', false],
    ['labels."io.x/tier"==front', true],
    ['labels."io.x/tier"', true],
    ['labels.none', false],
    ['labels.plain=="a,b"', true],
    ['id==web,image==nginx', true],
    ['id==web,image==redis', false],
    ['nosuch==x', false],
    ['nosuch!=x', true],
  ])('%s is %s', (filter, expected) => expect(matches(filter)).toBe(expected));

  it('of several, one is enough', () => expect(matches('id==db', 'image==nginx')).toBe(true));

  it.each(['==x', 'id==', 'id=x', 'id=="open', 'id~=(', 'id==web,', 'id==a b"c"'])(
    'refuses %s and says where',
    (filter) => {
      expect(() => matches(filter)).toThrow(/parse filter .* at \d+: /);
    },
  );
});
