// The content store: uploads that resume, digests that are checked, sharing between namespaces, and restarts.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type OpenDaemon, openTemporaryDaemon } from '../fixture/temporary-daemon.ts';

const scope = { namespace: 'test' };
const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const opened: OpenDaemon[] = [];

function openStore(config?: OpenDaemon['daemon']['config']) {
  const open = openTemporaryDaemon(config);
  opened.push(open);
  return {
    ...open,
    content: open.daemon.content,
    root: join(open.daemon.config.root, 'io.containerd.content.v1.content'),
  };
}

async function put(content: OpenDaemon['daemon']['content'], text: string, namespace = 'test') {
  const writer = await content.openWriter({ namespace }, `put-${text}`, {
    size: text.length,
    expected: digestOf(text),
  });
  await writer.write(Buffer.from(text));
  return writer.commit(text.length, digestOf(text));
}

afterEach(async () => {
  for (const { close } of opened.splice(0)) await close();
});

describe('the content store', () => {
  it('keeps a blob under its digest and knows its size and labels', async () => {
    const { content } = openStore();
    const writer = await content.openWriter(scope, 'a');
    await writer.write(Buffer.from('hel'));
    await writer.write(Buffer.from('lo'));
    const digest = await writer.commit(5, digestOf('hello'), { k: 'v' });
    expect(content.info('test', digest)).toMatchObject({ size: 5, labels: { k: 'v' } });
    expect((await content.read('test', digest)).toString()).toBe('hello');
    expect(content.statuses('test')).toEqual([]);
  });

  it('refuses a digest or size that differs, and keeps the upload', async () => {
    const { content } = openStore();
    const writer = await content.openWriter(scope, 'a');
    await writer.write(Buffer.from('hello'));
    await expect(writer.commit(5, digestOf('other'))).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(writer.commit(4, '')).rejects.toThrow('unexpected commit size 5, expected 4');
    await writer.close();
    expect(content.status('test', 'a').offset).toBe(5);
    expect(content.blobsOnDisk()).toEqual([]);
  });

  it('resumes an upload after a restart and still knows its digest', async () => {
    const first = openStore();
    const before = await first.content.openWriter(scope, 'a', { size: 10 });
    await before.write(Buffer.from('hello'));
    await before.close();
    await first.shut();
    opened.pop();
    const { content } = openStore(first.daemon.config);
    const after = await content.openWriter(scope, 'a', { size: 10 });
    expect(after.status).toMatchObject({ offset: 5, total: 10, ref: 'a' });
    await after.write(Buffer.from('world'));
    expect(await after.commit(10, digestOf('helloworld'))).toBe(digestOf('helloworld'));
  });

  it('lets one writer hold a ref', async () => {
    const { content } = openStore();
    const writer = await content.openWriter(scope, 'a');
    await expect(content.openWriter(scope, 'a')).rejects.toMatchObject({ code: 'unavailable' });
    expect(() => content.abort(scope, 'a')).toThrow('locked');
    await writer.abort();
    expect(() => content.status('test', 'a')).toThrow('not found');
  });

  it('says already-exists for what the namespace has, before a byte is written', async () => {
    const { content } = openStore();
    await put(content, 'x');
    await expect(put(content, 'x')).rejects.toMatchObject({ code: 'already-exists' });
  });

  it('shares a file between namespaces and unlinks it with the last', async () => {
    const { content, root } = openStore();
    const digest = await put(content, 'shared');
    await expect(put(content, 'shared', 'other')).rejects.toMatchObject({ code: 'already-exists' });
    expect(content.exists('other', digest)).toBe(true);
    await content.delete(scope, digest);
    expect(() => content.info('test', digest)).toThrow('not found');
    expect((await content.read('other', digest)).toString()).toBe('shared');
    await content.delete({ namespace: 'other' }, digest);
    expect(readdirSync(join(root, 'blobs/sha256'))).toEqual([]);
  });

  it('hides a namespace from others', async () => {
    const { content } = openStore();
    const digest = await put(content, 'secret');
    expect(() => content.readerPath('other', digest)).toThrow('not found');
  });

  it('commits the same blob from two writers at once, one of which is told that it exists', async () => {
    const { content } = openStore();
    const writers = await Promise.all(['a', 'b'].map((ref) => content.openWriter(scope, ref)));
    for (const writer of writers) await writer.write(Buffer.from('same'));
    const results = await Promise.allSettled(writers.map((writer) => writer.commit(4, '')));
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await content.read('test', digestOf('same'))).toString()).toBe('same');
  });

  it('leaves no file when the lease does not exist', async () => {
    const { content } = openStore();
    const writer = await content.openWriter({ namespace: 'test', lease: 'none' }, 'a');
    await writer.write(Buffer.from('x'));
    await expect(writer.commit(1, '')).rejects.toThrow('lease "none": not found');
    expect(content.blobsOnDisk()).toEqual([]);
  });

  it('removes at the start a blob that a kill left without its row', async () => {
    const first = openStore();
    const digest = await put(first.content, 'kept');
    const orphan = join(first.root, 'blobs/sha256', digestOf('orphan').slice(7));
    writeFileSync(orphan, 'orphan');
    mkdirSync(join(first.root, 'ingest/half'));
    await first.shut();
    opened.pop();
    const { content } = openStore(first.daemon.config);
    expect(existsSync(orphan)).toBe(false);
    expect(content.blobsOnDisk()).toEqual([digest]);
    expect(content.statuses('test')).toEqual([]);
  });

  it('changes labels by mask and refuses what is too long', async () => {
    const { content } = openStore();
    const digest = await put(content, 'x');
    await content.update(scope, digest, { a: '1', b: '2' });
    await content.update(scope, digest, { a: '', c: '3' }, ['labels.a', 'labels.c']);
    expect(content.info('test', digest).labels).toEqual({ b: '2', c: '3' });
    await expect(content.update(scope, digest, { k: 'v'.repeat(4096) })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    expect([...content.walk('test', ['labels.b==2'])].map((info) => info.digest)).toEqual([digest]);
    expect([...content.walk('test', ['labels.a'])]).toEqual([]);
  });
});
