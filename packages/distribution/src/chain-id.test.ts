// Tests chain ids against the image specification's definition.
import { expect, it } from 'vitest';
import { chainIdOf, chainIdsOf, digestOf } from './chain-id.ts';

const [a, b] = [digestOf('a'), digestOf('b')];

it('names the lowest layer by its own digest and each other by parent and own', () => {
  expect(chainIdsOf([a, b])).toEqual([a, digestOf(`${a} ${b}`)]);
  expect(chainIdOf([a])).toBe(a);
});

it('has nothing for an image without layers', () => {
  expect(chainIdOf([])).toBe('');
});
