// Properties of the manifest readers over documents made at random and by damaging good ones: they either answer what
// keeps every rule, or refuse in the one way that they have. SEED=n repeats a run; RUNS=n makes more of them.
import { isDigest } from '@tscontainer/core/digest';
import { ContainerError } from '@tscontainer/core/errors';
import type { Descriptor } from '@tscontainer/core/oci-image';
import { expect, it } from 'vitest';
import { digestOf } from './chain-id.ts';
import { parseConfig, parseIndex, parseManifest } from './image-documents.ts';
import { hostPlatform, selectManifest } from './platform-match.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const runs = Number(process.env['RUNS'] ?? 3000);

/** mulberry32: small, and the same numbers for the same seed. */
class Chance {
  #state: number;
  constructor(start: number) {
    this.#state = start;
  }
  /** From 0 up to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }
  of<T>(...choices: T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

const words = [
  '',
  'a',
  'digest',
  'size',
  '__proto__',
  'constructor',
  'toString',
  'layers',
  'config',
  '\u0000',
  '🗄',
  'x'.repeat(300),
];
const strange = [null, true, false, 0, -0, -1, 1.5, 1e308, 2 ** 53, Number.MIN_VALUE, '', 'sha256:', [], {}, [[]], '0'];

function anything(chance: Chance, depth = 0): unknown {
  const kind = chance.below(depth > 3 ? 3 : 6);
  if (kind < 3) return structuredClone(chance.of<unknown>(...strange, ...words, digestOf('x')));
  const count = chance.below(4);
  if (kind < 5) return Array.from({ length: count }, () => anything(chance, depth + 1));
  return Object.fromEntries(Array.from({ length: count }, () => [chance.of(...words), anything(chance, depth + 1)]));
}

const descriptor = (text: string): Descriptor => ({
  mediaType: 'application/x',
  digest: digestOf(text),
  size: text.length,
});
const goodDocuments = [
  { schemaVersion: 2, config: descriptor('c'), layers: [descriptor('l1'), descriptor('l2')], annotations: { a: 'b' } },
  {
    schemaVersion: 2,
    manifests: [{ ...descriptor('m'), platform: { os: 'linux', architecture: 'amd64' } }, descriptor('n')],
    subject: descriptor('s'),
  },
  {
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['A=b'] },
    rootfs: { type: 'layers', diff_ids: [digestOf('d')] },
  },
];

/** A good document with one to three of its values replaced, dropped or doubled. */
function damaged(chance: Chance): unknown {
  const document = structuredClone(chance.of<unknown>(...goodDocuments));
  for (let count = 1 + chance.below(3); count > 0; count--) damage(chance, document);
  return document;
}

function damage(chance: Chance, node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  const keys = Object.keys(node);
  if (keys.length === 0) return;
  const key = chance.of(...keys);
  const holder = node as Record<string, unknown>;
  if (chance.below(2) === 0) {
    damage(chance, holder[key]);
    return;
  }
  const way = chance.below(4);
  if (way === 0) delete holder[key];
  else if (way === 1 && Array.isArray(holder[key])) holder[key] = Array(chance.of(2, 600)).fill(holder[key][0]);
  else holder[key] = anything(chance);
}

function bytesOf(chance: Chance): Buffer {
  const text = JSON.stringify(chance.below(3) === 0 ? anything(chance) : damaged(chance)) ?? '';
  const bytes = Buffer.from(text);
  const way = chance.below(10);
  if (way === 0) return bytes.subarray(0, chance.below(bytes.length + 1));
  if (way === 1 && bytes.length > 0) bytes[chance.below(bytes.length)] = chance.below(256);
  if (way === 2) return Buffer.from('['.repeat(chance.below(20_000)));
  return bytes;
}

function isSound({ digest, size, mediaType }: Descriptor): boolean {
  return isDigest(digest) && Number.isSafeInteger(size) && size >= 0 && typeof mediaType === 'string';
}

/** undefined when it was refused properly. */
function read<T>(parse: (bytes: Buffer) => T, bytes: Buffer): T | undefined {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof ContainerError && error.code === 'invalid-argument') return undefined;
    throw error;
  }
}

it(
  `keep their rules over ${runs} documents, seed ${seed}`,
  () => {
    const chance = new Chance(seed);
    let taken = 0;
    for (let run = 0; run < runs; run++) {
      const bytes = bytesOf(chance);
      const manifest = read(parseManifest, bytes);
      if (manifest !== undefined) {
        expect([manifest.config, ...manifest.layers].every(isSound)).toBe(true);
        expect(manifest.layers.length).toBeLessThanOrEqual(512);
      }
      const index = read(parseIndex, bytes);
      if (index !== undefined) {
        expect(index.manifests.every(isSound)).toBe(true);
        chooseFrom(index);
      }
      const config = read(parseConfig, bytes);
      if (config !== undefined) {
        expect(config.rootfs.diff_ids.every(isDigest)).toBe(true);
        expect([typeof config.os, typeof config.architecture]).toEqual(['string', 'string']);
      }
      taken += Number(manifest !== undefined) + Number(index !== undefined) + Number(config !== undefined);
    }
    expect(taken).toBeGreaterThan(runs / 50); // else the documents say nothing of the readers
  },
  60_000 + 2 * runs,
);

/** An index that was taken is also one that can be chosen from. */
function chooseFrom(index: ReturnType<typeof parseIndex>): void {
  try {
    selectManifest(index, hostPlatform());
  } catch (error) {
    expect(error).toMatchObject({ code: 'not-found', reason: 'no-platform' });
  }
}
