// Links, addresses and routes as rtnetlink messages, and what the kernel tells of them: rtnetlink(7), linux/if_link.h.
import {
  type Attribute,
  attributes,
  type NetlinkMessage,
  type NetlinkSocket,
  netlinkFlags,
  parseAttributes,
  u8,
  u16,
  u32,
} from './netlink.ts';

/** NETLINK_ROUTE. */
export const routeProtocol = 0;

const messageTypes = { newLink: 16, deleteLink: 17, getLink: 18, setLink: 19, newAddress: 20, deleteAddress: 21 };
const addressGet = 22;
const routeTypes = { newRoute: 24, deleteRoute: 25, getRoute: 26 };

const link = {
  address: 1,
  name: 3,
  mtu: 4,
  lower: 5,
  master: 10,
  info: 18,
  namespaceFd: 28,
  alias: 20,
} as const;
const linkInfo = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;
const vethPeer = 1;
const bridgePortHairpin = 4;
const bridgePortIsolated = 33;

const isUp = 0x1;
const familyInet = 2;
const familyInet6 = 10;

const { ack, create, exclusive, replace, dump } = netlinkFlags;

function linkHeader(index: number, up: boolean): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  if (up) {
    bytes.writeUInt32LE(isUp, 8);
    bytes.writeUInt32LE(isUp, 12);
  }
  return bytes;
}

/** `02:42:ac:11:00:02` as bytes. */
function hardwareAddressBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(/[:-]/g, ''), 'hex');
}

export interface NewLink {
  name: string;
  kind: string;
  /** Attributes of the kind's own. */
  data?: Attribute[];
  hardwareAddress?: string | undefined;
  mtu?: number | undefined;
  /** Interface index of what it stands on (macvlan, vlan). */
  lower?: number | undefined;
  /** Interface index of its bridge. */
  master?: number | undefined;
  /** It is born there, instead of in the socket's namespace. */
  namespaceFd?: number | undefined;
  isUp: boolean;
}

export function newLink(wanted: NewLink): NetlinkMessage {
  const list: Attribute[] = [[link.name, wanted.name]];
  if (wanted.hardwareAddress !== undefined) list.push([link.address, hardwareAddressBytes(wanted.hardwareAddress)]);
  if (wanted.mtu !== undefined) list.push([link.mtu, wanted.mtu]);
  if (wanted.lower !== undefined) list.push([link.lower, wanted.lower]);
  if (wanted.master !== undefined) list.push([link.master, wanted.master]);
  if (wanted.namespaceFd !== undefined) list.push([link.namespaceFd, wanted.namespaceFd]);
  const info: Attribute[] = [[linkInfo.kind, wanted.kind]];
  if (wanted.data !== undefined) info.push([linkInfo.data, wanted.data]);
  list.push([link.info, info]);
  return {
    what: `create ${wanted.kind} ${wanted.name}`,
    type: messageTypes.newLink,
    flags: ack | create | exclusive,
    body: Buffer.concat([linkHeader(0, wanted.isUp), attributes(list)]),
  };
}

export interface VethPeer {
  name: string;
  namespaceFd: number;
  hardwareAddress: string;
  mtu: number | undefined;
}

/**
 * The `data` of a veth: its other end, born in a namespace of its own, which spares the move and its grace period. It is
 * down: a veth cannot be up before its pair is there.
 */
export function vethData(peer: VethPeer): Attribute[] {
  const list: Attribute[] = [
    [link.name, peer.name],
    [link.address, hardwareAddressBytes(peer.hardwareAddress)],
    [link.namespaceFd, peer.namespaceFd],
  ];
  if (peer.mtu !== undefined) list.push([link.mtu, peer.mtu]);
  return [[vethPeer, Buffer.concat([linkHeader(0, false), attributes(list)])]];
}

export function deleteLink(name: string): NetlinkMessage {
  return {
    what: `delete link ${name}`,
    type: messageTypes.deleteLink,
    flags: ack,
    body: Buffer.concat([linkHeader(0, false), attributes([[link.name, name]])]),
    tolerates: ['ENODEV'],
  };
}

/** The alias cannot be given to a link as it is made. */
export interface LinkChange {
  isUp?: boolean;
  mtu?: number | undefined;
  name?: string;
  master?: number;
  /** What `ip link` shows as its alias. */
  alias?: string | undefined;
}

export function changeLink(index: number, change: LinkChange): NetlinkMessage {
  const list: Attribute[] = [];
  if (change.name !== undefined) list.push([link.name, change.name]);
  if (change.mtu !== undefined) list.push([link.mtu, change.mtu]);
  if (change.master !== undefined) list.push([link.master, change.master]);
  if (change.alias !== undefined) list.push([link.alias, Buffer.from(change.alias)]);
  const header = linkHeader(index, change.isUp === true);
  if (change.isUp === false) header.writeUInt32LE(isUp, 12);
  return {
    what: `change link ${index}`,
    type: messageTypes.setLink,
    flags: ack,
    body: Buffer.concat([header, attributes(list)]),
  };
}

/** With hairpin on, frames may leave a bridge's port by which they came; isolated ports do not see each other. */
export interface BridgePortChange {
  isHairpin?: boolean;
  isIsolated?: boolean;
  /** What `ip link` shows as the link's alias. */
  alias?: string;
}

export function changeBridgePort(name: string, port: BridgePortChange): NetlinkMessage {
  const list: Attribute[] = [];
  if (port.isHairpin !== undefined) list.push([bridgePortHairpin, u8(port.isHairpin ? 1 : 0)]);
  if (port.isIsolated !== undefined) list.push([bridgePortIsolated, u8(port.isIsolated ? 1 : 0)]);
  const info: Attribute[] = [
    [linkInfo.slaveKind, 'bridge'],
    [linkInfo.slaveData, list],
  ];
  return {
    what: `change bridge port ${name}`,
    type: messageTypes.newLink,
    flags: ack,
    body: Buffer.concat([
      linkHeader(0, false),
      attributes([
        [link.name, name],
        ...(port.alias === undefined ? [] : [[link.alias, Buffer.from(port.alias)] as const]),
        [link.info, info],
      ]),
    ]),
  };
}

function addressHeader(address: Uint8Array, prefixLength: number, index: number): Buffer {
  const isV4 = address.length === 4;
  const header = Buffer.alloc(8);
  header[0] = isV4 ? familyInet : familyInet6;
  header[1] = prefixLength;
  header.writeUInt32LE(index, 4);
  return header;
}

const addressAttributes = { address: 1, local: 2, broadcast: 4, flags: 8 } as const;
const noDuplicateDetection = 0x2;

/** IPv6 without duplicate address detection: what we lease is ours. */
export function newAddress(index: number, address: Uint8Array, prefixLength: number): NetlinkMessage {
  const isV4 = address.length === 4;
  const header = addressHeader(address, prefixLength, index);
  const list: Attribute[] = [
    [addressAttributes.local, address],
    [addressAttributes.address, address],
  ];
  if (isV4 && prefixLength < 31) {
    const broadcast = Buffer.from(address);
    broadcast.writeUInt32BE((broadcast.readUInt32BE() | (2 ** (32 - prefixLength) - 1)) >>> 0);
    list.push([addressAttributes.broadcast, broadcast]);
  }
  if (!isV4) list.push([addressAttributes.flags, noDuplicateDetection]);
  return {
    what: `add address to link ${index}`,
    type: messageTypes.newAddress,
    flags: ack | create | replace,
    body: Buffer.concat([header, attributes(list)]),
  };
}

export function deleteAddress(index: number, address: Uint8Array, prefixLength: number): NetlinkMessage {
  return {
    what: `delete address of link ${index}`,
    type: messageTypes.deleteAddress,
    flags: ack,
    body: Buffer.concat([
      addressHeader(address, prefixLength, index),
      attributes([
        [addressAttributes.local, address],
        [addressAttributes.address, address],
      ]),
    ]),
    tolerates: ['EADDRNOTAVAIL'],
  };
}

const routeAttributes = { destination: 1, outgoing: 4, gateway: 5 } as const;
const mainTable = 254;
const protocolBoot = 3;
const scopeLink = 253;
const typeUnicast = 1;

export interface Route {
  isIpv6: boolean;
  /** Undefined: the default route. */
  destination?: { address: Uint8Array; prefixLength: number } | undefined;
  gateway?: Uint8Array | undefined;
  index: number;
}

function routeBody(route: Route): Buffer {
  const header = Buffer.alloc(12);
  header[0] = route.isIpv6 ? familyInet6 : familyInet;
  header[1] = route.destination?.prefixLength ?? 0;
  header[4] = mainTable;
  header[5] = protocolBoot;
  header[6] = route.gateway === undefined && !route.isIpv6 ? scopeLink : 0;
  header[7] = typeUnicast;
  const list: Attribute[] = [[routeAttributes.outgoing, route.index]];
  if (route.destination !== undefined) list.push([routeAttributes.destination, route.destination.address]);
  if (route.gateway !== undefined) list.push([routeAttributes.gateway, route.gateway]);
  return Buffer.concat([header, attributes(list)]);
}

export function newRoute(route: Route): NetlinkMessage {
  return {
    what: 'add route',
    type: routeTypes.newRoute,
    flags: ack | create | replace,
    body: routeBody(route),
  };
}

export function deleteDefaultRoute(isIpv6: boolean): NetlinkMessage {
  const header = Buffer.alloc(12);
  header[0] = isIpv6 ? familyInet6 : familyInet;
  header[4] = mainTable;
  header[6] = isIpv6 ? 0 : 255; // any scope
  return {
    what: 'delete default route',
    type: routeTypes.deleteRoute,
    flags: ack,
    body: header,
    tolerates: ['ESRCH', 'ENOENT', 'ENODEV'],
  };
}

export interface FoundLink {
  index: number;
  name: string;
  isUp: boolean;
  mtu: number;
  /** Index of the bridge it belongs to. */
  master: number | undefined;
  hardwareAddress: string;
  alias: string;
}

/** All links of the socket's namespace. */
export async function listLinks(socket: NetlinkSocket): Promise<FoundLink[]> {
  const answers = await socket.send([
    { what: 'list links', type: messageTypes.getLink, flags: dump, body: linkHeader(0, false) },
  ]);
  return answers.filter((answer) => answer.type === messageTypes.newLink).map(({ body }) => toLink(body));
}

/** Undefined when there is none of that name. */
export async function findLink(socket: NetlinkSocket, name: string): Promise<FoundLink | undefined> {
  const answers = await socket.send([
    {
      what: `look up link ${name}`,
      type: messageTypes.getLink,
      flags: ack,
      body: Buffer.concat([linkHeader(0, false), attributes([[link.name, name]])]),
      tolerates: ['ENODEV'],
    },
  ]);
  const found = answers.find((answer) => answer.type === messageTypes.newLink);
  return found === undefined ? undefined : toLink(found.body);
}

function toLink(body: Buffer): FoundLink {
  const found = parseAttributes(body.subarray(16));
  const text = (type: number) => found.get(type)?.toString('utf8').replace(/\0+$/, '') ?? '';
  return {
    index: body.readInt32LE(4),
    name: text(link.name),
    isUp: (body.readUInt32LE(8) & isUp) !== 0,
    mtu: found.get(link.mtu)?.readUInt32LE() ?? 0,
    master: found.get(link.master)?.readUInt32LE(),
    hardwareAddress: found.get(link.address)?.toString('hex').match(/../g)?.join(':') ?? '',
    alias: text(link.alias),
  };
}

export interface FoundAddress {
  index: number;
  address: Buffer;
  prefixLength: number;
}

/** All addresses of the socket's namespace. */
export async function listAddresses(socket: NetlinkSocket): Promise<FoundAddress[]> {
  const answers = await socket.send([{ what: 'list addresses', type: addressGet, flags: dump, body: Buffer.alloc(8) }]);
  return answers
    .filter((answer) => answer.type === messageTypes.newAddress)
    .map(({ body }) => {
      const found = parseAttributes(body.subarray(8));
      return {
        index: body.readUInt32LE(4),
        address: found.get(addressAttributes.local) ?? found.get(addressAttributes.address) ?? Buffer.alloc(0),
        prefixLength: body[1] ?? 0,
      };
    });
}

export interface FoundRoute {
  /** Empty for a default route. */
  destination: Buffer;
  prefixLength: number;
  /** Interface index; 0 when it has none. */
  outgoing: number;
}

/** The main table's routes of the socket's namespace. */
export async function listRoutes(socket: NetlinkSocket): Promise<FoundRoute[]> {
  const answers = await socket.send([
    { what: 'list routes', type: routeTypes.getRoute, flags: dump, body: Buffer.alloc(12) },
  ]);
  return answers
    .filter((answer) => answer.type === routeTypes.newRoute && answer.body[4] === mainTable)
    .map(({ body }) => {
      const found = parseAttributes(body.subarray(12));
      return {
        destination: found.get(routeAttributes.destination) ?? Buffer.alloc(0),
        prefixLength: body[1] ?? 0,
        outgoing: found.get(routeAttributes.outgoing)?.readUInt32LE() ?? 0,
      };
    });
}

const bridgeData = { stpState: 5 } as const;

/** `data` of a bridge that forwards at once. */
export function bridgeDataOf(): Attribute[] {
  return [[bridgeData.stpState, u32(0)]];
}

const macvlanModes = new Map(Object.entries({ private: 1, vepa: 2, bridge: 4, passthru: 8 }));
const ipvlanModes = new Map(Object.entries({ l2: 0, l3: 1, l3s: 2 }));

/** Undefined for a mode that there is not. */
export function macvlanData(mode: string): Attribute[] | undefined {
  const value = macvlanModes.get(mode);
  return value === undefined ? undefined : [[1, value]];
}

export function ipvlanData(mode: string): Attribute[] | undefined {
  const value = ipvlanModes.get(mode);
  return value === undefined ? undefined : [[1, u16(value)]];
}

export function vlanData(id: number): Attribute[] {
  return [[1, u16(id)]];
}
