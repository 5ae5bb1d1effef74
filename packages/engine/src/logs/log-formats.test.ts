// What remote logging programs are sent.
import { hostname } from 'node:os';
import { gunzipSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fluentdMessage } from './fluentd-format.ts';
import { gelfEncoder } from './gelf-format.ts';
import { journaldEncoder } from './journald-format.ts';
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

const container = {
  id: 'c'.repeat(64),
  name: 'box',
  imageId: 'sha256:1',
  imageName: 'busybox',
  labels: { 'a.b': '1', _own: '2' },
  env: ['X=y'],
  args: ['sh', '-c', 'x'],
  created: '2026-01-02T03:04:05Z',
};

describe('gelf', () => {
  const address = { 'gelf-address': 'udp://127.0.0.1:1' };
  const extra = { labels: 'a.b,_own', env: 'X', tag: '{{.Name}}' };
  const wanted = {
    version: '1.1',
    host: hostname(),
    short_message: 'hello',
    timestamp: 1767323045.123,
    level: 6,
    _command: 'sh -c x',
    _container_name: 'box',
    _created: container.created,
    _image_name: 'busybox',
    _tag: 'box',
    '_a.b': '1',
    _own: '2',
    _X: 'y',
  };
  const encode = (options: Record<string, string>, text = 'hello\n') =>
    gelfEncoder({ ...extra, ...options }, container)({ ...entry, text });

  it('is compressed over UDP, as wished', () => {
    const parsed = (bytes: Buffer | undefined) => JSON.parse(String(bytes));
    expect(parsed(gunzipSync(encode(address)[0] as Buffer))).toMatchObject(wanted);
    const zlib = { 'gelf-compression-type': 'zlib', 'gelf-compression-level': '9' };
    expect(parsed(inflateSync(encode({ ...address, ...zlib })[0] as Buffer))).toMatchObject(wanted);
    expect(parsed(encode({ ...address, 'gelf-compression-type': 'none' })[0])).toMatchObject(wanted);
  });

  it('is cut into chunks, up to 128', () => {
    const plain = { ...address, 'gelf-compression-type': 'none' };
    const chunks = encode(plain, 'x'.repeat(4000));
    expect(chunks.map((chunk) => [...chunk.subarray(0, 2), chunk[10], chunk[11]])).toEqual([
      [0x1e, 0x0f, 0, 4],
      [0x1e, 0x0f, 1, 4],
      [0x1e, 0x0f, 2, 4],
      [0x1e, 0x0f, 3, 4],
    ]);
    expect(new Set(chunks.map((chunk) => chunk.subarray(2, 10).toString('hex'))).size).toBe(1);
    const whole = Buffer.concat(chunks.map((chunk) => chunk.subarray(12)));
    expect(JSON.parse(whole.toString()).short_message).toBe('x'.repeat(4000));
    expect(encode(plain, 'x'.repeat(200_000))).toEqual([]);
  });

  it('ends with a zero byte over TCP, and leaves empty lines out', () => {
    const [bytes] = encode({ 'gelf-address': 'tcp://127.0.0.1:1' });
    expect(bytes?.at(-1)).toBe(0);
    expect(JSON.parse(String(bytes?.subarray(0, -1)))).toMatchObject(wanted);
    expect(encode(address, '\n')).toEqual([]);
  });
});

describe('journald', () => {
  const fieldsOf = (bytes: Buffer | undefined) =>
    Object.fromEntries(
      String(bytes)
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );

  it('is a datagram of fields', () => {
    const encode = journaldEncoder({ labels: 'a.b,_own', env: 'X', tag: 't/{{.Name}}' }, container);
    expect(fieldsOf(encode({ ...entry, stream: 'stderr' })[0])).toEqual({
      PRIORITY: '3',
      MESSAGE: 'hello',
      CONTAINER_ID: 'c'.repeat(12),
      CONTAINER_ID_FULL: container.id,
      CONTAINER_NAME: 'box',
      CONTAINER_TAG: 't/box',
      IMAGE_NAME: 'busybox',
      SYSLOG_IDENTIFIER: 't/box',
      A_B: '1',
      OWN: '2',
      X: 'y',
    });
  });

  it('gives the length of a value of several lines', () => {
    const encode = journaldEncoder({ env: 'Y' }, { ...container, env: ['Y=a\nb'] });
    expect(encode(entry)[0]?.includes(Buffer.from('Y\n\x03\0\0\0\0\0\0\0a\nb\n'))).toBe(true);
  });

  it('says which pieces make a line', () => {
    const encode = journaldEncoder({}, container);
    const pieces = ['x'.repeat(16_384), 'y'.repeat(16_384), 'z\n', 'next\n'].map((text) =>
      fieldsOf(encode({ ...entry, text })[0]),
    );
    expect(pieces.map((piece) => [piece['CONTAINER_PARTIAL_ORDINAL'], piece['CONTAINER_PARTIAL_LAST']])).toEqual([
      ['1', 'false'],
      ['2', 'false'],
      ['3', 'true'],
      [undefined, undefined],
    ]);
    expect(new Set(pieces.slice(0, 3).map((piece) => piece['CONTAINER_PARTIAL_ID'])).size).toBe(1);
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
    [{ Type: 'gelf', Config: {} }, 'gelf-address is a required parameter'],
    [{ Type: 'gelf', Config: { 'gelf-address': '127.0.0.1:1' } }, 'gelf-address should be in form proto://address'],
    [{ Type: 'gelf', Config: { 'gelf-address': 'unix:///x' } }, 'gelf: endpoint needs to be TCP or UDP'],
    [{ Type: 'gelf', Config: { 'gelf-address': 'udp://x' } }, 'gelf: please provide gelf-address as proto://host:port'],
    [
      { Type: 'gelf', Config: { 'gelf-address': 'tcp://x:1', 'gelf-compression-type': 'gzip' } },
      'compression is only supported on UDP',
    ],
    [
      { Type: 'gelf', Config: { 'gelf-address': 'udp://x:1', 'gelf-compression-level': '10' } },
      'unknown value "10" for log opt "gelf-compression-level" for gelf log driver',
    ],
    [{ Type: 'gelf', Config: { 'gelf-address': 'udp://x:1', 'gelf-tcp-max-reconnect': '1' } }, 'is only valid for TCP'],
    [{ Type: 'journald', Config: { 'max-size': '1' } }, "unknown log opt 'max-size' for journald log driver"],
    [{ Type: 'fluentd', Config: { 'fluentd-address': '', tag: 'x', odd: '' } }, "unknown log opt 'odd'"],
  ])('%j is refused', (config, message) => expect(() => checkLogConfig(config as never)).toThrow(message));

  it('read addresses', () => {
    expect(parseTarget('x', 'localhost', 5)).toEqual({ kind: 'tcp', host: 'localhost', port: 5 });
    expect(parseTarget('x', 'udp://[::1]:7', 5)).toEqual({ kind: 'udp', host: '::1', port: 7 });
    expect(parseTarget('x', 'unix:///a/b', 5)).toEqual({ kind: 'unix', path: '/a/b' });
  });
});
