// The forwarder that a container's logging driver asks for: its target, its format, and the tag made of the container.

import type { Logger } from '@tscontainer/platform/logger';
import { fluentdMessage } from './fluentd-format.ts';
import { attributesOf, type LoggedContainer, tagOf } from './log-attributes.ts';
import { isRemote, type LogConfig } from './log-drivers.ts';
import { LogForwarder, parseTarget, type Target } from './log-forwarder.ts';
import { checkSyslogFormat, parseFacility, syslogMessage } from './syslog-format.ts';
import { tlsOptionsOf } from './syslog-tls.ts';

const syslogPort = 514;
const fluentdPort = 24224;
const localSyslog: Target = { kind: 'local', path: '/dev/log' };
const trueWords = ['1', 't', 'true', 'T', 'TRUE', 'True'];

/** Undefined for a driver that keeps its logs here only. Throws invalid-argument for options that make no sense. */
export function forwarderOf(config: LogConfig, container: LoggedContainer, log: Logger): LogForwarder | undefined {
  if (!isRemote(config)) return undefined;
  const options = config.Config;
  const tag = tagOf(options['tag'] || '{{.ID}}', container);
  if (config.Type === 'syslog') {
    const format = options['syslog-format'] ?? '';
    checkSyslogFormat(format);
    const facility = parseFacility(options['syslog-facility']);
    return new LogForwarder({
      target: options['syslog-address']
        ? parseTarget('syslog-address', options['syslog-address'], syslogPort)
        : localSyslog,
      tls: tlsOptionsOf(options),
      encode: (entry) => Buffer.from(syslogMessage(entry, { facility, format, tag })),
      log,
    });
  }
  const extra = attributesOf(options, container);
  return new LogForwarder({
    target: parseTarget('fluentd-address', options['fluentd-address'] || '127.0.0.1', fluentdPort),
    encode: (entry) =>
      fluentdMessage(entry, { tag, containerId: container.id, containerName: `/${container.name}`, extra }),
    log,
  });
}

/** The container starts whether anybody listens or not. */
export function isAsynchronous(config: LogConfig): boolean {
  return trueWords.includes(config.Config['fluentd-async'] ?? '');
}
