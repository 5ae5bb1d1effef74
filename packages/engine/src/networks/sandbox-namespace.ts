// A container's network namespace in the engine's hands: held by its fd, so that it goes when nobody needs it any more.
import { closeSync, openSync } from 'node:fs';
import { NetlinkSocket } from '@tscontainer/linux/netlink';
import { createNetworkNamespace, writeNetworkSysctls } from '@tscontainer/linux/network-namespace';
import {
  changeLink,
  deleteDefaultRoute,
  deleteLink,
  findLink,
  listLinks,
  newAddress,
  newRoute,
  routeProtocol,
} from '@tscontainer/linux/route-netlink';
import { toBytes } from './ip-address.ts';
import type { EndpointState } from './network-record.ts';

/** What docker sets in each: ports and pings need no privilege in a namespace of one's own. IPv6 is switched on when asked. */
const initialSysctls = {
  '/proc/sys/net/ipv4/ip_unprivileged_port_start': '0',
  '/proc/sys/net/ipv4/ping_group_range': '0 2147483647',
};
const ipv6Sysctls = {
  // leased addresses need no detection, and a port in hairpin mode would answer it itself
  '/proc/sys/net/ipv6/conf/default/accept_dad': '0',
  '/proc/sys/net/ipv6/conf/default/accept_ra': '0',
  '/proc/sys/net/ipv6/conf/default/disable_ipv6': '1',
};

export class SandboxNamespace {
  readonly fd: number;
  #route: Promise<NetlinkSocket> | undefined;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** `hasIpv6`: the kernel knows it. */
  static async create(hasIpv6: boolean): Promise<SandboxNamespace> {
    const sysctls = hasIpv6 ? { ...initialSysctls, ...ipv6Sysctls } : initialSysctls;
    return new SandboxNamespace(await createNetworkNamespace(sysctls));
  }

  /** That of a process. */
  static open(pid: number): SandboxNamespace {
    return new SandboxNamespace(openSync(`/proc/${pid}/ns/net`, 'r'));
  }

  /** Found by every process that may look into this one, wherever it is mounted. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  route(): Promise<NetlinkSocket> {
    this.#route ??= NetlinkSocket.open(routeProtocol, this.fd);
    return this.#route;
  }

  close(): void {
    this.#route?.then(
      (socket) => socket.close(),
      () => undefined, // it was never opened
    );
    closeSync(this.fd);
  }

  /** Brings an endpoint's interface up with its addresses, and with the default route when `hasGateway`. */
  async configure(endpoint: EndpointState, options: { hasGateway: boolean; alias: string }): Promise<void> {
    const route = await this.route();
    const at = (await findLink(route, endpoint.interfaceName))?.index ?? 0;
    const { ipv4, ipv6 } = endpoint;
    await route.send([
      ...[ipv4, ipv6]
        .filter((each) => each !== undefined)
        .map((each) => newAddress(at, toBytes(each.address), each.prefixLength)),
      // only where the host has no end of it to know it by
      changeLink(at, { isUp: true, alias: endpoint.hostLink === '' ? options.alias : undefined }),
      ...(options.hasGateway ? defaultRoutes(endpoint, at) : []),
    ]);
  }

  /** The default routes lead over these endpoints alone; undefined: there is none. */
  async setGateway(ipv4: EndpointState | undefined, ipv6: EndpointState | undefined): Promise<void> {
    const route = await this.route();
    const indexOf = async (endpoint: EndpointState) => (await findLink(route, endpoint.interfaceName))?.index ?? 0;
    await route.send([
      ...(ipv4 === undefined
        ? [deleteDefaultRoute(false)]
        : defaultRoutes({ ...ipv4, ipv6: undefined }, await indexOf(ipv4))),
      ...(ipv6 === undefined
        ? [deleteDefaultRoute(true)]
        : defaultRoutes({ ...ipv6, ipv4: undefined }, await indexOf(ipv6))),
    ]);
  }

  /** Interfaces that come after this have IPv6; those without addresses of it keep quiet. */
  async enableIpv6(): Promise<void> {
    await writeNetworkSysctls(this.fd, {
      '/proc/sys/net/ipv6/conf/default/disable_ipv6': '0',
      '/proc/sys/net/ipv6/conf/all/disable_ipv6': '0',
    });
  }

  /** Takes away links of ours (known by `alias`) that are not in `names`. */
  async keepOnly(names: readonly string[], alias: string): Promise<void> {
    const route = await this.route();
    for (const link of await listLinks(route))
      if (link.alias === alias && !names.includes(link.name)) await route.send([deleteLink(link.name)]);
  }

  async removeLink(name: string): Promise<void> {
    await (await this.route()).send([deleteLink(name)]);
  }

  async hasLink(name: string): Promise<boolean> {
    return (await findLink(await this.route(), name)) !== undefined;
  }
}

function defaultRoutes({ ipv4, ipv6 }: Pick<EndpointState, 'ipv4' | 'ipv6'>, index: number) {
  return [ipv4, ipv6]
    .filter((each) => each !== undefined && each.gateway !== '')
    .map((each) => {
      const gateway = toBytes(each?.gateway ?? '');
      return newRoute({ isIpv6: gateway.length === 16, gateway, index });
    });
}
