// The engine's own nftables table: what may pass between bridges, what is masqueraded, which ports lead where.
//
// The table is put there whole, in one transaction, at start and whenever a network comes or goes; a port that is
// published or withdrawn meanwhile is one element of a map. Nobody else's table is read or written.

import { isNotFound } from '@tscontainer/core/errors';
import { deleteFlows } from '@tscontainer/linux/conntrack';
import { NetlinkSocket, u8, u16be } from '@tscontainer/linux/netlink';
import {
  action,
  concatenation,
  interfaceName,
  match,
  NftBatch,
  netfilterProtocol,
  type SetElement,
} from '@tscontainer/linux/nftables';
import { toBytes } from './ip-address.ts';
import type { GatewayMode, PortProtocol } from './network-record.ts';

export interface FirewallSubnet {
  address: string;
  prefixLength: number;
  mode: GatewayMode;
}

/** A bridge as the rules see it. */
export interface FirewallBridge {
  bridge: string;
  subnets: FirewallSubnet[];
  isInternal: boolean;
  isMasqueraded: boolean;
  /** Its containers may talk to each other. */
  allowsIcc: boolean;
}

export interface ForwardedPort {
  protocol: PortProtocol;
  /** `0.0.0.0` and `::` stand for every address of the host. */
  hostIp: string;
  /** 0: none of the host's; the port is open at the container's own address. */
  hostPort: number;
  targetIp: string;
  targetPort: number;
}

/** A port of `target` that `source` may reach on a bridge whose containers may not talk otherwise. */
export interface LinkedPort {
  source: string;
  target: string;
  protocol: PortProtocol;
  port: number;
}

const protocolNumbers: Record<PortProtocol, number> = { tcp: 6, udp: 17, sctp: 132 };
const ipv4 = Buffer.from([2]);
const ipv6 = Buffer.from([10]);
const addressTypeLocal = Buffer.from([2, 0, 0, 0]);
const wild = new Set(['0.0.0.0', '::', '']);
const priorities = { raw: -300, destinationNat: -100, filter: 0, sourceNat: 100 } as const;
/** Bits of `ct state` and `ct status`, in the host's order. */
const establishedOrRelated = Buffer.from([6, 0, 0, 0]);
const isDestinationTranslated = Buffer.from([0x20, 0, 0, 0]);
const zero32 = Buffer.alloc(4);

export class Firewall {
  readonly #socket: NetlinkSocket;
  /** Its name. */
  readonly table: string;
  readonly #ports = new Map<string, ForwardedPort>();
  #bridges: FirewallBridge[] = [];
  #links: LinkedPort[] = [];

  private constructor(socket: NetlinkSocket, table: string) {
    this.#socket = socket;
    this.table = table;
  }

  /** Changes nothing yet. */
  static async open(table: string): Promise<Firewall> {
    return new Firewall(await NetlinkSocket.open(netfilterProtocol), table);
  }

  close(): void {
    this.#socket.close();
  }

  /** Puts the table there whole, with these bridges and the ports that are forwarded. */
  async replace(bridges: FirewallBridge[]): Promise<void> {
    const batch = new NftBatch('inet', this.table).replaceTable();
    addSets(batch);
    batch.addElements(
      'bridges',
      bridges.map(({ bridge }) => ({ key: interfaceName(bridge) })),
    );
    addTranslation(batch, bridges);
    addFilter(batch, bridges, this.#links.length > 0);
    batch.addElements(
      'linked',
      this.#links.map((link) => ({ key: linkKey(link) })),
    );
    for (const [map, elements] of elementsByMap([...this.#ports.values()])) batch.addElements(map, elements);
    await batch.commit(this.#socket);
    this.#bridges = bridges;
  }

  /** Takes the table away. */
  async remove(): Promise<void> {
    await new NftBatch('inet', this.table).deleteTable().commit(this.#socket);
  }

  /** The whole table again, for whoever emptied it. */
  restore(): Promise<void> {
    return this.replace(this.#bridges);
  }

  /** All of them; whoever was linked before is not any more. */
  async allowLinks(links: LinkedPort[]): Promise<void> {
    this.#links = links;
    await this.restore();
  }

  async forward(ports: ForwardedPort[]): Promise<void> {
    if (ports.length === 0) return;
    const batch = new NftBatch('inet', this.table);
    for (const [map, elements] of elementsByMap(ports)) batch.addElements(map, elements);
    try {
      await batch.commit(this.#socket);
      for (const port of ports) this.#ports.set(keyOf(port), port);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // somebody has flushed the whole ruleset
      for (const port of ports) this.#ports.set(keyOf(port), port);
      await this.restore();
    }
    await this.#forgetFlows(ports);
  }

  async withdraw(ports: ForwardedPort[]): Promise<void> {
    const known = ports.filter((port) => this.#ports.delete(keyOf(port)));
    if (known.length === 0) return;
    const batch = new NftBatch('inet', this.table);
    for (const [map, elements] of elementsByMap(known))
      batch.deleteElements(
        map,
        elements.map(({ key }) => ({ key })),
      );
    try {
      await batch.commit(this.#socket);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await this.restore(); // somebody has flushed the whole ruleset
    }
    await this.#forgetFlows(known);
  }

  /** UDP has no end that the kernel sees: a client that goes on would be led where its first datagram was. */
  async #forgetFlows(ports: ForwardedPort[]): Promise<void> {
    const numbers = new Set(ports.filter(({ protocol }) => protocol === 'udp').map(({ hostPort }) => hostPort));
    if (numbers.size === 0) return;
    await deleteFlows(
      this.#socket,
      (flow) => flow.protocol === protocolNumbers.udp && numbers.has(flow.destinationPort),
    );
  }

  /** Before `replace` at start: ports that running containers have. */
  remember(ports: ForwardedPort[]): void {
    for (const port of ports) this.#ports.set(keyOf(port), port);
  }
}

function keyOf(port: ForwardedPort): string {
  const own = port.hostPort === 0 ? ` ${port.targetIp} ${port.targetPort}` : '';
  return `${port.protocol} ${port.hostIp} ${port.hostPort}${own}`;
}

/** Port maps by what they match: every local address, or one. */
function elementsByMap(ports: ForwardedPort[]): Map<string, SetElement[]> {
  const found = new Map<string, SetElement[]>();
  for (const port of ports) {
    const version = port.targetIp.includes(':') ? '6' : '4';
    if (port.hostPort === 0) {
      const key = concatenation(toBytes(port.targetIp), u8(protocolNumbers[port.protocol]), u16be(port.targetPort));
      found.set(`opened${version}`, [...(found.get(`opened${version}`) ?? []), { key }]);
      continue;
    }
    const isWild = wild.has(port.hostIp);
    const service = [u8(protocolNumbers[port.protocol]), u16be(port.hostPort)];
    const key = isWild ? concatenation(...service) : concatenation(toBytes(port.hostIp), ...service);
    const element = { key, value: concatenation(toBytes(port.targetIp), u16be(port.targetPort)) };
    const map = `published${version}${isWild ? '' : '-at'}`;
    found.set(map, [...(found.get(map) ?? []), element]);
  }
  return found;
}

/** Element of a set of links. */
export function linkKey({ source, target, protocol, port }: LinkedPort): Buffer {
  return concatenation(toBytes(source), toBytes(target), u8(protocolNumbers[protocol]), u16be(port));
}

function addSets(batch: NftBatch): void {
  batch
    .set('bridges', ['interface'])
    .set('linked', ['ipv4', 'ipv4', 'protocol', 'port'])
    .set('opened4', ['ipv4', 'protocol', 'port'])
    .set('opened6', ['ipv6', 'protocol', 'port'])
    .set('published4', ['protocol', 'port'], ['ipv4', 'port'])
    .set('published4-at', ['ipv4', 'protocol', 'port'], ['ipv4', 'port'])
    .set('published6', ['protocol', 'port'], ['ipv6', 'port'])
    .set('published6-at', ['ipv6', 'protocol', 'port'], ['ipv6', 'port']);
}

/** Protocol and destination's port. Register 1 is 16 bytes wide; 9 and on are 4-byte words of it, after the first. */
const service = (first: number) => [match.meta('l4proto', first), match.payload(2, 2, 2, first === 1 ? 9 : first + 1)];
const isVersion = (version: 4 | 6) => [match.meta('nfproto'), match.equal(version === 4 ? ipv4 : ipv6)];
const versionOf = ({ address }: FirewallSubnet) => (address.includes(':') ? 6 : 4);

/** The subnet's part of an address that is in register 1. */
function sourceIn(subnet: Pick<FirewallSubnet, 'address' | 'prefixLength'>) {
  const address = toBytes(subnet.address);
  const isV4 = address.length === 4;
  const mask = Buffer.alloc(address.length);
  for (let bit = 0; bit < subnet.prefixLength; bit++) mask[bit >> 3] = (mask[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return [
    match.meta('nfproto'),
    match.equal(isV4 ? ipv4 : ipv6),
    isV4 ? match.payload(1, 12, 4) : match.payload(1, 8, 16),
    match.mask(mask),
    match.equal(Buffer.from(address.map((byte, index) => byte & (mask[index] ?? 0)))),
  ];
}

const isTranslated = () => [match.ctStatus(), match.mask(isDestinationTranslated), match.notEqual(zero32)];
const entersBy = (bridge: string) => [match.meta('iifname'), match.equal(interfaceName(bridge))];
const leavesBy = (bridge: string) => [match.meta('oifname'), match.equal(interfaceName(bridge))];
const leavesOtherwise = (bridge: string) => [match.meta('oifname'), match.notEqual(interfaceName(bridge))];

function addTranslation(batch: NftBatch, bridges: FirewallBridge[]): void {
  batch
    .chain('published')
    .chain('prerouting', { type: 'nat', hook: 'prerouting', priority: priorities.destinationNat })
    .chain('output', { type: 'nat', hook: 'output', priority: priorities.destinationNat })
    .chain('postrouting', { type: 'nat', hook: 'postrouting', priority: priorities.sourceNat });
  for (const chain of ['prerouting', 'output'])
    batch.rule(chain, match.destinationType(), match.equal(addressTypeLocal), action.jump('published'));
  const v4 = isVersion(4);
  const v6 = isVersion(6);
  batch
    .rule(
      'published',
      ...v4,
      match.payload(1, 16, 4),
      ...service(9),
      match.mapped('published4-at'),
      action.dnat('ip', 1, 9),
    )
    .rule('published', ...v4, ...service(1), match.mapped('published4'), action.dnat('ip', 1, 9))
    // the kernel does not let ::1 leave the host: the engine's own socket serves it
    .rule('published', ...v6, match.payload(1, 24, 16), match.equal(toBytes('::1')), action.return())
    .rule(
      'published',
      ...v6,
      match.payload(1, 24, 16),
      ...service(12),
      match.mapped('published6-at'),
      action.dnat('ip6', 1, 12),
    )
    .rule('published', ...v6, ...service(1), match.mapped('published6'), action.dnat('ip6', 1, 12));
  for (const { bridge, subnets, isInternal, isMasqueraded } of bridges) {
    for (const subnet of subnets) {
      if (isMasqueraded && !isInternal && subnet.mode !== 'routed')
        batch.rule('postrouting', ...sourceIn(subnet), ...leavesOtherwise(bridge), action.masquerade());
      // to itself or a neighbour through a published port: the answer has to come back this way
      batch.rule('postrouting', ...isTranslated(), ...sourceIn(subnet), ...leavesBy(bridge), action.masquerade());
    }
    // from the host's own loopback address
    batch.rule(
      'postrouting',
      ...sourceIn({ address: '127.0.0.0', prefixLength: 8 }),
      ...leavesBy(bridge),
      action.masquerade(),
    );
  }
}

function addFilter(batch: NftBatch, bridges: FirewallBridge[], hasLinks: boolean): void {
  batch
    .chain('containers')
    .chain('raw', { type: 'filter', hook: 'prerouting', priority: priorities.raw })
    .chain('forward', { type: 'filter', hook: 'forward', priority: priorities.filter });
  // bridges route loopback addresses, for published ports; nobody on them may use that to reach the host's loopback
  batch.rule(
    'raw',
    match.meta('nfproto'),
    match.equal(ipv4),
    match.payload(1, 16, 1),
    match.equal(Buffer.from([127])),
    // last, since every packet comes by here, and few have got so far
    match.meta('iifname'),
    match.inSet('bridges'),
    action.drop(),
  );
  // what was let through once is at its end after one rule; other tables have their say all the same
  batch.rule('forward', match.ctState(), match.mask(establishedOrRelated), match.notEqual(zero32), action.accept());
  for (const key of ['iifname', 'oifname'] as const)
    batch.rule('forward', match.meta(key), match.inSet('bridges'), action.jump('containers'));
  if (hasLinks)
    batch.rule(
      'containers',
      ...isVersion(4),
      ...[match.payload(1, 12, 4, 8), match.payload(1, 16, 4, 9), ...service(10), match.inSet('linked')],
      action.accept(),
    );
  const within = ({ bridge, allowsIcc }: FirewallBridge) =>
    batch.rule('containers', ...entersBy(bridge), ...leavesBy(bridge), allowsIcc ? action.accept() : action.drop());
  for (const internal of bridges.filter(({ isInternal }) => isInternal)) {
    within(internal);
    batch.rule('containers', ...entersBy(internal.bridge), action.drop());
    batch.rule('containers', ...leavesBy(internal.bridge), action.drop());
  }
  batch.rule('containers', ...isTranslated(), action.accept());
  for (const other of bridges.filter(({ isInternal }) => !isInternal)) within(other);
  addOpenings(batch, bridges);
  batch.rule('containers', match.meta('oifname'), match.inSet('bridges'), action.drop());
  batch.rule('containers', action.accept());
}

/** What of the containers' own addresses can be reached, for who has a route there: see GatewayMode. */
function addOpenings(batch: NftBatch, bridges: FirewallBridge[]): void {
  const withMode = (wanted: GatewayMode) =>
    bridges
      .filter(({ isInternal }) => !isInternal)
      .flatMap(({ bridge, subnets }) =>
        subnets.filter(({ mode }) => mode === wanted).map((subnet) => ({ bridge, subnet })),
      );
  const routed = withMode('routed');
  if (routed.length > 0) {
    batch
      .rule(
        'containers',
        ...isVersion(4),
        match.payload(1, 16, 4),
        ...service(9),
        match.inSet('opened4'),
        action.accept(),
      )
      .rule(
        'containers',
        ...isVersion(6),
        match.payload(1, 24, 16),
        ...service(12),
        match.inSet('opened6'),
        action.accept(),
      );
  }
  for (const { bridge, subnet } of routed) {
    const echo = Buffer.from([versionOf(subnet) === 4 ? 1 : 58]);
    batch.rule(
      'containers',
      ...isVersion(versionOf(subnet)),
      ...leavesBy(bridge),
      match.meta('l4proto'),
      match.equal(echo),
      action.accept(),
    );
  }
  const unprotected = withMode('nat-unprotected');
  if (unprotected.length === 0) return;
  // from the outside only: networks stay apart
  const between = [match.meta('iifname'), match.inSet('bridges'), match.meta('oifname'), match.inSet('bridges')];
  batch.rule('containers', ...between, action.drop());
  for (const { bridge, subnet } of unprotected)
    batch.rule('containers', ...isVersion(versionOf(subnet)), ...leavesBy(bridge), action.accept());
}
