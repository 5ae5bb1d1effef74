// Sandbox records: what the containers of one pod share, by name. Kept by Store's callers; sandbox-controller.ts runs them.
import { ContainerError } from '@tscontainer/core/errors';
import { checkIdentifier } from '@tscontainer/core/ids';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { Sandbox } from '@tscontainer/platform/contracts/containerd/types/sandbox';
import type { Store } from '@tscontainer/platform/store';
import { compileFilters, type FieldReader } from '../filters/filter.ts';
import { checkLabels, checkMask, updatedLabels } from '../metadata/labels.ts';
import { touchNamespace } from '../metadata/scope.ts';
import { now } from '../metadata/timestamp.ts';

const mutableFields = ['runtime', 'spec', 'extensions'];

export class SandboxStore {
  readonly #store: Store;
  readonly #codec = loadMessage<Sandbox>('containerd/types/sandbox.proto', 'containerd.types.Sandbox');

  constructor(store: Store) {
    this.#store = store;
  }

  /** Throws not-found. */
  get(namespace: string, id: string): Sandbox {
    const row = this.#store.sql('SELECT record FROM sandboxes WHERE namespace=? AND id=?').get(namespace, id);
    if (row === undefined) throw notFound(namespace, id);
    return this.#codec.decode(row.record as Uint8Array);
  }

  /** In order of id; filters over id, sandboxer, labels.KEY, runtime.name. */
  list(namespace: string, filters: string[] = []): Sandbox[] {
    const isWanted = compileFilters(filters);
    const rows = this.#store.sql('SELECT record FROM sandboxes WHERE namespace=? ORDER BY id').all(namespace);
    return rows
      .map((row) => this.#codec.decode(row.record as Uint8Array))
      .filter((sandbox) => isWanted(readSandbox(sandbox)));
  }

  /** Durable when it resolves. Throws invalid-argument, already-exists. */
  async create(namespace: string, given: Sandbox): Promise<Sandbox> {
    check(given);
    const at = now();
    const sandbox = { ...given, createdAt: at, updatedAt: at };
    await this.#store.write(() => {
      touchNamespace(this.#store, namespace);
      const insert = this.#store.sql('INSERT OR IGNORE INTO sandboxes (namespace, id, record) VALUES (?,?,?)');
      const { changes } = insert.run(namespace, sandbox.sandboxId, this.#codec.encode(sandbox));
      if (changes === 0) throw new ContainerError('already-exists', `sandbox "${sandbox.sandboxId}": already exists`);
    });
    return sandbox;
  }

  /** Changes the fields that are named; without any, all that may change. Throws not-found, invalid-argument. */
  async update(namespace: string, given: Sandbox, fields: string[]): Promise<Sandbox> {
    checkMask(` on sandbox "${given.sandboxId}"`, fields, mutableFields);
    return this.#store.write(() => {
      const current = this.get(namespace, given.sandboxId);
      const has = (field: string) => fields.length === 0 || fields.includes(field);
      const updated: Sandbox = {
        ...current,
        runtime: has('runtime') && given.runtime !== null ? given.runtime : current.runtime,
        spec: has('spec') ? given.spec : current.spec,
        labels: updatedLabels(current.labels, given.labels, fields),
        extensions: updatedExtensions(current, given, fields),
        updatedAt: now(),
      };
      check(updated);
      this.#store
        .sql('UPDATE sandboxes SET record=? WHERE namespace=? AND id=?')
        .run(this.#codec.encode(updated), namespace, updated.sandboxId);
      return updated;
    });
  }

  /** Throws not-found. */
  async delete(namespace: string, id: string): Promise<void> {
    await this.#store.write(() => {
      const { changes } = this.#store.sql('DELETE FROM sandboxes WHERE namespace=? AND id=?').run(namespace, id);
      if (changes === 0) throw notFound(namespace, id);
    });
  }
}

function notFound(namespace: string, id: string): ContainerError {
  return new ContainerError('not-found', `sandbox "${id}" in namespace "${namespace}": not found`);
}

function check(sandbox: Sandbox): void {
  checkIdentifier('', sandbox.sandboxId);
  checkLabels(sandbox.labels);
  for (const [name, extension] of Object.entries(sandbox.extensions))
    if (name === '' || extension.typeUrl === '')
      throw new ContainerError(
        'invalid-argument',
        `sandbox ${sandbox.sandboxId}: extension "${name}" without name or type`,
      );
}

function updatedExtensions(current: Sandbox, given: Sandbox, fields: string[]): Sandbox['extensions'] {
  if (fields.length === 0 || fields.includes('extensions')) return given.extensions;
  const result = { ...current.extensions };
  for (const field of fields) {
    if (!field.startsWith('extensions.')) continue;
    const name = field.slice('extensions.'.length);
    const value = given.extensions[name];
    if (value === undefined) delete result[name];
    else result[name] = value;
  }
  return result;
}

function readSandbox(sandbox: Sandbox): FieldReader {
  return ([field, ...rest]) => {
    if (field === 'id') return sandbox.sandboxId;
    if (field === 'sandboxer') return sandbox.sandboxer;
    if (field === 'labels') return sandbox.labels[rest.join('.')];
    return field === 'runtime' && rest[0] === 'name' ? sandbox.runtime?.name : undefined;
  };
}
