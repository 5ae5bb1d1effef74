// What a health check is: its config over docker's defaults, and how results change a container's health. No I/O.
import { ContainerError } from '@tscontainer/core/errors';

/** As Config.Healthcheck; times in nanoseconds, zero means the default. */
export interface Healthcheck {
  Test?: string[];
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

export interface HealthResult {
  /** RFC 3339. */
  Start: string;
  End: string;
  ExitCode: number;
  Output: string;
}

export interface Health {
  status: HealthStatus;
  failingStreak: number;
  /** The last few, the oldest first. */
  log: HealthResult[];
}

export interface HealthTimes {
  intervalMs: number;
  timeoutMs: number;
  startPeriodMs: number;
  startIntervalMs: number;
  retries: number;
}

const maxResults = 5;
const nsPerMs = 1e6;
const minTimeNs = 1e6;

export function timesOf(check: Healthcheck): HealthTimes {
  const ms = (ns: number | undefined, fallback: number) => (ns ? Math.max(1, Math.round(ns / nsPerMs)) : fallback);
  return {
    intervalMs: ms(check.Interval, 30_000),
    timeoutMs: ms(check.Timeout, 30_000),
    startPeriodMs: ms(check.StartPeriod, 0),
    startIntervalMs: ms(check.StartInterval, 5_000),
    retries: check.Retries || 3,
  };
}

/** The command to run; undefined when nothing is checked. `shell`: of the container's config. */
export function probeCommand(check: Healthcheck | undefined, shell: string[] | undefined): string[] | undefined {
  const [kind, ...words] = check?.Test ?? [];
  if (kind === 'CMD') return words;
  if (kind === 'CMD-SHELL') return [...(shell ?? ['/bin/sh', '-c']), words.join(' ')];
  return undefined;
}

/** The request's over the image's, field by field. */
export function mergeHealthcheck(
  own: Healthcheck | undefined,
  image: Healthcheck | null | undefined,
): Healthcheck | undefined {
  if (own === undefined) return image ?? undefined;
  if (!image) return own;
  const given = Object.entries(own).filter(([, value]) => value !== 0 && !(Array.isArray(value) && value.length === 0));
  return { ...image, ...Object.fromEntries(given) };
}

/** Throws invalid-argument in docker's words. */
export function checkHealthcheck(check: Healthcheck): void {
  const times: [keyof Healthcheck, string][] = [
    ['Interval', 'Interval'],
    ['Timeout', 'Timeout'],
    ['StartPeriod', 'StartPeriod'],
    ['StartInterval', 'StartInterval'],
  ];
  for (const [field, name] of times) {
    const value = (check[field] as number | undefined) ?? 0;
    if (value !== 0 && value < minTimeNs)
      throw new ContainerError('invalid-argument', `${name} in Healthcheck cannot be less than 1ms`);
  }
  if ((check.Retries ?? 0) < 0)
    throw new ContainerError('invalid-argument', 'Retries in Healthcheck cannot be negative');
  const [kind] = check.Test ?? [];
  if (kind !== undefined && !['', 'NONE', 'CMD', 'CMD-SHELL'].includes(kind))
    throw new ContainerError('invalid-argument', `Config.Healthcheck.Test: unknown type ${JSON.stringify(kind)}`);
}

/** After one probe. `isStarting`: within the start period, in which failures do not count. */
export function afterProbe(health: Health, result: HealthResult, retries: number, isStarting: boolean): Health {
  const log = [...health.log, result].slice(-maxResults);
  if (result.ExitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (isStarting && health.status === 'starting') return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  return { status: failingStreak >= retries ? 'unhealthy' : health.status, failingStreak, log };
}
