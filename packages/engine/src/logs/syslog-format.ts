// Log entries as syslog messages, in the formats that docker's driver has. No I/O.
import { hostname } from 'node:os';
import { ContainerError } from '@tscontainer/core/errors';
import type { LogEntry } from './log-lines.ts';

const facilities =
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console solaris-cron local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  );
const formats = ['', 'rfc3164', 'rfc5424', 'rfc5424micro'];
const infoSeverity = 6;
const errorSeverity = 3;
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** By name or number; `daemon` by default. Throws invalid-argument. */
export function parseFacility(text: string | undefined): number {
  if (text === undefined || text === '') return facilities.indexOf('daemon');
  const number = /^\d+$/.test(text) ? Number(text) : facilities.indexOf(text);
  if (number < 0 || number > 23) throw new ContainerError('invalid-argument', 'invalid syslog facility');
  return number;
}

/** Throws invalid-argument. */
export function checkSyslogFormat(text: string): void {
  if (!formats.includes(text)) throw new ContainerError('invalid-argument', 'Invalid syslog format');
}

export interface SyslogOptions {
  facility: number;
  format: string;
  tag: string;
}

/** `Nov 25 21:04:05`, in UTC. */
function stamp(time: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = String(time.getUTCDate()).padStart(2, ' ');
  return `${months[time.getUTCMonth()]} ${day} ${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
}

export function syslogMessage(entry: LogEntry, options: SyslogOptions): string {
  const { facility, format, tag } = options;
  const priority = facility * 8 + (entry.stream === 'stderr' ? errorSeverity : infoSeverity);
  const text = entry.text.replace(/\n$/, '');
  const time = new Date(entry.time);
  const { pid } = process;
  if (format === 'rfc3164') return `<${priority}>${stamp(time)} ${hostname()} ${tag}[${pid}]: ${text}\n`;
  if (format === '') return `<${priority}>${stamp(time)} ${tag}[${pid}]: ${text}\n`;
  const seconds = time.toISOString().replace(/\.\d+Z$/, 'Z');
  const micros = `${/\.(\d+)Z$/.exec(entry.time)?.[1] ?? ''}000000`.slice(0, 6);
  const at = format === 'rfc5424micro' ? seconds.replace('Z', `.${micros}Z`) : seconds;
  return `<${priority}>1 ${at} ${hostname()} ${tag} ${pid} ${tag} - ${text}\n`;
}
