// HPACK (RFC 7541) as a gRPC client needs it: header blocks are written without state, and read with the dynamic table.
import { Buffer } from 'node:buffer';
import { ContainerError } from '@tscontainer/core/errors';
import { endOfString, huffmanLengths, staticTable } from './hpack-tables.ts';

export type Headers = Map<string, string>;

/** The table's size that a peer's encoder may use unless told otherwise (RFC 7540, 6.5.2). */
const dynamicTableBytes = 4096;
/** What an entry costs beside its text (RFC 7541, 4.1). */
const entryOverheadBytes = 32;
const maxIntegerBits = 28;

const staticIndexes = new Map(staticTable.map(([name, value], index) => [`${name}\n${value}`, index + 1]));
const staticNames = new Map([...staticTable.entries()].reverse().map(([index, [name]]) => [name, index + 1]));

/** Fields as literals that no table keeps, or as entries of the static table: blocks may be kept and sent again. */
export function encodeHeaders(fields: Iterable<readonly [name: string, value: string]>): Buffer {
  const bytes: number[] = [];
  for (const [name, value] of fields) {
    const index = staticIndexes.get(`${name}\n${value}`);
    if (index !== undefined) {
      pushInteger(bytes, 0x80, 7, index);
      continue;
    }
    pushInteger(bytes, 0, 4, staticNames.get(name) ?? 0);
    if (!staticNames.has(name)) pushText(bytes, name);
    pushText(bytes, value);
  }
  return Buffer.from(bytes);
}

function pushInteger(bytes: number[], pattern: number, prefixBits: number, value: number): void {
  const most = (1 << prefixBits) - 1;
  if (value < most) {
    bytes.push(pattern | value);
    return;
  }
  bytes.push(pattern | most);
  let rest = value - most;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
}

function pushText(bytes: number[], text: string): void {
  const encoded = Buffer.from(text, 'latin1');
  pushInteger(bytes, 0, 7, encoded.length);
  bytes.push(...encoded);
}

/** Story: one for a connection; `decode` every block in the order in which they came. Throws internal on a broken one. */
export class HpackDecoder {
  /** The newest first. */
  readonly #dynamic: (readonly [name: string, value: string])[] = [];
  #bytes = 0;
  #limitBytes = dynamicTableBytes;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  decode(block: Buffer): Headers {
    this.#block = block;
    this.#at = 0;
    const headers: Headers = new Map();
    while (this.#at < block.length) {
      const first = block[this.#at] as number;
      if (first >= 0x80) this.#add(headers, this.#entry(this.#integer(7)));
      else if (first >= 0x40) {
        const field = this.#literal(6);
        this.#keep(field);
        this.#add(headers, field);
      } else if (first >= 0x20) this.#limit(this.#integer(5));
      else this.#add(headers, this.#literal(4));
    }
    return headers;
  }

  #add(headers: Headers, [name, value]: readonly [string, string]): void {
    const known = headers.get(name);
    headers.set(name, known === undefined ? value : `${known},${value}`);
  }

  #entry(index: number): readonly [string, string] {
    const entry = index <= staticTable.length ? staticTable[index - 1] : this.#dynamic[index - staticTable.length - 1];
    if (entry === undefined) throw broken(`no entry ${index}`);
    return entry;
  }

  #literal(prefixBits: number): readonly [string, string] {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#text() : this.#entry(index)[0];
    return [name, this.#text()];
  }

  #integer(prefixBits: number): number {
    const most = (1 << prefixBits) - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let shift = 0; ; shift += 7) {
      if (shift >= maxIntegerBits) throw broken('an integer is too large');
      const byte = this.#byte();
      value += (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  #text(): string {
    const isHuffman = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const end = this.#at + length;
    if (end > this.#block.length) throw broken('a text is longer than its block');
    const bytes = this.#block.subarray(this.#at, end);
    this.#at = end;
    return isHuffman ? decodeHuffman(bytes) : bytes.toString('latin1');
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw broken('it ends within a field');
    return byte;
  }

  #keep(field: readonly [string, string]): void {
    this.#dynamic.unshift(field);
    this.#bytes += field[0].length + field[1].length + entryOverheadBytes;
    this.#evict();
  }

  #limit(bytes: number): void {
    if (bytes > dynamicTableBytes) throw broken(`a table of ${bytes} bytes was not offered`);
    this.#limitBytes = bytes;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#limitBytes) {
      const [name, value] = this.#dynamic.pop() as readonly [string, string];
      this.#bytes -= name.length + value.length + entryOverheadBytes;
    }
  }
}

/** `children[2 * node + bit]`: a further node, or a symbol as -1 - symbol; 0 where nothing is. */
const huffmanTree = buildHuffmanTree();

/** The code is canonical: codes of one length follow each other in the order of their symbols, after the shorter ones. */
function buildHuffmanTree(): Int16Array {
  const children = new Int16Array(2 * huffmanLengths.length);
  let nodes = 1;
  let code = 0;
  const longest = Math.max(...huffmanLengths);
  for (let length = 1; length <= longest; length++, code <<= 1) {
    for (const [symbol, bits] of huffmanLengths.entries()) {
      if (bits !== length) continue;
      let node = 0;
      for (let shift = length - 1; shift > 0; shift--) {
        const at = 2 * node + ((code >>> shift) & 1);
        if (children[at] === 0) children[at] = nodes++;
        node = children[at] as number;
      }
      children[2 * node + (code & 1)] = -1 - symbol;
      code++;
    }
  }
  return children;
}

export function decodeHuffman(bytes: Uint8Array): string {
  let text = '';
  let node = 0;
  let isPadding = true; // only ones since the last symbol
  let depth = 0;
  for (const byte of bytes) {
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >>> shift) & 1;
      const next = huffmanTree[2 * node + bit] as number;
      if (next > 0) {
        isPadding = isPadding && bit === 1;
        node = next;
        depth++;
        continue;
      }
      const symbol = -1 - next;
      if (next === 0 || symbol === endOfString) throw broken('a Huffman code is none');
      text += String.fromCharCode(symbol);
      node = 0;
      depth = 0;
      isPadding = true;
    }
  }
  if (depth > 7 || !isPadding) throw broken('a Huffman text is not filled up');
  return text;
}

function broken(cause: string): ContainerError {
  return new ContainerError('internal', `read header block: ${cause}`);
}
