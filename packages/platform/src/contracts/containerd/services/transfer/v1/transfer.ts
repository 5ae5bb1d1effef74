// Types of protos/containerd/services/transfer/v1/transfer.proto, written by scripts/generate-contracts.ts.
import type { Any, Empty } from '../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../message-forms.ts';

/** Moves an image from a source to a destination; which operation that is follows from their two types. */
export interface Transfer {
  Transfer: Unary<TransferRequest, Empty>;
}

/** A source and a destination, both out of containerd.types.transfer. */
export interface TransferRequest {
  source: Any | null;
  destination: Any | null;
  options: TransferOptions | null;
}

/** The stream on which progress is to be reported. */
export interface TransferOptions {
  progressStream: string;
}
