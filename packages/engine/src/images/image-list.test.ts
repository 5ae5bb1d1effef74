// Tests the forms of time that the `until` filter takes.
import { expect, it } from 'vitest';
import { parseUntil } from './image-list.ts';

it('reads durations, Unix times and dates', () => {
  expect(parseUntil('1h30m', 10_000_000)).toBe(10_000 - 5_400);
  expect(parseUntil('1700000000.5')).toBe(1_700_000_000.5);
  expect(parseUntil('2020-01-01T00:00:00Z')).toBe(1_577_836_800);
  expect(() => parseUntil('yesterday')).toThrow("invalid filter 'until=yesterday'");
});
