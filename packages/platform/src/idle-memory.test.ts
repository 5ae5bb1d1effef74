// Memory comes back after a pause.
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { IdleMemory } from './idle-memory.ts';

function makeGarbage(): WeakRef<object> {
  return new WeakRef({ big: new Array(100_000).fill('x') });
}

describe('idle memory', () => {
  it('collects what is unreachable once nothing was touched for the time', async () => {
    let trims = 0;
    const idle = new IdleMemory(() => trims++, 60);
    const garbage = makeGarbage();
    for (let index = 0; index < 4; index += 1) {
      idle.touch();
      await delay(30);
    }
    await expect.poll(() => trims).toBeGreaterThan(0);
    expect(garbage.deref()).toBeUndefined();
  });
});
