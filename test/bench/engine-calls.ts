// Requests of the Engine API and medians in turn, for the benchmarks that hold one engine against another.
import http from 'node:http';
import { median } from './figures.ts';

/** Rounds before the first that counts. */
const warmUps = 3;

export interface Server {
  name: string;
  socket: string;
  agent: http.Agent;
}

export function call<T>(server: Server, method: string, path: string, body?: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
    const request = http.request(
      { socketPath: server.socket, path: `/v1.41${path}`, method, agent: server.agent, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) >= 400)
            reject(new Error(`${server.name}: ${method} ${path}: ${response.statusCode} ${text}`));
          else resolve((text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text) as T);
        });
      },
    );
    request.on('error', reject);
    request.end(payload);
  });
}

export function report(figure: string, servers: Server[], samples: number[][]): void {
  const medians = samples.map(median);
  const cells = servers.map((server, index) => `${server.name} ${medians[index]?.toFixed(2)}`);
  console.log(
    `${figure.padEnd(44)} ${cells.join('   ')}   ratio ${((medians[0] ?? 0) / (medians[1] ?? 1)).toFixed(3)}   (median of ${samples[0]?.length})`,
  );
}

export async function inTurn<S extends Server, T>(
  servers: S[],
  count: number,
  work: (server: S, index: number) => Promise<T>,
): Promise<T[][]> {
  const rows: T[][] = servers.map(() => []);
  for (let round = -warmUps; round < count; round++) {
    for (const [index, server] of servers.entries()) {
      const value = await work(server, index);
      if (round >= 0) rows[index]?.push(value);
    }
  }
  return rows;
}

/** Milliseconds of each request of one container's life, and of all. */
export async function life(
  server: Server,
  network: string,
): Promise<Record<'create' | 'start' | 'wait' | 'remove' | 'total', number>> {
  const began = performance.now();
  const { Id } = await call<{ Id: string }>(server, 'POST', '/containers/create', {
    Image: 'busybox',
    Cmd: ['true'],
    HostConfig: { NetworkMode: network },
  });
  const created = performance.now();
  await call(server, 'POST', `/containers/${Id}/start`);
  const started = performance.now();
  const { StatusCode } = await call<{ StatusCode: number }>(server, 'POST', `/containers/${Id}/wait`);
  if (StatusCode !== 0) throw new Error(`${server.name}: exit ${StatusCode}`);
  const waited = performance.now();
  await call(server, 'DELETE', `/containers/${Id}`);
  const removed = performance.now();
  return {
    create: created - began,
    start: started - created,
    wait: waited - started,
    remove: removed - waited,
    total: removed - began,
  };
}

export async function sleeper(server: Server): Promise<string> {
  const { Id } = await call<{ Id: string }>(server, 'POST', '/containers/create', {
    Image: 'busybox',
    Cmd: ['sleep', '3600'],
    HostConfig: { NetworkMode: 'none' },
  });
  await call(server, 'POST', `/containers/${Id}/start`);
  return Id;
}

export async function execTrue(server: Server, id: string): Promise<void> {
  const { Id } = await call<{ Id: string }>(server, 'POST', `/containers/${id}/exec`, {
    Cmd: ['true'],
    AttachStdout: true,
    AttachStderr: true,
  });
  await call(server, 'POST', `/exec/${Id}/start`, { Detach: false, Tty: false });
  const { ExitCode, Running } = await call<{ ExitCode: number; Running: boolean }>(server, 'GET', `/exec/${Id}/json`);
  if (Running || ExitCode !== 0) throw new Error(`${server.name}: exec running=${Running} exit=${ExitCode}`);
}
