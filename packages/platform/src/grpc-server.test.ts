// One socket for all: which of the two servers answers whom, and that nobody can tell but by its speed.
import { getEventListeners, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/proto-loader';
import { ContainerError } from '@tscontainer/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallContext } from './call-context.ts';
import { GrpcConnection } from './grpc-client.ts';
import { toBody } from './grpc-message.ts';
import { type GrpcServer, maxMessageBytes, serveGrpc } from './grpc-server.ts';
import { GrpcUnaryClient } from './grpc-unary-client.ts';
import { encodeHeaders, HpackDecoder } from './http2/hpack.ts';
import {
  connectionPreface,
  encodeFrame,
  encodeSettings,
  type Frame,
  FrameReader,
  frameFlag,
  frameType,
  setting,
} from './http2/http2-frame.ts';
import { createLogger } from './logger.ts';
import { currentTrace } from './trace.ts';

const names = ['Echo', 'Fail', 'Hang', 'Later', 'Large', 'Trace', 'Count', 'Broken'];
const bytes = (value: Buffer) => value;
const definition = Object.fromEntries(
  names.map((name) => [
    name,
    {
      path: `/test.Test/${name}`,
      requestStream: false,
      responseStream: name === 'Count',
      requestSerialize: bytes,
      requestDeserialize: (given: Buffer) => {
        if (given.toString() === 'not protobuf') throw new RangeError('index out of range');
        return given;
      },
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  ]),
) as unknown as ServiceDefinition;

const lines: { method?: string; code?: number; level: string; message: string }[] = [];
const note = (level: string) => (fields: object, message: string) => lines.push({ ...fields, level, message });
const log = Object.assign(createLogger({ name: 'test', level: 'silent' }), {
  debug: note('debug'),
  warn: note('warn'),
});

let directory: string;
let path: string;
let server: GrpcServer;
let left: PromiseWithResolvers<void>;
let begun: PromiseWithResolvers<CallContext>;

const handlers = {
  Echo: async (request: Buffer) => request,
  Fail: async (request: Buffer) => {
    throw request.length === 0 ? new Error('for “some” reason') : new ContainerError('not-found', request.toString());
  },
  Hang: (_request: Buffer, context: CallContext) =>
    new Promise((_resolve, reject) => {
      begun.resolve(context);
      context.signal.addEventListener('abort', () => {
        left.resolve();
        reject(context.signal.reason);
      });
    }),
  Later: async (request: Buffer, context: CallContext) => {
    begun.resolve(context);
    await sleep(50);
    return request;
  },
  Large: async () => Buffer.alloc(maxMessageBytes + 1),
  Trace: async () => Buffer.from(currentTrace()?.traceId ?? ''),
  Count: async function* () {
    for (const text of ['one', 'two']) yield Buffer.from(text);
  },
  Broken: async () => 5,
};

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tsc-grpc-'));
  path = join(directory, 's');
  lines.length = 0;
  left = Promise.withResolvers();
  begun = Promise.withResolvers();
  server = await serveGrpc(path, [{ definition, handlers }], log);
});

afterEach(async () => {
  await server.stop(0);
  rmSync(directory, { recursive: true, force: true });
});

interface Answer {
  status: number;
  message: string;
  contentType: string;
}

/** A unary call by grpc-js's client. */
function callOfGrpcJs(name: string, request: Buffer): Promise<Answer> {
  const client = new grpc.Client(`unix://${path}`, grpc.credentials.createInsecure());
  let contentType = '';
  return new Promise<Answer>((resolve) => {
    const done = (error: grpc.ServiceError | null) =>
      resolve({ status: error?.code ?? 0, message: error?.details ?? '', contentType });
    client
      .makeUnaryRequest(`/test.Test/${name}`, bytes, bytes, request, done)
      .on('metadata', (metadata) => (contentType = String(metadata.get('content-type')[0] ?? '')));
  }).finally(() => client.close());
}

const requestBlock = (name: string, more: [string, string][] = []) =>
  encodeHeaders([[':method', 'POST'], [':path', `/test.Test/${name}`], ['content-type', 'application/grpc'], ...more]);

const introduction = Buffer.concat([connectionPreface, encodeSettings([[setting.unaryOnly, 1]])]);

/** A unary call of a client that says it makes no others, frame by frame. */
async function callOfOurs(block: Buffer, body: Buffer, write = (socket: Socket, all: Buffer) => socket.write(all)) {
  const socket = connect(path);
  const frames: Frame[] = [];
  const whole = Promise.withResolvers<void>();
  const reader = new FrameReader((frame) => {
    frames.push({ ...frame, payload: Buffer.from(frame.payload) });
    if (frame.type === frameType.headers && (frame.flags & frameFlag.endStream) !== 0) whole.resolve();
  });
  socket.on('data', (chunk) => reader.push(chunk));
  const request = [
    encodeFrame(frameType.headers, frameFlag.endHeaders, 1, block),
    encodeFrame(frameType.data, frameFlag.endStream, 1, body),
  ];
  write(socket, Buffer.concat([introduction, ...request]));
  await whole.promise;
  socket.destroy();
  const decoder = new HpackDecoder(100_000);
  const blocks = frames.filter(({ type }) => type === frameType.headers).map(({ payload }) => decoder.decode(payload));
  const all = new Map(blocks.flatMap((headers) => [...headers]));
  return {
    headers: all,
    status: Number(all.get('grpc-status')),
    message: decodeURIComponent(all.get('grpc-message') ?? ''),
    contentType: all.get('content-type') ?? '',
  };
}

describe('the two servers of one socket', () => {
  it('grpc-js answers its own client, unary and streaming', async () => {
    expect(await callOfGrpcJs('Echo', Buffer.from('a'))).toMatchObject({ status: 0 });
    const client = new grpc.Client(`unix://${path}`, grpc.credentials.createInsecure());
    const answers: string[] = [];
    const stream = client.makeServerStreamRequest('/test.Test/Count', bytes, bytes, Buffer.alloc(0));
    for await (const message of stream) answers.push(String(message));
    client.close();
    expect(answers).toEqual(['one', 'two']);
  });

  it('a stream leaves nothing on the signal that might have ended it', async () => {
    const connection = new GrpcConnection(path);
    const { signal } = new AbortController();
    const answers: string[] = [];
    for await (const message of connection.stream(definition, 'Count', Buffer.alloc(0), { signal }))
      answers.push(String(message));
    expect(answers).toEqual(['one', 'two']);
    for await (const _first of connection.stream(definition, 'Count', Buffer.alloc(0), { signal })) break;
    await expect.poll(() => getEventListeners(signal, 'abort')).toEqual([]);
    connection.close();
  });

  it('grpc-js answers any other client of HTTP/2; its first bytes are not lost', async () => {
    const session = http2.connect('http://localhost', { createConnection: () => connect(path) });
    const stream = session.request({
      ':method': 'POST',
      ':path': '/test.Test/Echo',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.end(toBody(Buffer.from('ding')));
    const [headers] = await once(stream, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(headers['content-type']).toBe('application/grpc+proto');
    expect(Buffer.concat(chunks).subarray(5).toString()).toBe('ding');
    session.destroy();
  });

  it('ours answers a client of unary calls, also one whose introduction comes byte by byte', async () => {
    const byByte = (socket: Socket, all: Buffer) => {
      socket.setNoDelay(true);
      void (async () => {
        for (const byte of all) {
          socket.write(Buffer.from([byte]));
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      return true;
    };
    for (const write of [undefined, byByte])
      expect(await callOfOurs(requestBlock('Echo'), toBody(Buffer.from('a')), write)).toMatchObject({
        status: 0,
        contentType: 'application/grpc',
      });
  });

  it('serves who says nothing as any other, after a while', async () => {
    const socket = connect(path);
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first[3]).toBe(frameType.settings);
    socket.destroy();
  });

  it('gives noise to grpc-js, which hangs up; who leaves early disturbs nobody', async () => {
    const noisy = connect(path);
    noisy.write('GET / HTTP/1.1\r\n\r\n');
    noisy.resume();
    await once(noisy, 'close');
    const early = connect(path);
    await once(early, 'connect');
    early.write(connectionPreface.subarray(0, 10));
    early.destroy();
    expect(await callOfGrpcJs('Echo', Buffer.alloc(0))).toMatchObject({ status: 0 });
  });

  it('answers failures alike', async () => {
    const cases: [name: string, body: Buffer][] = [
      ['Fail', Buffer.alloc(0)],
      ['Fail', Buffer.from('no “ding”')],
      ['Nothing', Buffer.alloc(0)],
    ];
    for (const [name, body] of cases) {
      const { status, message } = await callOfGrpcJs(name, body);
      expect(await callOfOurs(requestBlock(name), toBody(body))).toMatchObject({ status, message });
    }
    const failures = lines.filter(({ message }) => message === 'call failed');
    expect(failures.map(({ level, code }) => [level, code])).toEqual([
      ['warn', 2],
      ['warn', 2],
      ['debug', 5],
      ['debug', 5],
    ]);
  });

  it('logs each call alike', async () => {
    await callOfGrpcJs('Echo', Buffer.from('a'));
    await callOfOurs(requestBlock('Echo'), toBody(Buffer.from('a')));
    const served = lines.filter(({ message }) => message === 'call served');
    expect(served.map(({ method }) => method)).toEqual(['/test.Test/Echo', '/test.Test/Echo']);
  });
});

describe('unary calls of our own server', () => {
  it('refuses a method that streams, by name', async () => {
    const { status, message } = await callOfOurs(requestBlock('Count'), toBody(Buffer.alloc(0)));
    expect([status, message]).toEqual([
      grpc.status.UNIMPLEMENTED,
      'call /test.Test/Count: it streams, and this connection was opened for unary calls only',
    ]);
  });

  it('ends a call at the deadline of its metadata, and the handler learns of it', async () => {
    const late = await callOfOurs(requestBlock('Hang', [['grpc-timeout', '20m']]), toBody(Buffer.alloc(0)));
    expect([late.status, late.message]).toEqual([grpc.status.DEADLINE_EXCEEDED, 'Deadline exceeded']);
    await left.promise;
    const wrong = await callOfOurs(requestBlock('Echo', [['grpc-timeout', 'soon']]), toBody(Buffer.alloc(0)));
    expect(wrong).toMatchObject({ status: grpc.status.INTERNAL, message: 'Invalid grpc-timeout value "soon"' });
    const ample = await callOfOurs(requestBlock('Echo', [['grpc-timeout', '99999999H']]), toBody(Buffer.alloc(0)));
    expect(ample.status).toBe(0);
  });

  it.each([
    ['not one message', Buffer.from([0, 0, 0, 0, 9]), grpc.status.INTERNAL],
    ['no message', Buffer.alloc(0), grpc.status.INTERNAL],
    ['two messages', Buffer.concat([toBody(Buffer.from('a')), toBody(Buffer.from('b'))]), grpc.status.INTERNAL],
    ['a compressed message', Buffer.from([1, 0, 0, 0, 0]), grpc.status.INTERNAL],
    ['a message that is not protobuf', toBody(Buffer.from('not protobuf')), grpc.status.INTERNAL],
  ])('answers %s with a status', async (_name, body, status) => {
    expect(await callOfOurs(requestBlock('Echo'), body)).toMatchObject({ status });
  });

  it('answers with a status when the answer is too large or cannot be written', async () => {
    const large = await callOfOurs(requestBlock('Large'), toBody(Buffer.alloc(0)));
    expect(large).toMatchObject({
      status: grpc.status.RESOURCE_EXHAUSTED,
      message: `call /test.Test/Large: the answer is larger than ${maxMessageBytes} bytes`,
    });
    expect(await callOfOurs(requestBlock('Fail'), toBody(Buffer.alloc(9000, '“')))).toMatchObject({
      status: grpc.status.NOT_FOUND,
      message: expect.stringMatching(/^“{100,}$/),
    });
  });

  it('hangs up on a client that breaks the rules with its first words', async () => {
    const socket = connect(path);
    socket.write(Buffer.concat([introduction, encodeFrame(frameType.ping, 0, 0, Buffer.alloc(3))]));
    socket.resume();
    await once(socket, 'close');
    expect(await callOfOurs(requestBlock('Echo'), toBody(Buffer.alloc(0)))).toMatchObject({ status: 0 });
  });

  it('takes no request that is not gRPC', async () => {
    const block = encodeHeaders([
      [':method', 'GET'],
      [':path', '/test.Test/Echo'],
    ]);
    expect((await callOfOurs(block, Buffer.alloc(0))).headers.get(':status')).toBe('415');
  });

  it('serves a call in the trace that it came with', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const client = new GrpcUnaryClient(path, maxMessageBytes);
    const metadata = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    expect((await client.call('/test.Test/Trace', Buffer.alloc(0), { metadata })).toString()).toBe(traceId);
    client.close();
  });
});

describe('stop', () => {
  it('answers the calls under way on both, then closes', async () => {
    const ours = callOfOurs(requestBlock('Later'), toBody(Buffer.from('a')));
    await begun.promise;
    begun = Promise.withResolvers();
    const theirs = callOfGrpcJs('Later', Buffer.from('a'));
    await begun.promise;
    const stopped = server.stop(10_000);
    expect([(await ours).status, (await theirs).status]).toEqual([0, 0]);
    await stopped;
    await expect(once(connect(path), 'connect')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('cuts off what does not end in time', async () => {
    const client = new GrpcUnaryClient(path, maxMessageBytes);
    const hanging = client.call('/test.Test/Hang', Buffer.alloc(0), {}).catch((error: unknown) => error);
    await begun.promise;
    const silent = connect(path);
    await once(silent, 'connect');
    await server.stop(30);
    await left.promise;
    expect(await hanging).toMatchObject({ code: 'unavailable' });
    client.close();
    silent.destroy();
  });
});
