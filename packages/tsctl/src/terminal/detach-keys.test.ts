// The detach sequence: found when cut, given back when it turns out to be something else.
import { describe, expect, it } from 'vitest';
import { DetachWatcher, parseDetachKeys } from './detach-keys.ts';

function type(...chunks: string[]): { passed: string; isDetached: boolean } {
  const watcher = new DetachWatcher(parseDetachKeys('ctrl-p,ctrl-q'));
  let passed = '';
  for (const chunk of chunks) {
    const { pass, isDetached } = watcher.push(Buffer.from(chunk, 'latin1'));
    passed += pass.toString('latin1');
    if (isDetached) return { passed, isDetached };
  }
  return { passed, isDetached: false };
}

describe('detach keys', () => {
  it('are read', () => {
    expect(parseDetachKeys('ctrl-p,ctrl-q')).toEqual([16, 17]);
    expect(parseDetachKeys('a,ctrl-[')).toEqual([97, 27]);
    expect(() => parseDetachKeys('ctrl-')).toThrow("Unknown character: 'ctrl-'");
  });

  it('end the session, in one piece or two', () => {
    expect(type('ls\x10\x11')).toEqual({ passed: 'ls', isDetached: true });
    expect(type('ls\x10', '\x11more')).toEqual({ passed: 'ls', isDetached: true });
  });

  it('are passed on when the sequence breaks', () => {
    expect(type('\x10x')).toEqual({ passed: '\x10x', isDetached: false });
    expect(type('\x10\x10', '\x11')).toEqual({ passed: '\x10', isDetached: true });
    expect(type('\x11\x10')).toEqual({ passed: '\x11', isDetached: false });
  });
});
