// Unary calls of our own HTTP/2, answered by grpc-js's server, which passes over that they are unary only, and by our own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/proto-loader';
import { ContainerError } from '@tscontainer/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UnaryHandler } from './call-context.ts';
import { serveGrpc } from './grpc-server.ts';
import { reasonKey } from './grpc-status.ts';
import { GrpcUnaryClient } from './grpc-unary-client.ts';
import { createLogger } from './logger.ts';

const limit = 16 * 1024 * 1024;
const bytes = (value: Buffer) => value;
const methodNamed = (name: string) => ({
  path: `/test.Test/${name}`,
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});
const definition = {
  Echo: methodNamed('Echo'),
  Fail: methodNamed('Fail'),
  Hang: methodNamed('Hang'),
  Metadata: methodNamed('Metadata'),
};
type Call = grpc.ServerUnaryCall<Buffer, Buffer>;
interface Running {
  stop: () => Promise<void>;
}

const log = createLogger({ name: 'test', level: 'silent' });
const failureText = 'no “ding” there: 100 %';
let directory: string;
let server: Running;
let client: GrpcUnaryClient;
let cancelled: PromiseWithResolvers<void>;

async function serveForeign(path: string): Promise<Running> {
  const foreign = new grpc.Server({ 'grpc.max_receive_message_length': limit, 'grpc.max_send_message_length': limit });
  foreign.addService(definition, {
    Echo: (call: Call, callback: grpc.sendUnaryData<Buffer>) => callback(null, call.request),
    Fail: (_call: Call, callback: grpc.sendUnaryData<Buffer>) => {
      const metadata = new grpc.Metadata();
      metadata.set(reasonKey, 'for-the-test');
      callback({ code: grpc.status.NOT_FOUND, details: failureText, metadata });
    },
    Hang: (call: Call) => call.on('cancelled', () => cancelled.resolve()),
    Metadata: (call: Call, callback: grpc.sendUnaryData<Buffer>) => {
      const trailers = new grpc.Metadata();
      trailers.set('answered', 'yes');
      callback(null, Buffer.from(JSON.stringify(call.metadata.getMap())), trailers);
    },
  });
  await new Promise<void>((resolve, reject) =>
    foreign.bindAsync(`unix://${path}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
  return { stop: async () => foreign.forceShutdown() };
}

async function serveOwn(path: string): Promise<Running> {
  const keys = ['containerd-namespace', 'containerd-lease', 'traceparent'];
  const handlers: Record<string, UnaryHandler> = {
    Echo: async (request) => request,
    Fail: async () => {
      throw new ContainerError('not-found', failureText, { reason: 'for-the-test' });
    },
    Hang: (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          cancelled.resolve();
          reject(signal.reason);
        });
      }),
    Metadata: async (_request, context) => {
      context.addTrailer?.('answered', 'yes');
      return Buffer.from(JSON.stringify(Object.fromEntries(keys.map((key) => [key, context.metadata?.(key)]))));
    },
  };
  const own = await serveGrpc(path, [{ definition: definition as unknown as ServiceDefinition, handlers }], log);
  return { stop: () => own.stop(0) };
}

const sides = [
  { name: 'grpc-js', serve: serveForeign, contentType: 'application/grpc+proto' },
  { name: 'our own server', serve: serveOwn, contentType: 'application/grpc' },
];

const echo = (message: Buffer, options = {}) => client.call('/test.Test/Echo', message, options);

describe.each(sides)('unary gRPC answered by $name', ({ serve, contentType }) => {
  beforeEach(async () => {
    cancelled = Promise.withResolvers();
    directory = mkdtempSync(join(tmpdir(), 'tsc-unary-'));
    server = await serve(join(directory, 's'));
    client = new GrpcUnaryClient(join(directory, 's'), limit);
  });

  afterEach(async () => {
    client.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each([0, 1, 16_384, 65_536, 5_000_000, limit])('brings %i bytes there and back', async (size) => {
    const message = Buffer.alloc(size, 'abc');
    expect((await echo(message)).equals(message)).toBe(true);
  });

  it('keeps answers of many calls apart, large ones among them', async () => {
    const messages = Array.from({ length: 300 }, (_, index) =>
      Buffer.alloc(index % 10 === 0 ? 200_000 : index, `${index};`),
    );
    const answers = await Promise.all(messages.map((message) => echo(message)));
    expect(answers.every((answer, index) => answer.equals(messages[index] as Buffer))).toBe(true);
  });

  it('lets none wait behind calls that hang, however many were made before the server had said a word', async () => {
    const abort = new AbortController();
    const hang = () => client.call('/test.Test/Hang', Buffer.alloc(0), { signal: abort.signal });
    const hanging = Array.from({ length: 150 }, () => hang().catch((error: unknown) => error));
    const messages = Array.from({ length: 50 }, (_, index) => Buffer.from(`${index}`));
    expect(await Promise.all(messages.map((message) => echo(message)))).toEqual(messages);
    abort.abort();
    for (const error of await Promise.all(hanging)) expect(error).toMatchObject({ code: 'cancelled' });
  });

  it('moves more than the windows of the connection over time', async () => {
    const message = Buffer.alloc(8_000_000, 1);
    for (let round = 0; round < 20; round++) expect(await echo(message)).toHaveLength(message.length);
  });

  it('sends namespace and lease as metadata', async () => {
    const answer = await client.call('/test.Test/Metadata', Buffer.alloc(0), { namespace: 'moby', lease: 'l-1' });
    expect(JSON.parse(answer.toString())).toMatchObject({ 'containerd-namespace': 'moby', 'containerd-lease': 'l-1' });
  });

  it('brings the answer’s metadata, which says who answered', async () => {
    const metadata = Promise.withResolvers<ReadonlyMap<string, string>>();
    await client.call('/test.Test/Metadata', Buffer.alloc(0), { onMetadata: metadata.resolve });
    expect(Object.fromEntries(await metadata.promise)).toMatchObject({
      ':status': '200',
      'content-type': contentType,
      'grpc-status': '0',
      answered: 'yes',
    });
  });

  it('rejects with code, text and reason of the status', async () => {
    const failure = client.call('/test.Test/Fail', Buffer.alloc(0), {});
    await expect(failure).rejects.toMatchObject({
      code: 'not-found',
      message: failureText,
      reason: 'for-the-test',
    });
    await expect(client.call('/test.Test/Nothing', Buffer.alloc(0), {})).rejects.toMatchObject({
      code: 'unimplemented',
    });
  });

  it('gives a call up at its deadline and when it is aborted, and the server learns of it', async () => {
    const late = client.call('/test.Test/Hang', Buffer.alloc(0), { timeoutMs: 30 }).catch((error: unknown) => error);
    expect(await late).toMatchObject({ code: 'deadline-exceeded' });
    await cancelled.promise;
    const abort = new AbortController();
    const call = client.call('/test.Test/Hang', Buffer.alloc(0), { signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    await expect(client.call('/test.Test/Hang', Buffer.alloc(0), { signal: abort.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect((await echo(Buffer.from('after'))).toString()).toBe('after');
  });

  it('loses nothing of the windows to large calls that are given up half-way', async () => {
    const message = Buffer.alloc(6_000_000, 2);
    for (let round = 0; round < 24; round++) {
      const abort = new AbortController();
      const given = echo(message, { signal: abort.signal }).catch((error: unknown) => error);
      setTimeout(() => abort.abort(), round % 8);
      await given;
    }
    expect(await echo(message)).toHaveLength(message.length);
  });

  it('refuses a message that is too large without sending it', async () => {
    await expect(echo(Buffer.alloc(limit + 1))).rejects.toMatchObject({ code: 'resource-exhausted' });
  });

  it('fails what is under way when the server dies, and finds its successor', async () => {
    await echo(Buffer.from('first'));
    const hanging = client.call('/test.Test/Hang', Buffer.alloc(0), {});
    setTimeout(() => server.stop(), 20);
    await expect(hanging).rejects.toMatchObject({ code: 'unavailable' });
    rmSync(join(directory, 's'), { force: true });
    const refused = await echo(Buffer.from('nobody')).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ContainerError);
    expect(refused).toMatchObject({ code: 'unavailable', message: expect.stringContaining('ENOENT') });
    server = await serve(join(directory, 's'));
    expect((await echo(Buffer.from('again'))).toString()).toBe('again');
  });
});
