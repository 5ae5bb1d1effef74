// Connections that stop being HTTP/1.1: attach and exec start, with `Upgrade` (101) or without (200, raw until closed), and
// those that go on as HTTP/2.
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import { ContainerError } from '@tscontainer/core/errors';
import { runInTrace, traceparentHeader } from '@tscontainer/platform/trace';
import { checkVersion, maxApiVersion, splitVersion } from './api-version.ts';
import { errorBodyOf, httpStatusOf } from './http-status.ts';
import type { Query } from './query.ts';
import { acceptKey, WebSocketStream } from './websocket.ts';

/** What a handler works with after it took the connection over. */
export interface RawConnection {
  /** Bytes from the client; its end is the end of stdin, not of the connection. */
  input: Readable;
  output: Writable;
  /** The client asked by `Upgrade`. */
  isUpgraded: boolean;
  /** Output is never multiplexed, terminal or not. */
  isRaw?: boolean;
}

export interface HijackRequest {
  query: Query;
  apiVersion: string;
  /** Path parameter; '' where the path has none. */
  id: string;
  headers: IncomingMessage['headers'];
  isUpgrade: boolean;
  /** The declared body (Content-Length bytes), to be read before `accept`. */
  body(): Promise<Buffer>;
  /** Answers 101 or 200 and hands the connection over. */
  accept(contentType: string): RawConnection;
  /** Answers 101 with `Upgrade: h2c` and hands the connection over, on which nothing of HTTP/2 was said yet. */
  acceptHttp2(): Socket;
}

export type HijackHandler = (request: HijackRequest) => Promise<void>;

export interface HijackRoute {
  /** GET: a WebSocket. */
  method: 'GET' | 'POST';
  /** Matched against the path without version; group 1, if there is one, is the id. */
  pattern: RegExp;
  handler: HijackHandler;
}

const maxBodyBytes = 1024 * 1024;
const serverHeader = 'Docker/28.5.2 (linux)';

function queryOf(url: URL): Query {
  const query: Query = {};
  for (const [name, value] of url.searchParams) query[name] ??= value;
  return query;
}

/** Takes `length` bytes that came with the upgrade or come next; the rest stays in the socket for stdin. */
function readExactly(socket: Duplex, head: Buffer, length: number): Promise<Buffer> {
  if (head.length > 0) socket.unshift(head);
  if (length === 0) return Promise.resolve(Buffer.alloc(0));
  if (length > maxBodyBytes)
    return Promise.reject(new ContainerError('invalid-argument', `request body is larger than ${maxBodyBytes} bytes`));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (error?: Error) => {
      socket.off('readable', take);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      if (error === undefined) resolve(Buffer.concat(chunks));
      else reject(error);
    };
    const onEnd = () =>
      finish(new ContainerError('invalid-argument', 'request body is shorter than its Content-Length'));
    const take = () => {
      for (;;) {
        const chunk = socket.read() as Buffer | null;
        if (chunk === null) return;
        const rest = length - size;
        chunks.push(chunk.subarray(0, rest));
        size += Math.min(rest, chunk.length);
        if (size < length) continue;
        if (chunk.length > rest) socket.unshift(chunk.subarray(rest));
        return finish();
      }
    };
    socket.on('readable', take);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    take();
  });
}

function writeError(socket: Duplex, error: unknown): void {
  const status = httpStatusOf(error);
  const body = `${JSON.stringify(errorBodyOf(error))}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? 'Error'}\r\nContent-Type: application/json\r\nApi-Version: ${maxApiVersion}\r\n` +
      `Ostype: linux\r\nServer: ${serverHeader}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Serves the server's 'upgrade' event, which never reaches fastify's routes. */
export function serveUpgrades(server: http.Server, routes: HijackRoute[]): void {
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    runInTrace(String(request.headers[traceparentHeader] ?? ''), async () => {
      let isAccepted = false;
      try {
        const { version, path } = splitVersion(request.url ?? '/');
        checkVersion(version);
        const url = new URL(path, 'http://engine');
        const route = routes.find(
          (candidate) => request.method === candidate.method && candidate.pattern.test(url.pathname),
        );
        if (route === undefined) throw new ContainerError('not-found', 'page not found');
        const id = route.pattern.exec(url.pathname)?.[1] ?? '';
        if (route.method === 'GET') checkWebSocket(request);
        const body = await readExactly(socket, head, Number(request.headers['content-length'] ?? 0));
        await route.handler({
          query: queryOf(url),
          apiVersion: version,
          id: decodeURIComponent(id),
          headers: request.headers,
          isUpgrade: true,
          body: () => Promise.resolve(body),
          accept: (contentType) => {
            isAccepted = true;
            if (route.method === 'GET') return acceptWebSocket(request, socket);
            socket.write(
              `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
                `Api-Version: ${maxApiVersion}\r\nOstype: linux\r\nServer: ${serverHeader}\r\n\r\n`,
            );
            return { input: socket, output: socket, isUpgraded: true };
          },
          acceptHttp2: () => {
            isAccepted = true;
            socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
            return socket as Socket; // a connection of a server of node:http
          },
        });
      } catch (error) {
        if (isAccepted) socket.destroy();
        else writeError(socket, error);
      }
    });
  });
}

/** Throws invalid-argument for a handshake that is none. */
function checkWebSocket({ headers }: IncomingMessage): void {
  const isWanted = headers.upgrade?.toLowerCase() === 'websocket' && headers['sec-websocket-version'] === '13';
  if (!isWanted || headers['sec-websocket-key'] === undefined)
    throw new ContainerError('invalid-argument', 'not a WebSocket handshake of version 13');
}

function acceptWebSocket(request: IncomingMessage, socket: Duplex): RawConnection {
  const key = String(request.headers['sec-websocket-key']);
  const [protocol] = String(request.headers['sec-websocket-protocol'] ?? '').split(',');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n${protocol ? `Sec-WebSocket-Protocol: ${protocol.trim()}\r\n` : ''}\r\n`,
  );
  const stream = new WebSocketStream(socket);
  return { input: stream, output: stream, isUpgraded: true, isRaw: true };
}

/** The same for a request without `Upgrade`: the answer is raw bytes until the connection closes. */
export function acceptRaw(request: IncomingMessage, response: ServerResponse, contentType: string): RawConnection {
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  response.writeHead(200, { 'Content-Type': contentType });
  response.flushHeaders();
  return { input: request, output: response, isUpgraded: false };
}
