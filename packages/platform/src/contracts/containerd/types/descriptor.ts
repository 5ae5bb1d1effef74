// Types of protos/containerd/types/descriptor.proto, written by scripts/generate-contracts.ts.

/** An OCI descriptor: digest is "algorithm:hex", size is in bytes. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations: Record<string, string>;
}
