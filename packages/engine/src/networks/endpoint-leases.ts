// Addresses, names and numbers of endpoints: leased before an interface is made, free again once it is gone.
import { errorMessageOf } from '@tscontainer/core/errors';
import { newId } from '@tscontainer/core/ids';
import type { Logger } from '@tscontainer/platform/logger';
import { hardwareAddressFor, newHostLink } from './endpoint-links.ts';
import { LeavingLinks } from './leaving-links.ts';
import type { NetworkManager } from './network-manager.ts';
import {
  bridgeOption,
  type EndpointRequest,
  type EndpointState,
  type LeasedAddress,
  type NetworkRecord,
} from './network-record.ts';

export class EndpointLeases {
  readonly #manager: NetworkManager;
  readonly #log: Logger;
  readonly #leaving: LeavingLinks;
  /** The links that still hold an address, by network and address. */
  readonly #leavingAddresses = new Map<string, string>();

  constructor(manager: NetworkManager, log: Logger) {
    this.#manager = manager;
    this.#log = log;
    this.#leaving = new LeavingLinks(manager.links, log);
  }

  close(): void {
    this.#leaving.close();
  }

  /** `others`: endpoints that the container has already. On a failure nothing is leased. */
  async lease(
    record: NetworkRecord,
    request: Pick<EndpointRequest, 'ipv4Address' | 'ipv6Address' | 'macAddress'>,
    others: readonly EndpointState[],
  ): Promise<EndpointState> {
    const id = newId();
    const ipv4 = await this.#address(record, 4, id, request.ipv4Address);
    let ipv6: LeasedAddress | undefined;
    try {
      ipv6 = await this.#address(record, 6, id, request.ipv6Address);
    } catch (error) {
      if (ipv4 !== undefined) this.#manager.leasesOf(record).release(ipv4.address, id);
      throw error;
    }
    return {
      id,
      networkId: record.id,
      networkName: record.name,
      interfaceName: freeName(record.options[bridgeOption.interfacePrefix] || 'eth', others),
      hostLink: newHostLink(record),
      macAddress: (request.macAddress || hardwareAddressFor(ipv4)).toLowerCase().replaceAll('-', ':'),
      ipv4: withGateway(record, ipv4),
      ipv6: withGateway(record, ipv6),
    };
  }

  /** Its addresses are free once its link is gone. */
  leave(endpoint: EndpointState): void {
    const record = this.#manager.tryFind(endpoint.networkId);
    const addresses = [endpoint.ipv4, endpoint.ipv6].flatMap((each) => (each === undefined ? [] : [each.address]));
    const free = () => {
      for (const address of addresses) {
        this.#leavingAddresses.delete(`${endpoint.networkId} ${address}`);
        if (record !== undefined && this.#manager.tryFind(record.id) === record)
          this.#manager.leasesOf(record).release(address, endpoint.id);
      }
    };
    if (endpoint.hostLink === '') {
      free();
      return;
    }
    for (const address of addresses) this.#leavingAddresses.set(`${endpoint.networkId} ${address}`, endpoint.hostLink);
    this.#leaving.add(endpoint.hostLink, free);
  }

  /** After a start of the engine: what a running container has. */
  claimAgain(endpoint: EndpointState): void {
    const record = this.#manager.tryFind(endpoint.networkId);
    if (record === undefined) return;
    for (const leased of [endpoint.ipv4, endpoint.ipv6]) {
      if (leased === undefined) continue;
      try {
        this.#manager.leasesOf(record).claim(leased.address, endpoint.id);
      } catch (error) {
        this.#log.error({ address: leased.address, err: errorMessageOf(error) }, 'lease is lost');
      }
    }
  }

  /** A fixed address that an ended run still holds is taken from it. */
  async #address(record: NetworkRecord, version: 4 | 6, holder: string, wanted: string) {
    const leases = this.#manager.leasesOf(record);
    if (wanted === '') {
      if (version === 4 ? !record.isIpv4 : !record.isIpv6) return undefined;
      return leases.lease(version, holder);
    }
    const leaving = this.#leavingAddresses.get(`${record.id} ${wanted}`);
    if (leaving !== undefined) await this.#leaving.hasten(leaving);
    return leases.claim(wanted, holder);
  }
}

function freeName(prefix: string, others: readonly EndpointState[]): string {
  const taken = new Set(others.map((endpoint) => endpoint.interfaceName));
  let number = 0;
  while (taken.has(`${prefix}${number}`)) number++;
  return `${prefix}${number}`;
}

/** An internal network's containers have no way out. */
function withGateway(record: NetworkRecord, address: LeasedAddress | undefined): LeasedAddress | undefined {
  return address === undefined || !record.isInternal ? address : { ...address, gateway: '' };
}
