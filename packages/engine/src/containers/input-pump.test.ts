// Detach keys in what is typed, whole or in parts.
import { describe, expect, it } from 'vitest';
import { DetachKeys, parseDetachKeys } from './input-pump.ts';

describe('DetachKeys', () => {
  it('is found when typed in parts, and passes on what only began like it', () => {
    const keys = new DetachKeys(parseDetachKeys(undefined));
    expect(keys.take(Buffer.from('ab\x10'))?.toString()).toBe('ab');
    expect(keys.take(Buffer.from('c'))?.toString()).toBe('\x10c');
    expect(keys.take(Buffer.from('\x10\x10'))?.toString()).toBe('\x10');
    expect(keys.take(Buffer.from('\x11'))).toBeUndefined();
  });

  it('reads keys as docker writes them', () => {
    expect([...parseDetachKeys('ctrl-a,x,ctrl-[')]).toEqual([1, 120, 27]);
    expect(() => parseDetachKeys('ctrl-1')).toThrow('Invalid escape keys (ctrl-1) provided');
  });
});
