// Types of protos/containerd/types/transfer/streaming.proto, written by scripts/generate-contracts.ts.

/** A chunk of bytes. */
export interface Data {
  data: Buffer;
}

/** How many more bytes the receiver will take. */
export interface WindowUpdate {
  update: number;
}

/** Bytes that the client sends, as a source. */
export interface ReadStream {
  stream: string;
  mediaType: string;
}

/** Bytes that the client receives, as a destination. */
export interface WriteStream {
  stream: string;
  mediaType: string;
}
