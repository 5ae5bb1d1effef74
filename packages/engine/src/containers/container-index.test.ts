// Finding by name, id and prefix; names are held once.
import { describe, expect, it } from 'vitest';
import { ContainerIndex } from './container-index.ts';

function indexOf(...items: { id: string; name: string }[]): ContainerIndex<{ id: string; name: string }> {
  const index = new ContainerIndex<{ id: string; name: string }>();
  for (const item of items) index.add(item);
  return index;
}

describe('ContainerIndex', () => {
  const index = indexOf({ id: 'abc111', name: 'one' }, { id: 'abc222', name: 'abc1' });

  it('finds by name with and without slash, by id and by unique prefix', () => {
    for (const reference of ['one', '/one', 'abc111', 'abc11']) expect(index.find(reference).id).toBe('abc111');
  });

  it('prefers an exact name to a prefix', () => {
    expect(index.find('abc1').id).toBe('abc222');
  });

  it('refuses an ambiguous prefix and what is not there', () => {
    expect(() => index.find('abc')).toThrow('multiple IDs found with provided prefix: abc');
    expect(() => index.find('zzz')).toThrow('No such container: zzz');
    expect(() => index.find('')).toThrow('No such container');
  });

  it('holds names: conflict names the holder, release frees', () => {
    const own = indexOf({ id: 'abc111', name: 'one' });
    expect(() => own.reserve('one', 'other')).toThrow(
      'Conflict. The container name "/one" is already in use by container "abc111"',
    );
    own.release('one');
    own.reserve('one', 'other');
    expect(() => own.reserve('-bad', 'x')).toThrow('Invalid container name');
  });
});
