// How results become health.
import { describe, expect, it } from 'vitest';
import { afterProbe, checkHealthcheck, type Health, mergeHealthcheck, probeCommand, timesOf } from './health-check.ts';

const fresh: Health = { status: 'starting', failingStreak: 0, log: [] };
const result = (ExitCode: number) => ({ Start: '', End: '', ExitCode, Output: '' });

describe('afterProbe', () => {
  it('needs as many failures in a row as there are retries, and one success', () => {
    let health = fresh;
    for (let count = 0; count < 2; count++) health = afterProbe(health, result(1), 3, false);
    expect(health).toMatchObject({ status: 'starting', failingStreak: 2 });
    health = afterProbe(health, result(1), 3, false);
    expect(health).toMatchObject({ status: 'unhealthy', failingStreak: 3 });
    expect(afterProbe(health, result(0), 3, false)).toMatchObject({ status: 'healthy', failingStreak: 0 });
  });

  it('does not count failures while the container starts', () => {
    expect(afterProbe(fresh, result(1), 1, true)).toMatchObject({ status: 'starting', failingStreak: 0 });
    const healthy = afterProbe(fresh, result(0), 1, true);
    expect(afterProbe(healthy, result(1), 1, true).status).toBe('unhealthy');
  });

  it('keeps the last five results', () => {
    let health = fresh;
    for (let code = 0; code < 8; code++) health = afterProbe(health, result(code), 3, false);
    expect(health.log.map(({ ExitCode }) => ExitCode)).toEqual([3, 4, 5, 6, 7]);
  });
});

describe('the config', () => {
  it('has docker’s defaults', () => {
    expect(timesOf({})).toEqual({
      intervalMs: 30_000,
      timeoutMs: 30_000,
      startPeriodMs: 0,
      startIntervalMs: 5_000,
      retries: 3,
    });
    expect(timesOf({ Interval: 2e9, Retries: 1 })).toMatchObject({ intervalMs: 2000, retries: 1 });
  });

  it('is the request’s over the image’s', () => {
    const image = { Test: ['CMD', 'a'], Interval: 5e9, Retries: 7 };
    expect(mergeHealthcheck({ Interval: 1e9, Retries: 0 }, image)).toEqual({ ...image, Interval: 1e9 });
    expect(mergeHealthcheck({ Test: ['NONE'] }, image)?.Test).toEqual(['NONE']);
    expect(mergeHealthcheck(undefined, image)).toEqual(image);
  });

  it('gives a command', () => {
    expect(probeCommand({ Test: ['CMD', 'a', 'b'] }, undefined)).toEqual(['a', 'b']);
    expect(probeCommand({ Test: ['CMD-SHELL', 'a b'] }, undefined)).toEqual(['/bin/sh', '-c', 'a b']);
    expect(probeCommand({ Test: ['NONE'] }, undefined)).toBeUndefined();
    expect(probeCommand(undefined, undefined)).toBeUndefined();
  });

  it('is refused when it makes no sense', () => {
    expect(() => checkHealthcheck({ Interval: 5 })).toThrow('Interval in Healthcheck cannot be less than 1ms');
    expect(() => checkHealthcheck({ Retries: -1 })).toThrow('Retries');
    expect(() => checkHealthcheck({ Test: ['ODD'] })).toThrow('unknown type "ODD"');
  });
});
