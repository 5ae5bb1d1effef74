// Unary calls of our own HTTP/2, answered by grpc-js's server.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { ContainerError } from '@tscontainer/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reasonKey } from './grpc-status.ts';
import { GrpcUnaryClient } from './grpc-unary-client.ts';

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

let directory: string;
let server: grpc.Server | undefined;
let client: GrpcUnaryClient;
let cancelled: Promise<void>;

async function serve(): Promise<void> {
  const wasCancelled = Promise.withResolvers<void>();
  cancelled = wasCancelled.promise;
  server = new grpc.Server({ 'grpc.max_receive_message_length': limit, 'grpc.max_send_message_length': limit });
  server.addService(definition, {
    Echo: (call: Call, callback: grpc.sendUnaryData<Buffer>) => callback(null, call.request),
    Fail: (_call: Call, callback: grpc.sendUnaryData<Buffer>) => {
      const metadata = new grpc.Metadata();
      metadata.set(reasonKey, 'for-the-test');
      callback({ code: grpc.status.NOT_FOUND, details: 'no “ding” there: 100 %', metadata });
    },
    Hang: (call: Call) => call.on('cancelled', () => wasCancelled.resolve()),
    Metadata: (call: Call, callback: grpc.sendUnaryData<Buffer>) =>
      callback(null, Buffer.from(JSON.stringify(call.metadata.getMap()))),
  });
  await new Promise<void>((resolve, reject) =>
    server?.bindAsync(`unix://${join(directory, 's')}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tsc-unary-'));
  await serve();
  client = new GrpcUnaryClient(join(directory, 's'), limit);
});

afterEach(() => {
  client.close();
  server?.forceShutdown();
  rmSync(directory, { recursive: true, force: true });
});

const echo = (message: Buffer, options = {}) => client.call('/test.Test/Echo', message, options);

describe('unary gRPC', () => {
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

  it('moves more than the windows of the connection over time', async () => {
    const message = Buffer.alloc(8_000_000, 1);
    for (let round = 0; round < 20; round++) expect(await echo(message)).toHaveLength(message.length);
  });

  it('sends namespace and lease as metadata', async () => {
    const answer = await client.call('/test.Test/Metadata', Buffer.alloc(0), { namespace: 'moby', lease: 'l-1' });
    expect(JSON.parse(answer.toString())).toMatchObject({ 'containerd-namespace': 'moby', 'containerd-lease': 'l-1' });
  });

  it('rejects with code, text and reason of the status', async () => {
    const failure = client.call('/test.Test/Fail', Buffer.alloc(0), {});
    await expect(failure).rejects.toMatchObject({
      code: 'not-found',
      message: 'no “ding” there: 100 %',
      reason: 'for-the-test',
    });
    await expect(client.call('/test.Test/Nothing', Buffer.alloc(0), {})).rejects.toMatchObject({
      code: 'unimplemented',
    });
  });

  it('gives a call up at its deadline and when it is aborted, and the server learns of it', async () => {
    await expect(client.call('/test.Test/Hang', Buffer.alloc(0), { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'deadline-exceeded',
    });
    await cancelled;
    const abort = new AbortController();
    const call = client.call('/test.Test/Hang', Buffer.alloc(0), { signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    await expect(client.call('/test.Test/Hang', Buffer.alloc(0), { signal: abort.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect((await echo(Buffer.from('after'))).toString()).toBe('after');
  });

  it('refuses a message that is too large without sending it', async () => {
    await expect(echo(Buffer.alloc(limit + 1))).rejects.toMatchObject({ code: 'resource-exhausted' });
  });

  it('fails what is under way when the server dies, and finds its successor', async () => {
    await echo(Buffer.from('first'));
    const hanging = client.call('/test.Test/Hang', Buffer.alloc(0), {});
    setTimeout(() => server?.forceShutdown(), 20);
    await expect(hanging).rejects.toMatchObject({ code: 'unavailable' });
    rmSync(join(directory, 's'), { force: true });
    const refused = await echo(Buffer.from('nobody')).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ContainerError);
    expect(refused).toMatchObject({ code: 'unavailable', message: expect.stringContaining('ENOENT') });
    await serve();
    expect((await echo(Buffer.from('again'))).toString()).toBe('again');
  });
});
