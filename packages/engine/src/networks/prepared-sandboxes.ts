// Namespaces kept ready: some bare, for containers without network, some with an interface on the default bridge, address and routes and all, some with the sockets
// of a DNS server for user-defined networks. A start that takes one waits for nothing of the kernel's.
import { ContainerError } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import { closeDnsSockets, type DnsSockets, openDnsSockets } from './dns-server.ts';
import type { EndpointLeases } from './endpoint-leases.ts';
import { addInterface } from './endpoint-links.ts';
import type { NetworkManager } from './network-manager.ts';
import { type EndpointState, emptyEndpointRequest, isDefaultBridge } from './network-record.ts';
import { ReadyPool } from './ready-pool.ts';
import { SandboxNamespace } from './sandbox-namespace.ts';

/** How many are kept ready of each. */
const readyOnBridge = 8;
const readyForNames = 3;
const readyBare = 8;

export interface PreparedOnBridge {
  space: SandboxNamespace;
  endpoint: EndpointState;
}

export interface PreparedForNames {
  space: SandboxNamespace;
  dns: DnsSockets;
}

export class PreparedSandboxes {
  readonly #manager: NetworkManager;
  readonly #leases: EndpointLeases;
  readonly #onBridge: ReadyPool<PreparedOnBridge>;
  readonly #forNames: ReadyPool<PreparedForNames>;
  readonly #bare: ReadyPool<SandboxNamespace>;

  constructor(manager: NetworkManager, leases: EndpointLeases, log: Logger) {
    this.#manager = manager;
    this.#leases = leases;
    this.#onBridge = new ReadyPool({
      name: 'default bridge',
      size: readyOnBridge,
      make: () => this.#makeOnBridge(),
      dispose: (item) => this.#disposeOnBridge(item),
      log,
    });
    this.#forNames = new ReadyPool({
      name: 'user-defined networks',
      size: readyForNames,
      make: () => this.#makeForNames(),
      dispose: ({ space, dns }) => {
        closeDnsSockets(dns);
        space.close();
      },
      log,
    });
    this.#bare = new ReadyPool({
      name: 'no network',
      size: readyBare,
      make: () => SandboxNamespace.create(manager.hasIpv6),
      dispose: (space) => space.close(),
      log,
    });
  }

  open(): void {
    if (this.#manager.list().some(isDefaultBridge)) this.#onBridge.open();
    this.#forNames.open();
    this.#bare.open();
  }

  /** Undefined when none is ready. */
  takeOnBridge(): PreparedOnBridge | undefined {
    return this.#onBridge.take();
  }

  takeForNames(): PreparedForNames | undefined {
    return this.#forNames.take();
  }

  takeBare(): SandboxNamespace | undefined {
    return this.#bare.take();
  }

  close(): void {
    this.#bare.close();
    this.#onBridge.close();
    this.#forNames.close();
  }

  async #makeOnBridge(): Promise<PreparedOnBridge> {
    const record = this.#manager.list().find(isDefaultBridge);
    if (record === undefined) throw new ContainerError('failed-precondition', 'there is no default bridge');
    const endpoint = await this.#leases.lease(record, emptyEndpointRequest(), []);
    const space = await SandboxNamespace.create(this.#manager.hasIpv6).catch((error) => {
      this.#leases.leave(endpoint);
      throw error;
    });
    try {
      await addInterface(this.#manager, record, space, endpoint);
      await space.configure(endpoint, { hasGateway: true, alias: this.#manager.linkAlias });
      return { space, endpoint };
    } catch (error) {
      this.#disposeOnBridge({ space, endpoint });
      throw error;
    }
  }

  #disposeOnBridge({ space, endpoint }: PreparedOnBridge): void {
    space.close();
    this.#leases.leave(endpoint);
  }

  async #makeForNames(): Promise<PreparedForNames> {
    const space = await SandboxNamespace.create(this.#manager.hasIpv6);
    try {
      return { space, dns: await openDnsSockets(space.fd) };
    } catch (error) {
      space.close();
      throw error;
    }
  }
}
