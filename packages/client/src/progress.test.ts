// A promise that is also a loop: however it is used, a failure comes out, and only there.
import { describe, expect, it } from 'vitest';
import { trackProgress } from './progress.ts';

async function* linesOf(...lines: object[]): AsyncGenerator<Buffer> {
  for (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`);
}

function progressOf(...lines: object[]) {
  let count = 0;
  return trackProgress({
    call: 'POST /build',
    open: async () => linesOf(...lines),
    take: () => {
      count++;
    },
    result: () => count,
  });
}

async function collect(progress: AsyncIterable<{ status?: string }>): Promise<string[]> {
  const steps: string[] = [];
  for await (const { status = '' } of progress) steps.push(status);
  return steps;
}

const failure = { error: 'no space', errorDetail: { message: 'no space left' } };

describe('trackProgress', () => {
  it('is awaited for its result alone', async () => {
    expect(await progressOf({ status: 'a' }, { status: 'b' })).toBe(2);
    await expect(progressOf({ status: 'a' }, failure)).rejects.toMatchObject({
      name: 'EngineError',
      message: 'no space left',
      call: 'POST /build',
      status: undefined,
    });
    await expect(progressOf({ error: 'old form' })).rejects.toThrow('old form');
  });

  it('is read step by step, and throws at the end of the loop', async () => {
    const good = progressOf({ status: 'a' }, { status: 'b' });
    expect(await collect(good)).toEqual(['a', 'b']);
    expect(await good).toBe(2);
    const seen: string[] = [];
    const loop = async () => {
      for await (const { status = '' } of progressOf({ status: 'a' }, failure)) seen.push(status);
    };
    await expect(loop()).rejects.toThrow('no space left');
    expect(seen).toEqual(['a']);
  });

  it('holds a bounded number of steps for a loop, which loses none', async () => {
    const many = Array.from({ length: 5000 }, (_, index) => ({ status: String(index) }));
    expect((await collect(progressOf(...many))).length).toBe(5000);
    const unread = progressOf(...many);
    expect(await unread).toBe(5000);
    expect((await collect(unread)).length).toBeLessThanOrEqual(1000);
  });

  it('goes on to its result when the loop is left', async () => {
    const progress = progressOf(...Array.from({ length: 3000 }, () => ({ status: 'x' })));
    for await (const step of progress) if (step.status === 'x') break;
    expect(await progress).toBe(3000);
  });
});
