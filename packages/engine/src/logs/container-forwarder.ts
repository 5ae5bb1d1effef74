// The forwarder that a container's logging driver asks for: its target, its format, and the tag made of the container.

import { hostname } from 'node:os';
import { shortId } from '@tscontainer/core/ids';
import type { Logger } from '@tscontainer/platform/logger';
import { fluentdMessage } from './fluentd-format.ts';
import { isRemote, type LogConfig } from './log-drivers.ts';
import { LogForwarder, parseTarget } from './log-forwarder.ts';
import { checkSyslogFormat, parseFacility, syslogMessage } from './syslog-format.ts';

export interface LoggedContainer {
  id: string;
  /** Without the slash. */
  name: string;
  imageId: string;
  imageName: string;
}

const syslogPort = 514;
const fluentdPort = 24224;
const localSyslog = 'unix:///dev/log';
const trueWords = ['1', 't', 'true', 'T', 'TRUE', 'True'];

/** Docker's fields of a tag's template. */
function tagOf(template: string | undefined, container: LoggedContainer): string {
  const fields: Record<string, string> = {
    ID: shortId(container.id),
    FullID: container.id,
    Name: container.name,
    ImageID: shortId(container.imageId),
    ImageFullID: container.imageId,
    ImageName: container.imageName,
    DaemonName: 'docker',
    Hostname: hostname(),
  };
  return (template || '{{.ID}}').replace(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, name: string) => fields[name] ?? whole);
}

/** Undefined for a driver that keeps its logs here only. Throws invalid-argument for options that make no sense. */
export function forwarderOf(config: LogConfig, container: LoggedContainer, log: Logger): LogForwarder | undefined {
  if (!isRemote(config)) return undefined;
  const options = config.Config;
  const tag = tagOf(options['tag'], container);
  if (config.Type === 'syslog') {
    const format = options['syslog-format'] ?? '';
    checkSyslogFormat(format);
    const facility = parseFacility(options['syslog-facility']);
    return new LogForwarder({
      target: parseTarget('syslog-address', options['syslog-address'] || localSyslog, syslogPort),
      encode: (entry) => Buffer.from(syslogMessage(entry, { facility, format, tag })),
      log,
    });
  }
  return new LogForwarder({
    target: parseTarget('fluentd-address', options['fluentd-address'] || '127.0.0.1', fluentdPort),
    encode: (entry) => fluentdMessage(entry, { tag, containerId: container.id, containerName: `/${container.name}` }),
    log,
  });
}

/** The container starts whether anybody listens or not. */
export function isAsynchronous(config: LogConfig): boolean {
  return trueWords.includes(config.Config['fluentd-async'] ?? '');
}
