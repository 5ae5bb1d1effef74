// The forwarder that a container's logging driver asks for: its target, its format, and the tag made of the container.

import type { Logger } from '@tscontainer/platform/logger';
import { fluentdMessage } from './fluentd-format.ts';
import { gelfEncoder, gelfTarget } from './gelf-format.ts';
import { journaldEncoder, journalSocket } from './journald-format.ts';
import { attributesOf, type LoggedContainer, tagOf } from './log-attributes.ts';
import type { LogConfig } from './log-drivers.ts';
import { type ForwarderOptions, LogForwarder, parseTarget } from './log-forwarder.ts';
import { checkSyslogFormat, parseFacility, syslogMessage } from './syslog-format.ts';
import { tlsOptionsOf } from './syslog-tls.ts';

type DriverOptions = Record<string, string>;
type Maker = (options: DriverOptions, container: LoggedContainer) => Omit<ForwarderOptions, 'log'>;

const syslogPort = 514;
const fluentdPort = 24224;
const trueWords = ['1', 't', 'true', 'T', 'TRUE', 'True'];

const makers: Readonly<Record<string, Maker>> = {
  syslog: (options, container) => {
    const tag = tagOf(options['tag'] || '{{.ID}}', container);
    const format = options['syslog-format'] ?? '';
    checkSyslogFormat(format);
    const facility = parseFacility(options['syslog-facility']);
    return {
      target: options['syslog-address']
        ? parseTarget('syslog-address', options['syslog-address'], syslogPort)
        : { kind: 'local', path: '/dev/log' },
      tls: tlsOptionsOf(options),
      encode: (entry) => [Buffer.from(syslogMessage(entry, { facility, format, tag }))],
    };
  },
  fluentd: (options, container) => {
    const tag = tagOf(options['tag'] || '{{.ID}}', container);
    const extra = attributesOf(options, container);
    const names = { containerId: container.id, containerName: `/${container.name}` };
    return {
      target: parseTarget('fluentd-address', options['fluentd-address'] || '127.0.0.1', fluentdPort),
      encode: (entry) => [fluentdMessage(entry, { tag, ...names, extra })],
    };
  },
  gelf: (options, container) => {
    const delay = options['gelf-tcp-reconnect-delay'];
    const maxReconnects = options['gelf-tcp-max-reconnect'];
    return {
      target: gelfTarget(options),
      encode: gelfEncoder(options, container),
      ...(delay === undefined ? {} : { reconnectMs: Number(delay) * 1000 }),
      ...(maxReconnects === undefined ? {} : { maxReconnects: Number(maxReconnects) }),
    };
  },
  journald: (options, container) => ({
    target: { kind: 'unixgram', path: journalSocket },
    encode: journaldEncoder(options, container),
    absence: 'journald is not enabled on this host',
  }),
};

/** Sends what is logged to another program too. */
export function isRemote({ Type }: LogConfig): boolean {
  return Object.hasOwn(makers, Type);
}

/** Undefined for a driver that keeps its logs here only. Throws invalid-argument for options that make no sense. */
export function forwarderOf(config: LogConfig, container: LoggedContainer, log: Logger): LogForwarder | undefined {
  const make = isRemote(config) ? makers[config.Type] : undefined;
  return make === undefined ? undefined : new LogForwarder({ ...make(config.Config, container), log });
}

/** The container starts whether anybody listens or not. */
export function isAsynchronous(config: LogConfig): boolean {
  return trueWords.includes(config.Config['fluentd-async'] ?? '');
}
