// Ways between linked containers on a default bridge whose containers may not talk to each other (--icc=false with --link):
// the ports that a link's target exposes, from the container that has the link. Used by the containers' networks.
//
// Such a bridge's ports are isolated from each other. Those of linked containers are not, and a table of the bridge family
// lets through what a link is for; it is there only as long as there is such a link. Where br_netfilter is on, the engine's
// own table sees the same packets once more, and is told of the same links.
import { errorMessageOf } from '@tscontainer/core/errors';
import { NetlinkSocket } from '@tscontainer/linux/netlink';
import { action, interfaceName, match, NftBatch, netfilterProtocol } from '@tscontainer/linux/nftables';
import type { Logger } from '@tscontainer/platform/logger';
import type { Container } from '../containers/container.ts';
import { SerialQueue } from '../containers/serial-queue.ts';
import { type LinkedPort, linkKey } from './firewall.ts';
import { parseLink } from './links.ts';
import type { NetworkManager } from './network-manager.ts';
import { bridgeOption, type EndpointState, isDefaultBridge, optionFlag } from './network-record.ts';
import { parseContainerPort } from './port-bindings.ts';

export interface LinkPassagesParts {
  manager: NetworkManager;
  containers: () => Container[];
  findContainer: (reference: string) => Container | undefined;
  log: Logger;
}

interface Passages {
  /** The host's ends of the containers concerned. */
  ports: Set<string>;
  links: LinkedPort[];
}

const arp = Buffer.from([0x08, 0x06]);
const ipv4 = Buffer.from([0x08, 0x00]);

export class LinkPassages {
  readonly #parts: LinkPassagesParts;
  readonly #queue = new SerialQueue();
  #present: Passages = { ports: new Set(), links: [] };

  constructor(parts: LinkPassagesParts) {
    this.#parts = parts;
  }

  /** After a container's network came or went. No error: a way that cannot be made is told of in the log. */
  refresh(): Promise<void> {
    const bridge = this.#parts.manager.list().find(isDefaultBridge);
    if (bridge === undefined || optionFlag(bridge, bridgeOption.icc, true)) return Promise.resolve();
    return this.#queue.run(async () => {
      const wanted = this.#wanted(bridge.id);
      if (wanted.links.length === 0 && this.#present.links.length === 0) return;
      await this.#put(wanted).catch((error) =>
        this.#parts.log.warn({ err: errorMessageOf(error) }, 'linked containers cannot reach each other'),
      );
    });
  }

  #wanted(bridgeId: string): Passages {
    const wanted: Passages = { ports: new Set(), links: [] };
    const endpointOf = (container: Container | undefined): EndpointState | undefined =>
      container?.state.network?.endpoints.find((endpoint) => endpoint.networkId === bridgeId);
    for (const container of this.#parts.containers()) {
      const source = endpointOf(container);
      if (source?.ipv4 === undefined) continue;
      for (const text of container.settings.hostConfig.Links ?? []) {
        const target = this.#parts.findContainer(parseLink(text).target);
        const end = endpointOf(target);
        if (target === undefined || end?.ipv4 === undefined) continue;
        for (const port of Object.keys(target.settings.config.ExposedPorts ?? {}).map(parseContainerPort))
          wanted.links.push({ source: source.ipv4.address, target: end.ipv4.address, ...port });
        wanted.ports.add(source.hostLink).add(end.hostLink);
      }
    }
    return wanted;
  }

  /** Never is a port of the bridge neither isolated nor watched. */
  async #put(wanted: Passages): Promise<void> {
    const { links, firewall } = this.#parts.manager;
    for (const port of this.#present.ports) if (!wanted.ports.has(port)) await links.isolate(port, true);
    const socket = await NetlinkSocket.open(netfilterProtocol);
    try {
      await bridgeTable(`${firewall.table}-links`, wanted).commit(socket);
    } finally {
      socket.close();
    }
    await firewall.allowLinks(wanted.links);
    for (const port of wanted.ports) await links.isolate(port, false);
    this.#present = wanted;
  }
}

function bridgeTable(table: string, { ports, links }: Passages): NftBatch {
  const batch = new NftBatch('bridge', table);
  if (links.length === 0) return batch.deleteTable();
  batch
    .replaceTable()
    .set('ports', ['interface'])
    .set('links', ['ipv4', 'ipv4', 'protocol', 'port'])
    .addElements(
      'ports',
      [...ports].map((port) => ({ key: interfaceName(port) })),
    )
    .addElements(
      'links',
      links.map((link) => ({ key: linkKey(link) })),
    )
    .chain('linked')
    .chain('forward', { type: 'filter', hook: 'forward', priority: 0 });
  for (const key of ['iifname', 'oifname'] as const)
    batch.rule('forward', match.meta(key), match.inSet('ports'), action.jump('linked'));
  const isIpv4 = [match.meta('protocol'), match.equal(ipv4)];
  // register 1 is four words wide: 8 to 11
  const protocol = match.meta('l4proto', 10);
  return batch
    .rule('linked', match.meta('protocol'), match.equal(arp), action.accept())
    .rule(
      'linked',
      ...isIpv4,
      ...[match.payload(1, 12, 4, 8), match.payload(1, 16, 4, 9), protocol, match.payload(2, 2, 2, 11)],
      match.inSet('links'),
      action.accept(),
    )
    .rule(
      'linked',
      ...isIpv4,
      ...[match.payload(1, 16, 4, 8), match.payload(1, 12, 4, 9), protocol, match.payload(2, 0, 2, 11)],
      match.inSet('links'),
      action.accept(),
    )
    .rule('linked', action.drop());
}
