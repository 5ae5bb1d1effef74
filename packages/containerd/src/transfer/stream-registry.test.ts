// Tests the streams of transfers: order, closing, loss of progress for slow clients, lookup by id.
import { expect, it } from 'vitest';
import { type AnyMessage, ServedStream, StreamRegistry } from './stream-registry.ts';

const message = (text: string): AnyMessage => ({ typeUrl: text, value: Buffer.alloc(0) });

async function* messages(...texts: string[]): AsyncGenerator<AnyMessage> {
  for (const text of texts) yield message(text);
}

async function collect(stream: ServedStream, signal = new AbortController().signal): Promise<string[]> {
  const seen: string[] = [];
  for await (const { typeUrl } of stream.outgoing(signal)) seen.push(typeUrl);
  return seen;
}

it('sends what was queued before it closes, and nothing after', async () => {
  const stream = new ServedStream(messages());
  const seen = collect(stream);
  stream.send(message('a'));
  stream.send(message('b'));
  stream.close();
  stream.send(message('c'));
  expect(await seen).toEqual(['a', 'b']);
});

it('loses progress, and nothing else, for a client that does not read', async () => {
  const stream = new ServedStream(messages());
  for (let count = 0; count < 400; count++) stream.send(message('step'), true);
  stream.send(message('saved'));
  stream.close();
  const seen = await collect(stream);
  expect(seen).toHaveLength(257);
  expect(seen.at(-1)).toBe('saved');
});

it('ends when the client goes away', async () => {
  const abort = new AbortController();
  const seen = collect(new ServedStream(messages()), abort.signal);
  abort.abort();
  expect(await seen).toEqual([]);
});

it('receives in order and says when the client closed', async () => {
  const stream = new ServedStream(messages('x', 'y'));
  expect([(await stream.receive()).typeUrl, (await stream.receive()).typeUrl]).toEqual(['x', 'y']);
  await expect(stream.receive()).rejects.toThrow('the client closed it');
});

it('finds streams by namespace and id', () => {
  const registry = new StreamRegistry();
  const stream = new ServedStream(messages());
  registry.add('one', 'id', stream);
  expect(registry.get('one', 'id')).toBe(stream);
  expect(() => registry.get('two', 'id')).toThrow('not found');
  expect(() => registry.add('one', 'id', stream)).toThrow('already exists');
  registry.remove('one', 'id');
  expect(() => registry.get('one', 'id')).toThrow('not found');
});
