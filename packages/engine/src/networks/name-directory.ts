// Who is called what in which network: the names that the embedded DNS servers answer from.
import { formatAddress, parseAddress } from './ip-address.ts';
import type { EndpointState } from './network-record.ts';

export interface NamedEndpoint {
  endpoint: EndpointState;
  /** The container's name: what a reverse question is answered with. */
  name: string;
  /** All of them: name, aliases, short id. */
  names: string[];
}

export interface FoundName {
  ipv4: string[];
  ipv6: string[];
}

interface NetworkNames {
  name: string;
  byName: Map<string, Set<NamedEndpoint>>;
  byAddress: Map<string, NamedEndpoint>;
}

export class NameDirectory {
  readonly #networks = new Map<string, NetworkNames>();
  readonly #endpoints = new Map<string, NamedEndpoint>();

  add(named: NamedEndpoint): void {
    this.remove(named.endpoint.id);
    const { networkId, networkName } = named.endpoint;
    let network = this.#networks.get(networkId);
    if (network === undefined) {
      network = { name: networkName, byName: new Map(), byAddress: new Map() };
      this.#networks.set(networkId, network);
    }
    for (const name of named.names) {
      const key = name.toLowerCase();
      const holders = network.byName.get(key);
      if (holders === undefined) network.byName.set(key, new Set([named]));
      else holders.add(named);
    }
    for (const address of addressesOf(named.endpoint)) network.byAddress.set(address, named);
    this.#endpoints.set(named.endpoint.id, named);
  }

  remove(endpointId: string): void {
    const named = this.#endpoints.get(endpointId);
    const network = named && this.#networks.get(named.endpoint.networkId);
    if (named === undefined || network === undefined) return;
    this.#endpoints.delete(endpointId);
    for (const name of named.names) {
      const holders = network.byName.get(name.toLowerCase());
      holders?.delete(named);
      if (holders?.size === 0) network.byName.delete(name.toLowerCase());
    }
    for (const address of addressesOf(named.endpoint))
      if (network.byAddress.get(address) === named) network.byAddress.delete(address);
    if (network.byName.size === 0 && network.byAddress.size === 0) this.#networks.delete(named.endpoint.networkId);
  }

  /** In the first of these networks that knows it; `name.network` asks one network alone. */
  find(networkIds: readonly string[], name: string): FoundName | undefined {
    const key = name.toLowerCase();
    for (const id of networkIds) {
      const network = this.#networks.get(id);
      if (network === undefined) continue;
      const suffix = `.${network.name.toLowerCase()}`;
      const holders =
        network.byName.get(key) ??
        (key.endsWith(suffix) ? network.byName.get(key.slice(0, -suffix.length)) : undefined);
      if (holders === undefined) continue;
      const endpoints = [...holders].map((holder) => holder.endpoint);
      return {
        ipv4: endpoints.flatMap(({ ipv4 }) => (ipv4 === undefined ? [] : [ipv4.address])),
        ipv6: endpoints.flatMap(({ ipv6 }) => (ipv6 === undefined ? [] : [ipv6.address])),
      };
    }
    return undefined;
  }

  /** `name.network` of who has the address. */
  reverse(networkIds: readonly string[], address: string): string | undefined {
    const parsed = parseAddress(address);
    if (parsed === undefined) return undefined;
    const key = formatAddress(parsed);
    for (const id of networkIds) {
      const network = this.#networks.get(id);
      const holder = network?.byAddress.get(key);
      if (network !== undefined && holder !== undefined) return `${holder.name}.${network.name}`;
    }
    return undefined;
  }
}

function addressesOf({ ipv4, ipv6 }: EndpointState): string[] {
  return [ipv4, ipv6].flatMap((each) => (each === undefined ? [] : [each.address]));
}
