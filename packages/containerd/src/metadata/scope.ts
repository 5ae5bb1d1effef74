// Whose records an operation touches: a namespace, and the lease that what it makes is kept by. Every store takes one.

import { ContainerError } from '@tscontainer/core/errors';
import type { Store } from '@tscontainer/platform/store';

export interface Scope {
  namespace: string;
  /** What the operation makes is added to this lease, which has to exist. */
  lease?: string | undefined;
}

/** Resource types of leases as containerd names them; a snapshot's carries its snapshotter: `snapshots/overlayfs`. */
export type ResourceType = 'content' | 'ingests' | 'images' | `snapshots/${string}`;

/** To be called inside `store.write`: the namespace comes into being with its first record, as in containerd. */
export function touchNamespace(store: Store, namespace: string): void {
  store.sql('INSERT OR IGNORE INTO namespaces (name) VALUES (?)').run(namespace);
}

/** To be called inside `store.write`: puts a resource under the scope's lease, if it has one. */
export function holdByLease(store: Store, scope: Scope, type: ResourceType, id: string): void {
  if (!scope.lease) return;
  const lease = store.sql('SELECT 1 FROM leases WHERE namespace=? AND id=?').get(scope.namespace, scope.lease);
  if (lease === undefined) throw new ContainerError('not-found', `lease "${scope.lease}": not found`);
  store
    .sql('INSERT OR IGNORE INTO lease_resources (namespace, lease, type, id) VALUES (?,?,?,?)')
    .run(scope.namespace, scope.lease, type, id);
}

/** To be called inside `store.write`: the resource is gone, or was let go of by this lease. */
export function releaseFromLease(store: Store, scope: Scope, type: ResourceType, id: string): void {
  if (!scope.lease) return;
  store
    .sql('DELETE FROM lease_resources WHERE namespace=? AND lease=? AND type=? AND id=?')
    .run(scope.namespace, scope.lease, type, id);
}
