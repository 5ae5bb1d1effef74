// Reads manifests, indexes and configs from bytes that a registry or an archive sent, and refuses what is malformed.
import { checkDigest } from '@tscontainer/core/digest';
import { ContainerError } from '@tscontainer/core/errors';
import type { Descriptor, ImageConfig, ImageIndex, ImageManifest } from '@tscontainer/core/oci-image';

/** Layers of one image: docker's own limit is 127; a list without a bound would be a cheap attack. */
const maxLayers = 512;
const maxManifests = 512;

function bad(what: string, cause?: unknown): ContainerError {
  return new ContainerError('invalid-argument', what, { reason: 'bad-manifest', cause });
}

function parseObject(what: string, bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw bad(`read ${what}: not JSON`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`read ${what}: not an object`);
  return value as Record<string, unknown>;
}

function checkDescriptor(what: string, value: unknown): Descriptor {
  const descriptor = value as Partial<Descriptor> | null;
  if (typeof descriptor !== 'object' || descriptor === null) throw bad(`read ${what}: descriptor is not an object`);
  const { digest, size } = descriptor;
  if (typeof digest !== 'string') throw bad(`read ${what}: descriptor without digest`);
  checkDigest(digest);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw bad(`read ${what}: descriptor ${digest} has no valid size`);
  const { platform, annotations, urls, artifactType, ...rest } = descriptor;
  return {
    ...rest,
    mediaType: typeof descriptor.mediaType === 'string' ? descriptor.mediaType : '',
    digest,
    size,
    ...optional('platform', platform, isPlatform),
    ...optional('annotations', annotations, isTextMap),
    ...optional('urls', urls, isTextList),
    ...optional('artifactType', artifactType, isText),
  };

  /** What is null or absent is left out, as Go's writers of these documents mean it. */
  function optional<T>(key: string, given: T | null | undefined, isSound: (given: unknown) => boolean): object {
    if (given === undefined || given === null) return {};
    if (!isSound(given)) throw bad(`read ${what}: descriptor ${digest} has no valid ${key}`);
    return { [key]: given };
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isTextMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isText);
}

function isPlatform(value: unknown): boolean {
  const {
    os,
    architecture,
    variant = '',
  } = (value ?? {}) as Partial<Record<'os' | 'architecture' | 'variant', unknown>>;
  return isText(os) && isText(architecture) && isText(variant);
}

function checkList(what: string, value: unknown, limit: number): Descriptor[] {
  if (!Array.isArray(value)) throw bad(`read ${what}: list is missing`);
  if (value.length > limit) throw bad(`read ${what}: more than ${limit} entries`);
  return value.map((entry) => checkDescriptor(what, entry));
}

export function parseManifest(bytes: Buffer): ImageManifest {
  const value = parseObject('manifest', bytes);
  return {
    ...value,
    schemaVersion: 2,
    config: checkDescriptor('manifest', value.config),
    layers: checkList('manifest', value.layers, maxLayers),
    ...subjectOf('manifest', value.subject),
  };
}

export function parseIndex(bytes: Buffer): ImageIndex {
  const value = parseObject('index', bytes);
  return {
    ...value,
    schemaVersion: 2,
    manifests: checkList('index', value.manifests, maxManifests),
    ...subjectOf('index', value.subject),
  };
}

function subjectOf(what: string, value: unknown): { subject?: Descriptor } {
  return value === undefined || value === null ? {} : { subject: checkDescriptor(what, value) };
}

/** Checks what the engine relies on: os, architecture, rootfs with well-formed digests. */
export function parseConfig(bytes: Buffer): ImageConfig {
  const value = parseObject('image config', bytes);
  const rootfs = value.rootfs as { diff_ids?: unknown } | undefined;
  const diffIds = rootfs?.diff_ids ?? [];
  if (!Array.isArray(diffIds) || diffIds.length > maxLayers)
    throw bad('read image config: rootfs.diff_ids is not a list');
  for (const diffId of diffIds) checkDigest(isText(diffId) ? diffId : '');
  const text = (key: string) => (typeof value[key] === 'string' ? (value[key] as string) : '');
  return {
    ...value,
    architecture: text('architecture'),
    os: text('os'),
    rootfs: { type: 'layers', diff_ids: diffIds },
  };
}
