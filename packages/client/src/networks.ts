// The networks of an engine.
import type { Abortable } from './container-life.ts';
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

  async remove(id: string, { signal }: Abortable = {}): Promise<void> {
    await this.#calls.status('NetworkDelete', { of: id, signal });
  }

  /** `container`: id or name. */
  async connect(
    id: string,
    container: string,
    { signal, ...endpoint }: EndpointSettingsBody & Abortable = {},
  ): Promise<void> {
    const body = { Container: container, EndpointConfig: endpoint };
    await this.#calls.status('NetworkConnect', { of: id, body, signal });
  }

  async disconnect(
    id: string,
    container: string,
    { force = false, signal }: { force?: boolean } & Abortable = {},
  ): Promise<void> {
    const body = { Container: container, Force: force };
    await this.#calls.status('NetworkDisconnect', { of: id, body, signal });
  }

  prune({ signal, ...query }: QueryOf<'NetworkPrune'> & Abortable = {}): Promise<NetworksPruned> {
    return this.#calls.json('NetworkPrune', { query, signal });
  }
}
