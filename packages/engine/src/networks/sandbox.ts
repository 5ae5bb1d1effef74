// The network side of one running container: its namespace, its DNS server, its published ports.
import { symlinkSync, unlinkSync } from 'node:fs';
import type { Logger } from '@tscontainer/platform/logger';
import { closeDnsSockets, type DnsNames, DnsServer, type DnsSockets, openDnsSockets } from './dns-server.ts';
import { DnsUpstream, type UpstreamServer } from './dns-upstream.ts';
import type { EndpointState } from './network-record.ts';
import type { PortPublisher } from './port-publisher.ts';
import { SandboxNamespace } from './sandbox-namespace.ts';

export class Sandbox {
  readonly ports: PortPublisher;
  readonly #link: string;
  readonly #log: Logger;
  #space: SandboxNamespace | undefined;
  #dns: DnsServer | undefined;
  #upstream: DnsUpstream | undefined;
  #preparedDns: DnsSockets | undefined;
  isClosed = false;

  /** `link`: the path by which the namespace is found. */
  constructor(link: string, ports: PortPublisher, log: Logger) {
    this.#link = link;
    this.ports = ports;
    this.#log = log;
  }

  /** Undefined while the task that is to have it does not exist yet. */
  get space(): SandboxNamespace | undefined {
    return this.#space;
  }

  /** Takes the namespace over; `path` is what the link leads to. */
  enter(space: SandboxNamespace, path: string, preparedDns?: DnsSockets): void {
    this.#space = space;
    this.#preparedDns = preparedDns;
    this.pointTo(path);
  }

  pointTo(path: string): void {
    try {
      symlinkSync(path, this.#link);
    } catch (error) {
      // of an earlier run, or of another namespace
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      unlinkSync(this.#link);
      symlinkSync(path, this.#link);
    }
  }

  /** The namespace of a process. */
  enterThatOf(pid: number): SandboxNamespace {
    const space = SandboxNamespace.open(pid);
    this.enter(space, `/proc/${pid}/ns/net`);
    return space;
  }

  /** Opened once, where there is a network whose names are known. */
  async openDns(names: DnsNames, servers: UpstreamServer[]): Promise<void> {
    const space = this.#space;
    if (space === undefined) return;
    if (this.#upstream === undefined) {
      const sockets = this.#preparedDns ?? (await openDnsSockets(space.fd));
      this.#preparedDns = undefined;
      this.#upstream = new DnsUpstream(space.fd, this.#log);
      this.#dns = new DnsServer(sockets, names, this.#upstream, this.#log);
    }
    this.#upstream.servers = servers;
  }

  /** The default routes lead over these. */
  async setGateway(ipv4: EndpointState | undefined, ipv6: EndpointState | undefined): Promise<void> {
    await this.#space?.setGateway(ipv4, ipv6);
  }

  /** Lets go of everything; the kernel takes the namespace away once its last process and socket are gone. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.#preparedDns !== undefined) closeDnsSockets(this.#preparedDns);
    this.#dns?.close();
    this.#space?.close();
    try {
      unlinkSync(this.#link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
