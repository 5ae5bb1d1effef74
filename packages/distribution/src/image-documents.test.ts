// Tests that malformed manifests, indexes and configs are refused before anybody trusts them.
import { expect, it } from 'vitest';
import { parseConfig, parseIndex, parseManifest } from './image-documents.ts';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const descriptor = { mediaType: 'm', digest: `sha256:${'a'.repeat(64)}`, size: 3 };

it('reads what is well formed', () => {
  expect(parseManifest(bytes({ schemaVersion: 2, config: descriptor, layers: [descriptor] })).layers).toEqual([
    descriptor,
  ]);
  expect(parseIndex(bytes({ manifests: [descriptor] })).manifests).toEqual([descriptor]);
  expect(parseConfig(bytes({ os: 'linux', architecture: 'amd64' })).rootfs.diff_ids).toEqual([]);
});

it.each([
  ['no JSON', Buffer.from('{')],
  ['a list', bytes([])],
  ['no config', bytes({ layers: [] })],
  ['layers that are no list', bytes({ config: descriptor, layers: {} })],
  ['a path for a digest', bytes({ config: { ...descriptor, digest: '../../etc/passwd' }, layers: [] })],
  ['a negative size', bytes({ config: { ...descriptor, size: -1 }, layers: [] })],
  ['too many layers', bytes({ config: descriptor, layers: Array(600).fill(descriptor) })],
])('refuses a manifest with %s', (_what, value) => {
  expect(() => parseManifest(value)).toThrow();
});

it('refuses a config whose diff ids are no digests', () => {
  expect(() => parseConfig(bytes({ rootfs: { diff_ids: ['x'] } }))).toThrow('digest x');
  expect(() => parseConfig(bytes({ rootfs: { diff_ids: 'x' } }))).toThrow('not a list');
});
