// The Engine API over one unix socket or TCP address: JSON calls, NDJSON and byte streams, hijacked connections.
//
// Every request carries the command's traceparent. The API version is agreed on with one HEAD /_ping at first use.
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import { traceparentHeader } from '@tscontainer/platform/trace';
import type { Endpoint } from './endpoint.ts';
import { EngineError, NoDaemonError } from './engine-error.ts';
import { readJsonLines } from './json-lines.ts';

// Not imported: that would touch every export of node:http, and its WebSocket loads undici, 50 ms of each command.
const http = () => process.getBuiltinModule('node:http');

/** The newest API version this client was written against. */
export const clientApiVersion = '1.51';

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

export interface CallOptions {
  query?: Query;
  /** A plain value is sent as JSON, a stream as it is. */
  body?: unknown;
  bodyStream?: NodeJS.ReadableStream;
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A connection that left HTTP: bytes both ways. `head` is what arrived with the answer. */
export interface HijackedStream {
  socket: Socket;
  head: Buffer;
  contentType: string;
}

export interface ClientOptions {
  endpoint: Endpoint;
  traceparent: string;
  /** Set: no negotiation. */
  apiVersion: string | undefined;
  headers: Record<string, string>;
}

export class EngineClient {
  readonly endpoint: Endpoint;
  readonly #options: ClientOptions;
  readonly #agent: Agent;
  #version: Promise<string> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.endpoint = options.endpoint;
    this.#agent = new (http().Agent)({ keepAlive: true });
  }

  /** Ends idle connections, so that the process can end. */
  close(): void {
    this.#agent.destroy();
  }

  /** The version both sides speak. */
  apiVersion(): Promise<string> {
    this.#version ??=
      this.#options.apiVersion === undefined ? this.#negotiate() : Promise.resolve(this.#options.apiVersion);
    return this.#version;
  }

  /** The answer's JSON; undefined when it has no body. Throws EngineError, NoDaemonError. */
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

  /** The answer with its body unread; statuses from 400 on become EngineError. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    const request = await this.#request(method, path, options);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', (error) => reject(this.#connectionError(error)));
      sendBody(request, options);
    });
    if ((response.statusCode ?? 0) >= 400) throw await toEngineError(response);
    return response;
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
        const refused =
          status >= 400
            ? toEngineError(response)
            : Promise.resolve(new EngineError(status, 'unable to upgrade to tcp'));
        refused.then(reject, reject);
      });
      request.once('error', (error) => reject(this.#connectionError(error)));
      sendBody(request, options);
    });
  }

  async #negotiate(): Promise<string> {
    const request = await this.#open({ method: 'HEAD', path: '/_ping' });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', (error) => reject(this.#connectionError(error)));
      request.end();
    });
    response.resume();
    const server = String(response.headers['api-version'] ?? '1.24');
    return isOlder(server, clientApiVersion) ? server : clientApiVersion;
  }

  async #request(method: string, path: string, options: CallOptions): Promise<ClientRequest> {
    const version = await this.apiVersion();
    return await this.#open({
      method,
      path: `/v${version}${path}${queryText(options.query)}`,
      headers: { ...bodyHeaders(options), ...this.#options.headers, ...options.headers },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  async #open(options: RequestOptions): Promise<ClientRequest> {
    const { endpoint } = this.#options;
    const headers = {
      Host: endpoint.host ?? 'docker',
      'User-Agent': 'tsctl',
      [traceparentHeader]: this.#options.traceparent,
      ...options.headers,
    };
    if (endpoint.tls !== undefined) {
      const https = process.getBuiltinModule('node:https');
      return https.request({ ...options, headers, host: endpoint.host, port: endpoint.port, ...endpoint.tls });
    }
    const where =
      endpoint.socketPath === undefined
        ? { host: endpoint.host, port: endpoint.port }
        : { socketPath: endpoint.socketPath };
    return http().request({ ...options, ...where, headers, agent: this.#agent });
  }

  #connectionError(error: Error): Error {
    const { url } = this.#options.endpoint;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EACCES')
      return new NoDaemonError(`permission denied while trying to connect to the tscontainer daemon socket at ${url}`);
    if (
      ['ENOENT', 'ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTSOCK', 'ETIMEDOUT'].includes(code)
    ) {
      return new NoDaemonError(`Cannot connect to the tscontainer daemon at ${url}. Is the daemon running?`);
    }
    if (error.name === 'AbortError') return error;
    return new NoDaemonError(`error during connect to the tscontainer daemon at ${url}: ${error.message}`);
  }
}

function sendBody(request: ClientRequest, options: CallOptions): void {
  if (options.bodyStream !== undefined) {
    options.bodyStream.once('error', (error: Error) => request.destroy(error));
    options.bodyStream.pipe(request);
    return;
  }
  request.end(options.body === undefined ? undefined : JSON.stringify(options.body));
}

function bodyHeaders(options: CallOptions): Record<string, string | number> {
  if (options.contentType !== undefined) return { 'Content-Type': options.contentType };
  if (options.body === undefined) return {};
  return { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(JSON.stringify(options.body)) };
}

function queryText(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value === 'object') for (const each of value) parameters.append(name, each);
    else parameters.append(name, value === true ? '1' : value === false ? '0' : String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function toEngineError(response: IncomingMessage): Promise<EngineError> {
  const text = (await readText(response)).trim();
  return new EngineError(
    response.statusCode ?? 0,
    messageOf(text) || `${response.statusCode} ${response.statusMessage}`,
  );
}

function messageOf(text: string): string {
  if (!text.startsWith('{')) return text;
  try {
    return String((JSON.parse(text) as { message?: string }).message ?? text);
  } catch {
    return text; // a proxy's answer may look like JSON and not be it: show it as it came
  }
}

function isOlder(left: string, right: string): boolean {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor < rightMajor || (leftMajor === rightMajor && leftMinor < rightMinor);
}
