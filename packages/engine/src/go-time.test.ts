// Times as Go writes and reads them.
import { describe, expect, it } from 'vitest';
import { formatNs, parseRfc3339, parseTimestamp } from './go-time.ts';

describe('formatNs', () => {
  it('cuts trailing zeros', () => {
    expect(formatNs(1_700_000_000_000_000_000n)).toBe('2023-11-14T22:13:20Z');
    expect(formatNs(1_700_000_000_100_000_000n)).toBe('2023-11-14T22:13:20.1Z');
    expect(formatNs(1_700_000_000_000_000_001n)).toBe('2023-11-14T22:13:20.000000001Z');
  });

  it('is undone by parseRfc3339', () => {
    expect(parseRfc3339(formatNs(1_700_000_000_123_456_789n))).toBe(1_700_000_000_123_456_789n);
    expect(parseRfc3339('2023-11-14T23:13:20+01:00')).toBe(1_700_000_000_000_000_000n);
    expect(parseRfc3339('yesterday')).toBeUndefined();
  });
});

describe('parseTimestamp', () => {
  it('takes seconds with a fraction, RFC 3339, and nothing', () => {
    expect(parseTimestamp('since', '1700000000.5')).toBe(1_700_000_000_500_000_000n);
    expect(parseTimestamp('since', '2023-11-14T22:13:20Z')).toBe(1_700_000_000_000_000_000n);
    expect(parseTimestamp('since', '')).toBeUndefined();
    expect(() => parseTimestamp('since', 'soon')).toThrow('invalid value for since');
  });
});
