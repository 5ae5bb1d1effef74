// Tests names of images between docker's words and containerd's records.
import { expect, it } from 'vitest';
import { danglingName, noSuchImage, recordNameOf, repoDigestOf, repoTagOf } from './image-names.ts';
import { tagName } from './image-tagger.ts';

const digest = `sha256:${'a'.repeat(64)}`;

it('turns what users write into record names', () => {
  expect(recordNameOf('busybox')).toBe('docker.io/library/busybox:latest');
  expect(recordNameOf('me/app:1')).toBe('docker.io/me/app:1');
  expect(recordNameOf(`host:5000/app:1@${digest}`)).toBe(`host:5000/app@${digest}`);
  expect(() => recordNameOf('UPPER case')).toThrow('invalid reference format');
});

it('turns record names into docker’s tags and digests', () => {
  expect(repoTagOf('docker.io/library/busybox:1')).toBe('busybox:1');
  expect(repoTagOf(`host:5000/app@${digest}`)).toBeUndefined();
  expect(repoDigestOf('docker.io/me/app:1', digest)).toBe(`me/app@${digest}`);
  expect(repoDigestOf(danglingName(digest), digest)).toBeUndefined();
  expect(repoTagOf('import-2026-11-24')).toBeUndefined();
});

it('names a missing image as docker does', () => {
  expect(noSuchImage('busybox').message).toBe('No such image: busybox:latest');
  expect(noSuchImage(digest).message).toBe(`No such image: ${digest}`);
});

it('makes the name of a new tag', () => {
  expect(tagName('host:5000/app', '2')).toBe('host:5000/app:2');
  expect(tagName('app', undefined)).toBe('docker.io/library/app:latest');
  expect(tagName('app:old', 'new')).toBe('docker.io/library/app:new');
  for (const name of ['', 'UPPER', `app@${digest}`]) expect(() => tagName(name, undefined)).toThrow();
});
