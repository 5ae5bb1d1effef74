// What remote logging programs are sent.
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { fluentdMessage } from './fluentd-format.ts';
import { checkLogConfig, logFileOptions } from './log-drivers.ts';
import { parseTarget } from './log-forwarder.ts';
import { parseFacility, syslogMessage } from './syslog-format.ts';

const entry = { stream: 'stdout', text: 'hello\n', time: '2026-01-02T03:04:05.123456789Z' } as const;
const { pid } = process;

describe('syslog', () => {
  it.each([
    ['', `<30>Jan  2 03:04:05 tag[${pid}]: hello\n`],
    ['rfc3164', `<30>Jan  2 03:04:05 ${hostname()} tag[${pid}]: hello\n`],
    ['rfc5424', `<30>1 2026-01-02T03:04:05Z ${hostname()} tag ${pid} tag - hello\n`],
    ['rfc5424micro', `<30>1 2026-01-02T03:04:05.123456Z ${hostname()} tag ${pid} tag - hello\n`],
  ])('%s', (format, message) => {
    expect(syslogMessage(entry, { facility: 3, format, tag: 'tag' })).toBe(message);
  });

  it('knows facilities, and stderr as an error', () => {
    expect(parseFacility('local0')).toBe(16);
    expect(() => parseFacility('odd')).toThrow('invalid syslog facility');
    expect(syslogMessage({ ...entry, stream: 'stderr' }, { facility: 16, format: '', tag: 't' })).toMatch(/^<131>/);
  });
});

describe('fluentd', () => {
  it('is MessagePack of tag, time and record', () => {
    const bytes = fluentdMessage(
      { ...entry, text: `${'x'.repeat(300)}\n` },
      { tag: 'a.b', containerId: 'c', containerName: '/n', extra: {} },
    );
    expect(bytes.subarray(0, 5)).toEqual(Buffer.from([0x93, 0xa3, 0x61, 0x2e, 0x62]));
    expect(bytes[5]).toBe(0xce);
    expect(bytes.readUInt32BE(6)).toBe(Math.floor(Date.parse(entry.time) / 1000));
    expect(bytes[10]).toBe(0x84);
    expect(bytes.subarray(-303, -300)).toEqual(Buffer.from([0xda, 0x01, 0x2c]));
  });
});

describe('drivers', () => {
  it('have their own bounds for what is kept here', () => {
    expect(logFileOptions({ Type: 'none', Config: {} })).toBeUndefined();
    expect(logFileOptions({ Type: 'json-file', Config: {} })).toEqual({
      maxSize: undefined,
      maxFiles: 1,
      isCompressed: false,
    });
    expect(logFileOptions({ Type: 'local', Config: {} })).toEqual({
      maxSize: 20 * 1024 * 1024,
      maxFiles: 5,
      isCompressed: true,
    });
    expect(logFileOptions({ Type: 'local', Config: { 'max-size': '1m', 'max-file': '2' } })).toEqual({
      maxSize: 1_000_000,
      maxFiles: 2,
      isCompressed: true,
    });
  });

  it.each([
    [{ Type: 'odd', Config: {} }, 'plugin "odd" not found'],
    [{ Type: 'json-file', Config: { odd: '1' } }, "unknown log opt 'odd' for json-file log driver"],
    [{ Type: 'syslog', Config: { 'syslog-address': 'gopher://x' } }, 'syslog-address'],
    [{ Type: 'syslog', Config: { 'syslog-format': 'odd' } }, 'Invalid syslog format'],
    [{ Type: 'fluentd', Config: { 'fluentd-address': '', tag: 'x', odd: '' } }, "unknown log opt 'odd'"],
  ])('%j is refused', (config, message) => expect(() => checkLogConfig(config as never)).toThrow(message));

  it('read addresses', () => {
    expect(parseTarget('x', 'localhost', 5)).toEqual({ kind: 'tcp', host: 'localhost', port: 5 });
    expect(parseTarget('x', 'udp://[::1]:7', 5)).toEqual({ kind: 'udp', host: '::1', port: 7 });
    expect(parseTarget('x', 'unix:///a/b', 5)).toEqual({ kind: 'unix', path: '/a/b' });
  });
});
