// The logging drivers: which options each takes, and the file that each keeps here, from which `logs` reads whatever the driver.
import { ContainerError } from '@tscontainer/core/errors';
import { checkGelfOptions, gelfOptions } from './gelf-format.ts';
import { parseLogOptions, type RotationOptions } from './json-file.ts';
import { attributeOptions, checkAttributeOptions } from './log-attributes.ts';
import { parseTarget } from './log-forwarder.ts';
import { checkSyslogFormat, parseFacility } from './syslog-format.ts';
import { syslogTlsOptions } from './syslog-tls.ts';

export interface LogConfig {
  Type: string;
  Config: Record<string, string>;
}

const fileOptions = ['max-size', 'max-file', 'compress'];
const optionsOf: Record<string, string[]> = {
  'json-file': [...fileOptions, ...attributeOptions, 'tag'],
  local: fileOptions,
  none: [],
  syslog: [...attributeOptions, 'syslog-address', 'syslog-facility', 'syslog-format', ...syslogTlsOptions, 'tag'],
  fluentd: [...attributeOptions, 'fluentd-address', 'fluentd-async', 'tag'],
  gelf: [...attributeOptions, ...gelfOptions, 'tag'],
  journald: [...attributeOptions, 'tag'],
};
export const logDrivers = Object.keys(optionsOf);

/** Docker's for its local driver, and for the copy that it keeps of what a remote driver takes. */
const cacheMaxBytes = 20 * 1024 * 1024;
const cacheMaxFiles = 5;

/** Throws invalid-argument in docker's words. */
export function checkLogConfig({ Type, Config }: LogConfig): void {
  const known = optionsOf[Type];
  if (known === undefined)
    throw new ContainerError('invalid-argument', `error looking up logging plugin ${Type}: plugin "${Type}" not found`);
  for (const option of Object.keys(Config)) {
    if (!known.includes(option))
      throw new ContainerError('invalid-argument', `unknown log opt ${quoted(Type, option)} for ${Type} log driver`);
  }
  logFileOptions({ Type, Config });
  checkAttributeOptions(Config);
  if (Type === 'syslog') {
    parseFacility(Config['syslog-facility']);
    checkSyslogFormat(Config['syslog-format'] ?? '');
    if (Config['syslog-address']) parseTarget('syslog-address', Config['syslog-address'], 0);
  }
  if (Type === 'gelf') checkGelfOptions(Config);
  if (Type === 'fluentd' && Config['fluentd-address']) parseTarget('fluentd-address', Config['fluentd-address'], 0);
}

/** As docker's drivers do it, each in its way. */
function quoted(driver: string, option: string): string {
  return driver === 'gelf' ? JSON.stringify(option) : `'${option}'`;
}

/** Of the file kept here; undefined when there is none. Throws invalid-argument. */
export function logFileOptions({ Type, Config }: LogConfig): RotationOptions | undefined {
  if (Type === 'none') return undefined;
  if (Type === 'json-file') return parseLogOptions(Config);
  const sizes = Object.fromEntries(Object.entries(Config).filter(([option]) => fileOptions.includes(option)));
  const maxFiles = sizes['max-file'] ?? String(cacheMaxFiles);
  // docker compresses these unless told not to
  const compress = sizes['compress'] ?? String(maxFiles !== '1');
  return parseLogOptions({ 'max-size': String(cacheMaxBytes), ...sizes, 'max-file': maxFiles, compress });
}
