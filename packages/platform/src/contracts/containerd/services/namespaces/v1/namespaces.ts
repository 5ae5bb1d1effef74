// Types of protos/containerd/services/namespaces/v1/namespaces.proto, written by scripts/generate-contracts.ts.
import type { Empty, FieldMask } from '../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../message-forms.ts';

/** Keeps the namespaces and their labels. */
export interface Namespaces {
  Get: Unary<GetNamespaceRequest, GetNamespaceResponse>;
  List: Unary<ListNamespacesRequest, ListNamespacesResponse>;
  Create: Unary<CreateNamespaceRequest, CreateNamespaceResponse>;
  Update: Unary<UpdateNamespaceRequest, UpdateNamespaceResponse>;
  Delete: Unary<DeleteNamespaceRequest, Empty>;
}

/** A namespace; its labels may set defaults for its containers. */
export interface Namespace {
  name: string;
  labels: Record<string, string>;
}

/** Asks for one namespace. */
export interface GetNamespaceRequest {
  name: string;
}

/** The namespace that was asked for. */
export interface GetNamespaceResponse {
  namespace: Namespace | null;
}

/** Asks for the namespaces. */
export interface ListNamespacesRequest {
  filter: string;
}

/** The namespaces. */
export interface ListNamespacesResponse {
  namespaces: Namespace[];
}

/** A namespace to make. */
export interface CreateNamespaceRequest {
  namespace: Namespace | null;
}

/** The namespace as made. */
export interface CreateNamespaceResponse {
  namespace: Namespace | null;
}

/** Changes to a namespace's labels. */
export interface UpdateNamespaceRequest {
  namespace: Namespace | null;
  updateMask: FieldMask | null;
}

/** The namespace as it is now. */
export interface UpdateNamespaceResponse {
  namespace: Namespace | null;
}

/** Names the namespace to delete, which must be empty. */
export interface DeleteNamespaceRequest {
  name: string;
}
