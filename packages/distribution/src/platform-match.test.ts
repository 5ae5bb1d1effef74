// Tests the choice of a manifest by platform and variant.
import { describe, expect, it } from 'vitest';
import { formatPlatform, normalizePlatform, parsePlatform, selectManifest } from './platform-match.ts';

const offer = (digit: string, text: string | undefined, annotations = {}) => ({
  mediaType: 'm',
  digest: `sha256:${digit.repeat(64)}`,
  size: 1,
  annotations,
  ...(text === undefined ? {} : { platform: parsePlatform(text) }),
});
const index = (...manifests: ReturnType<typeof offer>[]) => ({ schemaVersion: 2 as const, manifests });
const chosen = (wanted: string, ...manifests: ReturnType<typeof offer>[]) =>
  selectManifest(index(...manifests), parsePlatform(wanted)).digest[7];

describe('normalizePlatform', () => {
  it('has Go’s names, and leaves alone what it does not know', () => {
    const architectureOf = (architecture: string) => normalizePlatform({ os: 'linux', architecture }).architecture;
    expect(['x64', 'aarch64', 'ia32', 'i386', 'constructor', '__proto__'].map(architectureOf)).toEqual([
      'amd64',
      'arm64',
      '386',
      '386',
      'constructor',
      '__proto__',
    ]);
  });
});

describe('selectManifest', () => {
  it('takes the exact platform', () => {
    expect(chosen('linux/amd64', offer('1', 'linux/arm64'), offer('2', 'linux/amd64'))).toBe('2');
    expect(chosen('linux/arm64', offer('1', 'linux/arm64/v8'), offer('2', 'linux/amd64'))).toBe('1');
  });

  it('takes the highest variant that runs', () => {
    const all = [offer('5', 'linux/arm/v5'), offer('6', 'linux/arm/v6'), offer('7', 'linux/arm/v7')];
    expect(chosen('linux/arm/v6', ...all)).toBe('6');
    expect(chosen('linux/arm', ...all)).toBe('7');
    expect(chosen('linux/arm64', ...all)).toBe('7');
  });

  it('prefers a named platform to none, and never takes an attestation', () => {
    const attestation = offer('9', undefined, { 'vnd.docker.reference.type': 'attestation-manifest' });
    expect(chosen('linux/amd64', attestation, offer('1', undefined), offer('2', 'linux/amd64'))).toBe('2');
    expect(() => chosen('linux/amd64', attestation)).toThrow('no matching manifest for linux/amd64');
  });

  it('says which platform is missing', () => {
    expect(() => chosen('linux/arm64', offer('1', 'windows/arm64'))).toThrow(
      'no matching manifest for linux/arm64/v8 in the manifest list entries',
    );
  });
});

it('reads and writes platforms', () => {
  expect(normalizePlatform({ os: 'Linux', architecture: 'x86_64' })).toEqual({ os: 'linux', architecture: 'amd64' });
  expect(formatPlatform(parsePlatform('linux/arm/v6'))).toBe('linux/arm/v6');
  for (const text of ['linux', '', 'a/b/c/d', 'linux/a b'])
    expect(() => parsePlatform(text)).toThrow('invalid argument');
});
