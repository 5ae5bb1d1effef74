// nftables by netlink: tables, chains, sets, their elements and rules as messages of one batch, which is taken whole or
// not at all. linux/netfilter/nf_tables.h; `nft --debug=netlink` shows the same expressions.
import {
  type Attribute,
  attributes,
  type NetlinkMessage,
  type NetlinkSocket,
  netlinkFlags,
  u8,
  u16be,
  u32be,
} from './netlink.ts';

/** NETLINK_NETFILTER. */
export const netfilterProtocol = 12;

const subsystem = 10;
const types = {
  newTable: 0,
  deleteTable: 2,
  newChain: 3,
  newRule: 6,
  newSet: 9,
  newElement: 12,
  deleteElement: 14,
} as const;
const batchBegin = 0x10;
const batchEnd = 0x11;

export type NftFamily = 'inet' | 'ip' | 'bridge';
const families: Record<NftFamily, number> = { inet: 1, ip: 2, bridge: 7 };

function header(family: number, resource: number): Buffer {
  return Buffer.concat([u8(family), u8(0), u16be(resource)]);
}

/** One rule's expression. */
export type Expression = Attribute;

const listElement = 1;

function expression(name: string, data: Attribute[]): Expression {
  return [
    listElement,
    [
      [1, name],
      [2, data],
    ],
  ];
}

function value(bytes: Uint8Array): Attribute[] {
  return [[1, bytes]];
}

/** 16-byte registers 1 to 4; 4-byte ones from 8 on lie over them: 9 follows the first word of register 1. */
export type Register = number;
const reg = (register: Register) => u32be(register);

const metaKeys = { protocol: 1, iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;

export const match = {
  meta: (key: keyof typeof metaKeys, register: Register = 1) =>
    expression('meta', [
      [1, reg(register)],
      [2, u32be(metaKeys[key])],
    ]),
  /** Of the network (1) or transport (2) header. */
  payload: (base: 1 | 2, offset: number, length: number, register: Register = 1) =>
    expression('payload', [
      [1, reg(register)],
      [2, u32be(base)],
      [3, u32be(offset)],
      [4, u32be(length)],
    ]),
  equal: (bytes: Uint8Array, register: Register = 1) => compare(0, bytes, register),
  notEqual: (bytes: Uint8Array, register: Register = 1) => compare(1, bytes, register),
  mask: (bytes: Uint8Array, register: Register = 1) =>
    expression('bitwise', [
      [1, reg(register)],
      [2, reg(register)],
      [3, u32be(bytes.length)],
      [4, value(bytes)],
      [5, value(Buffer.alloc(bytes.length))],
    ]),
  ctState: (register: Register = 1) => connectionTracking(0, register),
  ctStatus: (register: Register = 1) => connectionTracking(2, register),
  /** The type of the destination's address: 2 is local. */
  destinationType: (register: Register = 1) =>
    expression('fib', [
      [1, reg(register)],
      [2, u32be(3)],
      [3, u32be(2)],
    ]),
  inSet: (set: string, register: Register = 1) =>
    expression('lookup', [
      [1, set],
      [2, reg(register)],
    ]),
  /** The map's value goes to `target`; no element: the rule does not match. */
  mapped: (map: string, register: Register = 1, target: Register = 1) =>
    expression('lookup', [
      [1, map],
      [2, reg(register)],
      [3, reg(target)],
    ]),
} as const;

function compare(operation: number, bytes: Uint8Array, register: Register): Expression {
  return expression('cmp', [
    [1, reg(register)],
    [2, u32be(operation)],
    [3, value(bytes)],
  ]);
}

function connectionTracking(key: number, register: Register): Expression {
  return expression('ct', [
    [1, reg(register)],
    [2, u32be(key)],
  ]);
}

/** As the kernel pads interface names. */
export function interfaceName(name: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.write(name);
  return bytes;
}

function verdict(code: number, chain?: string): Expression {
  const data: Attribute[] = [[1, u32be(code)]];
  if (chain !== undefined) data.push([2, chain]);
  return expression('immediate', [
    [1, reg(0)],
    [2, [[2, data]]],
  ]);
}

const inetNumbers = { ip: 2, ip6: 10 } as const;

export const action = {
  accept: () => verdict(1),
  drop: () => verdict(0),
  return: () => verdict(-5),
  jump: (chain: string) => verdict(-3, chain),
  masquerade: () => expression('masq', []),
  load: (bytes: Uint8Array, register: Register) =>
    expression('immediate', [
      [1, reg(register)],
      [2, value(bytes)],
    ]),
  /** To the address and port in these registers. */
  dnat: (family: 'ip' | 'ip6', address: Register, port: Register) =>
    expression('nat', [
      [1, u32be(1)],
      [2, u32be(inetNumbers[family])],
      [3, reg(address)],
      [5, reg(port)],
      [7, u32be(2)],
    ]),
  snatPort: (family: 'ip' | 'ip6', port: Register) =>
    expression('nat', [
      [1, u32be(0)],
      [2, u32be(inetNumbers[family])],
      [5, reg(port)],
      [7, u32be(2)],
    ]),
} as const;

export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
const hooks: Record<Hook, number> = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 };

export interface BaseChain {
  type: 'filter' | 'nat';
  hook: Hook;
  priority: number;
}

/** Numbers of nft's data types, so that `nft list` shows the elements as they are meant. */
const dataTypes = { ipv4: 7, ipv6: 8, protocol: 12, port: 13, interface: 41 } as const;
export type DataType = keyof typeof dataTypes;
const dataLengths: Record<DataType, number> = { ipv4: 4, ipv6: 16, protocol: 4, port: 4, interface: 16 };

function typeOf(parts: readonly DataType[]): number {
  return parts.reduce((whole, part) => whole * 64 + dataTypes[part], 0);
}

function lengthOf(parts: readonly DataType[]): number {
  return parts.reduce((sum, part) => sum + dataLengths[part], 0);
}

/** Fields of a concatenation, each padded to four bytes. */
export function concatenation(...parts: Uint8Array[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      const whole = Buffer.alloc((part.length + 3) & ~3);
      whole.set(part);
      return whole;
    }),
  );
}

export interface SetElement {
  key: Uint8Array;
  value?: Uint8Array;
}

/** Changes to one table, sent as one transaction. */
export class NftBatch {
  readonly #family: number;
  readonly #table: string;
  readonly #messages: NetlinkMessage[] = [];
  #setId = 1;

  constructor(family: NftFamily, table: string) {
    this.#family = families[family];
    this.#table = table;
  }

  /** Puts an empty table there, whatever was in one of that name. */
  replaceTable(): this {
    const { create } = netlinkFlags;
    // adding first makes deleting right when there is none
    for (const [type, flags] of [
      [types.newTable, create],
      [types.deleteTable, 0],
      [types.newTable, create],
    ] as const)
      this.#add(`replace table ${this.#table}`, type, flags, [[1, this.#table]]);
    return this;
  }

  deleteTable(): this {
    this.#add(`delete table ${this.#table}`, types.newTable, netlinkFlags.create, [[1, this.#table]]);
    this.#add(`delete table ${this.#table}`, types.deleteTable, 0, [[1, this.#table]]);
    return this;
  }

  /** Without `base` it is reached by a jump only. */
  chain(name: string, base?: BaseChain): this {
    const list: Attribute[] = [
      [1, this.#table],
      [3, name],
    ];
    if (base !== undefined)
      list.push(
        [
          4,
          [
            [1, u32be(hooks[base.hook])],
            [2, u32be(base.priority)],
          ],
        ],
        [5, u32be(1)],
        [7, base.type],
      );
    this.#add(`add chain ${name}`, types.newChain, netlinkFlags.create, list);
    return this;
  }

  rule(chain: string, ...expressions: Expression[]): this {
    this.#add(`add rule to ${chain}`, types.newRule, netlinkFlags.create | netlinkFlags.append, [
      [1, this.#table],
      [2, chain],
      [4, expressions],
    ]);
    return this;
  }

  /** `data` makes a map of it. */
  set(name: string, key: readonly DataType[], data?: readonly DataType[]): this {
    const list: Attribute[] = [
      [1, this.#table],
      [2, name],
      [3, u32be(data === undefined ? 0 : 8)],
      [4, u32be(typeOf(key))],
      [5, u32be(lengthOf(key))],
      [10, u32be(this.#setId++)],
    ];
    if (data !== undefined) list.push([6, u32be(typeOf(data))], [7, u32be(lengthOf(data))]);
    // for `nft list` alone: names of interfaces are kept in the host's order of bytes
    if (key[0] === 'interface') list.push([13, Buffer.from([0, 4, 1, 0, 0, 0])]);
    this.#add(`add set ${name}`, types.newSet, netlinkFlags.create, list);
    return this;
  }

  addElements(set: string, elements: readonly SetElement[]): this {
    return this.#elements(set, elements, types.newElement, netlinkFlags.create);
  }

  deleteElements(set: string, elements: readonly SetElement[]): this {
    return this.#elements(set, elements, types.deleteElement, 0);
  }

  async commit(socket: NetlinkSocket): Promise<void> {
    const last = this.#messages.at(-1);
    if (last === undefined) return;
    // one acknowledgement tells of all: a refused message is told in any case
    last.flags |= netlinkFlags.ack;
    const end = (type: number): NetlinkMessage => ({
      what: `change table ${this.#table}`,
      type,
      flags: 0,
      body: header(0, subsystem),
    });
    await socket.send([end(batchBegin), ...this.#messages, end(batchEnd)]);
  }

  /** A message holds at most so many: its length is a 16-bit number. */
  #elements(set: string, elements: readonly SetElement[], type: number, flags: number): this {
    for (let at = 0; at < elements.length; at += elementsPerMessage) {
      const part = elements.slice(at, at + elementsPerMessage).map(
        (element): Attribute => [
          listElement,
          element.value === undefined
            ? [[1, value(element.key)]]
            : [
                [1, value(element.key)],
                [2, value(element.value)],
              ],
        ],
      );
      this.#add(`change elements of ${set}`, type, flags, [
        [1, this.#table],
        [2, set],
        [3, part],
      ]);
    }
    return this;
  }

  #add(what: string, type: number, flags: number, list: Attribute[]): void {
    this.#messages.push({
      what,
      type: (subsystem << 8) | type,
      flags,
      body: Buffer.concat([header(this.#family, 0), attributes(list)]),
    });
  }
}

const elementsPerMessage = 500;
