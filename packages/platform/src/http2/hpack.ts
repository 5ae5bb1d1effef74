// HPACK (RFC 7541) as both ends of gRPC need it: header blocks are written without state, and read with the dynamic table.
import { Buffer } from 'node:buffer';
import type { ContainerError } from '@tscontainer/core/errors';
import { endOfString, huffmanLengths, staticTable } from './hpack-tables.ts';
import { errorCode, http2Error } from './http2-frame.ts';

export type Headers = Map<string, string>;

/** The table's size that a peer's encoder may use unless told otherwise (RFC 7540, 6.5.2). */
const dynamicTableBytes = 4096;
/** What an entry costs beside its text (RFC 7541, 4.1). */
const entryOverheadBytes = 32;
const maxIntegerBits = 28;
/** Enough for the index and the two lengths of a literal. */
const literalOverheadBytes = 16;

const staticIndexes = new Map(staticTable.map(([name, value], index) => [`${name}\n${value}`, index + 1]));
const staticNames = new Map([...staticTable.entries()].reverse().map(([index, [name]]) => [name, index + 1]));

/** Fields as literals that no table keeps, or as entries of the static table: blocks may be kept and sent again. */
export function encodeHeaders(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  let bound = 0;
  for (const [name, value] of fields) bound += name.length + value.length + literalOverheadBytes;
  const block = Buffer.allocUnsafe(bound);
  let at = 0;
  for (const [name, value] of fields) {
    const index = staticIndexes.get(`${name}\n${value}`);
    if (index !== undefined) {
      at = putInteger(block, at, 0x80, 7, index);
      continue;
    }
    const nameIndex = staticNames.get(name) ?? 0;
    at = putInteger(block, at, 0, 4, nameIndex);
    if (nameIndex === 0) at = putText(block, at, name);
    at = putText(block, at, value);
  }
  return block.subarray(0, at);
}

function putInteger(block: Buffer, at: number, pattern: number, prefixBits: number, value: number): number {
  const most = (1 << prefixBits) - 1;
  let end = at;
  if (value < most) {
    block[end++] = pattern | value;
    return end;
  }
  block[end++] = pattern | most;
  let rest = value - most;
  for (; rest >= 128; rest >>>= 7) block[end++] = (rest & 127) | 128;
  block[end++] = rest;
  return end;
}

function putText(block: Buffer, at: number, text: string): number {
  const begin = putInteger(block, at, 0, 7, text.length);
  return begin + block.write(text, begin, 'latin1');
}

/** Story: one for a connection; `decode` every block in the order in which they came. Throws internal on a broken one. */
export class HpackDecoder {
  /** The newest first. */
  readonly #dynamic: (readonly [name: string, value: string])[] = [];
  #bytes = 0;
  #limitBytes = dynamicTableBytes;
  readonly #maxListBytes: number;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #listBytes = 0;

  /** `maxListBytes`: of a block's fields when they are written out, which a few bytes can make many. */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  decode(block: Buffer): Headers {
    this.#block = block;
    this.#at = 0;
    this.#listBytes = 0;
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
    this.#listBytes += name.length + value.length + entryOverheadBytes;
    if (this.#listBytes > this.#maxListBytes) throw broken(`more than ${this.#maxListBytes} bytes`);
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
  return http2Error(errorCode.compression, `read header block: ${cause}`);
}
