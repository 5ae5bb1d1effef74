// HEALTHCHECK: NONE, or CMD with its times; the instruction parser calls it.
import type { Healthcheck } from '../../containers/health-check.ts';
import { buildFailure } from '../build-failure.ts';
import { readFlags } from './instruction-flags.ts';
import { jsonList } from './instruction-words.ts';

const unitsNs: Record<string, number> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, µs: 1e3, ns: 1 };
const minIntervalNs = 1e6;

/** Go's time.ParseDuration, in nanoseconds. Throws invalid-argument. */
function durationNs(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return 0;
  const parts = [...body.matchAll(/(\d+\.?\d*|\.\d+)(ms|us|µs|ns|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== body) {
    const isUnitMissing = /^(\d+\.?\d*|\.\d+)$/.test(body);
    throw buildFailure(
      isUnitMissing
        ? `time: missing unit in duration ${JSON.stringify(text)}`
        : `time: invalid duration ${JSON.stringify(text)}`,
    );
  }
  return sign * parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitsNs[unit as string] ?? 0), 0);
}

function interval(flags: Map<string, string>, name: string): number {
  const text = flags.get(name) ?? '';
  if (text === '') return 0;
  const ns = durationNs(text);
  if (ns < minIntervalNs) throw buildFailure(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  return ns;
}

function retriesOf(text: string): number {
  if (text === '') return 0;
  if (!/^[+-]?\d+$/.test(text)) throw buildFailure(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  if (Number(text) < 1) throw buildFailure(`--retries must be at least 1 (not ${Number(text)})`);
  return Number(text);
}

export function parseHealthcheck(flagWords: readonly string[], rest: string): Healthcheck {
  const match = /^(\S+)\s*(.*)$/s.exec(rest);
  if (match === null) throw buildFailure('HEALTHCHECK requires at least one argument');
  const type = match[1]?.toUpperCase();
  const text = match[2] ?? '';
  if (type === 'NONE') {
    if (text !== '') throw buildFailure('HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  const flags = readFlags(flagWords, ['interval', 'timeout', 'start-period', 'retries']);
  if (type !== 'CMD') throw buildFailure(`Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`);
  const list = jsonList(text);
  if (text === '' || list?.length === 0) throw buildFailure('Missing command after HEALTHCHECK CMD');
  const times = {
    Interval: interval(flags, 'interval'),
    Timeout: interval(flags, 'timeout'),
    StartPeriod: interval(flags, 'start-period'),
    Retries: retriesOf(flags.get('retries') ?? ''),
  };
  const given = Object.fromEntries(Object.entries(times).filter(([, value]) => value !== 0));
  return { Test: list === undefined ? ['CMD-SHELL', text] : ['CMD', ...list], ...given };
}
