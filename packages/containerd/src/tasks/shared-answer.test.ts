// Waiters come and go; the answer is for those that are there.
import { describe, expect, it } from 'vitest';
import { SharedAnswer } from './shared-answer.ts';

const never = new AbortController().signal;

describe('a shared answer', () => {
  it('is everybody’s who waits for it, before and after it is there', async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const answer = new SharedAnswer(promise);
    const waits = [answer.wait(never, 'a'), answer.wait(never, 'b')];
    resolve(7);
    expect(await Promise.all(waits)).toEqual([7, 7]);
    expect(await answer.wait(never, 'c')).toBe(7);
    expect(answer.waiterCount).toBe(0);
  });

  it('forgets who leaves', async () => {
    const { promise, reject } = Promise.withResolvers<number>();
    const answer = new SharedAnswer(promise);
    const leaving = new AbortController();
    const left = Array.from({ length: 1000 }, () => answer.wait(leaving.signal, 'wait').catch((error) => error.code));
    const stayed = answer.wait(never, 'wait');
    leaving.abort();
    expect(new Set(await Promise.all(left))).toEqual(new Set(['cancelled']));
    expect(answer.waiterCount).toBe(1);
    await expect(answer.wait(leaving.signal, 'late')).rejects.toThrow('late: the caller left');
    reject(new Error('lost'));
    await expect(stayed).rejects.toThrow('lost');
    expect(answer.waiterCount).toBe(0);
  });

  it('that fails when nobody waits is nobody’s', async () => {
    const answer = new SharedAnswer(Promise.reject(new Error('lost')));
    await expect(answer.wait(never, 'wait')).rejects.toThrow('lost');
  });
});
