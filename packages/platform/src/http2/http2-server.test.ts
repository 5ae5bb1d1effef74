// The answering end against peers that keep to no rule, and against careful ones that read every frame.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeHeaders, HpackDecoder } from './hpack.ts';
import {
  encodeFrame,
  encodeSettings,
  encodeUint32Frame,
  errorCode,
  type Frame,
  FrameReader,
  frameFlag,
  frameType,
  setting,
} from './http2-frame.ts';
import { type Http2Request, Http2Server } from './http2-server.ts';

const maxBodyBytes = 1024 * 1024;
const request = encodeHeaders([
  [':method', 'POST'],
  [':path', '/a'],
]);
const answer = encodeHeaders([[':status', '200']]);
const trailers = encodeHeaders([['grpc-status', '0']]);
const none = Buffer.alloc(0);

const headers = (streamId: number, flags: number = frameFlag.endHeaders, block = request) =>
  encodeFrame(frameType.headers, flags, streamId, block);
const data = (streamId: number, payload: Buffer, flags = 0) => encodeFrame(frameType.data, flags, streamId, payload);
const whole = frameFlag.endHeaders | frameFlag.endStream;

let directory: string;
let listening: Server;
let server: Http2Server;
let requests: Http2Request[];
let closed: PromiseWithResolvers<string>;
let onRequest: (request: Http2Request) => void;

/** A peer that sends what it is told to and keeps what comes. */
class Peer {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  #waiting: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader((frame) => this.frames.push({ ...frame, payload: Buffer.from(frame.payload) }));
    socket.on('data', (chunk) => {
      reader.push(chunk);
      this.#waiting?.();
    });
    socket.on('error', () => undefined);
  }

  async frame(type: number, isWanted: (frame: Frame) => boolean = () => true): Promise<Frame> {
    for (;;) {
      const found = this.frames.find((frame) => frame.type === type && isWanted(frame));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  /** The code with which the connection was ended. */
  async farewell(): Promise<number> {
    return (await this.frame(frameType.goaway)).payload.readUInt32BE(4);
  }

  /** The bytes of a stream's DATA frames so far. */
  bodyBytes(streamId: number): number {
    const own = this.frames.filter((frame) => frame.type === frameType.data && frame.streamId === streamId);
    return own.reduce((sum, { payload }) => sum + payload.length, 0);
  }
}

async function open(settings: [number, number][] = []): Promise<Peer> {
  const socket = connect(join(directory, 's'));
  await once(socket, 'connect');
  socket.write(encodeSettings(settings));
  return new Peer(socket);
}

/** Resolves when the condition, looked at in each turn of the event loop, holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tsc-http2-'));
  requests = [];
  closed = Promise.withResolvers();
  onRequest = (given) => given.respond(answer, given.body ?? none, trailers);
  listening = createServer((socket) => {
    server = new Http2Server(socket, {
      maxBodyBytes,
      onRequest: (given) => {
        requests.push(given);
        onRequest(given);
      },
      onClosed: closed.resolve,
    });
    server.begin(none);
  }).listen(join(directory, 's'));
  await once(listening, 'listening');
});

afterEach(async () => {
  server.destroy();
  listening.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('the answering end of HTTP/2', () => {
  it('answers in one piece: headers, body and trailers', async () => {
    const peer = await open();
    peer.socket.write(Buffer.concat([headers(1), data(1, Buffer.from('ding'), frameFlag.endStream)]));
    await peer.frame(frameType.headers, ({ flags }) => (flags & frameFlag.endStream) !== 0);
    const own = peer.frames.filter(({ streamId }) => streamId === 1);
    expect(own.map(({ type, payload }) => [type, payload.toString('latin1')])).toEqual([
      [frameType.headers, answer.toString('latin1')],
      [frameType.data, 'ding'],
      [frameType.headers, trailers.toString('latin1')],
    ]);
  });

  it('acknowledges settings, answers pings, and passes over frames that it does not know', async () => {
    const peer = await open([[0xf0f0, 7]]);
    await peer.frame(frameType.settings, ({ flags }) => flags === frameFlag.ack);
    const priority = encodeFrame(2, 0, 1, Buffer.alloc(5));
    peer.socket.write(Buffer.concat([encodeFrame(0x77, 3, 9, Buffer.from('?')), priority]));
    peer.socket.write(encodeFrame(frameType.ping, 0, 0, Buffer.from('12345678')));
    const pong = await peer.frame(frameType.ping);
    expect([pong.flags, pong.payload.toString()]).toEqual([frameFlag.ack, '12345678']);
  });

  it('reads a request in crumbs: continued headers, padding, empty frames, trailers of its own', async () => {
    const peer = await open();
    const padded = Buffer.concat([Buffer.from([3]), Buffer.from('lo'), Buffer.alloc(3)]);
    const bytes = Buffer.concat([
      headers(1, 0, request.subarray(0, 2)),
      encodeFrame(frameType.continuation, 0, 1, none),
      encodeFrame(frameType.continuation, frameFlag.endHeaders, 1, request.subarray(2)),
      data(1, Buffer.from('hel')),
      data(1, none),
      data(1, padded, frameFlag.padded),
      headers(1, whole, encodeHeaders([['end', '1']])),
    ]);
    for (const byte of bytes) peer.socket.write(Buffer.from([byte]));
    await peer.frame(frameType.data);
    expect(requests.map(({ body, headers }) => [body?.toString(), headers.get(':path')])).toEqual([['hello', '/a']]);
  });

  it('sends no more than the stream and the connection may take', async () => {
    onRequest = (given) => given.respond(answer, Buffer.alloc(200_000, 7), trailers);
    const peer = await open([[setting.initialWindowSize, 10]]);
    peer.socket.write(Buffer.concat([headers(1, whole), encodeFrame(frameType.ping, 0, 0, Buffer.alloc(8))]));
    await peer.frame(frameType.ping);
    expect(peer.bodyBytes(1)).toBe(10);
    peer.socket.write(encodeUint32Frame(frameType.windowUpdate, 1, 1_000_000));
    await until(() => peer.bodyBytes(1) === 65_535); // the connection's
    peer.socket.write(encodeUint32Frame(frameType.windowUpdate, 0, 1_000_000));
    await peer.frame(frameType.headers, ({ flags }) => (flags & frameFlag.endStream) !== 0);
    expect(peer.bodyBytes(1)).toBe(200_000);
  });

  it('heeds a window that shrinks below nothing', async () => {
    onRequest = (given) => given.respond(answer, Buffer.alloc(100, 7), trailers);
    const peer = await open([[setting.initialWindowSize, 60]]);
    peer.socket.write(headers(1, whole));
    await until(() => peer.bodyBytes(1) === 60);
    peer.socket.write(encodeSettings([[setting.initialWindowSize, 0]])); // minus 60
    peer.socket.write(encodeUint32Frame(frameType.windowUpdate, 1, 60));
    peer.socket.write(encodeFrame(frameType.ping, 0, 0, Buffer.alloc(8)));
    await peer.frame(frameType.ping);
    expect(peer.bodyBytes(1)).toBe(60);
    peer.socket.write(encodeUint32Frame(frameType.windowUpdate, 1, 40));
    await until(() => peer.bodyBytes(1) === 100);
  });

  it('grants the connection’s window again as bodies are read', async () => {
    const peer = await open();
    const body = Buffer.alloc(16_000, 1);
    onRequest = (given) => given.respond(answer, none, trailers);
    for (let id = 1; id < 1200; id += 2)
      peer.socket.write(Buffer.concat([headers(id), data(id, body, frameFlag.endStream)]));
    await until(() => requests.length === 600);
    const granted = peer.frames.filter(({ type }) => type === frameType.windowUpdate).slice(1);
    expect(granted.reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)).toBeGreaterThan(6 * 1024 * 1024);
  });

  it('grants again what bodies took that were given up half-way', async () => {
    const peer = await open();
    const part = Buffer.alloc(16_000, 1);
    for (let id = 1; id < 13; id += 2) {
      peer.socket.write(headers(id));
      for (let sent = 0; sent < 600_000; sent += part.length) peer.socket.write(data(id, part));
      peer.socket.write(encodeUint32Frame(frameType.rstStream, id, errorCode.cancel));
    }
    // more than was granted at first: it comes only if what was given up counts as released
    const granted = () => peer.frames.filter(({ type }) => type === frameType.windowUpdate).length;
    await until(() => granted() === 2);
    expect(requests).toEqual([]);
    expect(await closedOrNot()).toBe('open');
  });

  it('tells the handler that the caller has left: by a reset, and by its end', async () => {
    const told: number[] = [];
    onRequest = (given) => {
      given.onCancelled = () => told.push(given.id);
    };
    const peer = await open();
    peer.socket.write(Buffer.concat([headers(1, whole), headers(3, whole)]));
    await until(() => requests.length === 2);
    peer.socket.write(encodeUint32Frame(frameType.rstStream, 1, errorCode.cancel));
    await until(() => told.length === 1);
    peer.socket.destroy();
    await closed.promise;
    expect(told).toEqual([1, 3]);
    for (const late of requests) late.respond(answer, none, trailers); // harmless
  });

  it('hands over a body that is too large as none, and takes the rest of it', async () => {
    onRequest = (given) => given.respond(given.body === undefined ? encodeHeaders([['too', 'large']]) : answer);
    const peer = await open();
    peer.socket.write(headers(1));
    for (let sent = 0; sent < 2 * maxBodyBytes; sent += 16_000) peer.socket.write(data(1, Buffer.alloc(16_000)));
    const refusal = await peer.frame(frameType.headers);
    expect(new HpackDecoder(1000).decode(refusal.payload).get('too')).toBe('large');
    expect((await peer.frame(frameType.rstStream)).payload.readUInt32BE(0)).toBe(errorCode.none);
    peer.socket.write(headers(3, whole));
    await until(() => requests.length === 2);
  });

  it('serves a request once, also one that goes on after its body was too large', async () => {
    onRequest = (given) => given.respond(answer, Buffer.from('too large'), trailers);
    const peer = await open([[setting.initialWindowSize, 0]]); // the answer waits, and with it the stream's end
    peer.socket.write(headers(1));
    for (let sent = 0; sent < maxBodyBytes + 100_000; sent += 16_000) peer.socket.write(data(1, Buffer.alloc(16_000)));
    peer.socket.write(Buffer.concat([headers(1, whole), encodeFrame(frameType.ping, 0, 0, Buffer.alloc(8))]));
    await peer.frame(frameType.ping);
    peer.socket.write(encodeUint32Frame(frameType.windowUpdate, 1, 100));
    await peer.frame(frameType.headers, ({ flags }) => (flags & frameFlag.endStream) !== 0);
    expect(requests).toHaveLength(1);
    expect(peer.bodyBytes(1)).toBe(9);
  });

  it('refuses streams beyond its bound, and goes on', async () => {
    onRequest = () => undefined;
    const peer = await open();
    const most = (await peer.frame(frameType.settings)).payload;
    const bound = most.readUInt32BE(most.length - 4);
    for (let id = 1; id < 2 * (bound + 1); id += 2) peer.socket.write(headers(id, whole));
    const refusal = await peer.frame(frameType.rstStream);
    expect([refusal.streamId, refusal.payload.readUInt32BE(0)]).toEqual([2 * bound + 1, errorCode.refusedStream]);
    requests[0]?.respond(answer, none, trailers);
    await peer.frame(frameType.data, ({ streamId }) => streamId === 1);
    peer.socket.write(headers(2 * bound + 3, whole));
    await until(() => requests.length === bound + 1);
  });

  it('runs no more handlers than its bound when streams are reset at once', async () => {
    onRequest = () => undefined; // each takes for ever
    const peer = await open();
    const most = (await peer.frame(frameType.settings)).payload;
    const bound = most.readUInt32BE(most.length - 4);
    for (let id = 1; id < 3 * bound; id += 2)
      peer.socket.write(
        Buffer.concat([headers(id, whole), encodeUint32Frame(frameType.rstStream, id, errorCode.cancel)]),
      );
    peer.socket.write(encodeFrame(frameType.ping, 0, 0, Buffer.alloc(8)));
    await peer.frame(frameType.ping);
    expect(requests).toHaveLength(bound);
  });

  it('does not read a peer that does not read it', async () => {
    onRequest = (given) => given.respond(answer, Buffer.alloc(4000), trailers);
    const peer = await open([[setting.initialWindowSize, 0x7fff_ffff]]);
    peer.socket.write(encodeUint32Frame(frameType.windowUpdate, 0, 0x7fff_0000 - 65_535));
    peer.socket.pause();
    const count = 9000;
    for (let index = 0; index < count; index++) peer.socket.write(headers(2 * index + 1, whole));
    let last = -1;
    while (requests.length !== last) {
      last = requests.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(last).toBeLessThan(count);
    peer.socket.resume();
    await until(() => requests.length === count);
    expect(await closedOrNot()).toBe('open');
  });

  it('says farewell, answers what has come, and closes', async () => {
    onRequest = () => undefined;
    const peer = await open();
    peer.socket.write(headers(1, whole));
    await until(() => requests.length === 1);
    server.leave();
    const goaway = await peer.frame(frameType.goaway);
    expect([goaway.payload.readUInt32BE(0), goaway.payload.readUInt32BE(4)]).toEqual([1, errorCode.none]);
    peer.socket.write(Buffer.concat([headers(3), data(3, Buffer.from('too late'), frameFlag.endStream)]));
    peer.socket.write(encodeFrame(frameType.ping, 0, 0, Buffer.alloc(8)));
    await peer.frame(frameType.ping);
    requests[0]?.respond(answer, Buffer.from('at last'), trailers);
    await once(peer.socket, 'end');
    expect(peer.bodyBytes(1)).toBe(7);
    expect(requests).toHaveLength(1);
  });
});

async function closedOrNot(): Promise<string> {
  return Promise.race([closed.promise, new Promise<string>((resolve) => setImmediate(() => resolve('open')))]);
}

/** More than the connection's window, of streams that never end. */
function unfinished(): Buffer {
  const most = Array.from({ length: 5 }, (_, index) => {
    const id = 2 * index + 1;
    const frames = Array.from({ length: 60 }, () => data(id, Buffer.alloc(16_384)));
    return Buffer.concat([headers(id), ...frames]);
  });
  return Buffer.concat(most);
}

/** A field that the peer's table keeps, named again and again: a few bytes that are many when written out. */
function bomb(): Buffer {
  const value = Buffer.alloc(3000, 'a');
  const kept = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xb9, 0x16]), value]); // 3000 as 127 + 2873
  return Buffer.concat([request, kept, Buffer.alloc(12_000, 0x80 | 62)]);
}

const violations: [name: string, bytes: Buffer, code: number][] = [
  ['a frame larger than it may be', encodeFrame(frameType.data, 0, 1, Buffer.alloc(16_385)), errorCode.frameSize],
  ['headers of no stream', headers(0), errorCode.protocol],
  ['headers of a stream of the server', headers(2), errorCode.protocol],
  ['headers again without an end', Buffer.concat([headers(1), headers(1)]), errorCode.protocol],
  ['data of no stream', data(0, none), errorCode.protocol],
  ['data of a stream that is not open', data(7, none), errorCode.protocol],
  ['padding longer than its frame', Buffer.concat([headers(1), data(1, Buffer.from([9]), 8)]), errorCode.protocol],
  ['a header block that is interrupted', Buffer.concat([headers(1, 0), data(1, none)]), errorCode.protocol],
  ['a continuation of nothing', encodeFrame(frameType.continuation, 4, 1, none), errorCode.protocol],
  [
    'a continuation of another stream',
    Buffer.concat([headers(1, 0), encodeFrame(frameType.continuation, 4, 3, none)]),
    errorCode.protocol,
  ],
  [
    'continuations without end',
    Buffer.concat([headers(1, 0), ...Array.from({ length: 20 }, () => encodeFrame(9, 0, 1, Buffer.alloc(4000)))]),
    errorCode.enhanceYourCalm,
  ],
  [
    'empty continuations without end',
    Buffer.concat([headers(1, 0), ...Array.from({ length: 8000 }, () => encodeFrame(9, 0, 1, none))]),
    errorCode.enhanceYourCalm,
  ],
  ['a header block that is cut', headers(1, whole, request.subarray(0, -1)), errorCode.compression],
  ['a header that is not in the table', headers(1, whole, Buffer.from([0xff, 0x20])), errorCode.compression],
  ['headers that are many when written out', headers(1, whole, bomb()), errorCode.compression],
  ['a window that grows by nothing', encodeUint32Frame(frameType.windowUpdate, 0, 0), errorCode.protocol],
  ['a window that is too wide', encodeUint32Frame(frameType.windowUpdate, 0, 0x7fff_ffff), errorCode.flowControl],
  ['a window of a stream that is not open', encodeUint32Frame(frameType.windowUpdate, 5, 1), errorCode.protocol],
  ['a window update that is cut', encodeFrame(frameType.windowUpdate, 0, 0, Buffer.alloc(3)), errorCode.frameSize],
  ['settings of a stream', encodeFrame(frameType.settings, 0, 1, none), errorCode.protocol],
  ['settings that are cut', encodeFrame(frameType.settings, 0, 0, Buffer.alloc(5)), errorCode.frameSize],
  ['an acknowledgement with settings', encodeFrame(4, frameFlag.ack, 0, Buffer.alloc(6)), errorCode.frameSize],
  ['frames that are too small', encodeSettings([[setting.maxFrameSize, 100]]), errorCode.protocol],
  ['a first window that is too wide', encodeSettings([[setting.initialWindowSize, 2 ** 31]]), errorCode.flowControl],
  ['a ping that is cut', encodeFrame(frameType.ping, 0, 0, Buffer.alloc(7)), errorCode.frameSize],
  ['a ping of a stream', encodeFrame(frameType.ping, 0, 1, Buffer.alloc(8)), errorCode.protocol],
  ['a reset of a stream that is not open', encodeUint32Frame(frameType.rstStream, 9, 8), errorCode.protocol],
  ['a reset that is cut', encodeFrame(frameType.rstStream, 0, 1, none), errorCode.frameSize],
  ['a push', encodeFrame(frameType.pushPromise, 4, 1, Buffer.alloc(4)), errorCode.protocol],
  ['a farewell that is cut', encodeFrame(frameType.goaway, 0, 0, Buffer.alloc(4)), errorCode.protocol],
  ['more data than the connection takes', unfinished(), errorCode.flowControl],
];

describe('a peer that breaks the rules loses the connection', () => {
  it.each(violations)('%s', async (_name, bytes, code) => {
    onRequest = () => undefined;
    const peer = await open();
    peer.socket.write(bytes);
    expect(await peer.farewell()).toBe(code);
    await closed.promise;
  });

  it('data after the end of a request under way', async () => {
    onRequest = () => undefined;
    const peer = await open();
    peer.socket.write(Buffer.concat([headers(1, whole), data(1, none)]));
    expect(await peer.farewell()).toBe(errorCode.streamClosed);
  });

  it('survives noise of two hundred connections', async () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
      return seed >>> 16;
    };
    onRequest = (given) => given.respond(answer, given.body ?? none, trailers);
    for (let round = 0; round < 200; round++) {
      closed = Promise.withResolvers();
      const peer = await open();
      const frames = Array.from({ length: 50 }, () => {
        const payload = Buffer.from(Array.from({ length: random() % 40 }, () => random() & 255));
        return encodeFrame(random() % 11, random() & 255, random() % 9, payload);
      });
      peer.socket.end(Buffer.concat(frames));
      await closed.promise;
    }
    expect(listening.listening).toBe(true);
  });
});
