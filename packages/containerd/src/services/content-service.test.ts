// The Content service over gRPC: the conversation of Write, reading in pieces, uploads that were left.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemporaryDaemon } from '../fixture/temporary-daemon.ts';

let daemon: TemporaryDaemon;
beforeAll(async () => {
  daemon = await TemporaryDaemon.start();
});
afterAll(() => daemon.close());

const digestOf = (bytes: Buffer | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Sends the messages and gives every answer. */
async function converse(requests: object[]): Promise<any[]> {
  const call = daemon.duplex('content.Content/Write');
  const answers: any[] = [];
  const reading = (async () => {
    for await (const answer of call) answers.push(answer);
  })();
  for (const request of requests) await call.write(request).catch(() => undefined); // the reading end tells why
  call.end();
  await reading;
  return answers;
}

const put = (bytes: Buffer, ref: string) =>
  converse([{ action: 'COMMIT', ref, total: bytes.length, expected: digestOf(bytes), data: bytes }]);

describe('Content.Write', () => {
  it('answers each message with where the upload is', async () => {
    const answers = await converse([
      { action: 'STAT', ref: 'w', total: 10 },
      { action: 'WRITE', data: Buffer.from('hello') },
      { action: 'WRITE', offset: 5, data: Buffer.from('world') },
      { action: 'COMMIT', offset: 10, total: 10, expected: digestOf('helloworld'), labels: { a: 'b' } },
    ]);
    expect(answers.map(({ action, offset }) => [action, offset])).toEqual([
      ['STAT', 0],
      ['WRITE', 5],
      ['WRITE', 10],
      ['COMMIT', 10],
    ]);
    expect(answers.at(-1).digest).toBe(digestOf('helloworld'));
    const { info } = await daemon.call('content.Content/Info', { digest: digestOf('helloworld') });
    expect(info).toMatchObject({ size: 10, labels: { a: 'b' } });
  });

  it('keeps what was written when the stream ends, and goes on from there', async () => {
    await converse([{ action: 'WRITE', ref: 'resume', total: 4, data: Buffer.from('ab') }]);
    expect((await daemon.call('content.Content/Status', { ref: 'resume' })).status).toMatchObject({
      offset: 2,
      total: 4,
      ref: 'resume',
    });
    expect((await daemon.call('content.Content/ListStatuses', {})).statuses).toHaveLength(1);
    const [stat] = await converse([{ action: 'STAT', ref: 'resume' }]);
    expect(stat).toMatchObject({ offset: 2, digest: digestOf('ab') });
    await converse([
      { action: 'COMMIT', ref: 'resume', offset: 2, data: Buffer.from('cd'), expected: digestOf('abcd') },
    ]);
  });

  it('lets go of an upload whose client goes away in the middle', async () => {
    const call = daemon.duplex('content.Content/Write');
    const answers = call[Symbol.asyncIterator]();
    call.write({ action: 'WRITE', ref: 'cut', total: 4, data: Buffer.from('ab') }).catch(() => undefined); // cut below
    await answers.next();
    call.cancel();
    await expect(answers.next()).rejects.toMatchObject({ code: 'cancelled' });
    // unavailable as long as the first call holds the upload
    const offset = () => converse([{ action: 'STAT', ref: 'cut' }]).then(([answer]) => answer.offset, String);
    await expect.poll(offset).toBe(2);
    await daemon.call('content.Content/Abort', { ref: 'cut' });
  });

  it('begins again when a write says offset 0', async () => {
    await converse([{ action: 'WRITE', ref: 'again', data: Buffer.from('wrong') }]);
    const answers = await converse([
      { action: 'WRITE', ref: 'again', data: Buffer.from('right') },
      { action: 'COMMIT', offset: 5, expected: digestOf('right') },
    ]);
    expect(answers.at(-1).digest).toBe(digestOf('right'));
  });

  it.each([
    ['a gap', 'out-of-range', [{ action: 'WRITE', ref: 'bad', offset: 3, data: Buffer.from('x') }]],
    [
      'another ref',
      'aborted',
      [
        { action: 'WRITE', ref: 'bad', data: Buffer.from('x') },
        { action: 'WRITE', ref: 'other', offset: 1 },
      ],
    ],
    ['no ref', 'invalid-argument', [{ action: 'STAT' }]],
    [
      'another digest',
      'failed-precondition',
      [{ action: 'COMMIT', ref: 'bad', data: Buffer.from('x'), expected: digestOf('y') }],
    ],
    ['another size', 'failed-precondition', [{ action: 'COMMIT', ref: 'bad', total: 2, data: Buffer.from('x') }]],
  ])('refuses %s as %s', async (_, code, requests) => {
    await expect(converse(requests)).rejects.toMatchObject({ code });
    await daemon.call('content.Content/Abort', { ref: 'bad' }).catch(() => undefined); // one of them never began it
  });

  it('says already-exists for a blob that is there', async () => {
    await put(Buffer.from('there'), 'one');
    await expect(put(Buffer.from('there'), 'two')).rejects.toMatchObject({ code: 'already-exists' });
    expect((await daemon.call('content.Content/ListStatuses', {})).statuses).toEqual([]);
  });

  it('aborts an upload that was left', async () => {
    await converse([{ action: 'WRITE', ref: 'left', data: Buffer.from('x') }]);
    await daemon.call('content.Content/Abort', { ref: 'left' });
    await expect(daemon.call('content.Content/Status', { ref: 'left' })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('Content.Read', () => {
  it('gives the whole in pieces of 1 MiB, or a part', async () => {
    const bytes = randomBytes(2.5 * 1024 * 1024);
    await put(bytes, 'big');
    const pieces = await daemon.collect('content.Content/Read', { digest: digestOf(bytes) });
    expect(pieces.map(({ offset, data }) => [offset, data.length])).toEqual([
      [0, 1048576],
      [1048576, 1048576],
      [2097152, 524288],
    ]);
    expect(digestOf(Buffer.concat(pieces.map(({ data }) => data)))).toBe(digestOf(bytes));
    const [part] = await daemon.collect('content.Content/Read', { digest: digestOf(bytes), offset: 1000, size: 24 });
    expect(part.data).toEqual(bytes.subarray(1000, 1024));
    const past = daemon.collect('content.Content/Read', { digest: digestOf(bytes), offset: bytes.length + 1 });
    await expect(past).rejects.toMatchObject({ code: 'out-of-range' });
  });

  it('lists and deletes', async () => {
    await put(Buffer.from('gone'), 'gone');
    const infos = (await daemon.collect('content.Content/List', {})).flatMap(({ info }) => info);
    expect(infos.map(({ digest }) => digest)).toContain(digestOf('gone'));
    await daemon.call('content.Content/Delete', { digest: digestOf('gone') });
    await expect(daemon.collect('content.Content/Read', { digest: digestOf('gone') })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(daemon.call('content.Content/Info', { digest: 'nonsense' })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});
