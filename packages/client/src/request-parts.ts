// What a call sends: its query, its headers, its body as JSON or as a stream. The connection is the caller.
import type { ClientRequest } from 'node:http';
import type { Readable } from 'node:stream';

export type QueryValue = string | number | boolean | readonly string[] | object | undefined;

export interface CallOptions {
  /** A list is repeated; an object is sent as JSON, as filters are. */
  query?: Readonly<Record<string, QueryValue>>;
  /** A plain value is sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  bodyStream?: NodeJS.ReadableStream | undefined;
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export function sendBody(request: ClientRequest, options: CallOptions): void {
  request.end(options.body === undefined ? undefined : JSON.stringify(options.body));
}

/** A stream that is to be sent, watched from the first: it may fail before there is a request that would fail with it. */
export class WatchedBody {
  readonly #stream: NodeJS.ReadableStream | undefined;
  #request: ClientRequest | undefined;
  error: Error | undefined;

  constructor(stream: NodeJS.ReadableStream | undefined) {
    this.#stream = stream;
    stream?.once('error', (error: Error) => {
      this.error = error;
      this.#request?.destroy(error);
    });
  }

  sendTo(request: ClientRequest): void {
    this.#request = request;
    if (this.error !== undefined) request.destroy(this.error);
    // whoever answers before the end has seen enough: what is left is not read, and not an error
    request.once('close', () => this.discard());
    this.#stream?.pipe(request);
  }

  /** It is not read on, also where there was never a request for it. */
  discard(): void {
    (this.#stream as Readable | undefined)?.destroy?.();
  }
}

export function bodyHeaders(options: CallOptions): Record<string, string | number> {
  if (options.contentType !== undefined) return { 'Content-Type': options.contentType };
  if (options.body === undefined) return {};
  return { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(JSON.stringify(options.body)) };
}

export function queryText(query: CallOptions['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const each of value) parameters.append(name, String(each));
    else if (typeof value === 'object') parameters.append(name, JSON.stringify(value));
    else parameters.append(name, value === true ? '1' : value === false ? '0' : String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
