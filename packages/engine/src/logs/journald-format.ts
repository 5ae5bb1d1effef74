// Log entries in the journal's native protocol: one datagram of fields each. No I/O.
import { randomHex, shortId } from '@tscontainer/core/ids';
import { attributesOf, type LoggedContainer, tagOf } from './log-attributes.ts';
import { type LogEntry, maxLineBytes } from './log-lines.ts';

/** Where systemd's journal listens. */
export const journalSocket = '/run/systemd/journal/socket';

const priorities = { info: '6', error: '3' };
/** Bytes of a piece's id, as docker's. */
const pieceIdBytes = 32;

/** A field's length stands before a value of several lines. */
function field(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`);
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')]);
}

/** Capital letters, digits and `_`, and no `_` at the beginning: the journal drops a message with another. */
function fieldName(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^_+/, '');
}

/** The pieces of a line that was too long, per stream. */
interface OpenLine {
  id: string;
  ordinal: number;
}

/** What becomes of an entry. */
export function journaldEncoder(
  options: Record<string, string>,
  container: LoggedContainer,
): (entry: LogEntry) => Buffer[] {
  const tag = tagOf(options['tag'] || '{{.ID}}', container);
  const own = {
    CONTAINER_ID: shortId(container.id),
    CONTAINER_ID_FULL: container.id,
    CONTAINER_NAME: container.name,
    CONTAINER_TAG: tag,
    IMAGE_NAME: container.imageName,
    SYSLOG_IDENTIFIER: tag,
  };
  const asked = Object.entries(attributesOf(options, container)).map(([name, value]) => [fieldName(name), value]);
  const fields: Record<string, string> = { ...own, ...Object.fromEntries(asked.filter(([name]) => name !== '')) };
  const constant = Buffer.concat(Object.entries(fields).map(([name, value]) => field(name, value)));
  const openLines = new Map<string, OpenLine>();
  return (entry) => {
    const text = entry.text.replace(/\n$/, '');
    const variable = {
      PRIORITY: entry.stream === 'stderr' ? priorities.error : priorities.info,
      MESSAGE: text,
      ...pieceFields(openLines, entry),
    };
    return [Buffer.concat([...Object.entries(variable).map(([name, value]) => field(name, value)), constant])];
  };
}

function pieceFields(openLines: Map<string, OpenLine>, { stream, text }: LogEntry): Record<string, string> {
  const isLast = text.endsWith('\n') || Buffer.byteLength(text) < maxLineBytes;
  const open = openLines.get(stream) ?? { id: randomHex(pieceIdBytes), ordinal: 0 };
  if (isLast && open.ordinal === 0) return {};
  open.ordinal++;
  if (isLast) openLines.delete(stream);
  else openLines.set(stream, open);
  return {
    CONTAINER_PARTIAL_ID: open.id,
    CONTAINER_PARTIAL_ORDINAL: String(open.ordinal),
    CONTAINER_PARTIAL_LAST: String(isLast),
    ...(isLast ? {} : { CONTAINER_PARTIAL_MESSAGE: 'true' }),
  };
}
