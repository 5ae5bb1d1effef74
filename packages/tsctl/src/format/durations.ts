// Times as docker reads and writes them: Go durations, human ages ("2 minutes ago"), and the --since forms.

const unitNs: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Nanoseconds of a Go duration (`1h30m`, `500ms`, `0`); undefined when it is none. */
export function parseDurationNs(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^([+-])?((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (match === null) return undefined;
  let total = 0;
  for (const [, number, unit] of (match[2] ?? '').matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * (unitNs[unit ?? ''] ?? 0);
  }
  return match[1] === '-' ? -total : total;
}

/** Docker's words for an age or an uptime. */
export function humanDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(ms / 3_600_000);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(ms / 3_600_000 / 24 / 365)} years`;
}

/** `2 minutes ago`, of seconds since the epoch. */
export function humanAge(unixSeconds: number, nowMs = Date.now()): string {
  return `${humanDuration(nowMs - unixSeconds * 1000)} ago`;
}

const pad = (value: number) => String(value).padStart(2, '0');

/** Go's default form of a time.Time in local time: `2026-11-23 23:36:44 +0000 UTC`. */
export function goTime(unixSeconds: number): string {
  const time = new Date(unixSeconds * 1000);
  const offset = -time.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${pad(Math.trunc(Math.abs(offset) / 60))}${pad(Math.abs(offset) % 60)}`;
  const date = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
  return `${date} ${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())} ${zone} ${zoneName(time)}`;
}

function zoneName(time: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(time);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? 'UTC';
}

/**
 * The `since`/`until` parameter of logs and events: seconds of the epoch with a fraction. Takes a Go duration back from
 * now, RFC 3339 (date, time, fraction and zone as far as given; local zone when none) or seconds. Undefined if neither.
 */
export function toTimestamp(text: string, nowMs = Date.now()): string | undefined {
  const duration = parseDurationNs(text);
  if (duration !== undefined) return ((nowMs - duration / 1e6) / 1000).toFixed(9);
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d(?::\d\d(?::\d\d)?)?)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (match === null) return undefined;
  const [, date, clock = '00', fraction = '', zone = ''] = match;
  const full = clock.length === 2 ? `${clock}:00:00` : clock.length === 5 ? `${clock}:00` : clock;
  const ms = Date.parse(`${date}T${full}${zone}`);
  return Number.isNaN(ms) ? undefined : `${Math.trunc(ms / 1000)}.${fraction.slice(1).padEnd(9, '0').slice(0, 9)}`;
}
