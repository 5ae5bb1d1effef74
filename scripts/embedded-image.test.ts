// The embedded image is a well-formed OCI layout whose bytes depend on the program alone.
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { embeddedImageName, imageArchive } from './embedded-image.ts';

const archive = imageArchive(Buffer.from('a program'));

/** Entries of a ustar archive by name. */
function entriesOf(tar: Buffer): Map<string, { data: Buffer; type: string; target: string }> {
  const entries = new Map<string, { data: Buffer; type: string; target: string }>();
  const text = (at: number, length: number): string => tar.toString('utf8', at, at + length).replace(/\0.*$/, '');
  for (let at = 0; tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const data = tar.subarray(at + 512, at + 512 + size);
    entries.set(text(at, 100), { data, type: text(at + 156, 1), target: text(at + 157, 100) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}

describe('the embedded image', () => {
  const entries = entriesOf(archive);
  const read = (name: string) => JSON.parse(entries.get(name)?.data.toString() ?? 'null');

  it('gives the same bytes for the same program', () => {
    expect(imageArchive(Buffer.from('a program')).equals(archive)).toBe(true);
    expect(imageArchive(Buffer.from('another')).equals(archive)).toBe(false);
  });

  it('names every blob by its digest', () => {
    const blobs = [...entries].filter(([name]) => name.startsWith('blobs/sha256/') && !name.endsWith('/'));
    expect(blobs).toHaveLength(3);
    for (const [name, { data }] of blobs) {
      expect(name).toBe(`blobs/sha256/${createHash('sha256').update(data).digest('hex')}`);
    }
  });

  it('leads from index and from manifest.json to the same config and layer', () => {
    const [descriptor] = read('index.json').manifests;
    const manifest = read(`blobs/sha256/${descriptor.digest.slice(7)}`);
    const [docker] = read('manifest.json');
    expect(docker.RepoTags).toEqual([embeddedImageName]);
    expect(docker.Config).toBe(`blobs/sha256/${manifest.config.digest.slice(7)}`);
    expect(docker.Layers).toEqual([`blobs/sha256/${manifest.layers[0].digest.slice(7)}`]);
    expect(read(docker.Config).rootfs.diff_ids).toEqual([manifest.layers[0].digest]);
  });

  it('holds the program under each name, and the users', () => {
    const [docker] = read('manifest.json');
    const layer = entriesOf(entries.get(docker.Layers[0])?.data ?? Buffer.alloc(512));
    expect(layer.get('bin/whoami')?.data.toString()).toBe('a program');
    expect(layer.get('bin/sh')).toMatchObject({ type: '1', target: 'bin/whoami' });
    expect(layer.get('etc/passwd')?.data.toString()).toContain('app:x:1000:1000:');
  });
});
