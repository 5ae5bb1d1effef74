// An engine as a program sees it: its containers, images, networks, volumes, and itself. `connect` makes one.
import { Connection } from './connection.ts';
import { Containers } from './containers.ts';
import { EngineCalls } from './engine-calls.ts';
import { chooseEndpoint, type EngineChoice } from './environment.ts';
import { Images } from './images.ts';
import { Networks } from './networks.ts';
import { System } from './system.ts';
import { Volumes } from './volumes.ts';

export interface ConnectOptions extends EngineChoice {
  /** Set: no negotiation. */
  apiVersion?: string | undefined;
  /** Sent with every request. */
  headers?: Record<string, string> | undefined;
}

/** Story: use, then `close` (or `await using`), which breaks off what is under way. It connects at the first call. */
export class Engine implements AsyncDisposable {
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly system: System;
  /** Every operation by its name, where the rest has no method for it. */
  readonly calls: EngineCalls;

  constructor(connection: Connection) {
    this.calls = new EngineCalls(connection);
    this.images = new Images(this.calls);
    this.containers = new Containers(this.calls, this.images);
    this.networks = new Networks(this.calls);
    this.volumes = new Volumes(this.calls);
    this.system = new System(this.calls);
  }

  /** What DOCKER_HOST would say. */
  get host(): string {
    return this.calls.connection.endpoint.url;
  }

  close(): void {
    this.calls.connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** Without options: DOCKER_HOST, DOCKER_CONTEXT, the current context, then the usual sockets. */
export function connect(options: ConnectOptions = {}): Engine {
  const { apiVersion = process.env['DOCKER_API_VERSION'] || undefined, headers = {}, ...choice } = options;
  const named = { 'User-Agent': '@tsctl/client', ...headers };
  return new Engine(new Connection({ endpoint: chooseEndpoint(choice), apiVersion, headers: named }));
}
