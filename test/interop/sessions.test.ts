// Sessions beside the real dockerd: the client's side on node:http2, docker's own clients where BuildKit is not, and their words.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, until } from '../harness/command.ts';
import { type RealDockerd, startRealDockerd } from '../harness/real-dockerd.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;
let dockerd: RealDockerd;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-sessions-');
  writeFileSync(join(scratch, 'Dockerfile'), 'FROM scratch\nLABEL a=b\n');
  stack = await startStack({ readyTimeoutMs: 60_000 });
  dockerd = await startRealDockerd();
}, 120_000);
afterAll(async () => {
  await stack?.stop();
  await dockerd?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** Of a refusal. */
  message: string;
  /** Of an accepted upgrade. */
  socket: Socket | undefined;
}

async function post(path: string, headers: http.OutgoingHttpHeaders): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: side.socket, method: 'POST', path, agent: false, headers });
    request.on('error', reject);
    request.on('upgrade', (response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve({ status: 101, headers: response.headers, message: '', socket: socket as Socket });
    });
    request.on('response', async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const { message } = JSON.parse(Buffer.concat(chunks).toString()) as { message: string };
      resolve({ status: response.statusCode ?? 0, headers: response.headers, message, socket: undefined });
    });
    request.end();
  });
}

let side: Stack | RealDockerd;
const upgrade = { Connection: 'Upgrade', Upgrade: 'h2c' };
const methods = ['/grpc.health.v1.Health/Check', '/moby.filesync.v1.Auth/Credentials'];

function openSession(id: string, headers: http.OutgoingHttpHeaders = upgrade): Promise<Answer> {
  return post('/v1.40/session', {
    ...headers,
    'X-Docker-Expose-Session-Uuid': id,
    'X-Docker-Expose-Session-Name': 'directory',
    'X-Docker-Expose-Session-Sharedkey': 'key',
    'X-Docker-Expose-Session-Grpc-Method': methods,
  });
}

/** Serves the session's client: says that it is well. */
function serveHealth(socket: Socket): { asked: http2.IncomingHttpHeaders[] } {
  const asked: http2.IncomingHttpHeaders[] = [];
  const session = http2.performServerHandshake(socket);
  session.on('error', () => undefined);
  session.on('stream', (stream, headers) => {
    asked.push(headers);
    stream.on('error', () => undefined);
    stream.resume();
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  });
  return { asked };
}

describe.each(['dockerd', 'tsengined'])('POST /session on %s', (name) => {
  beforeAll(() => {
    side = name === 'dockerd' ? dockerd : stack;
  });

  it('turns the roles, and asks the client how it is', async () => {
    const { status, headers, socket } = await openSession('first');
    expect([status, headers.connection, headers.upgrade]).toEqual([101, 'Upgrade', 'h2c']);
    const { asked } = serveHealth(socket as Socket);
    const question = await until('asked', 20_000, () => asked[0]);
    expect(question).toMatchObject({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const again = await openSession('first');
    expect([again.status, again.message]).toEqual([400, 'session first already exists']);
    socket?.destroy();
  });

  it('refuses what is no upgrade to h2c', async () => {
    const none = await openSession('none', {});
    expect([none.status, none.message]).toEqual([400, 'no upgrade proto in request']);
    const other = await openSession('other', { Connection: 'Upgrade', Upgrade: 'tcp' });
    expect([other.status, other.message]).toEqual([400, 'protocol tcp not supported']);
  });

  it('refuses a build with the context of a session by the classic builder', async () => {
    const answer = await post('/v1.40/build?version=1&remote=client-session&session=x', {});
    expect(answer.status).toBe(400);
    expect(answer.message).toContain('session');
  });

  it('builds as without a session when one is named', async () => {
    const { socket } = await openSession('named');
    serveHealth(socket as Socket);
    const build = ['build', '-q', '-f', join(scratch, 'Dockerfile'), scratch];
    const result = await side.docker(build);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:/) });
    socket?.destroy();
  });
});

describe('a session that is over', () => {
  it('leaves its id to the next one', async () => {
    // dockerd does too, but asks the client who has left for 20 seconds more
    side = stack;
    const { socket } = await openSession('next');
    serveHealth(socket as Socket);
    socket?.destroy();
    const free = await until('the id is free', 20_000, async () => {
      const answer = await openSession('next');
      return answer.status === 101 ? answer : undefined;
    });
    free.socket?.destroy();
  });
});

describe('where BuildKit would be', () => {
  it('is a server without services, which says what to do', async () => {
    side = stack;
    const { status, headers, socket } = await post('/grpc', upgrade);
    expect([status, headers.upgrade]).toEqual([101, 'h2c']);
    const client = http2.connect('http://localhost', { createConnection: () => socket as Socket });
    const stream = client.request({
      ':method': 'POST',
      ':path': '/moby.buildkit.v1.Control/ListWorkers',
      'content-type': 'application/grpc',
    });
    stream.end(Buffer.alloc(5));
    const [answer] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    expect(answer[':status']).toBe(200);
    expect(answer['grpc-status']).toBe('12');
    expect(decodeURIComponent(String(answer['grpc-message']))).toContain(`Control/ListWorkers: `);
    client.destroy();
    const none = await post('/grpc', {});
    expect([none.status, none.message]).toEqual([400, 'no upgrade proto in request']);
  });

  it('is named by _ping as dockerd names it without', async () => {
    const { headers } = await stack.api('GET', '/_ping');
    expect(headers['builder-version']).toBe('1');
  });

  it('is told to docker 20.10, whose session has begun', async () => {
    const env = { DOCKER_HOST: `unix://${stack.socket}`, DOCKER_BUILDKIT: '1', DOCKER_CONFIG: join(scratch, 'config') };
    const built = await run('/usr/bin/docker', ['build', scratch], { env });
    expect(built.code).toBe(1);
    expect(built.stderr).toContain('Error response from daemon: version=2: ');
    expect(built.stderr).toContain('set DOCKER_BUILDKIT=0, or use a docker client without buildx');
    const asked = await run('/usr/bin/docker', ['build', '-q', scratch], { env: { ...env, DOCKER_BUILDKIT: '0' } });
    expect(asked.code).toBe(0);
  });
});
