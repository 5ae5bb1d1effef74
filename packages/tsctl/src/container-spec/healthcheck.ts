// The --health-* flags as the API's Healthcheck; times are nanoseconds there.
import { CommandFailure } from '../cli/failures.ts';
import type { FlagValues } from '../cli/flags.ts';

const timings = {
  Interval: 'health-interval',
  Timeout: 'health-timeout',
  StartPeriod: 'health-start-period',
  StartInterval: 'health-start-interval',
};

export function healthcheckOf(flags: FlagValues): Record<string, unknown> | undefined {
  const given = [...Object.values(timings), 'health-cmd', 'health-retries'].some((name) => flags.has(name));
  if (flags.bool('no-healthcheck')) {
    if (given) throw new CommandFailure('--no-healthcheck conflicts with --health-* options', 125);
    return { Test: ['NONE'] };
  }
  if (!given) return undefined;
  const times = Object.entries(timings).map(([field, name]) => [field, flags.durationNs(name) ?? 0]);
  const negative = times.find(([, value]) => Number(value) < 0);
  if (negative !== undefined)
    throw new CommandFailure(`--${timings[negative[0] as keyof typeof timings]} cannot be negative`, 125);
  const command = flags.text('health-cmd');
  return {
    ...(command === '' ? {} : { Test: ['CMD-SHELL', command] }),
    ...Object.fromEntries(times.filter(([, value]) => value !== 0)),
    ...(flags.int('health-retries') ? { Retries: flags.int('health-retries') } : {}),
  };
}
