// A client of the engine's wire: hijacked connections and streams, byte by byte, where docker's own client hides them.
import http from 'node:http';
import net from 'node:net';

export interface Hijacked {
  /** The answer's status line and headers. */
  head: string;
  socket: net.Socket;
  /** Everything after the head, once the server has closed. */
  body: Promise<Buffer>;
}

/** Sends a request with `Upgrade: tcp`; resolves with the answer's head. */
export function hijack(socketPath: string, path: string, body?: object, headers: string[] = []): Promise<Hijacked> {
  const payload = body === undefined ? '' : JSON.stringify(body);
  const socket = net.connect({ path: socketPath, allowHalfOpen: true });
  const type = payload === '' ? 'text/plain' : 'application/json';
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: api.moby.localhost',
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(payload)}`,
    'Connection: Upgrade',
    'Upgrade: tcp',
    ...headers,
  ];
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const ended = Promise.withResolvers<Buffer>();
    let bodyStart = -1;
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (bodyStart >= 0) return;
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      bodyStart = end + 4;
      resolve({ head: received.toString('latin1', 0, end), socket, body: ended.promise });
    });
    socket.on('end', () => ended.resolve(received.subarray(bodyStart)));
    socket.write(`${lines.join('\r\n')}\r\n\r\n${payload}`);
  });
}

/** Splits a multiplexed stream into its streams. Throws for a frame that is cut short. */
export function demultiplex(bytes: Buffer): { stdout: string; stderr: string } {
  const parts: Record<number, Buffer[]> = { 1: [], 2: [] };
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    if (at + 8 + length > bytes.length) throw new Error(`frame at ${at} is cut short`);
    parts[bytes[at] ?? 0]?.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { stdout: Buffer.concat(parts[1] ?? []).toString(), stderr: Buffer.concat(parts[2] ?? []).toString() };
}

/** A request with a JSON body or none, and its whole answer. */
export function request(
  socketPath: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: any }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = http.request({ socketPath, path, method, headers, agent: false }, (response) => {
      readAll(response).then((bytes) => {
        const text = bytes.toString();
        resolve({ status: response.statusCode ?? 0, body: text === '' ? undefined : JSON.parse(text) });
      }, reject);
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** A request whose answer is read as it comes. `headers` resolves before the body is there. */
export function openStream(
  socketPath: string,
  method: string,
  path: string,
): Promise<{ status: number; lines: AsyncGenerator<any>; body: () => Promise<Buffer>; close: () => void }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path, method, agent: false }, (response) => {
      resolve({
        status: response.statusCode ?? 0,
        lines: jsonLines(response),
        body: () => readAll(response),
        close: () => request.destroy(),
      });
    });
    request.on('error', reject);
    request.end();
  });
}

async function readAll(response: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function* jsonLines(response: http.IncomingMessage): AsyncGenerator<any> {
  let rest = '';
  for await (const chunk of response) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line);
  }
}
