// Finds the images that an archive describes, docker-archive (manifest.json) or OCI layout (index.json), and checks that
// all of each is there. The loader unpacks and names them.
import { ContainerError } from '@tscontainer/core/errors';
import {
  type Descriptor,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  isIndexType,
  isManifestType,
  mediaTypes,
} from '@tscontainer/core/oci-image';
import { formatReference, parseReference, withDefaultTag } from '@tscontainer/core/reference';
import { compressionOf } from '@tscontainer/platform/stream-head';
import type { ArchiveBlob, ArchiveIntake } from './archive-intake.ts';
import { digestOf } from './chain-id.ts';
import { parseConfig, parseIndex, parseManifest } from './image-documents.ts';
import { findOldestImages, type OldestImage } from './oldest-archive.ts';
import { hostPlatform, selectManifest } from './platform-match.ts';
import { badArchive } from './tar-archive.ts';

/** An image ready to be stored: documents that have no blob yet carry their bytes. */
export interface ArchiveImage {
  /** Full record names; empty for an image without a name. */
  names: string[];
  /** Bare tags: with the name of a repository before them they name the image. */
  tags: string[];
  target: Descriptor;
  index: { descriptor: Descriptor; body: ImageIndex } | undefined;
  manifest: { descriptor: Descriptor; body: ImageManifest; bytes: Buffer };
  config: ImageConfig;
  /** Of a config that is no file of the archive. */
  configBytes?: Buffer;
}

type ReadBlob = (digest: string) => Promise<Buffer>;

interface DockerManifestEntry {
  Config?: unknown;
  RepoTags?: unknown;
  Layers?: unknown;
}

const maxImages = 256;
const imageNameAnnotation = 'io.containerd.image.name';
const refNameAnnotation = 'org.opencontainers.image.ref.name';

/** Rejects invalid-argument (`bad-archive`) when anything is missing or contradicts itself. */
export async function findArchiveImages(archive: ArchiveIntake, readBlob: ReadBlob): Promise<ArchiveImage[]> {
  const index = archive.document('index.json');
  const docker = archive.document('manifest.json');
  const oldest = archive.document('repositories');
  if (index === undefined && docker === undefined) {
    if (oldest === undefined) throw badArchive('neither manifest.json nor index.json is in it');
    return findOldestImages(oldest, (path) => archive.description(path)).map((image) => fromOldest(archive, image));
  }
  const entries = docker === undefined ? [] : parseDockerManifest(docker);
  if (index === undefined) return Promise.all(entries.map((entry) => fromDockerEntry(archive, entry, readBlob)));
  const described = await Promise.all(
    parseIndex(index).manifests.map((descriptor) => fromDescriptor(archive, descriptor, readBlob)),
  );
  const images = mergeTargets(described);
  for (const entry of entries) addNames(images, archive.blob(textOf(entry.Config, 'Config')).digest, namesOf(entry));
  return images;
}

/** An index lists an image once per name. */
function mergeTargets(images: ArchiveImage[]): ArchiveImage[] {
  const byDigest = new Map<string, ArchiveImage>();
  for (const image of images) {
    const known = byDigest.get(image.target.digest);
    if (known === undefined) byDigest.set(image.target.digest, image);
    else {
      known.names = [...new Set([...known.names, ...image.names])];
      known.tags = [...new Set([...known.tags, ...image.tags])];
    }
  }
  return [...byDigest.values()];
}

function parseDockerManifest(bytes: Buffer): DockerManifestEntry[] {
  let entries: unknown;
  try {
    entries = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw badArchive('manifest.json is not JSON', error);
  }
  if (!Array.isArray(entries) || entries.length > maxImages) throw badArchive('manifest.json is not a list of images');
  return entries.map((entry) => (typeof entry === 'object' && entry !== null ? entry : {}));
}

function textOf(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '') throw badArchive(`manifest.json: ${field} is missing`);
  return value;
}

function namesOf(entry: DockerManifestEntry): string[] {
  const tags = entry.RepoTags ?? [];
  if (!Array.isArray(tags)) throw badArchive('manifest.json: RepoTags is not a list');
  return tags.map((tag) => fullName(textOf(tag, 'RepoTags')));
}

function fullName(text: string): string {
  try {
    return formatReference(withDefaultTag(parseReference(text)));
  } catch (error) {
    throw badArchive(`name ${JSON.stringify(text)} is no reference`, error);
  }
}

/** The two describe the same image when they have the same config. */
function addNames(images: ArchiveImage[], configDigest: string, names: string[]): void {
  const image = images.find(({ manifest }) => manifest.body.config.digest === configDigest);
  if (image === undefined) return;
  image.names = [...new Set([...image.names, ...names])];
}

async function fromDockerEntry(
  archive: ArchiveIntake,
  entry: DockerManifestEntry,
  readBlob: ReadBlob,
): Promise<ArchiveImage> {
  const configBlob = archive.blob(textOf(entry.Config, 'Config'));
  const paths = entry.Layers ?? [];
  if (!Array.isArray(paths)) throw badArchive('manifest.json: Layers is not a list');
  const layers = paths.map((path) => toLayer(archive.blob(textOf(path, 'Layers'))));
  const config = parseConfig(await readBlob(configBlob.digest));
  checkLayerCount(config, layers.length);
  const body: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: configBlob.digest, size: configBlob.size },
    layers,
  };
  const bytes = Buffer.from(JSON.stringify(body));
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  const manifest = { descriptor, body, bytes };
  return { names: namesOf(entry), tags: [], target: descriptor, index: undefined, manifest, config };
}

/** Its layers are their own diff ids: that form knew no compression. */
function fromOldest(archive: ArchiveIntake, image: OldestImage): ArchiveImage {
  const layers = image.layers.map((path) => toLayer(archive.blob(path)));
  if (layers.some(({ mediaType }) => mediaType !== mediaTypes.ociLayer))
    throw badArchive('a layer of the oldest form is compressed');
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const configBytes = Buffer.from(JSON.stringify({ ...image.config, rootfs }));
  const config = parseConfig(configBytes);
  const body: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(configBytes), size: configBytes.length },
    layers,
  };
  const bytes = Buffer.from(JSON.stringify(body));
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length };
  const names = image.names.map(fullName);
  const manifest = { descriptor, body, bytes };
  return { names, tags: [], target: descriptor, index: undefined, manifest, config, configBytes };
}

function toLayer({ digest, size, magic }: ArchiveBlob): Descriptor {
  return { mediaType: layerTypeOf(magic), digest, size };
}

/** Layers of another compression are none that a manifest has a type for. */
function layerTypeOf(magic: Buffer): string {
  const compression = compressionOf(magic);
  if (compression === 'gzip') return mediaTypes.ociLayerGzip;
  return compression === 'zstd' ? mediaTypes.ociLayerZstd : mediaTypes.ociLayer;
}

function checkLayerCount(config: ImageConfig, count: number): void {
  const wanted = config.rootfs.diff_ids.length;
  if (wanted !== count) throw badArchive(`the config has ${wanted} layers, the manifest ${count}`);
}

async function fromDescriptor(
  archive: ArchiveIntake,
  descriptor: Descriptor,
  readBlob: ReadBlob,
): Promise<ArchiveImage> {
  const { mediaType, digest, size } = descriptor;
  const target = { mediaType, digest, size };
  const names = annotatedNames(descriptor);
  const tags = names.length === 0 ? annotatedTags(descriptor) : [];
  const bytes = await readDocument(archive, target, readBlob);
  if (!isIndexType(mediaType))
    return { names, tags, target, index: undefined, ...(await fromManifest(archive, target, bytes, readBlob)) };
  const body = parseIndex(bytes);
  const chosen = selectManifest(
    { ...body, manifests: body.manifests.filter((child) => archive.byDigest(child.digest) !== undefined) },
    hostPlatform(),
  );
  const manifest = { mediaType: chosen.mediaType, digest: chosen.digest, size: chosen.size };
  const manifestBytes = await readDocument(archive, manifest, readBlob);
  return {
    names,
    tags,
    target,
    index: { descriptor: target, body },
    ...(await fromManifest(archive, manifest, manifestBytes, readBlob)),
  };
}

async function fromManifest(
  archive: ArchiveIntake,
  descriptor: Descriptor,
  bytes: Buffer,
  readBlob: ReadBlob,
): Promise<Pick<ArchiveImage, 'manifest' | 'config'>> {
  if (!isManifestType(descriptor.mediaType))
    throw badArchive(`manifest ${descriptor.digest} has the unknown type ${JSON.stringify(descriptor.mediaType)}`);
  const body = parseManifest(bytes);
  for (const blob of [body.config, ...body.layers]) checkPresent(archive, blob);
  const config = parseConfig(await readBlob(body.config.digest));
  checkLayerCount(config, body.layers.length);
  return { manifest: { descriptor, body, bytes }, config };
}

function checkPresent(archive: ArchiveIntake, { digest, size }: Descriptor): void {
  const blob = archive.byDigest(digest);
  if (blob === undefined) throw badArchive(`blob ${digest} is missing`);
  if (blob.size !== size) throw badArchive(`blob ${digest} has ${blob.size} bytes, its descriptor says ${size}`);
}

async function readDocument(archive: ArchiveIntake, descriptor: Descriptor, readBlob: ReadBlob): Promise<Buffer> {
  checkPresent(archive, descriptor);
  try {
    return await readBlob(descriptor.digest);
  } catch (error) {
    if (error instanceof ContainerError && error.code === 'resource-exhausted')
      throw badArchive(`document ${descriptor.digest} is too large`, error);
    throw error;
  }
}

function annotatedTags({ annotations }: Descriptor): string[] {
  const tag = annotations?.[refNameAnnotation] ?? '';
  return /^\w[\w.-]{0,127}$/.test(tag) ? [tag] : [];
}

/** containerd writes the full name; others write a reference or only a tag, which names nothing. */
function annotatedNames({ annotations }: Descriptor): string[] {
  const full = annotations?.[imageNameAnnotation];
  if (full !== undefined) return [fullName(full)];
  const name = annotations?.[refNameAnnotation];
  return name !== undefined && /[/:]/.test(name) ? [fullName(name)] : [];
}
