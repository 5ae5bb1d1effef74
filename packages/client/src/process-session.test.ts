// The streams of a session over real sockets: who ends what, and who waits for whom.
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ProcessSession } from './process-session.ts';

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** The engine's end, and a session on ours. */
async function pair(head: Buffer = Buffer.alloc(0), signal?: AbortSignal, isTerminal = false) {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [engine] = (await once(server, 'connection')) as [net.Socket];
  server.close();
  engine.on('error', () => undefined);
  open.push(engine, socket);
  return { engine, session: new ProcessSession({ socket, head, contentType: '' }, { isTerminal, signal }) };
}

function frame(stream: number, text: string | Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

describe('ProcessSession', () => {
  it('ends both outputs when the engine closes, with what came with the answer before all', async () => {
    const { engine, session } = await pair(frame(1, 'first '));
    engine.end(Buffer.concat([frame(1, 'out'), frame(2, 'err')]));
    expect(await session.text()).toEqual({ stdout: 'first out', stderr: 'err' });
    await session.closed;
  });

  it('ends the input alone, the outputs go on', async () => {
    const { engine, session } = await pair();
    session.stdin.end('typed');
    let typed = '';
    for await (const chunk of engine.iterator({ destroyOnReturn: false })) typed += chunk;
    expect(typed).toBe('typed');
    engine.end(frame(1, 'after the end'));
    expect(await session.text()).toEqual({ stdout: 'after the end', stderr: '' });
  });

  it('lets the engine wait when nobody reads what was begun, and loses nothing', async () => {
    const { engine, session } = await pair();
    session.stderr.resume();
    const iterator = session.stdout[Symbol.asyncIterator]();
    const big = frame(1, Buffer.alloc(1024 * 1024));
    engine.write(big);
    let length = ((await iterator.next()).value as Buffer).length;
    for (let round = 0; round < 31; round++) engine.write(big);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(session.stdout.readableLength).toBeLessThan(4 * 1024 * 1024);
    engine.end();
    for (let piece = await iterator.next(); !piece.done; piece = await iterator.next()) length += piece.value.length;
    expect(length).toBe(32 * 1024 * 1024);
  });

  it('breaks off at a signal, for readers and for whoever waits', async () => {
    const abort = new AbortController();
    const { session } = await pair(undefined, abort.signal);
    const reading = session.text();
    abort.abort();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    await expect(session.closed).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('tells a stream that was cut within a frame from one that ended', async () => {
    const { engine, session } = await pair();
    engine.end(frame(1, 'whole').subarray(0, 10));
    await expect(session.text()).rejects.toThrow('ends within a frame');
  });

  it('takes a terminal’s bytes as they are', async () => {
    const { engine, session } = await pair(undefined, undefined, true);
    engine.end('any bytes');
    expect(await session.text()).toEqual({ stdout: 'any bytes', stderr: '' });
  });

  it('is no error when the process ends before its input', async () => {
    const { engine, session } = await pair();
    engine.end(frame(1, 'done'));
    engine.destroySoon();
    expect((await session.text()).stdout).toBe('done');
    session.stdin.write('too late');
    session.stdin.end();
    await once(session.stdin, 'finish');
  });
});
