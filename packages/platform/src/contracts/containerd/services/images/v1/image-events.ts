// Types of protos/containerd/services/images/v1/image-events.proto, written by scripts/generate-contracts.ts.

/** images/create: an image was recorded. */
export interface ImageCreate {
  name: string;
  labels: Record<string, string>;
}

/** images/update: an image's target or labels changed. */
export interface ImageUpdate {
  name: string;
  labels: Record<string, string>;
}

/** images/delete: an image's name is gone. */
export interface ImageDelete {
  name: string;
}
