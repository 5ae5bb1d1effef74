// The engine itself: what it is, what happens in it, and what it knows of registries.
import type { Abortable } from './container-life.ts';
import type {
  AuthAnswer,
  AuthConfig,
  DiskUsage,
  DistributionInspect,
  EngineEvent,
  Info,
  Version,
} from './contracts/engine-api.ts';
import type { EngineCalls, QueryOf } from './engine-calls.ts';
import { EngineStream } from './engine-stream.ts';
import { credentialHeaders, type RegistryCredentials } from './images.ts';
import { readJsonLines } from './json-lines.ts';

export class System {
  readonly #calls: EngineCalls;

  constructor(calls: EngineCalls) {
    this.#calls = calls;
  }

  /** Rejects when the engine does not answer. */
  async ping({ signal }: Abortable = {}): Promise<{ apiVersion: string; builderVersion: string | undefined }> {
    const response = await this.#calls.open('SystemPing', { signal });
    response.resume();
    const builder = response.headers['builder-version'];
    return {
      apiVersion: String(response.headers['api-version'] ?? ''),
      builderVersion: builder === undefined ? undefined : String(builder),
    };
  }

  version({ signal }: Abortable = {}): Promise<Version> {
    return this.#calls.json('SystemVersion', { signal });
  }

  info({ signal }: Abortable = {}): Promise<Info> {
    return this.#calls.json('SystemInfo', { signal });
  }

  diskUsage({ signal, ...query }: QueryOf<'SystemDataUsage'> & Abortable = {}): Promise<DiskUsage> {
    return this.#calls.json('SystemDataUsage', { query, signal });
  }

  /** From now on, or from `since` on; to `until`, or until the loop is left. */
  events({ signal, ...query }: QueryOf<'SystemEvents'> & Abortable = {}): EngineStream<EngineEvent> {
    return new EngineStream(
      async (end) => readJsonLines<EngineEvent>(await this.#calls.open('SystemEvents', { query, signal: end })),
      signal,
    );
  }

  /** Asks a registry whether it takes the credentials. Rejects with status 401 when it does not. */
  checkCredentials(body: AuthConfig, { signal }: Abortable = {}): Promise<AuthAnswer> {
    return this.#calls.json('SystemAuth', { body, signal });
  }

  /** What a registry has under a name. */
  inspectRemote(
    name: string,
    { credentials, signal }: { credentials?: RegistryCredentials } & Abortable = {},
  ): Promise<DistributionInspect> {
    return this.#calls.json('DistributionInspect', { of: name, headers: credentialHeaders(credentials), signal });
  }
}
