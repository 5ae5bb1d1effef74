// The networks of an engine.
import type { Abortable } from './container.ts';
import type { EndpointSettingsBody, Network, NetworkCreateBody, NetworksPruned } from './contracts/engine-api.ts';
import type { EngineCalls, QueryOf } from './engine-calls.ts';

export class Networks {
  readonly #calls: EngineCalls;

  constructor(calls: EngineCalls) {
    this.#calls = calls;
  }

  list({ signal, ...query }: QueryOf<'NetworkList'> & Abortable = {}): Promise<Network[]> {
    return this.#calls.json('NetworkList', { query, signal });
  }

  inspect(id: string, { signal, ...query }: QueryOf<'NetworkInspect'> & Abortable = {}): Promise<Network> {
    return this.#calls.json('NetworkInspect', { of: id, query, signal });
  }

  /** Its id. */
  async create(body: NetworkCreateBody, { signal }: Abortable = {}): Promise<string> {
    return (await this.#calls.json('NetworkCreate', { body, signal })).Id;
  }

  async remove(id: string): Promise<void> {
    await this.#calls.status('NetworkDelete', { of: id });
  }

  /** `container`: id or name. */
  async connect(id: string, container: string, endpoint?: EndpointSettingsBody): Promise<void> {
    const body = { Container: container, ...(endpoint === undefined ? {} : { EndpointConfig: endpoint }) };
    await this.#calls.status('NetworkConnect', { of: id, body });
  }

  async disconnect(id: string, container: string, { force = false } = {}): Promise<void> {
    await this.#calls.status('NetworkDisconnect', { of: id, body: { Container: container, Force: force } });
  }

  prune(query: QueryOf<'NetworkPrune'> = {}): Promise<NetworksPruned> {
    return this.#calls.json('NetworkPrune', { query });
  }
}
