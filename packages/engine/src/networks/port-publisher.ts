// Publishes the ports of a container's run: holds them on the host, leads them to the container, and takes them back.
import type { Logger } from '@tscontainer/platform/logger';
import type { ForwardedPort } from './firewall.ts';
import { type HeldPort, type HostPorts, letGo } from './host-ports.ts';
import type { NetworkManager } from './network-manager.ts';
import { bridgeOption, type EndpointState, gatewayModeOf, type PublishedPort } from './network-record.ts';
import type { PublishWish } from './port-bindings.ts';
import { openPortProxy, type PortProxy, type ProxyTarget } from './port-proxy.ts';

interface Open {
  port: PublishedPort;
  /** Undefined in routed networks: the host has no part in it. */
  held: HeldPort | undefined;
  forwarded: ForwardedPort | undefined;
  proxy: PortProxy | undefined;
  /** Where the proxy leads: changed in place. */
  proxyTarget: ProxyTarget | undefined;
}

/** Of one container's run. */
export class PortPublisher {
  readonly #manager: NetworkManager;
  readonly #hostPorts: HostPorts;
  readonly #log: Logger;
  #open: Open[] = [];

  constructor(manager: NetworkManager, hostPorts: HostPorts, log: Logger) {
    this.#manager = manager;
    this.#hostPorts = hostPorts;
    this.#log = log;
  }

  get ports(): PublishedPort[] {
    return this.#open.map(({ port }) => port);
  }

  /**
   * The ports are held when it resolves; they lead nowhere yet. On a failure none of `wishes` is. `endpoint` is where they
   * will lead: in a routed network nothing of the host's is held.
   */
  async hold(wishes: PublishWish[], endpoint: EndpointState | undefined): Promise<PublishedPort[]> {
    const added: Open[] = [];
    const add = (port: PublishedPort, held: HeldPort | undefined) =>
      added.push({ port, held, forwarded: undefined, proxy: undefined, proxyTarget: undefined });
    try {
      for (const wish of wishes) {
        const { port: containerPort, protocol } = wish;
        const [routed, translated] = this.#addressesOf(wish.hostIp, endpoint);
        for (const hostIp of routed) add({ containerPort, protocol, hostIp, hostPort: 0 }, undefined);
        if (translated.length === 0) continue;
        for (const held of await this.#hostPorts.hold(wish, translated))
          add({ containerPort, protocol, hostIp: held.hostIp, hostPort: held.port }, held);
      }
    } catch (error) {
      for (const { held } of added) if (held !== undefined) letGo(held);
      throw error;
    }
    this.#open.push(...added);
    return added.map(({ port }) => port);
  }

  /** Those of `wishes` that nothing held fulfils. */
  missing(wishes: PublishWish[]): PublishWish[] {
    return wishes.filter((wish) => !this.#open.some(({ port }) => isWished(port, [wish])));
  }

  /** Leads those that are held to the endpoint; those that lead elsewhere are led anew. */
  async lead(endpoint: EndpointState | undefined): Promise<void> {
    const moved = this.#open.flatMap((open) => (open.forwarded === undefined ? [] : [open.forwarded]));
    await this.#manager.firewall.withdraw(moved);
    for (const open of this.#open) open.forwarded = undefined;
    if (endpoint === undefined) return;
    for (const open of this.#open) this.#target(open, endpoint);
    await this.#manager.firewall.forward(
      this.#open.flatMap((open) => (open.forwarded === undefined ? [] : [open.forwarded])),
    );
  }

  /** Those that `isWanted` picks; all of them at the end of the run. */
  async withdraw(isWanted: (port: PublishedPort) => boolean = () => true): Promise<void> {
    const closing = this.#open.filter(({ port }) => isWanted(port));
    this.#open = this.#open.filter(({ port }) => !isWanted(port));
    for (const { held, proxy } of closing) {
      proxy?.close();
      if (held !== undefined) letGo(held);
    }
    await this.#manager.firewall.withdraw(
      closing.flatMap(({ forwarded }) => (forwarded === undefined ? [] : [forwarded])),
    );
  }

  #target(open: Open, endpoint: EndpointState): void {
    const { protocol, hostIp, hostPort, containerPort } = open.port;
    const isV6 = hostIp.includes(':');
    const target = (isV6 ? endpoint.ipv6 : endpoint.ipv4)?.address;
    if (target !== undefined)
      open.forwarded = { protocol, hostIp, hostPort, targetIp: target, targetPort: containerPort };
    // what the kernel does not translate comes to the socket that holds the port: ::1, and IPv6 to IPv4
    const address = target ?? endpoint.ipv4?.address;
    if (open.held === undefined) return;
    const isServed = isV6 && (target === undefined || hostIp === '::' || hostIp === '::1');
    if (!isServed || address === undefined) return;
    if (open.proxyTarget !== undefined) {
      open.proxyTarget.address = address;
      return;
    }
    open.proxyTarget = { address, port: containerPort };
    open.proxy = openPortProxy(open.held, open.proxyTarget, this.#log);
  }

  /** Of the addresses that a wish means: those of versions that are routed there, and the others. */
  #addressesOf(wished: string, endpoint: EndpointState | undefined): [string[], string[]] {
    const record = endpoint === undefined ? undefined : this.#manager.tryFind(endpoint.networkId);
    const binding = record?.options[bridgeOption.hostBinding] || this.#manager.settings.hostBindingIp;
    const standard = binding === '0.0.0.0' && this.#manager.hasIpv6 ? ['0.0.0.0', '::'] : [binding];
    const addresses = wished === '' ? standard : [wished];
    const isRouted = (address: string) => {
      const isV6 = address.includes(':');
      const has = (isV6 ? endpoint?.ipv6 : endpoint?.ipv4) !== undefined;
      return has && record !== undefined && gatewayModeOf(record, isV6 ? 6 : 4) === 'routed';
    };
    return [addresses.filter(isRouted), addresses.filter((address) => !isRouted(address))];
  }
}

/** One of `wishes` is fulfilled by `port`. */
export function isWished(port: PublishedPort, wishes: PublishWish[]): boolean {
  return wishes.some(
    (wish) =>
      wish.port === port.containerPort &&
      wish.protocol === port.protocol &&
      (wish.hostIp === port.hostIp || wish.hostIp === '') &&
      (wish.firstPort === 0 ||
        port.hostPort === 0 ||
        (wish.firstPort <= port.hostPort && port.hostPort <= wish.lastPort)),
  );
}
