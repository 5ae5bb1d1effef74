// The host's side of the networks: bridges, the host's ends of veth pairs, parents of macvlan interfaces, by rtnetlink.
import { writeFileSync } from 'node:fs';
import { ContainerError } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { NetlinkSocket } from '@tscontainer/linux/netlink';
import {
  bridgeDataOf,
  changeBridgePort,
  changeLink,
  deleteAddress,
  deleteLink,
  type FoundLink,
  findLink,
  listAddresses,
  listLinks,
  listRoutes,
  type NewLink,
  newAddress,
  newLink,
  routeProtocol,
  vethData,
  vlanData,
} from '@tscontainer/linux/route-netlink';
import { bytesAddress, formatAddress, type Subnet, subnetOf, toBytes } from './ip-address.ts';

/** What an interface of the host's carries: an address with the length of its subnet. */
export interface InterfaceAddress {
  address: string;
  prefixLength: number;
}

export interface VethPair {
  /** The host's end. */
  name: string;
  bridgeIndex: number;
  mtu: number | undefined;
  namespaceFd: number;
  inside: { name: string; hardwareAddress: string };
  alias: string;
  /** Containers of its network may not talk to each other. */
  isIsolated: boolean;
}

export class HostLinks {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  static async open(): Promise<HostLinks> {
    return new HostLinks(await NetlinkSocket.open(routeProtocol));
  }

  close(): void {
    this.#socket.close();
  }

  /**
   * `alias` is how links of ours are known again. Idempotent: a bridge that is there gets these addresses. One of somebody
   * else's keeps what it has beside them, and is never taken away. Resolves with its index.
   */
  async ensureBridge(
    name: string,
    mtu: number | undefined,
    addresses: InterfaceAddress[],
    alias: string,
  ): Promise<number> {
    const present = await findLink(this.#socket, name);
    if (present === undefined) {
      const hardwareAddress = randomHardwareAddress();
      const link: NewLink = { name, kind: 'bridge', data: bridgeDataOf(), hardwareAddress, mtu, isUp: false };
      await this.#socket.send([newLink(link)]);
    }
    const found = present ?? (await this.#find(name));
    if (present === undefined) await this.#socket.send([changeLink(found.index, { alias })]);
    const isOurs = present === undefined || present.alias === alias;
    this.#configureBridge(name, addresses, isOurs);
    await this.#setAddresses(found.index, addresses, isOurs);
    await this.#socket.send([changeLink(found.index, { isUp: true, mtu: isOurs ? mtu : undefined })]);
    return found.index;
  }

  async addressesOf(link: FoundLink): Promise<InterfaceAddress[]> {
    return (await listAddresses(this.#socket))
      .filter((found) => found.index === link.index && found.address.length > 0)
      .map((found) => ({ address: formatAddress(bytesAddress(found.address)), prefixLength: found.prefixLength }));
  }

  /** Published ports are reached from the host's loopback address, so the bridge has to route it. */
  #configureBridge(name: string, addresses: InterfaceAddress[], isOurs: boolean): void {
    writeSysctl(`/proc/sys/net/ipv4/conf/${name}/route_localnet`, '1');
    const hasIpv6 = addresses.some(({ address }) => address.includes(':'));
    if (isOurs) {
      trySysctl(`/proc/sys/net/ipv6/conf/${name}/accept_ra`, '0');
      trySysctl(`/proc/sys/net/ipv6/conf/${name}/accept_dad`, '0');
      trySysctl(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, hasIpv6 ? '0' : '1');
    }
    writeSysctl('/proc/sys/net/ipv4/ip_forward', '1');
    if (!hasIpv6) return;
    writeSysctl('/proc/sys/net/ipv6/conf/all/forwarding', '1');
    writeSysctl('/proc/sys/net/ipv6/conf/default/forwarding', '1');
  }

  /** Adds those that are missing; of a bridge of ours takes IPv4 ones away that are not wanted. */
  async #setAddresses(index: number, wanted: InterfaceAddress[], isOurs: boolean): Promise<void> {
    const present = (await listAddresses(this.#socket)).filter((found) => found.index === index);
    const isWanted = (bytes: Buffer, prefixLength: number) =>
      wanted.some((each) => each.prefixLength === prefixLength && toBytes(each.address).equals(bytes));
    await this.#socket.send([
      ...present
        .filter((found) => isOurs && found.address.length === 4 && !isWanted(found.address, found.prefixLength))
        .map((found) => deleteAddress(index, found.address, found.prefixLength)),
      ...wanted.map((each) => newAddress(index, toBytes(each.address), each.prefixLength)),
    ]);
  }

  async addVeth(pair: VethPair): Promise<void> {
    const { name, mtu, inside, namespaceFd } = pair;
    const data = vethData({ ...inside, namespaceFd, mtu });
    const created = newLink({ name, kind: 'veth', data, mtu, master: pair.bridgeIndex, isUp: true });
    await this.#socket.send([
      // the two are no transaction, but of one name: whoever undoes the first has undone both
      created,
      changeBridgePort(name, { isHairpin: true, alias: pair.alias, ...(pair.isIsolated ? { isIsolated: true } : {}) }),
    ]);
  }

  /** Whether a bridge's port sees the other isolated ones. No error when it is gone already. */
  async isolate(name: string, isIsolated: boolean): Promise<void> {
    if ((await findLink(this.#socket, name)) === undefined) return;
    await this.#socket.send([changeBridgePort(name, { isIsolated })]);
  }

  /** A link born in a namespace, standing on the host's `parent`: macvlan and ipvlan. */
  async addOnParent(parent: string, link: NewLink): Promise<void> {
    const lower = await this.#find(parent);
    await this.#socket.send([newLink({ ...link, lower: lower.index })]);
  }

  /** `eth0.50` is made on `eth0` when it is not there. True when it was. */
  async ensureVlan(name: string, alias: string): Promise<boolean> {
    if ((await findLink(this.#socket, name)) !== undefined) return false;
    const match = /^(.+)\.(\d+)$/.exec(name);
    if (match?.[1] === undefined)
      throw new ContainerError(
        'invalid-argument',
        `invalid subinterface vlan name ${name}, example formatting is eth0.10`,
      );
    const lower = await this.#find(match[1]);
    const data = vlanData(Number(match[2]));
    await this.#socket.send([newLink({ name, kind: 'vlan', data, lower: lower.index, isUp: true })]);
    await this.#socket.send([changeLink((await this.#find(name)).index, { alias })]);
    return true;
  }

  /** No error when it is gone already. */
  async remove(name: string): Promise<void> {
    await this.#socket.send([deleteLink(name)]);
  }

  find(name: string): Promise<FoundLink | undefined> {
    return findLink(this.#socket, name);
  }

  list(): Promise<FoundLink[]> {
    return listLinks(this.#socket);
  }

  /** Subnets that the host has an address or a route in; not those of `except`. */
  async subnetsInUse(except: ReadonlySet<string> = new Set()): Promise<Subnet[]> {
    const ours = new Set((await this.list()).filter((link) => except.has(link.name)).map((link) => link.index));
    const [addresses, routes] = [await listAddresses(this.#socket), await listRoutes(this.#socket)];
    return [
      ...addresses
        .filter((found) => found.address.length > 0 && !ours.has(found.index))
        .map((found) => subnetOf(bytesAddress(found.address), found.prefixLength)),
      ...routes
        .filter((route) => route.prefixLength > 0 && !ours.has(route.outgoing))
        .map((route) => subnetOf(bytesAddress(route.destination), route.prefixLength)),
    ];
  }

  async #find(name: string): Promise<FoundLink> {
    const found = await findLink(this.#socket, name);
    if (found === undefined) throw new ContainerError('not-found', `look up link ${name}: no such interface`);
    return found;
  }
}

/** Locally administered, with docker's first two bytes. */
export function randomHardwareAddress(): string {
  return `02:42:${randomHex(4).match(/../g)?.join(':') ?? ''}`;
}

function writeSysctl(path: string, value: string): void {
  writeFileSync(path, value);
}

/** For hosts whose kernel was started without IPv6. */
function trySysctl(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
