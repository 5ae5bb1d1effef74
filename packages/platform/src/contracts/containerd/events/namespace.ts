// Types of protos/containerd/events/namespace.proto, written by scripts/generate-contracts.ts.

/** namespaces/create: a namespace was made. */
export interface NamespaceCreate {
  name: string;
  labels: Record<string, string>;
}

/** namespaces/update: a namespace's labels changed. */
export interface NamespaceUpdate {
  name: string;
  labels: Record<string, string>;
}

/** namespaces/delete: a namespace is gone. */
export interface NamespaceDelete {
  name: string;
}
