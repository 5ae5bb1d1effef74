// Namespaces: names under which everything else is kept apart. They also come into being with their first record.
import { ContainerError } from '@tscontainer/core/errors';
import { checkIdentifier } from '@tscontainer/core/ids';
import type { Store } from '@tscontainer/platform/store';
import { compileFilters, readRecord } from '../filters/filter.ts';
import { checkLabels, checkMask, type Labels, updatedLabels } from '../metadata/labels.ts';

export interface Namespace {
  name: string;
  labels: Labels;
}

/** What a namespace may still hold, as the message of a refused deletion names it. */
const holdings: [what: string, table: string][] = [
  ['images', 'images'],
  ['blobs', 'content'],
  ['containers', 'containers'],
  ['sandboxes', 'sandboxes'],
  ['snapshots on "overlayfs" snapshotter', 'snapshots'],
];

export class NamespaceStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** One that was never made answers without labels, as containerd does: it would come into being with a record. */
  get(name: string): Namespace {
    return this.#find(name) ?? { name, labels: {} };
  }

  /** In order of name; the filter is over name and labels.KEY. */
  list(filter = ''): Namespace[] {
    const isWanted = compileFilters(filter === '' ? [] : [filter]);
    const rows = this.#store.sql('SELECT name, labels FROM namespaces ORDER BY name').all();
    const all = rows.map((row) => ({
      name: row.name as string,
      labels: JSON.parse(row.labels as string) as Labels,
    }));
    return all.filter(({ name, labels }) => isWanted(readRecord({ name }, labels)));
  }

  /** Throws already-exists. */
  async create(namespace: Namespace): Promise<Namespace> {
    checkIdentifier('', namespace.name);
    checkLabels(namespace.labels, 'namespace.Labels: ');
    await this.#store.write(() => {
      const insert = this.#store.sql('INSERT OR IGNORE INTO namespaces (name, labels) VALUES (?,?)');
      const { changes } = insert.run(namespace.name, JSON.stringify(namespace.labels));
      if (changes === 0) throw new ContainerError('already-exists', `namespace "${namespace.name}": already exists`);
    });
    return namespace;
  }

  /** Changes labels: all, or those that the mask names. */
  async update(given: Namespace, maskPaths: string[]): Promise<Namespace> {
    checkMask('', maskPaths, []);
    return this.#store.write(() => {
      const labels = updatedLabels(this.get(given.name).labels, given.labels, maskPaths);
      checkLabels(labels, 'namespace.Labels: ');
      checkIdentifier('', given.name);
      this.#store
        .sql('INSERT OR REPLACE INTO namespaces (name, labels) VALUES (?,?)')
        .run(given.name, JSON.stringify(labels));
      return { name: given.name, labels };
    });
  }

  /** Throws not-found, failed-precondition while it holds anything. */
  async delete(name: string): Promise<void> {
    await this.#store.write(() => {
      if (this.#find(name) === undefined) throw new ContainerError('not-found', `namespace "${name}": not found`);
      const held = holdings.filter(([, table]) =>
        this.#store.sql(`SELECT 1 FROM ${table} WHERE namespace=? LIMIT 1`).get(name),
      );
      if (held.length > 0) {
        const what = held.map(([word]) => word).join(', ');
        throw new ContainerError(
          'failed-precondition',
          `namespace "${name}" must be empty, but it still has ${what}: failed precondition`,
        );
      }
      this.#store.sql('DELETE FROM lease_resources WHERE namespace=?').run(name);
      this.#store.sql('DELETE FROM leases WHERE namespace=?').run(name);
      this.#store.sql('DELETE FROM namespaces WHERE name=?').run(name);
    });
  }

  #find(name: string): Namespace | undefined {
    const row = this.#store.sql('SELECT labels FROM namespaces WHERE name=?').get(name);
    return row === undefined ? undefined : { name, labels: JSON.parse(row.labels as string) as Labels };
  }
}
