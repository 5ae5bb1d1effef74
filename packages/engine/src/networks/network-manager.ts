// Owns the networks: their records, their bridges on the host, their address leases, and the rules that follow from them.
import { existsSync } from 'node:fs';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { newId } from '@tscontainer/core/ids';
import type { Logger } from '@tscontainer/platform/logger';
import { SerialQueue } from '../containers/serial-queue.ts';
import type { EventHub } from '../events/event-hub.ts';
import { nowText } from '../go-time.ts';
import { AddressLeases } from './address-leases.ts';
import { AddressPools } from './address-pools.ts';
import { checkConfigUnused, configuredRequest } from './config-networks.ts';
import { Firewall, type FirewallBridge } from './firewall.ts';
import { HostLinks, type InterfaceAddress } from './host-links.ts';
import { overlaps, parseSubnet, type Subnet } from './ip-address.ts';
import {
  bridgeNameOf,
  bridgeOption,
  gatewayModeOf,
  type IpamPool,
  isDefaultBridge,
  mtuOf,
  type NetworkRecord,
  optionFlag,
} from './network-record.ts';
import { checkNetworkRequest, type NetworkRequest, poolOverlaps } from './network-request.ts';
import type { NetworkSettings } from './network-settings.ts';
import type { NetworkStore } from './network-store.ts';
import { completedPools, defaultBridgeRecord, predefinedRecord } from './predefined-networks.ts';

export interface NetworkManagerParts {
  store: NetworkStore;
  events: EventHub;
  settings: NetworkSettings;
  engineId: string;
  log: Logger;
}

/** The running endpoints of a network, with the names of their containers. */
export type NetworkUsers = (networkId: string) => { name: string; endpointId: string }[];

export class NetworkManager {
  readonly links: HostLinks;
  readonly firewall: Firewall;
  /** The kernel knows IPv6. */
  readonly hasIpv6 = existsSync('/proc/sys/net/ipv6');
  readonly settings: NetworkSettings;
  readonly #parts: NetworkManagerParts;
  readonly #pools: AddressPools;
  readonly #records = new Map<string, NetworkRecord>();
  readonly #leases = new Map<string, AddressLeases>();
  readonly #bridgeIndexes = new Map<string, number>();
  readonly #queue = new SerialQueue();
  /** Set by the containers' side. */
  usersOf: NetworkUsers = () => [];

  private constructor(parts: NetworkManagerParts, links: HostLinks, firewall: Firewall) {
    this.#parts = parts;
    this.settings = parts.settings;
    this.links = links;
    this.firewall = firewall;
    this.#pools = new AddressPools(parts.settings.addressPools);
  }

  /** Reads the records and makes the predefined ones; touches nothing of the kernel's yet. */
  static async open(parts: NetworkManagerParts): Promise<NetworkManager> {
    const firewall = await Firewall.open(`tscontainer-${parts.engineId.slice(0, 8)}`);
    const manager = new NetworkManager(parts, await HostLinks.open(), firewall);
    for (const record of parts.store.loadAll()) manager.#keep(record);
    await manager.#ensurePredefined();
    return manager;
  }

  close(): void {
    this.links.close();
    this.firewall.close();
  }

  list(): NetworkRecord[] {
    return [...this.#records.values()];
  }

  /** By name, id, or a prefix of the id. Throws not-found, or invalid-argument for a prefix of several. */
  find(reference: string): NetworkRecord {
    const found = this.tryFind(reference);
    if (found === undefined) throw new ContainerError('not-found', `network ${reference} not found`);
    return found;
  }

  tryFind(reference: string): NetworkRecord | undefined {
    const exact = this.#records.get(reference) ?? this.list().find((record) => record.name === reference);
    if (exact !== undefined || reference === '') return exact;
    const byPrefix = this.list().filter((record) => record.id.startsWith(reference));
    if (byPrefix.length > 1)
      throw new ContainerError(
        'invalid-argument',
        `network ${reference} is ambiguous (${byPrefix.length} matches found on id)`,
      );
    return byPrefix[0];
  }

  leasesOf(network: NetworkRecord): AddressLeases {
    const leases = this.#leases.get(network.id);
    if (leases === undefined) throw new ContainerError('not-found', `network ${network.id} not found`);
    return leases;
  }

  bridgeIndexOf(network: NetworkRecord): number {
    const index = this.#bridgeIndexes.get(network.id);
    if (index === undefined)
      throw new ContainerError(
        'failed-precondition',
        `network ${network.name}: bridge ${bridgeNameOf(network)} is not there`,
      );
    return index;
  }

  /** After a start of the engine: bridges as the records want them, no others of ours, and the rules. */
  async restore(): Promise<void> {
    const bridges = this.list().filter((record) => record.driver === 'bridge');
    for (const record of bridges)
      await this.#ensureBridge(record).catch((error) =>
        this.#parts.log.error({ network: record.name, err: errorMessageOf(error) }, 'bridge not restored'),
      );
    const wanted = new Set(bridges.map(bridgeNameOf));
    for (const link of await this.links.list()) {
      if (link.alias !== this.linkAlias || link.name.startsWith('veth') || wanted.has(link.name)) continue;
      if (this.list().some((record) => record.options['parent'] === link.name)) continue;
      this.#parts.log.info({ link: link.name }, 'removing the link of a network that is gone');
      await this.links.remove(link.name);
    }
    await this.#replaceRules();
  }

  /** At an orderly end with nobody left in a network: the host has nothing of ours until the next start. */
  async withdraw(): Promise<void> {
    await this.firewall.remove();
    for (const link of await this.links.list()) if (link.alias === this.linkAlias) await this.links.remove(link.name);
  }

  /** On links of this engine. */
  get linkAlias(): string {
    return `tscontainer ${this.#parts.engineId.slice(0, 12)}`;
  }

  /** Throws already-exists for a name that is taken, permission-denied for a subnet that overlaps another network's. */
  create(request: NetworkRequest): Promise<NetworkRecord> {
    return this.#queue.run(async () => {
      if (['bridge', 'host', 'none', 'default', 'container'].includes(request.name))
        throw new ContainerError(
          'permission-denied',
          `operation is not permitted on predefined ${request.name} network`,
        );
      if (this.list().some((record) => record.name === request.name))
        throw new ContainerError('already-exists', `network with name ${request.name} already exists`);
      const configured = configuredRequest(request, this.list());
      checkNetworkRequest(configured);
      const record = await this.#toRecord(configured);
      await this.#parts.store.put(record);
      this.#keep(record);
      try {
        await this.#realize(record);
      } catch (error) {
        await this.#erase(record);
        throw error;
      }
      this.#publish('create', record);
      return record;
    });
  }

  /** Throws permission-denied for predefined networks and those with endpoints. */
  remove(reference: string): Promise<NetworkRecord> {
    return this.#queue.run(async () => {
      const record = this.find(reference);
      if (record.isPredefined)
        throw new ContainerError('permission-denied', `${record.name} is a pre-defined network and cannot be removed`);
      const users = this.usersOf(record.id);
      if (users.length > 0)
        throw new ContainerError(
          'permission-denied',
          `error while removing network: network ${record.name} has active endpoints (${users.map(({ name, endpointId }) => `name:"${name}" id:"${endpointId.slice(0, 12)}"`).join(', ')})`,
        );
      checkConfigUnused(record, this.list());
      await this.#erase(record);
      if (record.isConfigOnly !== true) this.#publish('destroy', record); // as docker
      return record;
    });
  }

  /** Subnets of the networks and, with `ofHost`, what else the host has an interface or a route in. */
  async #taken(ofHost: boolean): Promise<Subnet[]> {
    const real = this.list().filter((record) => record.isConfigOnly !== true);
    const own = real.flatMap((record) => record.pools.map((pool) => parseSubnet(pool.subnet)));
    const bridges = new Set(
      this.list()
        .filter((record) => record.driver === 'bridge')
        .map(bridgeNameOf),
    );
    const host = ofHost ? await this.links.subnetsInUse(bridges) : [];
    return [...own.filter((subnet) => subnet !== undefined), ...host];
  }

  async #toRecord(request: NetworkRequest): Promise<NetworkRecord> {
    const id = newId();
    const pools = request.isConfigOnly ? request.pools : await this.#poolsOf(request);
    return {
      id,
      name: request.name,
      created: nowText(),
      driver: request.driver,
      isIpv4: request.isIpv4,
      isIpv6: request.isIpv6,
      isInternal: request.isInternal,
      isAttachable: request.isAttachable,
      isPredefined: false,
      options: request.options,
      ipamDriver: request.ipamDriver,
      ipamOptions: request.ipamOptions,
      pools,
      labels: request.labels,
      ...(request.isConfigOnly ? { isConfigOnly: true } : {}),
      ...(request.configFrom === '' ? {} : { configFrom: request.configFrom }),
    };
  }

  async #poolsOf(request: NetworkRequest): Promise<IpamPool[]> {
    if (request.ipamDriver === 'null') return [];
    const networks = await this.#taken(false);
    for (const pool of request.pools) {
      const subnet = parseSubnet(pool.subnet);
      // several macvlan networks may share their parent's subnet, as several machines do
      if (subnet !== undefined && request.driver === 'bridge' && networks.some((other) => overlaps(other, subnet)))
        throw poolOverlaps();
    }
    const pools = [...request.pools];
    const has = (version: number) => pools.some((pool) => parseSubnet(pool.subnet)?.version === version);
    const added = (subnet: string): IpamPool => ({
      subnet,
      ipRange: '',
      gateway: '',
      auxAddresses: {},
      isUserChosen: false,
    });
    if (request.isIpv4 && !has(4)) pools.unshift(added(this.#pools.free(await this.#taken(true))));
    if (request.isIpv6 && !has(6))
      pools.push(added(this.#pools.freeIpv6(await this.#taken(true), this.#parts.engineId)));
    return completedPools(pools);
  }

  #keep(record: NetworkRecord): void {
    this.#records.set(record.id, record);
    this.#leases.set(record.id, new AddressLeases(record));
  }

  async #realize(record: NetworkRecord): Promise<void> {
    if (record.isConfigOnly === true) return;
    if (record.driver === 'bridge') {
      const name = bridgeNameOf(record);
      const holder = this.list().find(
        (other) => other !== record && other.driver === 'bridge' && bridgeNameOf(other) === name,
      );
      if (holder !== undefined)
        throw new ContainerError(
          'permission-denied',
          `network ${holder.id} (${holder.name}): conflicts with network ${record.id} (${record.name}): networks have same bridge name`,
        );
      await this.#ensureBridge(record);
      await this.#replaceRules();
      return;
    }
    const parent = record.options['parent'];
    if (parent === undefined || parent === '') {
      if (!record.isInternal)
        throw new ContainerError(
          'invalid-argument',
          `${record.driver} network ${record.name}: option parent is needed: the host's interface that it stands on`,
        );
      return;
    }
    if ((await this.links.find(parent)) === undefined) await this.links.ensureVlan(parent, this.linkAlias);
  }

  async #ensureBridge(record: NetworkRecord): Promise<void> {
    const addresses = record.pools.flatMap((pool): InterfaceAddress[] => {
      const subnet = parseSubnet(pool.subnet);
      return subnet === undefined || pool.gateway === '' || gatewayModeOf(record, subnet.version) === 'isolated'
        ? []
        : [{ address: pool.gateway, prefixLength: subnet.prefixLength }];
    });
    const index = await this.links.ensureBridge(bridgeNameOf(record), mtuOf(record), addresses, this.linkAlias);
    this.#bridgeIndexes.set(record.id, index);
  }

  async #erase(record: NetworkRecord): Promise<void> {
    await this.#parts.store.remove(record.id);
    this.#records.delete(record.id);
    this.#leases.delete(record.id);
    if (record.driver === 'bridge') {
      this.#bridgeIndexes.delete(record.id);
      await this.#replaceRules();
      const link = await this.links.find(bridgeNameOf(record));
      if (link?.alias === this.linkAlias) await this.links.remove(link.name);
      return;
    }
    const parent = record.options['parent'] ?? '';
    const link = parent === '' ? undefined : await this.links.find(parent);
    const isShared = this.list().some((other) => other.options['parent'] === parent);
    if (link?.alias === this.linkAlias && !isShared) await this.links.remove(parent);
  }

  async #replaceRules(): Promise<void> {
    const bridges = this.list()
      .filter((record) => this.#bridgeIndexes.has(record.id))
      .map(
        (record): FirewallBridge => ({
          bridge: bridgeNameOf(record),
          subnets: record.pools.map((pool) => ({
            address: pool.subnet.split('/')[0] ?? '',
            prefixLength: Number(pool.subnet.split('/')[1]),
            mode: gatewayModeOf(record, pool.subnet.includes(':') ? 6 : 4),
          })),
          isInternal: record.isInternal,
          isMasqueraded: optionFlag(record, bridgeOption.masquerade, true),
          allowsIcc: optionFlag(record, bridgeOption.icc, true),
        }),
      );
    await this.firewall.replace(bridges);
  }

  async #ensurePredefined(): Promise<void> {
    const isThere = (driver: string) => this.list().some((record) => record.isPredefined && record.driver === driver);
    for (const driver of ['host', 'null'] as const) {
      if (isThere(driver)) continue;
      const record = predefinedRecord(driver);
      await this.#parts.store.put(record);
      this.#keep(record);
    }
    const present = this.list().find(isDefaultBridge);
    if (this.settings.bridge === 'none') {
      if (present !== undefined) await this.#erase(present);
      return;
    }
    const links = await this.links.list();
    const others = links.find((link) => link.name === this.settings.bridge && link.alias !== this.linkAlias);
    const record = defaultBridgeRecord(this.settings, present, {
      adopted: others === undefined ? [] : await this.links.addressesOf(others),
      isNameFree: (name) => links.every((link) => link.name !== name || link.alias === this.linkAlias),
      freeSubnet: await this.#freeSubnet(present),
      freeIpv6Subnet: this.#pools.freeIpv6(await this.#taken(true), this.#parts.engineId),
    });
    await this.#parts.store.put(record);
    this.#keep(record);
  }

  /** '' when the default bridge has one, or its own flag says it. Throws resource-exhausted. */
  async #freeSubnet(present: NetworkRecord | undefined): Promise<string> {
    if (present !== undefined || this.settings.bridgeIp !== '') return '';
    return this.#pools.free(await this.#taken(true));
  }

  #publish(action: string, record: NetworkRecord): void {
    this.#parts.events.publish('network', action, record.id, { name: record.name, type: record.driver });
  }
}
