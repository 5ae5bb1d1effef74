// One HTTP exchange with a registry: headers in, a response whose body streams; redirects and time-outs are bounded here.
import http from 'node:http';
import https from 'node:https';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

/** How a host is reached; agents are kept so that layers share connections. */
export interface HttpConnector {
  agentFor(url: URL): http.Agent | https.Agent;
  /** A connection that takes longer to come about is given up; undefined is the idle time-out. */
  readonly dialTimeoutMs?: number | undefined;
}

/** A body that is read anew for each try: after a challenge, a redirect, a cut connection. */
export interface BodySource {
  /** Bytes; sent as Content-Length. */
  length: number;
  open(): AsyncIterable<Buffer>;
}

export interface HttpExchange {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: URL;
  headers: Record<string, string>;
  body?: string | Buffer | BodySource | undefined;
  signal?: AbortSignal | undefined;
}

/** A silent peer is given up after this: no header, or no byte of the body. */
const idleTimeoutMs = 30_000;
const maxRedirects = 5;
/** What is read of an error's body. */
const maxErrorBytes = 64 * 1024;

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/** Why the network failed, as an errno name or OpenSSL's code where there is one. */
export function networkCodeOf(error: unknown): string | undefined {
  if (error instanceof ContainerError)
    return typeof error.details.network === 'string' ? error.details.network : undefined;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

function networkError(exchange: HttpExchange, error: unknown): ContainerError {
  if (error instanceof ContainerError) return error; // the body's own source failed
  if (exchange.signal?.aborted)
    return new ContainerError('cancelled', `${exchange.method} ${exchange.url.href}: cancelled`);
  const method = exchange.method.charAt(0) + exchange.method.slice(1).toLowerCase();
  const message = `${method} "${exchange.url.href}": ${errorMessageOf(error) || String((error as { code?: string }).code)}`;
  return new ContainerError('unavailable', message, {
    reason: 'network',
    details: { network: networkCodeOf(error) ?? 'unknown' },
    cause: error,
  });
}

function exchangeOnce(connector: HttpConnector, exchange: HttpExchange): Promise<http.IncomingMessage> {
  const { method, url, body, signal } = exchange;
  const module = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const request = module.request(url, {
      method,
      headers: { ...exchange.headers, ...lengthHeader(exchange) },
      agent: connector.agentFor(url),
      ...(signal === undefined ? {} : { signal }),
    });
    request.setTimeout(idleTimeoutMs, () =>
      request.destroy(Object.assign(new Error(`no answer in ${idleTimeoutMs} ms`), { code: 'ETIMEDOUT' })),
    );
    if (connector.dialTimeoutMs !== undefined) boundDial(request, connector.dialTimeoutMs);
    let isAnswered = false;
    request.on('response', (response) => {
      isAnswered = true;
      // an answer to half a body (a challenge, a refusal): the rest is not sent, and the connection is of no more use
      if (!request.writableFinished) response.once('close', () => request.destroy());
      resolve(response);
    });
    request.on('error', (error) => {
      if (!isAnswered && isStale(request, error)) resolve(exchangeOnce(connector, exchange));
      else reject(networkError(exchange, error));
    });
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) request.end(body);
    else sendBody(request, body).catch((error: unknown) => request.destroy(error as Error));
  });
}

/**
 * A kept connection that the peer closed for its idleness just as it was used again (RFC 9112, 9.3.1): asked once more. The
 * agent has so many of them at most, and then a new one. What an upload's PATCH or PUT left is its caller's to look up.
 */
function isStale(request: http.ClientRequest, error: unknown): boolean {
  const code = networkCodeOf(error);
  const isRepeatable = request.method !== 'PATCH' && request.method !== 'PUT';
  return request.reusedSocket && isRepeatable && (code === 'ECONNRESET' || code === 'EPIPE');
}

function boundDial(request: http.ClientRequest, timeoutMs: number): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(
      () => request.destroy(Object.assign(new Error(`no connection in ${timeoutMs} ms`), { code: 'ETIMEDOUT' })),
      timeoutMs,
    );
    for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(timer));
  });
}

function lengthHeader({ method, body }: HttpExchange): Record<string, string> {
  if (body === undefined) return method === 'GET' || method === 'HEAD' ? {} : { 'content-length': '0' };
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  return { 'content-length': String(length) };
}

/** Ends early, without an error, when the peer has answered or gone: `response` and `error` tell the rest. */
async function sendBody(request: http.ClientRequest, body: BodySource): Promise<void> {
  let isOver = false;
  const over = new Promise<void>((resolve) => {
    const end = () => {
      isOver = true;
      resolve();
    };
    for (const event of ['response', 'close', 'error']) request.once(event, end);
  });
  for await (const chunk of body.open()) {
    if (isOver) return;
    if (!request.write(chunk)) await Promise.race([over, new Promise((resolve) => request.once('drain', resolve))]);
  }
  request.end();
}

/**
 * Sends and follows redirects. `authorization` is dropped when a redirect leaves the origin: blob stores behind a
 * registry reject it, and it is not theirs to see. Rejects unavailable (reason `network`), cancelled.
 */
export async function sendHttp(connector: HttpConnector, exchange: HttpExchange): Promise<http.IncomingMessage> {
  let { url, headers } = exchange;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await exchangeOnce(connector, { ...exchange, url, headers });
    const { location } = response.headers;
    if (!redirectStatuses.has(response.statusCode ?? 0) || location === undefined) return response;
    response.resume();
    const next = new URL(location, url);
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      throw new ContainerError(
        'failed-precondition',
        `${exchange.method} ${url.href}: redirected from HTTPS to ${next.protocol}//${next.host}`,
      );
    }
    if (next.origin !== url.origin)
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'));
    url = next;
  }
  throw new ContainerError(
    'unavailable',
    `${exchange.method} ${exchange.url.href}: more than ${maxRedirects} redirects`,
  );
}

/** The whole body, refused when it is longer than `limitBytes`. */
export async function readBody(response: http.IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limitBytes)
      throw new ContainerError('resource-exhausted', `read answer: more than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function readErrorBody(response: http.IncomingMessage): Promise<Buffer> {
  return readBody(response, maxErrorBytes);
}
