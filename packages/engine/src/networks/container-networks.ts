// What the containers' side asks of the networks: a run's endpoints made before its task, and undone after its exit;
// connect and disconnect between; everything found again after a restart.
//
// Story of a run: `start` before Tasks.Create, `attachTask` after it, `release` after the exit was committed. Whatever is
// made is in the container's state first, and that state is committed by whoever calls.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, errorMessageOf, withContext } from '@tscontainer/core/errors';
import { newId } from '@tscontainer/core/ids';
import type { Logger } from '@tscontainer/platform/logger';
import type { Container } from '../containers/container.ts';
import type { ContainerSettings } from '../containers/container-record.ts';
import type { EnginePaths } from '../engine-paths.ts';
import { AddressFiles } from './address-files.ts';
import { EndpointLeases } from './endpoint-leases.ts';
import { addInterface, removeInterface } from './endpoint-links.ts';
import { type PlannedEndpoint, plannedEndpoints, setupFailed } from './endpoint-plan.ts';
import { checkEndpoint, checkEndpoints } from './endpoint-rules.ts';
import { mainEndpoint } from './gateway-choice.ts';
import { HostPorts } from './host-ports.ts';
import { LinkPassages } from './link-passages.ts';
import { defaultBridgeLinks, linkEnvironment } from './links.ts';
import { NameDirectory } from './name-directory.ts';
import type { NetworkManager } from './network-manager.ts';
import { checkConnectable, type EndpointRequests, hasOwnNetwork } from './network-modes.ts';
import {
  type EndpointRequest,
  type EndpointState,
  isDefaultBridge,
  type NetworkRecord,
  type SandboxState,
} from './network-record.ts';
import { allBindings, publishWishes } from './port-bindings.ts';
import { isWished, PortPublisher } from './port-publisher.ts';
import { type PreparedOnBridge, PreparedSandboxes } from './prepared-sandboxes.ts';
import { Sandbox } from './sandbox.ts';
import { SandboxNamespace } from './sandbox-namespace.ts';

export interface ContainerNetworksParts {
  manager: NetworkManager;
  paths: EnginePaths;
  containers: () => Container[];
  findContainer: (reference: string) => Container | undefined;
  publish: (action: string, container: Container, network: NetworkRecord) => void;
  log: Logger;
}

export class ContainerNetworks {
  readonly manager: NetworkManager;
  readonly names = new NameDirectory();
  readonly #parts: ContainerNetworksParts;
  readonly files: AddressFiles;
  readonly #hostPorts = new HostPorts();
  readonly #leases: EndpointLeases;
  readonly #prepared: PreparedSandboxes;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #passages: LinkPassages;

  constructor(parts: ContainerNetworksParts) {
    this.#parts = parts;
    this.manager = parts.manager;
    this.#leases = new EndpointLeases(parts.manager, parts.log);
    this.files = new AddressFiles(parts);
    this.#passages = new LinkPassages(parts);
    this.#prepared = new PreparedSandboxes(parts.manager, this.#leases, parts.log);
    parts.manager.usersOf = (networkId) =>
      parts.containers().flatMap(({ name, state }) => {
        const endpoint = state.network?.endpoints.find((each) => each.networkId === networkId);
        return endpoint === undefined ? [] : [{ name, endpointId: endpoint.id }];
      });
    mkdirSync(parts.paths.namespaces, { recursive: true, mode: 0o711 });
  }

  /** Once, before anything is started: leases and ports of containers that were running, then the host's side. */
  async restore(): Promise<void> {
    for (const name of readdirSync(this.#parts.paths.namespaces))
      rmSync(join(this.#parts.paths.namespaces, name), { force: true });
    const wanted = new Set<string>();
    for (const container of this.#parts.containers()) {
      for (const endpoint of container.state.network?.endpoints ?? []) {
        this.#leases.claimAgain(endpoint);
        wanted.add(endpoint.hostLink);
      }
    }
    await this.manager.restore();
    for (const link of await this.manager.links.list())
      if (link.alias === this.manager.linkAlias && link.name.startsWith('veth') && !wanted.has(link.name))
        await this.manager.links.remove(link.name);
  }

  /** Once containers may be started. */
  openPools(): void {
    this.#prepared.open();
  }

  /** Running containers keep their networks; without any, the host is left as it was. */
  async close(): Promise<void> {
    this.#prepared.close();
    this.#leases.close();
    if (this.#sandboxes.size === 0)
      await this.manager
        .withdraw()
        .catch((error) => this.#parts.log.warn({ err: errorMessageOf(error) }, 'networks stay on the host'));
    for (const sandbox of this.#sandboxes.values()) sandbox.close();
    this.manager.close();
  }

  /**
   * Networks that were named by id get their names; those that there are not yet stay as they are. Throws
   * invalid-argument for what the others do not offer.
   */
  namedEndpoints(requests: EndpointRequests): EndpointRequests {
    checkEndpoints(this.manager, requests);
    return Object.fromEntries(
      Object.entries(requests).map(([key, request]) => {
        const record = this.manager.tryFind(key);
        if (record === undefined) return [key, request];
        return [record.name, { ...request, networkId: hasOwnNetwork(record.name) ? '' : record.id }];
      }),
    );
  }

  /** The path by which its specification names its namespace; undefined: the runtime makes one, or joins another's. */
  namespacePath(settings: ContainerSettings): string | undefined {
    const { hostConfig, idMapping, id, config } = settings;
    if (idMapping !== undefined || config.NetworkDisabled) return undefined;
    if (!hasOwnNetwork(hostConfig.NetworkMode) && hostConfig.NetworkMode !== 'none') return undefined;
    return this.#parts.paths.networkNamespace(id);
  }

  /** Variables that `--link` gives on the default bridge. */
  linkEnvironment(settings: ContainerSettings): string[] {
    if ((settings.hostConfig.Links ?? []).length === 0 || this.files.hasDnsServer(settings)) return [];
    return linkEnvironment(settings, defaultBridgeLinks(settings, this.#parts.findContainer));
  }

  /**
   * Makes what its settings ask for, and puts it into its state. A namespace of a user namespace's own is made by the
   * runtime, since only that may be mounted there: its interfaces come with `attachTask`.
   */
  async start(container: Container): Promise<void> {
    const { settings, state } = container;
    state.network = undefined;
    if (settings.hostConfig.NetworkMode === 'none' && this.namespacePath(settings) !== undefined)
      await this.#lendBare(container);
    if (!hasOwnNetwork(settings.hostConfig.NetworkMode) || settings.config.NetworkDisabled) return;
    const plan = plannedEndpoints(this.manager, container.settings);
    const ports = new PortPublisher(this.manager, this.#hostPorts, this.#parts.log);
    const sandbox = new Sandbox(this.#parts.paths.networkNamespace(container.id), ports, this.#parts.log);
    this.#sandboxes.set(container.id, sandbox);
    const network: SandboxState = { id: newId(), endpoints: [], ports: [] };
    state.network = network;
    try {
      await this.#fill(container, sandbox, network, plan);
    } catch (error) {
      await this.release(container, network, false);
      state.network = undefined;
      throw setupFailed(error);
    }
  }

  /** A namespace with a loopback and nothing else, until the task holds it itself. */
  async #lendBare({ id }: Container): Promise<void> {
    const space = this.#prepared.takeBare() ?? (await SandboxNamespace.create(this.manager.hasIpv6));
    const ports = new PortPublisher(this.manager, this.#hostPorts, this.#parts.log);
    const sandbox = new Sandbox(this.#parts.paths.networkNamespace(id), ports, this.#parts.log);
    this.#sandboxes.set(id, sandbox);
    sandbox.enter(space, space.path);
  }

  /** After Tasks.Create. */
  takeBack({ id, state }: Container): void {
    if (state.network !== undefined) return;
    this.#sandboxes.get(id)?.close();
    this.#sandboxes.delete(id);
  }

  async #fill(container: Container, sandbox: Sandbox, network: SandboxState, plan: PlannedEndpoint[]): Promise<void> {
    const isLate = container.settings.idMapping !== undefined;
    const prepared = isLate ? undefined : this.#takePrepared(plan);
    if (prepared !== undefined) {
      sandbox.enter(prepared.space, prepared.space.path);
      network.endpoints.push(prepared.endpoint);
    } else if (!isLate) {
      const bare = this.#prepared.takeForNames();
      const space = bare?.space ?? (await SandboxNamespace.create(this.manager.hasIpv6));
      sandbox.enter(space, space.path, bare?.dns);
    }
    for (const { record, request } of plan) {
      if (prepared?.endpoint.networkId === record.id) continue;
      network.endpoints.push(await this.#leases.lease(record, request, network.endpoints));
    }
    if (!isLate) await this.#makeInterfaces(container, sandbox, network, prepared?.endpoint);
    await this.#publishPorts(container, sandbox, network);
    this.#announce(container, network.endpoints);
    this.files.writeHosts(container);
    if (isLate) return;
    await this.#openDns(container, sandbox);
    await this.#passages.refresh();
  }

  /** Whether the run's interfaces wait for `attachTask`: then its process may not start before. */
  needsTask({ id, state }: Container): boolean {
    const sandbox = this.#sandboxes.get(id);
    return state.network !== undefined && sandbox !== undefined && sandbox.space === undefined;
  }

  /** After Tasks.Create: what could not be made before the task's own namespace was there. */
  async attachTask(container: Container, pid: number): Promise<void> {
    const sandbox = this.#sandboxes.get(container.id);
    const { network } = container.state;
    if (sandbox === undefined || network === undefined || sandbox.space !== undefined) return;
    sandbox.enterThatOf(pid);
    await this.#makeInterfaces(container, sandbox, network, undefined);
    await this.#openDns(container, sandbox);
    await this.#passages.refresh();
  }

  /** Told once the container counts as started. */
  tellConnected(container: Container): void {
    for (const endpoint of container.state.network?.endpoints ?? [])
      this.#tell('connect', container, endpoint.networkId);
  }

  /** After the exit was committed; `network` is what the run had. Its addresses are free once its links are gone. */
  async release(container: Container, network: SandboxState | undefined, isTold = true): Promise<void> {
    const sandbox = this.#sandboxes.get(container.id);
    this.#sandboxes.delete(container.id);
    for (const endpoint of network?.endpoints ?? []) {
      if (isTold) this.#tell('disconnect', container, endpoint.networkId);
      this.names.remove(endpoint.id);
    }
    sandbox?.close(); // before anything is waited for: the next run has its namespace at the same place
    try {
      await sandbox?.ports.withdraw();
    } catch (error) {
      this.#parts.log.warn({ id: container.id, err: errorMessageOf(error) }, 'published ports not withdrawn');
    }
    await this.#passages.refresh();
    for (const endpoint of network?.endpoints ?? []) this.#leases.leave(endpoint);
  }

  /** A container that runs since before the engine's start: everything that is not there any more is made again. */
  async adopt(container: Container): Promise<void> {
    const { network, pid } = container.state;
    if (network === undefined || pid === 0 || this.#sandboxes.has(container.id)) return;
    const ports = new PortPublisher(this.manager, this.#hostPorts, this.#parts.log);
    const sandbox = new Sandbox(this.#parts.paths.networkNamespace(container.id), ports, this.#parts.log);
    this.#sandboxes.set(container.id, sandbox);
    const space = sandbox.enterThatOf(pid);
    for (const endpoint of network.endpoints) await this.#remake(space, endpoint);
    await space.keepOnly(
      network.endpoints.map((endpoint) => endpoint.interfaceName),
      this.manager.linkAlias,
    );
    await this.#chooseGateway(container, sandbox);
    const main = mainEndpoint(this.manager, container)?.endpoint;
    for (const port of network.ports) {
      const wish = { port: port.containerPort, protocol: port.protocol, hostIp: port.hostIp };
      await ports
        .hold([{ ...wish, firstPort: port.hostPort, lastPort: port.hostPort }], main)
        .catch((error) => this.#parts.log.error({ id: container.id, err: errorMessageOf(error) }, 'port lost'));
    }
    await ports.lead(main);
    this.#announce(container, network.endpoints);
    await this.#openDns(container, sandbox);
    await this.#passages.refresh();
  }

  /** Makes an interface of a running container unless it is there. */
  async #remake(space: SandboxNamespace, endpoint: EndpointState): Promise<void> {
    const record = this.manager.tryFind(endpoint.networkId);
    if (record === undefined) return;
    // by the host's end where there is one: the name inside may be that of an interface that is on its way out
    const { hostLink } = endpoint;
    const isOnHost = hostLink === '' || (await this.manager.links.find(hostLink)) !== undefined;
    if (!isOnHost || !(await space.hasLink(endpoint.interfaceName))) {
      await space.removeLink(endpoint.interfaceName);
      await addInterface(this.manager, record, space, endpoint);
    }
    // also when it is there: it may have been made, and not configured any more
    await space.configure(endpoint, { hasGateway: false, alias: this.manager.linkAlias });
  }

  /** In the container's queue. Throws permission-denied when it is connected already. */
  async connect(
    container: Container,
    record: NetworkRecord,
    request: EndpointRequest,
    commit: () => Promise<void>,
  ): Promise<void> {
    const { settings, state } = container;
    checkConnectable(settings, record);
    checkEndpoint(record, request);
    const before = settings.endpoints;
    const sandbox = this.#sandboxes.get(container.id);
    const { network } = state;
    const isLive = container.isRunning && sandbox !== undefined && network !== undefined;
    const endpoint = isLive ? await this.#leases.lease(record, request, network.endpoints) : undefined;
    container.settings.endpoints = { ...before, [record.name]: { ...request, networkId: record.id } };
    if (endpoint !== undefined) network?.endpoints.push(endpoint);
    const undo = async () => {
      container.settings.endpoints = before;
      if (network !== undefined) network.endpoints = network.endpoints.filter((each) => each !== endpoint);
      if (endpoint !== undefined) this.#leases.leave(endpoint);
    };
    try {
      // written down first: killed in between, the next start makes it
      await commit();
    } catch (error) {
      await undo();
      throw error;
    }
    if (endpoint === undefined || sandbox?.space === undefined || network === undefined) return;
    try {
      await addInterface(this.manager, record, sandbox.space, endpoint);
      await sandbox.space.configure(endpoint, { hasGateway: false, alias: this.manager.linkAlias });
      await this.#chooseGateway(container, sandbox);
      await this.#republish(container, sandbox, network, commit);
    } catch (error) {
      await undo();
      await removeInterface(this.manager, sandbox.space, endpoint).catch(() => undefined);
      await commit();
      throw error;
    }
    this.#announce(container, [endpoint]);
    this.#writeFiles(container);
    await this.#openDns(container, sandbox);
    this.#tell('connect', container, record.id);
  }

  /** In the container's queue. Throws permission-denied when it is not connected. */
  async disconnect(container: Container, record: NetworkRecord, commit: () => Promise<void>): Promise<void> {
    const { settings, state } = container;
    const { network } = state;
    const key = Object.keys(settings.endpoints).find(
      (name) => name === record.name || name === record.id || settings.endpoints[name]?.networkId === record.id,
    );
    const endpoint = network?.endpoints.find((each) => each.networkId === record.id);
    if (record.driver === 'host' && settings.hostConfig.NetworkMode === 'host')
      throw new ContainerError(
        'invalid-argument',
        'cannot disconnect container from host network - container was created in host network mode',
      );
    if (key === undefined && endpoint === undefined)
      throw new ContainerError(
        'permission-denied',
        `container ${container.id} is not connected to network ${record.name}`,
      );
    container.settings.endpoints = Object.fromEntries(
      Object.entries(settings.endpoints).filter(([name]) => name !== key),
    );
    if (network !== undefined) network.endpoints = network.endpoints.filter((each) => each !== endpoint);
    // written down first: killed in between, the next start takes the link away
    await commit();
    const sandbox = this.#sandboxes.get(container.id);
    if (endpoint === undefined || sandbox === undefined || network === undefined) return;
    this.names.remove(endpoint.id);
    await removeInterface(this.manager, sandbox.space, endpoint);
    this.#leases.leave(endpoint);
    await this.#chooseGateway(container, sandbox);
    await this.#republish(container, sandbox, network, commit);
    this.#writeFiles(container);
    this.#tell('disconnect', container, record.id);
  }

  /** Publishes further ports of a container, or withdraws some; in force at once when it runs. */
  async changePorts(
    container: Container,
    change: { bindings: Container['settings']['hostConfig']['PortBindings']; commit: () => Promise<void> },
  ): Promise<void> {
    const { settings, state } = container;
    const before = settings.hostConfig;
    const wishes = publishWishes(allBindings(change.bindings, settings.config.ExposedPorts, before.PublishAllPorts));
    container.settings.hostConfig = { ...before, PortBindings: change.bindings };
    const ports = this.#sandboxes.get(container.id)?.ports;
    const { network } = state;
    try {
      if (!container.isRunning || ports === undefined || network === undefined) return await change.commit();
      const main = mainEndpoint(this.manager, container)?.endpoint;
      if (main !== undefined) await ports.hold(ports.missing(wishes), main);
      network.ports = ports.ports.filter((port) => isWished(port, wishes));
      await change.commit();
      await ports.withdraw((port) => !isWished(port, wishes));
      await ports.lead(main);
    } catch (error) {
      container.settings.hostConfig = before;
      throw error;
    }
  }

  #takePrepared(plan: PlannedEndpoint[]): PreparedOnBridge | undefined {
    const first = plan[0];
    if (first === undefined || !isDefaultBridge(first.record) || first.request.macAddress !== '') return undefined;
    return this.#prepared.takeOnBridge();
  }

  async #makeInterfaces(
    container: Container,
    sandbox: Sandbox,
    network: SandboxState,
    ready: EndpointState | undefined,
  ): Promise<void> {
    const { space } = sandbox;
    if (space === undefined) return;
    const pending = network.endpoints.filter((endpoint) => endpoint !== ready);
    if (pending.length === 0) return;
    for (const endpoint of pending) {
      const record = this.manager.find(endpoint.networkId);
      await addInterface(this.manager, record, space, endpoint);
      await space.configure(endpoint, { hasGateway: false, alias: this.manager.linkAlias });
    }
    await this.#chooseGateway(container, sandbox);
  }

  async #chooseGateway(container: Container, sandbox: Sandbox): Promise<void> {
    const main = mainEndpoint(this.manager, container);
    await sandbox.setGateway(main?.ipv4, main?.ipv6);
  }

  async #publishPorts(container: Container, sandbox: Sandbox, network: SandboxState): Promise<void> {
    const { hostConfig, config } = container.settings;
    const bindings = allBindings(hostConfig.PortBindings, config.ExposedPorts, hostConfig.PublishAllPorts);
    const wishes = publishWishes(bindings);
    const main = wishes.length === 0 ? undefined : mainEndpoint(this.manager, container)?.endpoint;
    if (main === undefined) return; // an internal network publishes nothing
    await sandbox.ports.hold(wishes, main).catch((error) => {
      throw withContext(
        `driver failed programming external connectivity on endpoint ${container.name} (${main.id})`,
        error,
      );
    });
    network.ports = sandbox.ports.ports;
    await sandbox.ports.lead(main);
  }

  /** After the endpoint that the ports lead to may have changed. */
  async #republish(
    container: Container,
    sandbox: Sandbox,
    network: SandboxState,
    commit: () => Promise<void>,
  ): Promise<void> {
    const main = mainEndpoint(this.manager, container)?.endpoint;
    const hadPorts = network.ports.length > 0;
    if (main !== undefined && !hadPorts) {
      await this.#publishPorts(container, sandbox, network);
      if (network.ports.length > 0) await commit();
      return;
    }
    await sandbox.ports.lead(main);
  }

  #writeFiles(container: Container): void {
    this.files.writeHosts(container);
    this.files.writeResolver(container);
  }

  #announce(container: Container, endpoints: EndpointState[]): void {
    for (const endpoint of endpoints) {
      const request =
        Object.values(container.settings.endpoints).find((each) => each.networkId === endpoint.networkId) ??
        container.settings.endpoints[endpoint.networkName];
      const { config } = container.settings;
      const names = [container.name, ...(request?.aliases ?? []), container.id.slice(0, 12), config.Hostname];
      this.names.add({ endpoint, name: container.name, names: [...new Set(names.filter((name) => name !== ''))] });
    }
  }

  /** After a rename: the new name is known at once. */
  renamed(container: Container): void {
    this.#announce(container, container.state.network?.endpoints ?? []);
  }

  async #openDns(container: Container, sandbox: Sandbox): Promise<void> {
    if (!this.files.hasDnsServer(container.settings)) return;
    const networkIds = () => (container.state.network?.endpoints ?? []).map((endpoint) => endpoint.networkId);
    const isInternal = networkIds().every((id) => this.manager.tryFind(id)?.isInternal);
    await sandbox.openDns(
      {
        find: (name) => this.files.linked(container, name, this.names) ?? this.names.find(networkIds(), name),
        reverse: (address) => this.names.reverse(networkIds(), address),
        keepsSingleNames: this.files.keepsSingleNames(container.settings),
      },
      isInternal ? [] : this.files.upstreamServers(container.settings),
    );
  }

  #tell(action: string, container: Container, networkId: string): void {
    const record = this.manager.tryFind(networkId);
    if (record !== undefined) this.#parts.publish(action, container, record);
  }
}
