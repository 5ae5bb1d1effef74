// Authenticated requests to the endpoints of one repository, asked again when a registry is busy. Pull and push stand on it.
import type { IncomingMessage } from 'node:http';
import { ContainerError } from '@tscontainer/core/errors';
import type { Reference } from '@tscontainer/core/reference';
import type { CredentialSource } from './credentials.ts';
import type { Capability } from './hosts-toml.ts';
import { type HttpExchange, networkCodeOf, sendHttp } from './http-exchange.ts';
import { RegistryAuthorizer } from './registry-authorizer.ts';
import { type RegistryEndpoint, type RegistryHostOptions, RegistryHosts } from './registry-hosts.ts';
import { isRetryableStatus, maxAttempts, pause, pauseBefore } from './retry.ts';

export interface RegistrySessionOptions extends RegistryHostOptions {
  credentials?: CredentialSource | undefined;
  /** Sent with every request to the registry, e.g. User-Agent. */
  headers?: Record<string, string>;
}

export interface RegistryRequest {
  method: HttpExchange['method'];
  /** Below the repository (`manifests/latest`), or a whole URL that the registry gave (an upload's location). */
  target: string | URL;
  headers?: Record<string, string>;
  body?: HttpExchange['body'];
  /** What the token has to allow, e.g. `repository:a/b:pull,push`; several are separated by a space. */
  scope: string;
  /** Whether a registry that failed (5xx) is asked again here; false when the caller has to look first. Default true. */
  isRepeatable?: boolean;
  signal?: AbortSignal | undefined;
}

const maxAuthAttempts = 2;

/** One per pull or push; `close` ends its connections. */
export class RegistrySession {
  readonly reference: Reference;
  readonly #hosts: RegistryHosts;
  readonly #authorizer: RegistryAuthorizer;
  readonly #headers: Record<string, string>;
  #endpoints: Promise<RegistryEndpoint[]> | undefined;

  constructor(reference: Reference, options: RegistrySessionOptions = {}) {
    this.reference = reference;
    this.#hosts = new RegistryHosts(options);
    this.#authorizer = new RegistryAuthorizer(options.credentials ?? (async () => undefined));
    this.#headers = { 'user-agent': 'tscontainer/0.1', ...options.headers };
  }

  close(): void {
    this.#hosts.close();
  }

  /** Those that offer `capability`, in the order of trying. Rejects unavailable when there is none. */
  async endpoints(capability: Capability): Promise<RegistryEndpoint[]> {
    this.#endpoints ??= this.#hosts.endpoints(this.reference.domain);
    const able = (await this.#endpoints).filter(({ capabilities }) => capabilities.has(capability));
    if (able.length > 0) return able;
    throw new ContainerError('unavailable', `reach ${this.reference.domain}: no host is configured to ${capability}`);
  }

  scope(actions: 'pull' | 'pull,push'): string {
    return `repository:${this.reference.path}:${actions}`;
  }

  /** Any status is an answer, 401 after the second try too. Rejects unavailable (reason `network`), cancelled. */
  async send(endpoint: RegistryEndpoint, request: RegistryRequest): Promise<IncomingMessage> {
    const what = `${request.method} ${typeof request.target === 'string' ? request.target : request.target.pathname}`;
    for (let attempt = 0; ; attempt++) {
      const response = await this.#sendAuthorized(endpoint, request);
      const status = response.statusCode ?? 0;
      // 429: nothing was done with it
      const isRepeatable = status === 429 || (isRetryableStatus(status) && request.isRepeatable !== false);
      if (!isRepeatable || attempt === maxAttempts - 1) return response;
      const pauseTimeMs = pauseBefore(attempt, response.headers['retry-after']);
      if (pauseTimeMs === undefined) return response;
      response.resume();
      await pause(pauseTimeMs, what, request.signal);
    }
  }

  async #sendAuthorized(endpoint: RegistryEndpoint, request: RegistryRequest): Promise<IncomingMessage> {
    const { method, body, scope, signal } = request;
    const url = this.#urlOf(endpoint, request.target);
    // an upload's location may be another server's, which has its own ways to know us
    const isOurs = url.origin === endpoint.base.origin;
    let authorization = isOurs ? this.#authorizer.known(url.host, scope) : undefined;
    for (let attempt = 0; ; attempt++) {
      const headers = {
        ...this.#headers,
        ...(isOurs ? endpoint.headers : {}),
        ...request.headers,
        ...(authorization === undefined ? {} : { authorization }),
      };
      const response = await sendHttp(endpoint.connector, { method, url, headers, body, signal });
      const challenge = response.headers['www-authenticate'];
      const isChallenged = response.statusCode === 401 && challenge !== undefined && isOurs;
      if (!isChallenged || attempt === maxAuthAttempts - 1) return response;
      response.resume();
      authorization = await this.#authorizer.answer(endpoint.connector, url, scope, challenge, signal);
    }
  }

  #urlOf(endpoint: RegistryEndpoint, target: string | URL): URL {
    if (target instanceof URL) return target;
    const url = new URL(`${endpoint.base.href.replace(/\/$/, '')}/${this.reference.path}/${target}`);
    for (const [name, value] of Object.entries(endpoint.query)) url.searchParams.set(name, value);
    return url;
  }
}

/** The peer speaks plain HTTP, so the TLS handshake broke (OpenSSL's wrong version number comes as EPROTO or by name). */
export function isNotTls(error: unknown): boolean {
  const code = networkCodeOf(error) ?? '';
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code === 'ECONNREFUSED' || code === 'ECONNRESET';
}
