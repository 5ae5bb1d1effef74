// Container records: what a container is made of, not whether it runs. Read by the tasks, kept by Containers' callers.
import { ContainerError } from '@tscontainer/core/errors';
import { checkIdentifier } from '@tscontainer/core/ids';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { Store } from '@tscontainer/platform/store';
import type { AnyMessage } from '../events/event-exchange.ts';
import { compileFilters, type FieldReader } from '../filters/filter.ts';
import { checkLabels, checkMask, type Labels, updatedLabels } from '../metadata/labels.ts';
import { type Scope, touchNamespace } from '../metadata/scope.ts';
import { now, type Timestamp } from '../metadata/timestamp.ts';

/** containerd.services.containers.v1.Container. */
export interface Container {
  /** Fixed; at most 76 characters. */
  id: string;
  labels: Labels;
  image: string;
  /** Fixed once created. */
  runtime: { name: string; options: AnyMessage | null } | null;
  /** The OCI runtime-spec, JSON inside. */
  spec: AnyMessage | null;
  /** Fixed once created, as is the key: both or none. */
  snapshotter: string;
  snapshotKey: string;
  createdAt: Timestamp | null;
  updatedAt: Timestamp | null;
  extensions: Record<string, AnyMessage>;
  sandbox: string;
}

const mutableFields = ['image', 'spec', 'extensions', 'snapshotter', 'snapshot_key', 'runtime', 'sandbox'];

export class ContainerStore {
  readonly #store: Store;
  #revision = 0;
  readonly #codec = loadMessage<Container>(
    'containerd/services/containers/v1/containers.proto',
    'containerd.services.containers.v1.Container',
  );

  constructor(store: Store) {
    this.#store = store;
  }

  /** Moves with every record that is made or changed, in this process. */
  get revision(): number {
    return this.#revision;
  }

  /** Throws not-found. */
  get(namespace: string, id: string): Container {
    const found = this.#find(namespace, id);
    if (found === undefined) throw notFound(namespace, id);
    return found;
  }

  has(namespace: string, id: string): boolean {
    return this.#store.sql('SELECT 1 FROM containers WHERE namespace=? AND id=?').get(namespace, id) !== undefined;
  }

  /** In order of id; filters over id, image, labels.KEY, runtime.name, sandbox_id, snapshotter, snapshotkey. */
  list(namespace: string, filters: string[] = []): Container[] {
    const isWanted = compileFilters(filters);
    const rows = this.#store.sql('SELECT record FROM containers WHERE namespace=? ORDER BY id').all(namespace);
    return rows
      .map((row) => this.#codec.decode(row.record as Uint8Array))
      .filter((container) => isWanted(readContainer(container)));
  }

  /** Durable when it resolves. Throws invalid-argument, already-exists. */
  async create(scope: Scope, given: Container): Promise<Container> {
    checkContainer(given);
    const at = now();
    const container = { ...given, createdAt: at, updatedAt: at };
    await this.#store.write(() => {
      touchNamespace(this.#store, scope.namespace);
      const insert = this.#store.sql(
        'INSERT OR IGNORE INTO containers (namespace, id, snapshotter, snapshot_key, record) VALUES (?,?,?,?,?)',
      );
      const { changes } = insert.run(
        scope.namespace,
        container.id,
        container.snapshotter,
        container.snapshotKey,
        this.#codec.encode(container),
      );
      if (changes === 0) throw new ContainerError('already-exists', `container "${container.id}": already exists`);
    });
    this.#revision += 1;
    return container;
  }

  /** Changes the fields that the mask names; without a mask, all that may change. Throws not-found, invalid-argument. */
  async update(scope: Scope, given: Container, maskPaths: string[]): Promise<Container> {
    if (given.id === '') throw new ContainerError('invalid-argument', 'Container.ID required');
    checkMask(` on "${given.id}"`, maskPaths, mutableFields);
    const changed = await this.#store.write(() => {
      const current = this.#find(scope.namespace, given.id);
      if (current === undefined) throw new ContainerError('not-found', `container "${given.id}": not found`);
      const updated = { ...merged(current, given, maskPaths), updatedAt: now() };
      checkContainer(updated);
      checkFixed(current, updated);
      this.#store
        .sql('UPDATE containers SET snapshotter=?, snapshot_key=?, record=? WHERE namespace=? AND id=?')
        .run(updated.snapshotter, updated.snapshotKey, this.#codec.encode(updated), scope.namespace, updated.id);
      return updated;
    });
    this.#revision += 1;
    return changed;
  }

  /** Throws not-found. */
  async delete(scope: Scope, id: string): Promise<void> {
    await this.#store.write(() => {
      const { changes } = this.#store.sql('DELETE FROM containers WHERE namespace=? AND id=?').run(scope.namespace, id);
      if (changes === 0) throw new ContainerError('not-found', `container ${id}: not found`);
    });
  }

  #find(namespace: string, id: string): Container | undefined {
    const row = this.#store.sql('SELECT record FROM containers WHERE namespace=? AND id=?').get(namespace, id);
    return row === undefined ? undefined : this.#codec.decode(row.record as Uint8Array);
  }
}

function notFound(namespace: string, id: string): ContainerError {
  return new ContainerError('not-found', `container "${id}" in namespace "${namespace}": not found`);
}

const refused = 'create container failed validation: ';

function checkContainer(container: Container): void {
  checkIdentifier(`${refused}container.ID: `, container.id);
  checkLabels(container.labels, `${refused}containers.Labels: `);
  for (const [name, extension] of Object.entries(container.extensions)) {
    if (name === '')
      throw new ContainerError('invalid-argument', `container ${container.id}: extension keys must not be empty`);
    if (extension.typeUrl === '')
      throw new ContainerError('invalid-argument', `container ${container.id}: extension ${name} has no type`);
  }
  if (container.image !== '' && container.image.length > 4096)
    throw new ContainerError('invalid-argument', `container ${container.id}: image reference too long`);
  if (!container.runtime?.name)
    throw new ContainerError('invalid-argument', `${refused}container.Runtime.Name must be set: invalid argument`);
  if (container.spec === null)
    throw new ContainerError('invalid-argument', `${refused}container.Spec must be set: invalid argument`);
  if (container.snapshotKey !== '' && container.snapshotter === '') {
    throw new ContainerError(
      'invalid-argument',
      `${refused}container.Snapshotter must be set if container.SnapshotKey is set: invalid argument`,
    );
  }
}

function checkFixed(current: Container, updated: Container): void {
  if (current.snapshotter !== '' && current.snapshotter !== updated.snapshotter) throw fixed('container.Snapshotter');
  if (current.runtime?.name !== updated.runtime?.name) throw fixed('container.Runtime.Name');
}

function fixed(field: string): ContainerError {
  return new ContainerError('invalid-argument', `${field} field is immutable: invalid argument`);
}

function merged(current: Container, given: Container, maskPaths: string[]): Container {
  const labels =
    maskPaths.length === 0 || maskPaths.some((path) => path.startsWith('labels'))
      ? updatedLabels(current.labels, given.labels, maskPaths)
      : current.labels;
  const has = (field: string) => maskPaths.length === 0 || maskPaths.includes(field);
  return {
    ...current,
    labels,
    image: has('image') ? given.image : current.image,
    spec: has('spec') ? given.spec : current.spec,
    runtime: has('runtime') && given.runtime !== null ? given.runtime : current.runtime,
    snapshotter: has('snapshotter') ? given.snapshotter : current.snapshotter,
    snapshotKey: has('snapshot_key') ? given.snapshotKey : current.snapshotKey,
    sandbox: has('sandbox') ? given.sandbox : current.sandbox,
    extensions: mergedExtensions(current, given, maskPaths),
  };
}

function mergedExtensions(current: Container, given: Container, maskPaths: string[]): Container['extensions'] {
  if (maskPaths.length === 0 || maskPaths.includes('extensions')) return given.extensions;
  const result = { ...current.extensions };
  for (const path of maskPaths) {
    if (!path.startsWith('extensions.')) continue;
    const name = path.slice('extensions.'.length);
    const value = given.extensions[name];
    if (value === undefined) delete result[name];
    else result[name] = value;
  }
  return result;
}

function readContainer(container: Container): FieldReader {
  return ([field, ...rest]) => {
    switch (field) {
      case 'id':
        return container.id;
      case 'image':
        return container.image;
      case 'labels':
        return container.labels[rest.join('.')];
      case 'runtime':
        return rest[0] === 'name' ? container.runtime?.name : undefined;
      case 'sandbox_id':
        return container.sandbox;
      case 'snapshotter':
        return container.snapshotter;
      case 'snapshotkey':
        return container.snapshotKey;
      default:
        return undefined;
    }
  };
}
