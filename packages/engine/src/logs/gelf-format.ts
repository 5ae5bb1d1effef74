// Log entries as GELF messages: JSON, over UDP compressed and in chunks, over TCP each ended by a zero byte. No I/O.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { deflateSync, gzipSync } from 'node:zlib';
import { ContainerError } from '@tscontainer/core/errors';
import { attributesOf, type LoggedContainer, tagOf } from './log-attributes.ts';
import { parseTarget, type Target } from './log-forwarder.ts';
import type { LogEntry } from './log-lines.ts';

/** Beside those of every remote driver. */
export const gelfOptions = [
  'gelf-address',
  'gelf-compression-level',
  'gelf-compression-type',
  'gelf-tcp-max-reconnect',
  'gelf-tcp-reconnect-delay',
];

const compressionTypes = ['gzip', 'zlib', 'none'];
const bestSpeed = 1;
const levels = { info: 6, error: 3 };
/** One datagram; a longer message is cut into chunks. */
const maxDatagramBytes = 1420;
const chunkHeadBytes = 12;
const chunkMagic = [0x1e, 0x0f];
/** By the format: the count is checked by every server. */
const maxChunks = 128;

function invalid(message: string): ContainerError {
  return new ContainerError('invalid-argument', message);
}

/** Throws invalid-argument in docker's words. */
export function gelfTarget(options: Record<string, string>): Target & { kind: 'tcp' | 'udp' } {
  const address = options['gelf-address'] ?? '';
  if (address === '') throw invalid('gelf-address is a required parameter');
  if (!/^[a-z]+:\/\//.test(address)) throw invalid(`gelf-address should be in form proto://address, got ${address}`);
  const [scheme = '', place = ''] = address.split('://');
  if (scheme !== 'udp' && scheme !== 'tcp') throw invalid('gelf: endpoint needs to be TCP or UDP');
  if (!/:\d+$/.test(place)) throw invalid('gelf: please provide gelf-address as proto://host:port');
  return parseTarget('gelf-address', address, 0) as Target & { kind: 'tcp' | 'udp' };
}

/** Throws invalid-argument in docker's words. */
export function checkGelfOptions(options: Record<string, string>): void {
  const { kind } = gelfTarget(options);
  const level = options['gelf-compression-level'];
  const type = options['gelf-compression-type'];
  if ((level !== undefined || type !== undefined) && kind !== 'udp')
    throw invalid('compression is only supported on UDP');
  if (level !== undefined && !/^(-1|\d)$/.test(level)) throw unknownValue('gelf-compression-level', level);
  if (type !== undefined && !compressionTypes.includes(type)) throw unknownValue('gelf-compression-type', type);
  for (const option of ['gelf-tcp-max-reconnect', 'gelf-tcp-reconnect-delay']) {
    const value = options[option];
    if (value === undefined) continue;
    if (kind !== 'tcp') throw invalid(`"${option}" is only valid for TCP`);
    if (!/^\d+$/.test(value)) throw invalid(`"${option}" must be a positive integer`);
  }
}

function unknownValue(option: string, value: string): ContainerError {
  return invalid(`unknown value ${JSON.stringify(value)} for log opt ${JSON.stringify(option)} for gelf log driver`);
}

/** What becomes of an entry: datagrams, or a piece of a stream. An empty line is none. */
export function gelfEncoder(
  options: Record<string, string>,
  container: LoggedContainer,
): (entry: LogEntry) => Buffer[] {
  const extra = JSON.stringify(extraFields(options, container)).slice(1);
  const { kind } = gelfTarget(options);
  const compress = compressorOf(options);
  return (entry) => {
    const text = entry.text.replace(/\n$/, '');
    if (text === '') return [];
    const head = {
      version: '1.1',
      host: hostname(),
      short_message: text,
      timestamp: Date.parse(entry.time) / 1000,
      level: entry.stream === 'stderr' ? levels.error : levels.info,
    };
    const message = `${JSON.stringify(head).slice(0, -1)},${extra}`;
    return kind === 'tcp' ? [Buffer.from(`${message}\0`)] : chunksOf(compress(Buffer.from(message)));
  };
}

function extraFields(options: Record<string, string>, container: LoggedContainer): Record<string, string> {
  const attributes = Object.entries(attributesOf(options, container)).map(([name, value]) => [
    name.startsWith('_') ? name : `_${name}`,
    value,
  ]);
  return {
    _command: container.args.join(' '),
    _container_id: container.id,
    _container_name: container.name,
    _created: container.created,
    _image_id: container.imageId,
    _image_name: container.imageName,
    _tag: tagOf(options['tag'] || '{{.ID}}', container),
    ...Object.fromEntries(attributes),
  };
}

function compressorOf(options: Record<string, string>): (message: Buffer) => Buffer {
  const level = Number(options['gelf-compression-level'] ?? bestSpeed);
  const type = options['gelf-compression-type'] ?? 'gzip';
  if (type === 'none') return (message) => message;
  return type === 'zlib' ? (message) => deflateSync(message, { level }) : (message) => gzipSync(message, { level });
}

/** Nothing for a message that needs more chunks than there may be, as with docker. */
function chunksOf(message: Buffer): Buffer[] {
  if (message.length <= maxDatagramBytes) return [message];
  const roomBytes = maxDatagramBytes - chunkHeadBytes;
  const count = Math.ceil(message.length / roomBytes);
  if (count > maxChunks) return [];
  const id = randomBytes(8);
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([
      Buffer.from(chunkMagic),
      id,
      Buffer.from([index, count]),
      message.subarray(index * roomBytes, (index + 1) * roomBytes),
    ]),
  );
}
