// The engine's one connection to the lifecycle daemon: containerd's services, typed, in the engine's namespace.
import type { Containers } from '@tscontainer/platform/contracts/containerd/services/containers/v1/containers';
import type { Content } from '@tscontainer/platform/contracts/containerd/services/content/v1/content';
import type { Diff } from '@tscontainer/platform/contracts/containerd/services/diff/v1/diff';
import type { Events } from '@tscontainer/platform/contracts/containerd/services/events/v1/events';
import type { Images } from '@tscontainer/platform/contracts/containerd/services/images/v1/images';
import type { Introspection } from '@tscontainer/platform/contracts/containerd/services/introspection/v1/introspection';
import type { Leases } from '@tscontainer/platform/contracts/containerd/services/leases/v1/leases';
import type { Snapshots } from '@tscontainer/platform/contracts/containerd/services/snapshots/v1/snapshots';
import type { Tasks } from '@tscontainer/platform/contracts/containerd/services/tasks/v1/tasks';
import type { Version } from '@tscontainer/platform/contracts/containerd/services/version/v1/version';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { type ClientOf, serviceClient } from './service-client.ts';

export interface ContainerdClientOptions {
  /** Path of the daemon's socket. */
  address: string;
  /** containerd's namespace: `moby`, as dockerd's. */
  namespace: string;
}

export class ContainerdClient {
  readonly address: string;
  readonly namespace: string;
  readonly connection: GrpcConnection;
  readonly containers: ClientOf<Containers>;
  readonly content: ClientOf<Content>;
  readonly diff: ClientOf<Diff>;
  readonly events: ClientOf<Events>;
  readonly images: ClientOf<Images>;
  readonly introspection: ClientOf<Introspection>;
  readonly leases: ClientOf<Leases>;
  readonly snapshots: ClientOf<Snapshots>;
  readonly tasks: ClientOf<Tasks>;
  readonly version: ClientOf<Version>;

  constructor(options: ContainerdClientOptions) {
    this.address = options.address;
    this.namespace = options.namespace;
    this.connection = new GrpcConnection(options.address);
    const open = <Service>(name: string, file = name.toLowerCase()): ClientOf<Service> =>
      serviceClient<Service>(
        this.connection,
        `containerd/services/${file}/v1/${file}.proto`,
        `containerd.services.${file}.v1.${name}`,
        {
          namespace: options.namespace,
        },
      );
    this.containers = open<Containers>('Containers');
    this.content = open<Content>('Content');
    this.diff = open<Diff>('Diff');
    this.events = open<Events>('Events');
    this.images = open<Images>('Images');
    this.introspection = open<Introspection>('Introspection');
    this.leases = open<Leases>('Leases');
    this.snapshots = open<Snapshots>('Snapshots');
    this.tasks = open<Tasks>('Tasks');
    this.version = open<Version>('Version');
  }

  close(): void {
    this.connection.close();
  }
}
