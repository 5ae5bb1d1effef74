// Tar headers byte for byte as docker's client writes them (mode with the type's bits, PAX records only where they are
// needed), so that both clients' contexts have the same sums and hit each other's cache.

export interface TarEntry {
  /** Of a directory: with a slash at its end. */
  name: string;
  /** st_mode: type and permissions. */
  mode: number;
  size: number;
  /** Seconds. */
  modified: number;
  type: keyof typeof typeFlags;
  linkName?: string;
  major?: number;
  minor?: number;
}

export const typeFlags = { file: '0', link: '1', symlink: '2', character: '3', block: '4', directory: '5', fifo: '6' };

export const blockBytes = 512;
const maxNameBytes = 100;
const maxPrefixBytes = 155;
const maxOctalSize = 0o77777777777;

/** Its blocks; the content and its padding come behind them. */
export function encodeHeader(entry: TarEntry): Buffer {
  const records: [string, string][] = [];
  const split = fits(entry.name) ? { prefix: '', name: entry.name } : splitName(entry.name);
  if (split === undefined) records.push(['path', entry.name]);
  if (!fits(entry.linkName ?? '')) records.push(['linkpath', entry.linkName ?? '']);
  if (entry.size > maxOctalSize) records.push(['size', String(entry.size)]);
  const header = block({ ...entry, name: split?.name ?? entry.name }, typeFlags[entry.type], split?.prefix);
  if (records.length === 0) return header;
  const body = Buffer.from(
    records
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([key, value]) => paxRecord(key, value))
      .join(''),
  );
  const name = entry.name.replace(/([^/]*\/?)$/, 'PaxHeaders.0/$1').replace(/\/$/, '');
  const extended = block({ name, mode: 0, size: body.length, modified: 0, type: 'file' }, 'x');
  return Buffer.concat([extended, body, padding(body.length), header]);
}

/** To the next block. */
export function padding(size: number): Buffer {
  return Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);
}

function fits(text: string): boolean {
  return Buffer.byteLength(text) <= maxNameBytes && /^[\x20-\x7e]*$/.test(text);
}

/** What is too long for a name may be one with a prefix, cut at a slash. */
function splitName(text: string): { prefix: string; name: string } | undefined {
  if (!/^[\x20-\x7e]*$/.test(text) || text.length > maxPrefixBytes + 1 + maxNameBytes) return undefined;
  const length = text.length > maxPrefixBytes + 1 ? maxPrefixBytes + 1 : text.length - (text.endsWith('/') ? 1 : 0);
  const slash = text.slice(0, length).lastIndexOf('/');
  const name = text.slice(slash + 1);
  return slash <= 0 || name === '' || name.length > maxNameBytes ? undefined : { prefix: text.slice(0, slash), name };
}

function paxRecord(key: string, value: string): string {
  const bare = Buffer.byteLength(` ${key}=${value}\n`);
  let length = bare + String(bare).length;
  length = bare + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function block(entry: TarEntry, flag: string, prefix = ''): Buffer {
  const bytes = Buffer.alloc(blockBytes);
  const text = (at: number, length: number, value: string) => bytes.write(ascii(value), at, length, 'latin1');
  const octal = (at: number, length: number, value: number) =>
    bytes.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length, 'latin1');
  text(0, maxNameBytes, entry.name);
  octal(100, 8, entry.mode);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, entry.size > maxOctalSize ? 0 : entry.size);
  octal(136, 12, Math.max(0, entry.modified));
  text(156, 1, flag);
  text(157, maxNameBytes, entry.linkName ?? '');
  text(257, 8, 'ustar\x0000');
  octal(329, 8, entry.major ?? 0);
  octal(337, 8, entry.minor ?? 0);
  text(345, maxPrefixBytes, prefix);
  bytes.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return bytes;
}

/** What the PAX record says in full. */
function ascii(text: string): string {
  return text.replace(/[^\x00-\x7e]/g, '');
}
