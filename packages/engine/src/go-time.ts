// Times as Go writes them: RFC 3339 with nanoseconds, trailing zeros cut; and timestamps of the API's queries.
import { ContainerError } from '@tscontainer/core/errors';
import type { Timestamp } from '@tscontainer/platform/contracts/google/protobuf/well-known';

const originNs = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** Nanoseconds since the epoch, finer than Date.now(): corrected when the system clock was set. */
export function nowNs(): bigint {
  const fine = originNs + process.hrtime.bigint();
  const coarse = BigInt(Date.now()) * 1_000_000n;
  const drift = fine - coarse;
  return drift > 5_000_000n || drift < -5_000_000n ? coarse : fine;
}

export function formatNs(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const fraction = String(ns % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === '' ? `${whole}Z` : `${whole}.${fraction}Z`;
}

export function nowText(): string {
  return formatNs(nowNs());
}

export function nsOfTimestamp(timestamp: Timestamp | null | undefined): bigint {
  if (timestamp === null || timestamp === undefined) return nowNs();
  return BigInt(timestamp.seconds) * 1_000_000_000n + BigInt(timestamp.nanos);
}

/** Nanoseconds of an RFC 3339 text; undefined when it is none. */
export function parseRfc3339(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (match === null) return undefined;
  const millis = Date.parse(`${match[1]}${match[3] ?? 'Z'}`);
  if (Number.isNaN(millis)) return undefined;
  return BigInt(millis) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** `since` and `until`: seconds with a fraction, or RFC 3339. Undefined for '' and 0. */
export function parseTimestamp(name: string, text: string | undefined): bigint | undefined {
  if (text === undefined || text === '' || text === '0') return undefined;
  const match = /^(-?\d+)(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (match !== null) return BigInt(match[1] ?? '0') * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
  const parsed = parseRfc3339(text);
  if (parsed === undefined)
    throw new ContainerError('invalid-argument', `invalid value for ${name}: ${JSON.stringify(text)}`);
  return parsed;
}
