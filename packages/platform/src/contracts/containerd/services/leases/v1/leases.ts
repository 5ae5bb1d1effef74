// Types of protos/containerd/services/leases/v1/leases.proto, written by scripts/generate-contracts.ts.
import type { Empty, Timestamp } from '../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../message-forms.ts';

/** Keeps the leases of a namespace and what they hold. */
export interface Leases {
  Create: Unary<CreateRequest, CreateResponse>;
  Delete: Unary<DeleteRequest, Empty>;
  List: Unary<ListRequest, ListResponse>;
  AddResource: Unary<AddResourceRequest, Empty>;
  DeleteResource: Unary<DeleteResourceRequest, Empty>;
  ListResources: Unary<ListResourcesRequest, ListResourcesResponse>;
}

/** A lease; the label containerd.io/gc.expire ends it. */
export interface Lease {
  id: string;
  createdAt: Timestamp | null;
  labels: Record<string, string>;
}

/** A lease to make; an empty id lets the daemon choose one. */
export interface CreateRequest {
  id: string;
  labels: Record<string, string>;
}

/** The lease as made. */
export interface CreateResponse {
  lease: Lease | null;
}

/** Names the lease to end; sync waits for the collection of garbage. */
export interface DeleteRequest {
  id: string;
  sync: boolean;
}

/** Asks for the leases that any of the filters matches. */
export interface ListRequest {
  filters: string[];
}

/** The leases that match. */
export interface ListResponse {
  leases: Lease[];
}

/** Something that a lease holds; the type is "content", "ingests" or "snapshots/<snapshotter>". */
export interface Resource {
  id: string;
  type: string;
}

/** A resource that the lease is to hold. */
export interface AddResourceRequest {
  id: string;
  resource: Resource | null;
}

/** A resource that the lease is to let go. */
export interface DeleteResourceRequest {
  id: string;
  resource: Resource | null;
}

/** Asks what a lease holds. */
export interface ListResourcesRequest {
  id: string;
}

/** What the lease holds. */
export interface ListResourcesResponse {
  resources: Resource[];
}
