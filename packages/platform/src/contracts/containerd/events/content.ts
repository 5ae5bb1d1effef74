// Types of protos/containerd/events/content.proto, written by scripts/generate-contracts.ts.

/** content/create: a blob was committed. */
export interface ContentCreate {
  digest: string;
  size: number;
  mediaType: string;
}

/** content/delete: a blob is gone. */
export interface ContentDelete {
  digest: string;
}
