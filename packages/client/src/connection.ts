// The Engine API over one unix socket or TCP address: JSON calls, NDJSON and byte streams, hijacked connections.
//
// The API version is agreed on with one HEAD /_ping at first use. tsctl and the resources of this package call it.
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { clientApiVersion, isOlderVersion, oldestApiVersion } from './api-version.ts';
import type { Endpoint } from './endpoint.ts';
import { ConnectionError, EngineError } from './errors.ts';
import { readJsonLines } from './json-lines.ts';
import { bodyHeaders, type CallOptions, queryText, sendBody, WatchedBody } from './request-parts.ts';
import { messageOf, readText } from './response-text.ts';

// Not imported: that would touch every export of node:http, and its WebSocket loads undici, 50 ms of each start.
const http = () => process.getBuiltinModule('node:http');
const https = () => process.getBuiltinModule('node:https');

/** A connection that left HTTP: bytes both ways. `head` is what arrived with the answer. */
export interface HijackedStream {
  socket: Socket;
  head: Buffer;
  contentType: string;
}

export interface ConnectionOptions {
  endpoint: Endpoint;
  /** Set: no negotiation. */
  apiVersion?: string | undefined;
  /** Sent with every request. */
  headers?: Record<string, string>;
}

/** Story: any calls, then `close`. Rejects EngineError for an answer from 400 on, ConnectionError when there is none. */
export class Connection {
  readonly endpoint: Endpoint;
  readonly #options: ConnectionOptions;
  readonly #agent: Agent;
  #version: Promise<string> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.endpoint = options.endpoint;
    const module = options.endpoint.tls === undefined ? http() : https();
    this.#agent = new module.Agent({ keepAlive: true });
  }

  /** Ends its connections, so that the process can end; what is under way is broken off. */
  close(): void {
    this.#agent.destroy();
  }

  /** The version both sides speak. */
  apiVersion(): Promise<string> {
    const { apiVersion } = this.#options;
    if (apiVersion !== undefined) return Promise.resolve(apiVersion);
    if (this.#version === undefined) {
      const version = this.#negotiate();
      this.#version = version;
      // a failure is not kept: the engine may be there the next time
      version.catch(() => {
        this.#version = undefined;
      });
    }
    return this.#version;
  }

  /** The answer's JSON; undefined when it has no body. */
  async json<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const text = await this.text(method, path, options);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** The answer's body as it came. */
  async text(method: string, path: string, options: CallOptions = {}): Promise<string> {
    return await readText(await this.call(method, path, options));
  }

  /** For calls whose body does not matter; returns the status (204, 304, ...). */
  async status(method: string, path: string, options: CallOptions = {}): Promise<number> {
    const response = await this.call(method, path, options);
    await readText(response);
    return response.statusCode ?? 0;
  }

  /** One value per line, as it arrives. */
  async *lines<T>(method: string, path: string, options: CallOptions = {}): AsyncGenerator<T> {
    yield* readJsonLines<T>(await this.call(method, path, options));
  }

  /** The answer with its body unread. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    const body = new WatchedBody(options.bodyStream);
    try {
      const request = await this.#request(method, path, options);
      const response = await this.#answer(request, options, body);
      if ((response.statusCode ?? 0) >= 400) throw await this.#refusal(response, `${method} ${path}`);
      return response;
    } catch (error) {
      body.discard();
      throw body.error ?? error;
    }
  }

  /** Leaves HTTP (`Upgrade: tcp`): attach and exec. */
  async hijack(path: string, options: CallOptions = {}): Promise<HijackedStream> {
    const headers = { ...options.headers, Connection: 'Upgrade', Upgrade: 'tcp' };
    const request = await this.#request('POST', path, { ...options, headers });
    return await new Promise<HijackedStream>((resolve, reject) => {
      request.once('upgrade', (response, socket, head) => {
        resolve({ socket: socket as Socket, head, contentType: String(response.headers['content-type'] ?? '') });
      });
      request.once('response', (response) => {
        const status = response.statusCode ?? 0;
        const call = `POST ${path}`;
        if (status >= 400) this.#refusal(response, call).then(reject, reject);
        else {
          request.destroy();
          reject(this.engineError('unable to upgrade to tcp', status, call));
        }
      });
      request.once('error', (error) => reject(this.#failure(error, options.signal)));
      sendBody(request, options);
    });
  }

  /** What an answer of this status becomes. */
  protected engineError(message: string, status: number, call: string): Error {
    return new EngineError(message, { status, call });
  }

  /** What no answer becomes. */
  protected connectionError(error: Error): Error {
    if (error.name === 'AbortError') return error;
    return new ConnectionError(`connect to the engine at ${this.endpoint.url}: ${error.message}`, { cause: error });
  }

  #answer(request: ClientRequest, options: CallOptions, body: WatchedBody): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      request.once('response', (response) => {
        endWith(response, options.signal);
        resolve(response);
      });
      request.once('error', (error) => reject(this.#failure(error, options.signal)));
      if (options.bodyStream === undefined) sendBody(request, options);
      else body.sendTo(request);
    });
  }

  #failure(error: Error, signal: AbortSignal | undefined): unknown {
    return signal?.aborted ? signal.reason : this.connectionError(error);
  }

  async #refusal(response: IncomingMessage, call: string): Promise<Error> {
    const text = (await readText(response)).trim();
    const status = response.statusCode ?? 0;
    return this.engineError(messageOf(text) || `${status} ${response.statusMessage}`, status, call);
  }

  async #negotiate(): Promise<string> {
    const request = await this.#open({ method: 'HEAD', path: '/_ping' });
    const response = await this.#answer(request, {}, new WatchedBody(undefined));
    response.resume();
    const server = String(response.headers['api-version'] ?? oldestApiVersion);
    return isOlderVersion(server, clientApiVersion) ? server : clientApiVersion;
  }

  async #request(method: string, path: string, options: CallOptions): Promise<ClientRequest> {
    options.signal?.throwIfAborted();
    const version = await this.apiVersion();
    return await this.#open({
      method,
      path: `/v${version}${path}${queryText(options.query)}`,
      headers: { ...bodyHeaders(options), ...options.headers },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  async #open(options: RequestOptions): Promise<ClientRequest> {
    const { endpoint } = this;
    const headers = {
      Host: endpoint.host ?? 'docker',
      'User-Agent': 'tsctl',
      ...this.#options.headers,
      ...options.headers,
    };
    if (endpoint.tls !== undefined) {
      const where = { host: endpoint.host, port: endpoint.port, ...endpoint.tls };
      return https().request({ ...options, ...where, headers, agent: this.#agent as HttpsAgent });
    }
    const where =
      endpoint.socketPath === undefined
        ? { host: endpoint.host, port: endpoint.port }
        : { socketPath: endpoint.socketPath };
    return http().request({ ...options, ...where, headers, agent: this.#agent });
  }
}

/** Who reads the answer when the signal comes is told the signal's reason, not that the connection broke. */
function endWith(response: IncomingMessage, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const onAbort = () => response.destroy(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  response.once('close', () => signal.removeEventListener('abort', onAbort));
}
