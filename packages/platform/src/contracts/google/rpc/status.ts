// Types of protos/google/rpc/status.proto, written by scripts/generate-contracts.ts.
import type { Any } from '../protobuf/well-known.ts';

/** A failed call: a gRPC code, its text and further facts. */
export interface Status {
  code: number;
  message: string;
  details: Any[];
}
