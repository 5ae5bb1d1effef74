// Leases: names under which a client, or transfer, keeps what it is making from the garbage collector.

import { isDigest } from '@tscontainer/core/digest';
import { ContainerError } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import type { Store } from '@tscontainer/platform/store';
import { compileFilters, readRecord } from '../filters/filter.ts';
import { checkLabels, type Labels } from '../metadata/labels.ts';
import { holdByLease, type ResourceType, releaseFromLease, touchNamespace } from '../metadata/scope.ts';
import { fromText, now, type Timestamp, toText } from '../metadata/timestamp.ts';

export interface Lease {
  id: string;
  createdAt: Timestamp;
  labels: Labels;
}

export interface LeaseResource {
  type: string;
  /** A digest, a snapshot's key, an upload's ref, an image's name. */
  id: string;
}

/** A label with an RFC 3339 time, after which the collector drops the lease. */
export const expireLabel = 'containerd.io/gc.expire';

const maxLeaseIdLength = 256;

export class LeaseStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** With '' as id a random one is given. Throws already-exists. */
  async create(namespace: string, id = '', labels: Labels = {}): Promise<Lease> {
    const lease: Lease = { id: id === '' ? `${Date.now()}-${randomHex(4)}` : id, createdAt: now(), labels };
    checkLeaseId(lease.id);
    checkLabels(labels);
    await this.#store.write(() => {
      touchNamespace(this.#store, namespace);
      const { changes } = this.#store
        .sql('INSERT OR IGNORE INTO leases (namespace, id, labels, created) VALUES (?,?,?,?)')
        .run(namespace, lease.id, JSON.stringify(labels), toText(lease.createdAt));
      if (changes === 0) throw new ContainerError('already-exists', `lease "${lease.id}": already exists`);
    });
    return lease;
  }

  /** What it held is collected unless something else keeps it. Throws not-found. */
  async delete(namespace: string, id: string): Promise<void> {
    await this.#store.write(() => {
      this.#check(namespace, id);
      this.#store.sql('DELETE FROM lease_resources WHERE namespace=? AND lease=?').run(namespace, id);
      this.#store.sql('DELETE FROM leases WHERE namespace=? AND id=?').run(namespace, id);
    });
  }

  /** In order of id; filters over id and labels.KEY. */
  list(namespace: string, filters: string[] = []): Lease[] {
    const isWanted = compileFilters(filters);
    const rows = this.#store.sql('SELECT id, labels, created FROM leases WHERE namespace=? ORDER BY id').all(namespace);
    return rows.map(toLease).filter(({ id, labels }) => isWanted(readRecord({ id }, labels)));
  }

  /** Throws not-found (the lease), unimplemented for a type that nothing here has. */
  async addResource(namespace: string, lease: string, resource: LeaseResource): Promise<void> {
    const type = checkType(resource.type);
    await this.#store.write(() => {
      this.#check(namespace, lease);
      checkContentId(type, resource.id);
      holdByLease(this.#store, { namespace, lease }, type, resource.id);
    });
  }

  /** No error when the lease does not hold it. Throws not-found (the lease). */
  async deleteResource(namespace: string, lease: string, resource: LeaseResource): Promise<void> {
    const type = checkType(resource.type);
    await this.#store.write(() => {
      this.#check(namespace, lease);
      releaseFromLease(this.#store, { namespace, lease }, type, resource.id);
    });
  }

  /** Throws not-found (the lease). */
  resources(namespace: string, lease: string): LeaseResource[] {
    this.#check(namespace, lease);
    const rows = this.#store
      .sql('SELECT type, id FROM lease_resources WHERE namespace=? AND lease=?')
      .all(namespace, lease);
    return rows.map((row) => ({ type: row.type as string, id: row.id as string }));
  }

  #check(namespace: string, id: string): void {
    const row = this.#store.sql('SELECT 1 FROM leases WHERE namespace=? AND id=?').get(namespace, id);
    if (row === undefined) throw new ContainerError('not-found', `lease "${id}": not found`);
  }
}

/** Clients make ids of random base64 (`1700000-aB_-`), which no rule for identifiers would take: only the length is bounded. */
function checkLeaseId(id: string): void {
  if (id.length > maxLeaseIdLength) {
    throw new ContainerError('invalid-argument', `lease id of ${id.length} characters: at most ${maxLeaseIdLength}`);
  }
}

function toLease(row: Record<string, unknown>): Lease {
  const created = fromText(row.created as string);
  return { id: row.id as string, createdAt: created, labels: JSON.parse(row.labels as string) as Labels };
}

function checkType(type: string): ResourceType {
  if (type === 'content' || type === 'ingests' || type === 'images' || type.startsWith('snapshots/'))
    return type as ResourceType;
  throw new ContainerError('unimplemented', `resource type ${type} not supported yet: not implemented`);
}

function checkContentId(type: ResourceType, id: string): void {
  if (type !== 'content' || isDigest(id)) return;
  const cause = /^[a-z0-9+._-]+:/.test(id) ? 'invalid checksum digest length' : 'invalid checksum digest format';
  throw new ContainerError('invalid-argument', `invalid content resource id ${id}: ${cause}: invalid argument`);
}
