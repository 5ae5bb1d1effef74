// Image records: a name and the descriptor it points at. Kept by Images' callers and by transfer.

import { isDigest } from '@tscontainer/core/digest';
import { ContainerError } from '@tscontainer/core/errors';
import type { Store } from '@tscontainer/platform/store';
import { compileFilters, type FieldReader } from '../filters/filter.ts';
import { checkLabels, checkMask, type Labels, updatedLabels } from '../metadata/labels.ts';
import { type Scope, touchNamespace } from '../metadata/scope.ts';
import { fromText, now, type Timestamp, toText } from '../metadata/timestamp.ts';

/** containerd.types.Descriptor. */
export interface ImageTarget {
  mediaType: string;
  digest: string;
  /** Bytes. */
  size: number;
  annotations: Record<string, string>;
}

/** containerd.services.images.v1.Image. */
export interface Image {
  name: string;
  labels: Labels;
  target: ImageTarget;
  createdAt: Timestamp;
  updatedAt: Timestamp;
}

export type ImageInput = Pick<Image, 'name' | 'labels' | 'target'>;

interface ImageRow {
  name: string;
  target: string;
  labels: string;
  created: string;
  updated: string;
}

export class ImageStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Throws not-found. */
  get(namespace: string, name: string): Image {
    const row = this.#store.sql('SELECT * FROM images WHERE namespace=? AND name=?').get(namespace, name);
    if (row === undefined) throw notFound(name);
    return toImage(row as unknown as ImageRow);
  }

  /** In order of name; filters over name, target.digest, target.mediatype, labels.KEY, annotations.KEY. */
  list(namespace: string, filters: string[] = []): Image[] {
    const isWanted = compileFilters(filters);
    const rows = this.#store.sql('SELECT * FROM images WHERE namespace=? ORDER BY name').all(namespace);
    return rows.map((row) => toImage(row as unknown as ImageRow)).filter((image) => isWanted(readImage(image)));
  }

  /** Durable when it resolves. `createdAt` is kept when given (an import's epoch). Throws already-exists. */
  async create(scope: Scope, given: ImageInput, createdAt: Timestamp = now()): Promise<Image> {
    const image: Image = {
      name: given.name,
      labels: given.labels,
      target: given.target,
      createdAt,
      updatedAt: createdAt,
    };
    checkImage(image);
    await this.#store.write(() => {
      touchNamespace(this.#store, scope.namespace);
      const { changes } = this.#store
        .sql('INSERT OR IGNORE INTO images (namespace, name, target, labels, created, updated) VALUES (?,?,?,?,?,?)')
        .run(
          scope.namespace,
          image.name,
          JSON.stringify(image.target),
          JSON.stringify(image.labels),
          toText(createdAt),
          toText(createdAt),
        );
      if (changes === 0) throw new ContainerError('already-exists', `image "${image.name}": already exists`);
    });
    return image;
  }

  /** Changes what the mask names (target, labels, annotations.KEY); without a mask, all. Throws not-found. */
  async update(
    scope: Scope,
    given: ImageInput,
    maskPaths: string[] = [],
    updatedAt: Timestamp = now(),
  ): Promise<Image> {
    checkMask(` on image "${given.name}"`, maskPaths, ['target', 'annotations']);
    return this.#store.write(() => {
      const image = { ...merged(this.get(scope.namespace, given.name), given, maskPaths), updatedAt };
      checkImage(image);
      this.#store
        .sql('UPDATE images SET target=?, labels=?, updated=? WHERE namespace=? AND name=?')
        .run(
          JSON.stringify(image.target),
          JSON.stringify(image.labels),
          toText(updatedAt),
          scope.namespace,
          image.name,
        );
      return image;
    });
  }

  /** Throws not-found, also when `digest` is given and the image points elsewhere by now. */
  async delete(scope: Scope, name: string, digest?: string): Promise<void> {
    await this.#store.write(() => {
      const current = this.get(scope.namespace, name);
      if (digest !== undefined && current.target.digest !== digest) {
        throw new ContainerError(
          'not-found',
          `image "${name}" has target ${current.target.digest}, not ${digest}: not found`,
        );
      }
      this.#store.sql('DELETE FROM images WHERE namespace=? AND name=?').run(scope.namespace, name);
    });
  }
}

function notFound(name: string): ContainerError {
  return new ContainerError('not-found', `image "${name}": not found`);
}

function toImage(row: ImageRow): Image {
  return {
    name: row.name,
    labels: JSON.parse(row.labels) as Labels,
    target: JSON.parse(row.target) as ImageTarget,
    createdAt: fromText(row.created),
    updatedAt: fromText(row.updated),
  };
}

function checkImage(image: Image): void {
  if (image.name === '') throw new ContainerError('invalid-argument', 'Image.Name required');
  checkLabels(image.labels, 'image.Labels: ');
  if (!isDigest(image.target.digest))
    throw new ContainerError(
      'invalid-argument',
      `Target.Digest "${image.target.digest}" invalid: invalid checksum digest format: invalid argument`,
    );
  if (image.target.size <= 0)
    throw new ContainerError('invalid-argument', 'Target.Size must be greater than zero: invalid argument');
  if (image.target.mediaType === '')
    throw new ContainerError('invalid-argument', 'Target.MediaType must be set: invalid argument');
}

function merged(current: Image, given: ImageInput, maskPaths: string[]): Image {
  if (maskPaths.length === 0) return { ...current, labels: given.labels, target: given.target };
  const labels = maskPaths.some((path) => path.startsWith('labels'))
    ? updatedLabels(current.labels, given.labels, maskPaths)
    : current.labels;
  const target = maskPaths.includes('target')
    ? given.target
    : { ...current.target, annotations: mergedAnnotations(current, given, maskPaths) };
  return { ...current, labels, target };
}

function mergedAnnotations(current: Image, given: ImageInput, maskPaths: string[]): Record<string, string> {
  const masks = maskPaths
    .filter((path) => path.startsWith('annotations'))
    .map((path) => path.replace('annotations', 'labels'));
  return masks.length === 0
    ? current.target.annotations
    : updatedLabels(current.target.annotations, given.target.annotations, masks);
}

function readImage(image: Image): FieldReader {
  return ([field, ...rest]) => {
    if (field === 'name') return image.name;
    if (field === 'labels') return image.labels[rest.join('.')];
    if (field === 'annotations') return image.target.annotations[rest.join('.')];
    if (field !== 'target') return undefined;
    return rest[0] === 'digest' ? image.target.digest : rest[0] === 'mediatype' ? image.target.mediaType : undefined;
  };
}
